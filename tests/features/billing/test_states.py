"""What becomes of a workspace in states of its subscription that are not simply paid, from what Stripe tells on."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from tests.dev_providers.stripe_account import FAILS_LATER, PAYS, card
from tests.features.billing.till import Till, problem, without_billing

from cliply.features.billing import checking
from cliply.features.billing.syncing import WorkerWithoutBilling
from cliply.features.jobs.retries import Retries
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric


def found(at: Till) -> list[tuple[str, str]]:
    with at.world.database.system() as session:
        return [(each.severity, each.told) for each in checking.findings(session, at.runtime.settings)]


def test_a_subscription_that_is_paused_gives_nothing_until_it_goes_on(at: Till) -> None:
    at.subscribe("pro")
    at.shop.client.v1.subscriptions.pause(at.subscription["id"], params={"type": "subscription"})
    at.catch_up()
    assert (at.status["standing"], at.status["plan"]) == ("paused", "basic")
    assert problem(at.ask("POST", "/api/billing/checkout", {"plan": "pro"})) == (409, "already_subscribed")
    at.shop.client.v1.subscriptions.resume(at.subscription["id"], params={"billing_cycle_anchor": {"type": "now"}})
    at.catch_up()
    assert (at.status["standing"], at.status["plan"]) == ("active", "pro")


def test_the_end_of_a_trial_is_told_once_three_days_before(at: Till) -> None:
    at.runtime.settings.billing.trial_days = 2
    at.subscribe("pro")
    at.later(hours=1)
    at.check()
    assert (at.status["standing"], at.letters()) == ("trial", ["trial_ending"])
    at.later(days=2)
    assert (at.status["standing"], at.letters()) == ("active", ["trial_ending"])


def test_usage_begins_anew_with_a_subscription_and_is_told_when_it_has_ended(at: Till) -> None:
    def count(source: str, amount: int) -> None:
        with at.world.database.workspace(at.world.workspace) as session:
            ledger.commit(session, Metric.SOURCE_MINUTES, source, amount)

    def used() -> tuple[int, list[int]]:
        told = at.told("GET", "/api/usage")
        [now] = [each["used"] for each in told["metrics"] if each["metric"] == "source_minutes"]
        return now, [each["used"]["source_minutes"] for each in told["history"]]

    count("free", 300)
    at.subscribe("pro")
    assert used() == (0, [300])
    count("paid", 20)
    assert used() == (20, [300])
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    at.catch_up()
    assert used() == (300, [20])


def waiting(at: Till) -> list[Any]:
    with at.world.database.system() as session:
        query = "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'SUBSCRIPTION_SYNC' AND status = 'todo'"
        return list(session.execute(text(query)).scalars())


def test_when_the_days_of_grace_are_over_the_plan_goes_though_stripe_tells_nothing(at: Till) -> None:
    at.shop.clock.advance(timedelta(days=-33))
    at.subscribe("pro", FAILS_LATER)
    at.later(days=31, hours=2)
    status = at.status
    assert (status["standing"], status["plan"]) == ("grace", "pro")
    [again] = waiting(at)
    assert again.isoformat(timespec="seconds") == status["grace_until"].replace("Z", "+00:00")
    at.runtime.settings.billing.grace_days = 1
    with at.world.database.system() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))
    assert at.run() == 1
    assert (at.status["standing"], at.status["plan"]) == ("overdue", "basic")
    # And it is back with the payment.
    pay = at.status["subscription"]["pay_url"]
    assert at.browser.post(pay, data=card(PAYS)).status_code == 303
    at.catch_up()
    assert (at.status["standing"], at.status["plan"]) == ("active", "pro")


def test_who_buys_a_price_that_is_no_plan_s_gets_nothing_for_it(at: Till) -> None:
    at.checkout()
    customer = at.shop.stripe.account.every("customer")[0]["id"]
    method = at.shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer})
    at.shop.stripe.add_plan("secret", 1)
    at.shop.client.v1.subscriptions.create(
        params={
            "customer": customer, "items": [{"price": "price_secret_monthly"}], "default_payment_method": method.id,
        }
    )  # fmt: skip
    before = at.status["plan"]
    at.catch_up()
    assert (at.status["standing"], at.status["plan"], at.workspace().period_anchor) == ("unknown_price", before, None)
    assert [severity for severity, told in found(at) if "price_secret_monthly" in told] == ["error"]


def test_who_pays_twice_has_the_larger_plan_and_an_operator_hears_of_it(at: Till) -> None:
    at.subscribe("pro")
    assert found(at) == []
    customer, method = at.subscription["customer"], at.subscription["default_payment_method"]
    at.shop.client.v1.subscriptions.create(
        params={
            "customer": customer, "items": [{"price": "price_premium_monthly"}], "default_payment_method": method,
        }
    )  # fmt: skip
    at.catch_up()
    assert at.status["plan"] == "premium"
    [(severity, told)] = found(at)
    assert severity == "warning"
    assert "pays for two subscriptions" in told
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    at.catch_up()
    assert (at.status["plan"], found(at)) == ("pro", [])


def buy(at: Till, *prices: str) -> None:
    """In Stripe's dashboard, by whoever runs the service: one subscription to all of them."""
    at.checkout()
    customer = at.shop.stripe.account.every("customer")[0]["id"]
    method = at.shop.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer})
    at.shop.stripe.add_plan("seats", 500)
    items = [{"price": price} for price in prices]
    told = {"customer": customer, "items": items, "default_payment_method": method.id}
    at.shop.client.v1.subscriptions.create(params=told)
    at.catch_up()


