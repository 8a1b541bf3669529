"""The calls about subscriptions and their invoices."""

from typing import Any

from cliply.dev_providers import stripe_changes as changes
from cliply.dev_providers import stripe_invoices as invoices
from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_customers import living
from cliply.dev_providers.stripe_errors import wrong
from cliply.dev_providers.stripe_parameters import (
    Fields,
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
from cliply.dev_providers.stripe_world import Account, Thing, merged

_UNPAID = ("default_incomplete", "allow_incomplete", "error_if_incomplete", "pending_if_incomplete")
_STATUSES = (
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing",
    "unpaid",
)  # fmt: skip


def _create(account: Account, asked: Call) -> Thing:
    customer = living(account, asked.get("customer"), "customer")
    items = []
    for number, said in enumerate(asked.get("items")):
        price = account.get("price", said.get("price"), f"items[{number}][price]")
        changes.check_price(price, None, f"items[{number}][price]")
        items.append((price, said.get("quantity", 1)))
    method = asked.get("default_payment_method")
    found = None if method is None else account.get("payment_method", method, "default_payment_method")
    trial_end = asked.get("trial_end")
    if asked.get("trial_period_days"):
        trial_end = account.now(customer) + asked.get("trial_period_days") * subscriptions.DAY
    end = (asked.get("trial_settings") or {}).get("end_behavior", {})
    behaviour = asked.get("payment_behavior", "allow_incomplete")
    default = customer["invoice_settings"]["default_payment_method"]
    if not (found or default or trial_end) and behaviour != "default_incomplete":
        raise wrong(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            code="resource_missing",
        )
    return subscriptions.begin(
        account, customer, items, metadata=merged({}, asked.get("metadata", {})), method=found, trial_end=trial_end,
        without_method=end.get("missing_payment_method", "create_invoice"), behaviour=behaviour,
    )  # fmt: skip


def _update(account: Account, asked: Call) -> Thing:
    subscription = account.get("subscription", asked.ids["id"])
    if subscription["status"] in subscriptions.ENDED and set(asked.params) - {"metadata", "expand"}:
        raise wrong("A canceled subscription can only update its cancellation_details and metadata.")
    if asked.get("cancel_at_period_end") and asked.get("cancel_at"):
        raise wrong("You may only pass one of cancel_at and cancel_at_period_end.", "cancel_at")
    change = changes.wanted(account, subscription, asked.params)
    pending = asked.get("payment_behavior") == "pending_if_incomplete"
    if pending and {"metadata", "cancel_at_period_end", "default_payment_method"} & set(asked.params):
        raise wrong("With payment_behavior=pending_if_incomplete only items and prorations can be changed.",
                    "payment_behavior")  # fmt: skip
    with account.changing(subscription, subscriptions.UPDATED):
        _set(account, subscription, asked)
    if asked.get("trial_end") == "now" and subscription["status"] == "trialing":
        subscription["items"]["data"][0]["current_period_end"] = account.now(subscription)
        subscription |= {"trial_end": account.now(subscription), "billing_cycle_anchor": account.now(subscription)}
        subscriptions.renew(account, subscription)
    if change is not None:
        changes.apply(account, subscription, change, asked.get("payment_behavior", "allow_incomplete"))
    return subscription


def _set(account: Account, subscription: Thing, asked: Call) -> None:
    end = subscription["items"]["data"][0]["current_period_end"]
    subscription["metadata"] = merged(subscription["metadata"], asked.get("metadata", {}))
    if asked.get("default_payment_method"):
        found = account.get("payment_method", asked.get("default_payment_method"), "default_payment_method")
        subscription["default_payment_method"] = found["id"]
    if "cancel_at_period_end" in asked.params:
        set_to_end(account, subscription, ends=asked.params["cancel_at_period_end"], at=end)
    if "pause_collection" in asked.params:
        said = asked.params["pause_collection"]
        subscription["pause_collection"] = said and {
            "behavior": said["behavior"],
            "resumes_at": said.get("resumes_at"),
        }


def set_to_end(account: Account, subscription: Thing, *, ends: bool, at: int) -> None:
    now = account.now(subscription)
    subscription |= {
        "cancel_at_period_end": ends,
        "cancel_at": at if ends else None,
        "canceled_at": now if ends else None,
    }
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if ends else None


def _cancel(account: Account, asked: Call) -> Thing:
    subscription = account.get("subscription", asked.ids["id"])
    if subscription["status"] in subscriptions.ENDED:
        raise wrong(f"No active subscription: '{subscription['id']}'", "id", code="resource_missing")
    subscriptions.end(account, subscription)
    return subscription


def _pause(account: Account, asked: Call) -> Thing:
    subscription = account.get("subscription", asked.ids["id"])
    if subscription["status"] not in ("active", "trialing"):
        raise wrong("Only active subscriptions can be paused.")
    subscriptions.pause(account, subscription, "pause_requested")
    return subscription


def _resume(account: Account, asked: Call) -> Thing:
    subscription = account.get("subscription", asked.ids["id"])
    subscriptions.resume(account, subscription)
    return subscription


def _list(account: Account, asked: Call) -> list[Thing]:
    found = account.every("subscription", **_wanted(asked, "customer"))
    if asked.get("price"):
        found = [each for each in found if each["items"]["data"][0]["price"]["id"] == asked.get("price")]
    match asked.get("status"):
        case "all":
            return found
        case "ended":
            return [each for each in found if each["status"] in subscriptions.ENDED]
        case None:
            return [each for each in found if each["status"] != "canceled"]
        case status:
            return [each for each in found if each["status"] == status]


def _wanted(asked: Call, *names: str) -> dict[str, Any]:
    return {name: asked.params[name] for name in names if name in asked.params}


def _preview(account: Account, asked: Call) -> Thing:
    if asked.get("subscription") is None:
        raise wrong("This stand-in previews changes of a subscription only: name it.", "subscription")
    subscription = account.get("subscription", asked.get("subscription"), "subscription")
    if asked.get("customer") not in (None, subscription["customer"]):
        raise wrong("The subscription is not the customer's.", "subscription")
    if subscription["status"] in subscriptions.ENDED:
        raise wrong("No upcoming invoices for customer", code="invoice_upcoming_none")
    said = asked.get("subscription_details", {})
    change = changes.wanted(account, subscription, said)
    cancels = said.get("cancel_at_period_end", subscription["cancel_at_period_end"])
    return changes.preview(account, subscription, change, cancels=cancels)


def _invoices(account: Account, asked: Call) -> list[Thing]:
    found = account.every("invoice", **_wanted(asked, "customer", "status"))
    wanted = asked.get("subscription")
    return found if wanted is None else [each for each in found if invoices.subscription_of(each) == wanted]


def _pay(account: Account, asked: Call) -> Thing:
    invoice = account.get("invoice", asked.ids["id"])
    if invoice["status"] == "draft":
        invoices.finalise(account, invoice)
    if invoice["status"] != "open":
        raise wrong(f"Invoice is already {invoice['status']}", code="invoice_already_paid")
    wanted = asked.get("payment_method")
    method = None if wanted is None else account.get("payment_method", wanted, "payment_method")
    payment = subscriptions.collect(account, invoice, method)
    if payment is not None and payment.problem is not None:
        payment.problem.lasting = True
        raise payment.problem
    return invoice


def _void(account: Account, asked: Call) -> Thing:
    invoice = account.get("invoice", asked.ids["id"])
    if invoice["status"] != "open":
        raise wrong("You can only void an invoice that is open.")
    invoices.void(account, invoice)
    return invoice


_TRIAL = fields(
    "end_behavior",
    end_behavior=fields("missing_payment_method", missing_payment_method=one_of("cancel", "create_invoice", "pause")),
)
_ITEM: Fields = fields(id=Text(), price=Text(), quantity=Whole(1, 999_999))
_PRORATION = one_of("create_prorations", "always_invoice", "none")
_SUBSCRIPTION = "/v1/subscriptions/{id}"
_INVOICE = "/v1/invoices/{id}"
ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/subscriptions",
        call(
            "customer",
            "items",
            customer=Text(),
            items=Many(fields("price", price=Text(), quantity=Whole(1, 999_999)), 20),
            default_payment_method=Text(),
            metadata=Metadata(),
            payment_behavior=one_of(*_UNPAID[:3]),
            trial_period_days=Whole(1, 730),
            trial_end=Whole(),
            trial_settings=_TRIAL,
        ),
        _create,
    ),
    Endpoint("GET", "/v1/subscriptions", listing(customer=Text(), price=Text(), status=one_of(*_STATUSES)), _list),
    Endpoint("GET", _SUBSCRIPTION, call(), lambda at, asked: at.get("subscription", asked.ids["id"])),
    Endpoint(
        "POST",
        _SUBSCRIPTION,
        call(
            items=Many(_ITEM, 20),
            proration_behavior=_PRORATION,
            proration_date=Whole(),
            payment_behavior=one_of(*_UNPAID),
            billing_cycle_anchor=one_of("now", "unchanged"),
            cancel_at_period_end=Truth(),
            default_payment_method=Text(),
            metadata=Metadata(),
            pause_collection=Fields(
                {"behavior": one_of("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": Whole()},
                ("behavior",),
                clears=True,
            ),
            trial_end=Whole(words=("now",)),
        ),
        _update,
    ),
    Endpoint("DELETE", _SUBSCRIPTION, call(), _cancel),
    Endpoint("POST", _SUBSCRIPTION + "/pause", call(type=one_of("subscription")), _pause),
    Endpoint(
        "POST",
        _SUBSCRIPTION + "/resume",
        call(billing_cycle_anchor=fields("type", type=one_of("now"))),
        _resume,
    ),
    Endpoint(
        "POST",
        "/v1/invoices/create_preview",
        call(
            customer=Text(),
            subscription=Text(),
            subscription_details=fields(
                items=Many(_ITEM, 20),
                proration_behavior=_PRORATION,
                proration_date=Whole(),
                billing_cycle_anchor=one_of("now", "unchanged"),
                cancel_at_period_end=Truth(),
            ),
        ),
        _preview,
    ),
    Endpoint(
        "GET",
        "/v1/invoices",
        listing(customer=Text(), subscription=Text(), status=one_of("draft", "open", "paid", "uncollectible", "void")),
        _invoices,
    ),
    Endpoint("GET", _INVOICE, call(), lambda at, asked: at.get("invoice", asked.ids["id"])),
    Endpoint("POST", _INVOICE + "/pay", call(payment_method=Text()), _pay),
    Endpoint("POST", _INVOICE + "/void", call(), _void),
]
