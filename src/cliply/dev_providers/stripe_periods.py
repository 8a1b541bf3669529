"""Periods of a subscription, and what a change within one costs or gives back."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cliply.dev_providers.stripe_invoices import line
from cliply.dev_providers.stripe_world import Thing, moment

_DAYS = {"day": 1, "week": 7}


def period_end(anchor: int, start: int, price: Thing) -> int:
    """The first end after `start`, counted from the anchor, so that a month's last day does not wander."""
    every = price["recurring"]
    step = 0
    while True:
        step += 1
        end = _later(moment(anchor), step * every["interval_count"], every["interval"])
        if int(end.timestamp()) > start:
            return int(end.timestamp())


def _later(at: datetime, count: int, interval: str) -> datetime:
    if interval in _DAYS:
        return at + timedelta(days=count * _DAYS[interval])
    months = at.month - 1 + count * (12 if interval == "year" else 1)
    year, month = at.year + months // 12, months % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1]))


def renewal(subscription: Thing, item: Thing, price: Thing, period: tuple[int, int]) -> Thing:
    told = f"{item['quantity']} × {_name(price)} (at {_amount(price)} / {price['recurring']['interval']})"
    return line(subscription, item, price, price["unit_amount"] * item["quantity"], told, period)


def prorations(subscription: Thing, item: Thing, new: Thing, quantity: int, at: int) -> Iterator[Thing]:
    """What is left of the period: given back for the old price, and charged for the new one."""
    old, start, end = item["price"], item["current_period_start"], item["current_period_end"]
    # A second more or less than the whole is none: the period itself is charged by the second.
    left = max(0, min(end, end - at)) / (end - start)
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
    back = -round(old["unit_amount"] * item["quantity"] * left)
    yield line(
        subscription, item, old, back, f"Unused time on {_name(old)} after {day}", (at, end), proration=True
    )  # fmt: skip
    item = {**item, "quantity": quantity}
    cost = round(new["unit_amount"] * quantity * left)
    yield line(
        subscription, item, new, cost, f"Remaining time on {_name(new)} after {day}", (at, end), proration=True
    )  # fmt: skip


def unused(subscription: Thing, item: Thing, at: int) -> Thing:
    return next(prorations(subscription, item, item["price"], item["quantity"], at))


def _name(price: Thing) -> str:
    return str(price["nickname"] or price["id"])


def _amount(price: Thing) -> str:
    return f"{price['unit_amount'] / 100:.2f} {price['currency'].upper()}"
