"""The portal: where customers look after their subscription themselves, for as long as its address is good."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import stripe_changes as changes
from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.pages import paragraph
from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_calls import set_to_end
from cliply.dev_providers.stripe_card_form import card_form, form_of, page, read, sum_of, whole
from cliply.dev_providers.stripe_cards import add_method
from cliply.dev_providers.stripe_customers import living
from cliply.dev_providers.stripe_errors import Refused, declined, wrong
from cliply.dev_providers.stripe_parameters import Address, Text, call, fields, listing, one_of
from cliply.dev_providers.stripe_world import Account, Thing, moment, new_id

_GOOD_FOR = 3600
_FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update")


def add_configuration(account: Account) -> Thing:
    """What whoever owns the account has saved on the page of the portal's settings."""
    now = account.now()
    made = account.new(
        "billing_portal.configuration",
        "bpc",
        active=True,
        application=None,
        business_profile={"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        default_return_url=None,
        features={
            "customer_update": {"allowed_updates": [], "enabled": False},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True, "payment_method_configuration": None},
            "subscription_cancel": {
                "cancellation_reason": {"enabled": False, "options": []},
                "enabled": True,
                "mode": "at_period_end",
                "proration_behavior": "none",
            },
            "subscription_update": {
                "default_allowed_updates": ["price"],
                "enabled": True,
                "proration_behavior": "always_invoice",
            },
        },
        is_default=True,
        login_page={"enabled": False, "url": None},
        metadata={},
        name=None,
        updated=now,
    )
    return account.add(made)


def _create(account: Account, asked: Call) -> Thing:
    customer = living(account, asked.get("customer"), "customer")
    default = next(iter(account.every("billing_portal.configuration", is_default=True)), None)
    wanted = asked.get("configuration") or (default and default["id"])
    if wanted is None:
        raise wrong(
            "No configuration provided and your test mode default configuration has not been created. Provide a "
            "configuration or create your default by saving your customer portal settings in test mode."
        )
    configuration = account.get("billing_portal.configuration", wanted, "configuration")
    said = asked.get("flow_data")
    if said is not None and said["type"] != "payment_method_update":
        told = said.get(said["type"])
        if told is None:
            raise wrong(f"flow_data[{said['type']}] is required.", f"flow_data[{said['type']}]")
        account.get("subscription", told["subscription"], f"flow_data[{said['type']}][subscription]")
    made = account.new(
        "billing_portal.session",
        "bps",
        customer,
        configuration=configuration["id"],
        customer=customer["id"],
        customer_account=None,
        flow=None if said is None else {"type": said["type"], "after_completion": {"type": "portal_homepage"}},
        locale=asked.get("locale"),
        on_behalf_of=None,
        return_url=asked.get("return_url"),
    )
    made["url"] = f"{account.address}/p/session/{new_id('test')}"
    made["_path"] = made["url"].rpartition("/")[2]
    return account.add(made)


def routes(account: Account, settle: Callable[[], None]) -> Sequence[BaseRoute]:
    return [
        Route("/p/session/{path}", partial(_visited, account, settle), methods=["GET"]),
        Route("/p/session/{path}", partial(_visited, account, settle), methods=["POST"]),
    ]


async def _visited(account: Account, settle: Callable[[], None], request: Request) -> Response:
    form = await form_of(request)
    with account.lock:
        account.address = str(request.base_url).rstrip("/")
        settle()
        found = account.every("billing_portal.session", _path=request.path_params["path"])
        if not found or found[0]["created"] + _GOOD_FOR <= account.now(found[0]):
            told = "Go back to where you came from, and ask for a new one."
            return page("This address is no longer good", paragraph(told), status=410)
        session = found[0]
        if request.method == "GET":
            return _shown(account, session)
        try:
            _done(account, session, form)
        except Refused as refused:
            return _shown(account, session, str(refused))
        return RedirectResponse(f"/p/session/{session['_path']}", 303)


def _done(account: Account, session: Thing, form: dict[str, str]) -> None:
    """Raises Refused."""
    customer = account.get("customer", session["customer"])
    if "number" in form:
        _new_card(account, customer, form)
        return
    subscription = account.get("subscription", form.get("subscription"))
    if subscription["customer"] != customer["id"]:
        raise wrong("The subscription is not yours.")
    match form.get("do"):
        case "cancel" | "keep" as wish:
            ends = wish == "cancel"
            with account.changing(subscription, subscriptions.UPDATED):
                set_to_end(account, subscription, ends=ends, at=_end(subscription))
        case "change":
            item = {"id": subscription["items"]["data"][0]["id"], "price": form.get("price", "")}
            configuration = account.get("billing_portal.configuration", session["configuration"])
            how = configuration["features"]["subscription_update"]["proration_behavior"]
            said: dict[str, Any] = {"items": [item], "proration_behavior": how}
            if (change := changes.wanted(account, subscription, said)) is not None:
                with account.undone_on_failure():
                    changes.apply(account, subscription, change, "error_if_incomplete")
        case _:
            raise wrong("Nothing was chosen.")


