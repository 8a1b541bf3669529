"""What a subscription entitles to: the whole table from its state to the plan, and the only one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cliply.features.identity.plans import Plans
from cliply.integrations.payments import Item, Subscription


class Standing(StrEnum):
    """How a workspace stands with its subscription."""

    NONE = "none"
    """It never had one."""
    TRIAL = "trial"
    ACTIVE = "active"
    GRACE = "grace"
    """A payment is overdue; the plan is kept for some days while it is tried again."""
    OVERDUE = "overdue"
    """The days of grace are over."""
    INCOMPLETE = "incomplete"
    """The first payment has not come yet."""
    PAUSED = "paused"
    UNPAID = "unpaid"
    """Nobody tries any more to be paid."""
    ENDED = "ended"
    UNKNOWN_PRICE = "unknown_price"
    """It is paid, at a price that is no plan's."""
    UNKNOWN_STATUS = "unknown_status"
    """The payment service has a new word."""


ENTITLED = frozenset({Standing.TRIAL, Standing.ACTIVE, Standing.GRACE})
UNCLEAR = frozenset({Standing.UNKNOWN_PRICE, Standing.UNKNOWN_STATUS})
"""Nobody gets a larger plan by these, and nobody who pays loses one by a mistake in the settings."""
OVER = frozenset({"canceled", "incomplete_expired"})
"""States in which a subscription stays for ever."""

_STANDINGS: Mapping[str, Standing] = {
    "trialing": Standing.TRIAL,
    "active": Standing.ACTIVE,
    "past_due": Standing.GRACE,
    "incomplete": Standing.INCOMPLETE,
    "incomplete_expired": Standing.ENDED,
    "canceled": Standing.ENDED,
    "unpaid": Standing.UNPAID,
    "paused": Standing.PAUSED,
}


@dataclass(frozen=True, slots=True)
class Resolved:
    standing: Standing
    plan: str | None = None
    """What it entitles to; None where that is nothing."""
    subscription: Subscription | None = None
    """The one that counts."""
    changes_at: datetime | None = None
    """When the standing is another one though nothing happens: the days of grace are over."""

    @property
    def anchor(self) -> datetime | None:
        """From which the months of usage are counted: those of what is paid."""
        return None if self.plan is None or self.subscription is None else self.subscription.anchor

    @property
    def is_live(self) -> bool:
        return self.subscription is not None and self.subscription.status not in OVER


def resolve(found: Sequence[Subscription], plans: Plans, *, grace: timedelta, now: datetime) -> Resolved:
    """By all subscriptions of a customer; the same for the same ones, in whatever order they are."""
    each_for_itself = [_resolve(each, plans, grace=grace, now=now) for each in found]
    return max(each_for_itself, key=lambda one: _weight(one, plans), default=Resolved(Standing.NONE))


def plan_items(one: Subscription, plans: Plans) -> list[Item]:
    """Those of its items that buy a plan, the largest first; of the same size, as they are there."""
    items = [Item(one.item_id, one.price_id), *one.others]
    rank = list(plans.defined)
    bought = [each for each in items if each.price_id in plans.sold_as]
    return sorted(bought, key=lambda each: rank.index(plans.sold_as[each.price_id]), reverse=True)


def by_its_plan(one: Subscription, plans: Plans) -> Subscription:
    """With the item that buys its plan in the first place: somebody may have added others."""
    bought = plan_items(one, plans)
    if not bought or bought[0].id == one.item_id:
        return one
    others = tuple(each for each in (Item(one.item_id, one.price_id), *one.others) if each != bought[0])
    return replace(one, item_id=bought[0].id, price_id=bought[0].price_id, others=others)


def _resolve(one: Subscription, plans: Plans, *, grace: timedelta, now: datetime) -> Resolved:
    one = by_its_plan(one, plans)
    standing = _STANDINGS.get(one.status, Standing.UNKNOWN_STATUS)
    changes_at = None
    if standing is Standing.GRACE:
        until = (one.overdue_since or one.period_start) + grace
        if until <= now:
            standing = Standing.OVERDUE
        else:
            changes_at = until
    if standing not in ENTITLED:
        return Resolved(standing, None, one)
    plan = plans.sold_as.get(one.price_id)
    if plan is None:
        return Resolved(Standing.UNKNOWN_PRICE, None, one)
    return Resolved(standing, plan, one, changes_at)


def _weight(one: Resolved, plans: Plans) -> tuple[bool, int, bool, datetime, str]:
    """Whoever pays twice has the larger plan. Of those that give nothing the one that lives counts, then the newest."""
    assert one.subscription is not None  # noqa: S101 - only a customer without any has none
    rank = list(plans.defined).index(one.plan) if one.plan is not None else -1
    return one.plan is not None, rank, one.is_live, one.subscription.created_at, one.subscription.id