def test_the_item_that_buys_a_plan_need_not_be_the_first(at: Till) -> None:
    buy(at, "price_seats_monthly", "price_pro_monthly")
    status = at.status
    assert (status["standing"], status["plan"]) == ("active", "pro")
    assert (status["subscription"]["price"], status["subscription"]["amount"]) == ("price_pro_monthly", 3400)
    assert found(at) == []
    before = at.state()
    at.check()
    assert at.state() == before, "nothing has drifted"


def test_who_pays_for_two_plans_in_one_subscription_has_the_larger_and_an_operator_hears_of_it(at: Till) -> None:
    buy(at, "price_pro_monthly", "price_premium_monthly")
    assert (at.status["standing"], at.status["plan"]) == ("active", "premium")
    [(severity, told)] = found(at)
    assert (severity, "(premium, pro), and has premium" in told) == ("warning", True)


def test_an_operator_hears_of_events_that_nobody_carries_out(at: Till) -> None:
    at.browser.post(at.checkout(), data=card(PAYS))
    at.shop.stripe.deliveries.send()
    assert found(at) == []
    with at.world.database.system() as session:
        session.execute(text("UPDATE billing_events SET received_at = now() - interval '2 hours'"))
    [(severity, told)] = found(at)
    assert severity == "error"
    assert "wait since an hour" in told


def test_a_worker_without_the_key_leaves_an_event_to_one_that_has_it(at: Till) -> None:
    at.browser.post(at.checkout(), data=card(PAYS))
    at.shop.stripe.deliveries.send()
    selling, at.runtime = at.runtime, without_billing(at)
    before = at.state()["waiting"]
    with pytest.raises(WorkerWithoutBilling) as raised:
        at.run()
    assert Retries().retry_in(raised.value, 0) is not None, "it is tried again, maybe by another"
    at.runtime = selling
    assert at.state()["waiting"] == before
    with at.world.database.system() as session:
        session.execute(text("UPDATE billing_events SET received_at = now() - interval '1 hour'"))
    at.check()
    assert (at.status["plan"], at.state()["waiting"]) == ("pro", [])


def test_an_operator_hears_that_nothing_is_sold_or_that_nobody_has_a_reason_to_buy(at: Till) -> None:
    at.runtime.settings.plan = "unlimited"
    [(severity, told)] = found(at)
    assert (severity, "CLIPLY_PLAN=basic" in told) == ("warning", True)
    at.runtime.settings.plan = "pro"
    [(severity, told)] = found(at)
    assert (severity, "The plan pro is sold" in told) == ("warning", True)
    at.runtime.settings.plan, at.runtime.settings.billing.url = "basic", None
    [(severity, told)] = found(at)
    assert (severity, "CLIPLY_SERVER__URL" in told) == ("error", True)
    at.runtime.settings.server.url = "https://clips.example.com"
    assert found(at) == []
    at.runtime.settings.plans = None
    [(severity, told)] = found(at)
    assert (severity, "no plan has a price" in told) == ("error", True)