def _new_card(account: Account, customer: Thing, form: dict[str, str]) -> None:
    told = read(form, account.clock.now())
    if told.card.refused is not None:
        raise declined(*told.card.refused, "Your card was declined.")
    method = add_method(account, told.card, customer, month=told.month, year=told.year, name=told.name)
    method["_known"] = told.card.asks == "once"
    with account.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    for each in _living(account, customer):
        with account.changing(each, subscriptions.UPDATED):
            each["default_payment_method"] = method["id"]


def _shown(account: Account, session: Thing, problem: str = "") -> Response:
    customer = account.get("customer", session["customer"])
    flow = (session["flow"] or {}).get("type")
    here = f"/p/session/{session['_path']}"
    parts = list[str]()
    if problem:
        parts.append(f'<p class="alert" role="alert">{escape(problem)}</p>')
    for each in _living(account, customer):
        parts += _subscription(account, here, each, flow)
    if flow in (None, "payment_method_update"):
        parts += ["<h2>Payment method</h2>", paragraph(_method_of(account, customer))]
        parts.append(f"<details><summary>Add a card</summary>{card_form(here, 'Save card', {})}</details>")
    if flow is None:
        parts += ["<h2>Invoices</h2>", _invoices(account, customer)]
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Back to Cliply</a></p>')
    return page("Your subscription", *parts, status=402 if problem else 200)


def _subscription(account: Account, here: str, subscription: Thing, flow: str | None) -> list[str]:
    item = subscription["items"]["data"][0]
    price = item["price"]
    ends = subscription["cancel_at_period_end"]
    until = f"{'Ends' if ends else 'Renews'} on {moment(_end(subscription)):%d %B %Y}"
    told = f"{_costs(price)}, {_status(subscription)}. {until}."
    parts = [f"<h2>{escape(_name(account, price))}</h2>", paragraph(told)]
    hidden = f'<input type="hidden" name="subscription" value="{escape(subscription["id"])}">'
    if flow in (None, "subscription_update"):
        others = [
            each
            for each in account.every("price", active=True, currency=subscription["currency"])
            if each["recurring"] and each["id"] != price["id"]
        ]
        choices = "".join(
            f'<option value="{escape(each["id"])}">{escape(_name(account, each))}, {escape(_costs(each))}</option>'
            for each in sorted(others, key=lambda each: each["unit_amount"])
        )
        parts.append(
            f'<form method="post" action="{here}">{hidden}<label>Another plan <select name="price">{choices}</select>'
            '</label><button name="do" value="change">Change plan</button></form>'
        )
    if flow in (None, "subscription_cancel"):
        wish, label = ("keep", "Do not cancel") if ends else ("cancel", "Cancel at the end of the period")
        parts.append(
            f'<form method="post" action="{here}">{hidden}'
            f'<button class="quiet" name="do" value="{wish}">{label}</button></form>'
        )
    return parts


def _invoices(account: Account, customer: Thing) -> str:
    found = [each for each in account.every("invoice", customer=customer["id"]) if each["status"] != "draft"]
    rows = [
        (
            f"{moment(each['created']):%Y-%m-%d}",
            f'<a href="/i/{each["id"]}">{escape(each["number"])}</a>',
            sum_of(each["total"], each["currency"]),
            escape(each["status"]),
        )
        for each in found
    ]
    return whole(("Date", "Invoice", "Amount", "Status"), rows) if rows else paragraph("None yet.")


def _living(account: Account, customer: Thing) -> list[Thing]:
    found = account.every("subscription", customer=customer["id"])
    return [each for each in found if each["status"] not in subscriptions.ENDED]


def _end(subscription: Thing) -> int:
    return int(subscription["items"]["data"][0]["current_period_end"])


def _name(account: Account, price: Thing) -> str:
    return str(account.get("product", price["product"])["name"])


def _status(subscription: Thing) -> str:
    return str(subscription["status"]).replace("_", " ")


def _costs(price: Thing) -> str:
    return f"{sum_of(price['unit_amount'], price['currency'])} a {price['recurring']['interval']}"


def _method_of(account: Account, customer: Thing) -> str:
    chosen = customer["invoice_settings"]["default_payment_method"]
    chosen = chosen or next((each["default_payment_method"] for each in _living(account, customer)), None)
    if chosen is None:
        return "None."
    card = account.get("payment_method", chosen)["card"]
    return f"{card['brand'].title()} ending in {card['last4']}, {card['exp_month']:02}/{card['exp_year']}"


_OF = fields("subscription", subscription=Text())
ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/billing_portal/sessions",
        call(
            "customer",
            customer=Text(),
            configuration=Text(),
            return_url=Address(),
            locale=one_of("auto", "en", "de"),
            flow_data=fields("type", type=one_of(*_FLOWS), subscription_cancel=_OF, subscription_update=_OF),
        ),
        _create,
    ),
    Endpoint(
        "GET",
        "/v1/billing_portal/configurations",
        listing(),
        lambda at, _asked: at.every("billing_portal.configuration"),
    ),
]
