"""Checkout: a page where somebody subscribes while its session is open. The subscription is made once it is paid."""

from typing import Any

from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_cards import Card, add_method
from cliply.dev_providers.stripe_changes import check_price
from cliply.dev_providers.stripe_customers import add_customer, living
from cliply.dev_providers.stripe_errors import Refused, wrong
from cliply.dev_providers.stripe_parameters import (
    Address,
    Many,
    Metadata,
    Text,
    Truth,
    Whole,
    call,
    fields,
    listing,
    one_of,
)
from cliply.dev_providers.stripe_time import expire_session
from cliply.dev_providers.stripe_world import Account, Thing, listed, merged, new_id, shown

_LASTS = 24 * 3600
_SHORTEST = 1800
_LEEWAY = 60
"""Seconds that the clocks of two machines may be apart."""


def _create(account: Account, asked: Call) -> Thing:
    if asked.get("mode") != "subscription":
        raise wrong("This stand-in knows sessions of mode subscription only.", "mode")
    if asked.get("customer") and asked.get("customer_email"):
        raise wrong("You may only specify one of these parameters: customer, customer_email.", "customer_email")
    customer = living(account, asked.get("customer"), "customer") if asked.get("customer") else None
    now = account.now({"customer": asked.get("customer")})
    expires = asked.get("expires_at", now + _LASTS)
    if not now + _SHORTEST - _LEEWAY <= expires <= now + _LASTS + _LEEWAY:
        raise wrong("The `expires_at` timestamp must be from 30 minutes to 24 hours from Checkout Session creation.",
                    "expires_at")  # fmt: skip
    about = asked.get("subscription_data", {})
    if "trial_end" in about and "trial_period_days" in about:
        raise wrong("You may only specify one of trial_end and trial_period_days.", "subscription_data[trial_end]")
    lines = [_line(account, number, said) for number, said in enumerate(asked.get("line_items"))]
    total = sum(each["amount_total"] for each in lines)
    trial = about.get("trial_period_days") or about.get("trial_end")
    made = account.new("checkout.session", "cs_test", {"customer": asked.get("customer")})
    made |= _unused() | {
        "allow_promotion_codes": asked.get("allow_promotion_codes"),
        "amount_subtotal": 0 if trial else total,
        "amount_total": 0 if trial else total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": asked.get("billing_address_collection"),
        "cancel_url": asked.get("cancel_url"),
        "client_reference_id": asked.get("client_reference_id"),
        "currency": lines[0]["currency"],
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None if customer is None else customer["id"],
        "customer_creation": "always" if customer is None else None,
        "customer_email": asked.get("customer_email"),
        "expires_at": expires,
        "line_items": listed(lines, f"/v1/checkout/sessions/{made['id']}/line_items"),
        "locale": asked.get("locale"),
        "metadata": merged({}, asked.get("metadata", {})),
        "mode": "subscription",
        "payment_method_collection": asked.get("payment_method_collection", "always"),
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "shipping_options": [],
        "status": "open",
        "success_url": asked.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{account.address}/c/pay/{made['id']}",
        "_about": about,
    }
    return account.add(made)


def _line(account: Account, number: int, said: dict[str, Any]) -> Thing:
    path = f"line_items[{number}][price]"
    price = account.get("price", said["price"], path)
    check_price(price, None, path)
    quantity = said.get("quantity", 1)
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": account.get("product", price["product"])["name"],
        "metadata": {},
        "price": shown(price),
        "quantity": quantity,
    }


def _unused() -> dict[str, Any]:
    names = (
        "adaptive_pricing", "after_expiration", "client_secret", "collected_information", "consent",
        "consent_collection", "currency_conversion", "customer_account", "customer_details", "discounts", "invoice",
        "invoice_creation", "origin_context", "payment_intent", "payment_link", "payment_method_options",
        "permissions", "phone_number_collection", "recovered_from", "saved_payment_method_options", "setup_intent",
        "shipping_address_collection", "shipping_cost", "submit_type", "subscription", "wallet_options",
    )  # fmt: skip
    return dict.fromkeys(names)


