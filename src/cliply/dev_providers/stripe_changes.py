"""A change of plan in the middle of a period: what it costs, tried or only looked at beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cliply.dev_providers import stripe_invoices as invoices
from cliply.dev_providers import stripe_periods as periods
from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.stripe_errors import wrong
from cliply.dev_providers.stripe_world import Account, Thing

_PENDING_FOR = 23 * 3600


@dataclass(frozen=True, slots=True)
class Change:
    """Of a subscription's one item."""

    price: Thing
    quantity: int
    behaviour: str
    """What is done about the rest of the period: `create_prorations`, `always_invoice` or `none`."""
    at: int
    new_period: bool
    """Whether one begins now: the interval is another, or it was asked for."""

    @property
    def invoiced_now(self) -> bool:
        return self.behaviour == "always_invoice" or self.new_period


def wanted(account: Account, subscription: Thing, said: Mapping[str, Any]) -> Change | None:
    """None where price and quantity stay as they are. Raises Refused."""
    items: Sequence[Mapping[str, Any]] = said.get("items", ())
    item = subscription["items"]["data"][0]
    told = items[0] if items else {}
    if len(items) > 1 or (items and told.get("id") is None):
        raise wrong(
            "This stand-in knows subscriptions of one item: name it by its id, or there would be two of them.",
            "items",
        )
    if items and told["id"] != item["id"]:
        raise wrong(f"No such subscription item: '{told['id']}'", "items[0][id]", code="resource_missing")
    price = account.get("price", told.get("price", item["price"]["id"]), "items[0][price]")
    quantity = told.get("quantity", item["quantity"])
    anchored = said.get("billing_cycle_anchor") == "now"
    if (price["id"], quantity) == (item["price"]["id"], item["quantity"]) and not anchored:
        return None
    check_price(price, subscription["currency"], "items[0][price]")
    now = account.now(subscription)
    at = said.get("proration_date", now)
    if not item["current_period_start"] <= at <= item["current_period_end"]:
        raise wrong("The proration date is not within the current period.", "proration_date")
    other = price["recurring"]["interval"] != item["price"]["recurring"]["interval"]
    return Change(price, quantity, said.get("proration_behavior", "create_prorations"), at, anchored or other)


def check_price(price: Thing, currency: str | None, param: str) -> None:
    if price["recurring"] is None:
        raise wrong("The price specified is set to `type=one_time` but this field only accepts recurring.", param)
    if not price["active"]:
        raise wrong(f"The price specified is inactive. This field only accepts active prices: {price['id']}", param)
    if currency is not None and price["currency"] != currency:
        raise wrong(f"The price specified is not in {currency}.", param)


def apply(account: Account, subscription: Thing, change: Change, payment_behaviour: str) -> None:
    """Raises Refused, where the payment is a condition and fails."""
    status = subscription["status"]
    if status in subscriptions.ENDED:
        raise wrong("A canceled subscription can only update its cancellation_details and metadata.")
    if status == "incomplete":
        raise wrong("A subscription whose first payment is open can only have its metadata changed.")
    item = subscription["items"]["data"][0]
    lines = _lines(subscription, change)
    if status == "trialing" or not change.invoiced_now:
        with account.changing(subscription, subscriptions.UPDATED):
            subscriptions.put_price(item, change.price, change.quantity)
            subscription.setdefault("_pending_lines", []).extend(lines)
        return
    if not lines:
        with account.changing(subscription, subscriptions.UPDATED):
            subscriptions.put_price(item, change.price, change.quantity)
        return
    if payment_behaviour == "pending_if_incomplete":
        _apply_once_paid(account, subscription, change, lines)
        return
    with account.changing(subscription, subscriptions.UPDATED):
        _put(account, subscription, change)
        draft = _draft(account, subscription, lines)
        subscription["latest_invoice"] = draft["id"]
    invoices.finalise(account, draft)
    if payment_behaviour == "default_incomplete" and draft["amount_due"]:
        return
    payment = subscriptions.collect(account, draft)
    if payment is not None and payment.problem is not None and payment_behaviour == "error_if_incomplete":
        raise payment.problem


def _apply_once_paid(account: Account, subscription: Thing, change: Change, lines: Sequence[Thing]) -> None:
    draft = _draft(account, subscription, lines)
    invoices.finalise(account, draft)
    item = subscription["items"]["data"][0]
    subscription |= {"_pending": (change.price, change.quantity), "_pending_invoice": draft["id"]}
    payment = subscriptions.collect(account, draft)
    paid = payment is None or payment.problem is None
    with account.changing(subscription, subscriptions.UPDATED):
        subscription["latest_invoice"] = draft["id"]
        if paid:
            subscription.pop("_pending", None)
            subscription.pop("_pending_invoice", None)
            _put(account, subscription, change)
        else:
            subscription["pending_update"] = {
                "billing_cycle_anchor": None,
                "expires_at": account.now(subscription) + _PENDING_FOR,
                "subscription_items": [{**item, "price": dict(change.price), "quantity": change.quantity}],
                "trial_end": None,
                "trial_from_plan": None,
            }


def _put(account: Account, subscription: Thing, change: Change) -> None:
    item = subscription["items"]["data"][0]
    subscriptions.put_price(item, change.price, change.quantity)
    if change.new_period:
        now = account.now(subscription)
        subscription["billing_cycle_anchor"] = now
        item |= {"current_period_start": now, "current_period_end": periods.period_end(now, now, change.price)}


def _lines(subscription: Thing, change: Change) -> list[Thing]:
    item = subscription["items"]["data"][0]
    if subscription["status"] == "trialing":
        return []
    if change.new_period:
        unused = [] if change.behaviour == "none" else [periods.unused(subscription, item, change.at)]
        end = periods.period_end(change.at, change.at, change.price)
        renewed = {**item, "quantity": change.quantity}
        return [*unused, periods.renewal(subscription, renewed, change.price, (change.at, end))]
    if change.behaviour == "none":
        return []
    return list(periods.prorations(subscription, item, change.price, change.quantity, change.at))


def _draft(account: Account, subscription: Thing, lines: Sequence[Thing]) -> Thing:
    now = account.now(subscription)
    customer = account.get("customer", subscription["customer"])
    return invoices.invoice(
        account, customer, subscription, lines, reason="subscription_update", period=(now, now),
        metadata=subscription["metadata"],
    )  # fmt: skip


def preview(account: Account, subscription: Thing, change: Change | None, *, cancels: bool) -> Thing:
    """The next invoice as it would be: at once where it would be written at once, else that of the renewal."""
    item = subscription["items"]["data"][0]
    lines = [] if change is None else _lines(subscription, change)
    if change is None or not change.invoiced_now or subscription["status"] == "trialing":
        lines = [*subscription.get("_pending_lines", ()), *lines]
        if not cancels:
            after = {**item} if change is None else {**item, "quantity": change.quantity}
            price = item["price"] if change is None else change.price
            start = item["current_period_end"]
            end = periods.period_end(subscription["billing_cycle_anchor"], start, price)
            lines.append(periods.renewal(subscription, after, price, (start, end)))
    if not lines:
        raise wrong("No upcoming invoices for customer", code="invoice_upcoming_none")
    made = _draft(account, subscription, lines)
    made["id"] = f"upcoming_{made['id']}"
    made["billing_reason"] = "upcoming"
    made["lines"]["url"] = f"/v1/invoices/{made['id']}/lines"
    for each in made["lines"]["data"]:
        each["invoice"] = made["id"]
    return made
