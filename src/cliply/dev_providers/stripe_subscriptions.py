"""Subscriptions: how one begins, changes and ends, and what a payment that succeeds or fails makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from cliply.dev_providers import stripe_invoices as invoices
from cliply.dev_providers import stripe_periods as periods
from cliply.dev_providers.stripe_cards import Payment, pay
from cliply.dev_providers.stripe_errors import Refused, wrong
from cliply.dev_providers.stripe_world import Account, Thing, listed, new_id

DAY = 86_400
UPDATED = "customer.subscription.updated"
ENDED = ("canceled", "incomplete_expired")
_FIRST_PAID_WITHIN = 23 * 3600
_RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)
"""How long after each attempt that fails the next one is made; then no more."""


def begin(
    account: Account,
    customer: Thing,
    items: Sequence[tuple[Thing, int]],
    *,
    metadata: Mapping[str, str],
    method: Thing | None,
    trial_end: int | None = None,
    without_method: str = "create_invoice",
    behaviour: str = "allow_incomplete",
    proved: bool = False,
) -> Thing:
    """With its first invoice, which is collected unless `behaviour` is to wait. Raises Refused."""
    now = account.now(customer)
    anchor = trial_end or now
    subscription = _new(account, customer, metadata, method, anchor, trial_end, without_method)
    subscription["currency"] = items[0][0]["currency"]
    first_end = trial_end or periods.period_end(anchor, now, items[0][0])
    things = [_item(account, subscription, price, quantity, (now, first_end)) for price, quantity in items]
    subscription["items"] = listed(things, f"/v1/subscription_items?subscription={subscription['id']}")
    account.add(subscription)
    lines = [periods.renewal(subscription, item, item["price"], (now, first_end)) for item in things]
    if trial_end is not None:
        for each in lines:
            each |= {"amount": 0, "subtotal": 0, "description": f"Trial period for {each['description']}"}
    draft = invoices.invoice(
        account, customer, subscription, lines, reason="subscription_create", period=(now, now),
        metadata=subscription["metadata"],
    )  # fmt: skip
    subscription["latest_invoice"] = draft["id"]
    invoices.finalise(account, draft)
    payment = None
    if draft["amount_due"] == 0:
        invoices.paid(account, draft, None)
    elif behaviour != "default_incomplete":
        payment = _attempt(account, draft, method, proved=proved)
        if payment.problem is not None and behaviour == "error_if_incomplete":
            raise payment.problem
    if draft["status"] != "paid":
        subscription["status"] = "incomplete"
    account.emit("customer.subscription.created", subscription)
    return subscription


def collect(account: Account, invoice: Thing, method: Thing | None = None, *, proved: bool = False) -> Payment | None:
    """Try to have an open invoice paid, and let the subscription follow; None where nothing was due."""
    subscription = account.get("subscription", invoices.subscription_of(invoice))
    if invoice["amount_due"] == 0:
        invoices.paid(account, invoice, None)
        _invoice_paid(account, subscription, invoice)
        return None
    payment = _attempt(account, invoice, method, proved=proved)
    if payment.problem is None:
        _invoice_paid(account, subscription, invoice)
    else:
        _invoice_failed(account, subscription, invoice)
    return payment


def _attempt(account: Account, invoice: Thing, method: Thing | None, *, proved: bool) -> Payment:
    subscription = account.get("subscription", invoices.subscription_of(invoice))
    customer = account.get("customer", invoice["customer"])
    wanted = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    method = method or (account.get("payment_method", wanted) if wanted else None)
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1, "next_payment_attempt": None}
    if method is None:
        problem = Refused(
            400,
            "This customer has no attached payment source or default payment method.",
            code="resource_missing",
        )
        payment = Payment({"status": "requires_payment_method"}, problem)
    else:
        payment = pay(account, customer, invoice["amount_due"], invoice["currency"], method, proved=proved)
        if payment.problem is not None:
            invoices.note_payment(account, invoice, payment.intent, "open")
    if payment.problem is None:
        invoices.paid(account, invoice, payment.intent)
        return payment
    tried = invoice["attempt_count"]
    if invoice["billing_reason"] == "subscription_cycle" and tried <= len(_RETRIES):
        invoice["next_payment_attempt"] = account.now(invoice) + _RETRIES[tried - 1]
    if payment.asks:
        account.emit("invoice.payment_action_required", invoice)
    account.emit("invoice.payment_failed", invoice)
    return payment


def _invoice_paid(account: Account, subscription: Thing, invoice: Thing) -> None:
    if subscription["status"] in ENDED:
        return
    if (subscription["pending_update"] or {}) and subscription.get("_pending_invoice") == invoice["id"]:
        _apply_pending(account, subscription)
    if subscription["status"] == "paused":
        if subscription.get("_resumption") == invoice["id"]:
            resumed(account, subscription)
        return
    if subscription["status"] in ("incomplete", "past_due", "unpaid") and not list(
        invoices.of(account, subscription, "open")
    ):
        with account.changing(subscription, UPDATED):
            subscription["status"] = "active"


def _invoice_failed(account: Account, subscription: Thing, invoice: Thing) -> None:
    if subscription["status"] in (*ENDED, "incomplete", "paused") or subscription.get("_pending_invoice"):
        return
    if invoice["billing_reason"] == "subscription_cycle" and invoice["next_payment_attempt"] is None:
        given_up(account, subscription, invoice)
        return
    if subscription["status"] != "unpaid":
        with account.changing(subscription, UPDATED):
            subscription["status"] = "past_due"


def given_up(account: Account, subscription: Thing, invoice: Thing) -> None:
    if account.after_retries == "canceled":
        end(account, subscription, "payment_failed")
    else:
        with account.changing(subscription, UPDATED):
            subscription["status"] = account.after_retries
    invoice["auto_advance"] = False


def end(account: Account, subscription: Thing, reason: str = "cancellation_requested") -> None:
    now = account.now(subscription)
    status = "incomplete_expired" if subscription["status"] == "incomplete" else "canceled"
    subscription |= {"status": status, "ended_at": now, "canceled_at": subscription["canceled_at"] or now}
    subscription["cancellation_details"]["reason"] = reason
    subscription["pending_update"] = None
    for each in list(invoices.of(account, subscription, "open", "draft")):
        if status == "incomplete_expired" or each["status"] == "draft":
            invoices.void(account, each)
        else:
            each |= {"auto_advance": False, "next_payment_attempt": None}
    account.emit("customer.subscription.deleted" if status == "canceled" else UPDATED, subscription)


def renew(account: Account, subscription: Thing) -> None:
    """The next period begins; its invoice stays a draft for an hour, and is collected then."""
    items = subscription["items"]["data"]
    start = items[0]["current_period_end"]
    trial_over = subscription["status"] == "trialing"
    if trial_over and _stops_after_trial(account, subscription):
        return
    with account.changing(subscription, UPDATED):
        _next_period(subscription, start)
        if trial_over:
            subscription["status"] = "active"
        lines = [*subscription.pop("_pending_lines", []), *_renewals(subscription)]
        customer = account.get("customer", subscription["customer"])
        draft = invoices.invoice(
            account, customer, subscription, lines, reason="subscription_cycle", period=(start, start),
            metadata=subscription["metadata"],
        )  # fmt: skip
        subscription["latest_invoice"] = draft["id"]
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        draft["auto_advance"] = False
        account.add(draft, event="invoice.created")
    elif paused:
        invoices.finalise(account, draft)
        (invoices.void if paused["behavior"] == "void" else invoices.write_off)(account, draft)
    else:
        invoices.opens_later(account, draft)


def _stops_after_trial(account: Account, subscription: Thing) -> bool:
    customer = account.get("customer", subscription["customer"])
    if subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]:
        return False
    match subscription["trial_settings"]["end_behavior"]["missing_payment_method"]:
        case "cancel":
            end(account, subscription)
        case "pause":
            pause(account, subscription, "trial_end_without_payment_method")
        case _:
            return False
    return True


def pause(account: Account, subscription: Thing, why: str) -> None:
    now = account.now(subscription)
    subscription["status"] = "paused"
    told = {"subscription": {"type": why}, "transitioned_at": now, "type": "subscription"}
    subscription["status_details"] = {"paused": told}
    account.emit("customer.subscription.paused", subscription)


def resume(account: Account, subscription: Thing) -> None:
    """A new period begins now, once its invoice is paid. Raises Refused."""
    if subscription["status"] != "paused":
        raise wrong("Only paused subscriptions can be resumed.")
    now = account.now(subscription)
    before = [(each["current_period_start"], each["current_period_end"]) for each in subscription["items"]["data"]]
    subscription["billing_cycle_anchor"] = now
    _next_period(subscription, now)
    customer = account.get("customer", subscription["customer"])
    draft = invoices.invoice(
        account, customer, subscription, _renewals(subscription), reason="subscription_update", period=(now, now),
        metadata=subscription["metadata"],
    )  # fmt: skip
    subscription |= {"latest_invoice": draft["id"], "_resumption": draft["id"]}
    invoices.finalise(account, draft)
    collect(account, draft)
    if subscription["status"] == "paused":
        for each, (start, until) in zip(subscription["items"]["data"], before, strict=True):
            each |= {"current_period_start": start, "current_period_end": until}


def resumed(account: Account, subscription: Thing) -> None:
    subscription |= {"status": "active", "status_details": None}
    subscription.pop("_resumption", None)
    account.emit("customer.subscription.resumed", subscription)


def _apply_pending(account: Account, subscription: Thing) -> None:
    price, quantity = subscription.pop("_pending")
    subscription.pop("_pending_invoice")
    with account.changing(subscription, UPDATED):
        subscription["pending_update"] = None
        put_price(subscription["items"]["data"][0], price, quantity)
    account.emit("customer.subscription.pending_update_applied", subscription)


def expire_pending(account: Account, subscription: Thing) -> None:
    invoice = account.get("invoice", subscription.pop("_pending_invoice"))
    subscription.pop("_pending")
    subscription["pending_update"] = None
    invoices.void(account, invoice)
    account.emit("customer.subscription.pending_update_expired", subscription)


def put_price(item: Thing, price: Thing, quantity: int) -> None:
    item |= {"price": dict(price), "plan": _plan(price), "quantity": quantity}


def _renewals(subscription: Thing) -> list[Thing]:
    return [
        periods.renewal(subscription, each, each["price"], (each["current_period_start"], each["current_period_end"]))
        for each in subscription["items"]["data"]
    ]


def _next_period(subscription: Thing, start: int) -> None:
    for each in subscription["items"]["data"]:
        until = periods.period_end(subscription["billing_cycle_anchor"], start, each["price"])
        each |= {"current_period_start": start, "current_period_end": until}
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = subscription["items"]["data"][0]["current_period_end"]


def _item(account: Account, subscription: Thing, price: Thing, quantity: int, period: tuple[int, int]) -> Thing:
    made: Thing = {
        "id": new_id("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": account.now(subscription),
        "current_period_start": period[0],
        "current_period_end": period[1],
        "discounts": [],
        "metadata": {},
        "subscription": subscription["id"],
        "tax_rates": [],
    }
    put_price(made, price, quantity)
    return made


def _plan(price: Thing) -> Thing:
    """The older way to tell a price, which is still told."""
    shared = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata", "nickname", "product")
    every = price["recurring"]
    return {name: price[name] for name in shared} | {
        "object": "plan",
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "interval": every["interval"],
        "interval_count": every["interval_count"],
        "meter": None,
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _new(
    account: Account,
    customer: Thing,
    metadata: Mapping[str, str],
    method: Thing | None,
    anchor: int,
    trial_end: int | None,
    without_method: str,
) -> Thing:
    now = account.now(customer)
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds", "cancel_at",
            "canceled_at", "customer_account", "days_until_due", "default_source", "description", "ended_at",
            "next_pending_invoice_item_invoice", "on_behalf_of", "pause_collection", "pending_invoice_item_interval",
            "pending_setup_intent", "pending_update", "schedule", "status_details", "transfer_data",
        )
    )  # fmt: skip
    return account.new(
        "subscription",
        "sub",
        customer,
        **nothing,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None},
        billing_cycle_anchor=anchor,
        billing_mode={"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        billing_schedules=[],
        cancel_at_period_end=False,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method="charge_automatically",
        customer=customer["id"],
        default_payment_method=None if method is None else method["id"],
        default_tax_rates=[],
        discounts=[],
        invoice_settings={"account_tax_ids": None, "issuer": {"type": "self"}},
        latest_invoice=None,
        metadata=dict(metadata),
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=now,
        status="active" if trial_end is None else "trialing",
        test_clock=customer["test_clock"],
        trial_end=trial_end,
        trial_settings={"end_behavior": {"missing_payment_method": without_method}},
        trial_start=None if trial_end is None else now,
    )


def first_unpaid_since(subscription: Thing) -> int:
    return int(subscription["created"]) + _FIRST_PAID_WITHIN