def complete(
    account: Account, session: Thing, card: Card, *, month: int, year: int, name: str, email: str, proved: bool
) -> None:
    """Subscribe, and pay if anything is due. Raises Refused, and then nothing was done."""
    with account.undone_on_failure():
        if session["customer"] is None:
            customer = add_customer(account, name=name, email=session["customer_email"] or email)
            account.emit("customer.created", customer)
        else:
            customer = living(account, session["customer"], "customer")
        about = session["_about"]
        method = add_method(account, card, customer, month=month, year=year, name=name)
        items = [
            (account.get("price", each["price"]["id"]), each["quantity"]) for each in session["line_items"]["data"]
        ]
        trial_end = about.get("trial_end")
        if about.get("trial_period_days"):
            trial_end = account.now(customer) + about["trial_period_days"] * subscriptions.DAY
        subscription = subscriptions.begin(
            account, customer, items, metadata=merged({}, about.get("metadata", {})), method=method,
            trial_end=trial_end, behaviour="error_if_incomplete", proved=proved,
            without_method=_without_method(about),
        )  # fmt: skip
        session |= {
            "customer": customer["id"],
            "customer_details": {
                "address": None,
                "business_name": None,
                "email": customer["email"],
                "individual_name": None,
                "name": name or customer["name"],
                "phone": None,
                "tax_exempt": "none",
                "tax_ids": [],
            },
            "invoice": subscription["latest_invoice"],
            "payment_status": "no_payment_required" if trial_end else "paid",
            "status": "complete",
            "subscription": subscription["id"],
            "url": None,
        }
        account.emit("checkout.session.completed", session)


def _without_method(about: dict[str, Any]) -> str:
    behaviour = about.get("trial_settings", {}).get("end_behavior", {})
    return str(behaviour.get("missing_payment_method", "create_invoice"))


def returns_to(session: Thing) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _expire(account: Account, asked: Call) -> Thing:
    session = account.get("checkout.session", asked.ids["id"])
    if session["status"] != "open":
        raise Refused(
            400,
            "Only Checkout Sessions with a status in `open` can be expired. "
            f"This Checkout Session has a status of {session['status']}.",
        )
    expire_session(account, session)
    return session


def _list(account: Account, asked: Call) -> list[Thing]:
    wanted = {name: asked.params[name] for name in ("customer", "subscription", "status") if name in asked.params}
    return account.every("checkout.session", **wanted)


def _lines(account: Account, asked: Call) -> list[Thing]:
    return list(account.get("checkout.session", asked.ids["id"])["line_items"]["data"])


_TRIAL = fields(
    "end_behavior",
    end_behavior=fields("missing_payment_method", missing_payment_method=one_of("cancel", "create_invoice", "pause")),
)
_SESSION = "/v1/checkout/sessions/{id}"
ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/checkout/sessions",
        call(
            "mode",
            "line_items",
            "success_url",
            mode=one_of("payment", "setup", "subscription"),
            line_items=Many(fields("price", price=Text(), quantity=Whole(1, 999_999)), 20),
            success_url=Address(),
            cancel_url=Address(),
            customer=Text(),
            customer_email=Text(800),
            client_reference_id=Text(200),
            metadata=Metadata(),
            subscription_data=fields(
                metadata=Metadata(),
                trial_period_days=Whole(1, 730),
                trial_end=Whole(),
                trial_settings=_TRIAL,
                description=Text(500),
            ),
            allow_promotion_codes=Truth(),
            billing_address_collection=one_of("auto", "required"),
            payment_method_collection=one_of("always", "if_required"),
            expires_at=Whole(),
            locale=one_of("auto", "en", "de"),
            ui_mode=one_of("hosted_page"),
        ),
        _create,
    ),
    Endpoint(
        "GET",
        "/v1/checkout/sessions",
        listing(customer=Text(), subscription=Text(), status=one_of("open", "complete", "expired")),
        _list,
    ),
    Endpoint("GET", _SESSION, call(), lambda at, asked: at.get("checkout.session", asked.ids["id"])),
    Endpoint("POST", _SESSION + "/expire", call(), _expire),
    Endpoint("GET", _SESSION + "/line_items", listing(), _lines),
]
