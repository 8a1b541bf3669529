"""What happens at Stripe because time passes: renewals, trials that end, payments that are tried again."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from cliply.dev_providers import stripe_invoices as invoices
from cliply.dev_providers import stripe_subscriptions as subscriptions
from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_errors import wrong
from cliply.dev_providers.stripe_parameters import Text, Whole, call, listing
from cliply.dev_providers.stripe_world import Account, Thing

_WARNED_BEFORE = 3 * subscriptions.DAY
_FURTHEST = 2 * 366 * subscriptions.DAY
_Due: TypeAlias = tuple[int, Callable[[], object]]


def settle(account: Account) -> None:
    """Lets happen what is due, in its order and each at its own time."""
    with account.lock:
        while (next_ := min(_due(account), key=lambda each: each[0], default=None)) is not None:
            when, happens = next_
            with account.at(when):
                happens()


def _due(account: Account) -> Iterator[_Due]:
    for each in account.every("subscription"):
        if each["status"] not in subscriptions.ENDED:
            yield from (due for due in _of_subscription(account, each) if due[0] <= account.now(each))
    for each in account.every("invoice"):
        if each["status"] in ("draft", "open"):
            yield from (due for due in _of_invoice(account, each) if due[0] <= account.now(each))
    for each in account.every("checkout.session", status="open"):
        if each["expires_at"] <= account.now(each):
            yield each["expires_at"], partial(expire_session, account, each)


def _of_subscription(account: Account, subscription: Thing) -> Iterator[_Due]:
    status = subscription["status"]
    if subscription["cancel_at"] is not None:
        yield subscription["cancel_at"], partial(subscriptions.end, account, subscription)
    if status == "incomplete":
        yield subscriptions.first_unpaid_since(subscription), partial(subscriptions.end, account, subscription)
    if status == "trialing" and not subscription.get("_warned"):
        warned_at = max(subscription["trial_end"] - _WARNED_BEFORE, subscription["created"])
        yield warned_at, partial(_warn, account, subscription)
    if status not in ("paused", "incomplete"):
        end = subscription["items"]["data"][0]["current_period_end"]
        yield end, partial(subscriptions.renew, account, subscription)
    if subscription["pending_update"]:
        expires = subscription["pending_update"]["expires_at"]
        yield expires, partial(subscriptions.expire_pending, account, subscription)


def _warn(account: Account, subscription: Thing) -> None:
    subscription["_warned"] = True
    account.emit("customer.subscription.trial_will_end", subscription)


def _of_invoice(account: Account, invoice: Thing) -> Iterator[_Due]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"] is not None:
        yield invoice["automatically_finalizes_at"], partial(_open, account, invoice)
    if invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
        yield invoice["next_payment_attempt"], partial(subscriptions.collect, account, invoice)


def _open(account: Account, invoice: Thing) -> None:
    invoices.finalise(account, invoice)
    subscriptions.collect(account, invoice)


def expire_session(account: Account, session: Thing) -> None:
    session |= {"status": "expired", "url": None}
    account.emit("checkout.session.expired", session)


def _create_clock(account: Account, asked: Call) -> Thing:
    made = account.new(
        "test_helpers.test_clock",
        "clock",
        deletes_after=account.now() + 30 * subscriptions.DAY,
        frozen_time=asked.get("frozen_time"),
        name=asked.get("name"),
        status="ready",
        status_details={},
    )
    return account.add(made, event="test_helpers.test_clock.created")


def _advance_clock(account: Account, asked: Call) -> Thing:
    clock = account.get("test_helpers.test_clock", asked.ids["id"])
    wanted = asked.get("frozen_time")
    if wanted <= clock["frozen_time"]:
        raise wrong("Test clocks can only be advanced to a later time.", "frozen_time")
    if wanted - clock["frozen_time"] > _FURTHEST:
        raise wrong("Test clocks can only be advanced by two intervals of a subscription at a time.", "frozen_time")
    clock["frozen_time"] = wanted
    settle(account)
    account.emit("test_helpers.test_clock.ready", clock)
    return clock


def _clock(account: Account, asked: Call) -> Thing:
    return account.get("test_helpers.test_clock", asked.ids["id"])


_CLOCKS = "/v1/test_helpers/test_clocks"
ENDPOINTS = [
    Endpoint("POST", _CLOCKS, call("frozen_time", frozen_time=Whole(), name=Text(300)), _create_clock),
    Endpoint("GET", _CLOCKS, listing(), lambda at, _asked: at.every("test_helpers.test_clock")),
    Endpoint("GET", _CLOCKS + "/{id}", call(), _clock),
    Endpoint("POST", _CLOCKS + "/{id}/advance", call("frozen_time", frozen_time=Whole()), _advance_clock),
]
