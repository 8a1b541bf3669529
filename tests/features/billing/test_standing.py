"""Every state that a subscription can be in, and what it entitles to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from cliply.features.billing.standing import Standing, resolve
from cliply.features.identity.plans import BUILT_IN, Plans
from cliply.integrations.payments import Item, Subscription

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GRACE = timedelta(days=14)
PLANS = Plans(BUILT_IN.defined, "basic", {"price_pro": "pro", "price_year": "pro", "price_premium": "premium"})


def one(status: str, price: str = "price_pro", **more: Any) -> Subscription:
    return Subscription(
        **{
            "id": "sub_1", "customer_id": "cus_1", "status": status, "created_at": NOW, "item_id": "si_1",
            "price_id": price, "amount": 1, "currency": "eur", "period_start": NOW - timedelta(days=3),
            "period_end": NOW + timedelta(days=27),
            "anchor": NOW - timedelta(days=3), **more,
        }
    )  # fmt: skip


def test_the_largest_plan_of_a_subscription_s_items_counts_and_their_order_does_not() -> None:
    items = [Item("si_a", "price_seats"), Item("si_b", "price_year"), Item("si_c", "price_premium")]
    for first, *others in permutations(items):
        found = one("active", first.price_id, item_id=first.id, others=tuple(others))
        resolved = resolve([found], PLANS, grace=GRACE, now=NOW)
        assert (resolved.standing, resolved.plan) == (Standing.ACTIVE, "premium")
        assert resolved.subscription is not None
        assert (resolved.subscription.item_id, resolved.subscription.price_id) == ("si_c", "price_premium")
        assert {each.id for each in resolved.subscription.others} == {"si_a", "si_b"}
    seats = one("active", "price_seats", others=(Item("si_2", "price_more"),))
    assert resolve([seats], PLANS, grace=GRACE, now=NOW).standing is Standing.UNKNOWN_PRICE


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("subscription", "standing", "plan"),
    [
        (one("active"), Standing.ACTIVE, "pro"),
        (one("active", "price_year"), Standing.ACTIVE, "pro"),
        (one("trialing", trial_end=NOW), Standing.TRIAL, "pro"),
        (one("active", cancel_at=NOW + GRACE), Standing.ACTIVE, "pro"),
        (one("active", pending_price_id="price_premium"), Standing.ACTIVE, "pro"),
        (one("past_due", overdue_since=days_ago(0)), Standing.GRACE, "pro"),
        (one("past_due", overdue_since=days_ago(13.9)), Standing.GRACE, "pro"),
        (one("past_due", overdue_since=days_ago(14)), Standing.OVERDUE, None),
        (one("past_due"), Standing.GRACE, "pro"),
        (one("incomplete"), Standing.INCOMPLETE, None),
        (one("incomplete_expired"), Standing.ENDED, None),
        (one("canceled"), Standing.ENDED, None),
        (one("unpaid"), Standing.UNPAID, None),
        (one("paused"), Standing.PAUSED, None),
        (one("active", "price_else"), Standing.UNKNOWN_PRICE, None),
        (one("past_due", "price_else", overdue_since=days_ago(0)), Standing.UNKNOWN_PRICE, None),
        (one("canceled", "price_else"), Standing.ENDED, None),
        (one("something_new"), Standing.UNKNOWN_STATUS, None),
    ],
    ids=lambda each: each.status if isinstance(each, Subscription) else None,
)
def test_each_state_entitles_to_this(subscription: Subscription, standing: Standing, plan: str | None) -> None:
    found = resolve([subscription], PLANS, grace=GRACE, now=NOW)
    assert (found.standing, found.plan) == (standing, plan)


def test_nobody_has_subscribed() -> None:
    assert resolve([], PLANS, grace=GRACE, now=NOW).standing is Standing.NONE


def test_the_end_of_grace_is_told_beforehand() -> None:
    found = resolve([one("past_due", overdue_since=days_ago(1))], PLANS, grace=GRACE, now=NOW)
    assert found.changes_at == NOW + timedelta(days=13)


def test_of_several_the_larger_plan_counts_in_whatever_order_they_are() -> None:
    several = [
        one("canceled", "price_premium"),
        replace(one("active"), id="sub_2"),
        replace(one("trialing", "price_premium"), id="sub_3", created_at=days_ago(9)),
        replace(one("unpaid", "price_premium"), id="sub_4"),
    ]
    found = {resolve(each, PLANS, grace=GRACE, now=NOW) for each in permutations(several)}
    assert [(each.plan, each.subscription and each.subscription.id) for each in found] == [("premium", "sub_3")]


def test_of_those_that_give_nothing_the_living_one_counts() -> None:
    found = resolve(
        [replace(one("canceled"), id="sub_2", created_at=NOW + GRACE), one("unpaid")], PLANS, grace=GRACE, now=NOW
    )
    assert found.standing is Standing.UNPAID
