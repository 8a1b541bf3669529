"""What Stripe sends: only what it has signed, each once, and the same in whatever order it comes."""

import random
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, text
from tests.dev_providers.stripe_account import FAILS_LATER, card
from tests.features.billing.till import Till, problem

from cliply.dev_providers.stripe_events import payload, roll_secret, signature
from cliply.features.billing.models import BillingEvent


def events_kept(at: Till) -> int:
    with at.world.database.system() as session:
        return session.scalar(select(func.count()).select_from(BillingEvent)) or 0


def jobs(at: Till) -> int:
    with at.world.database.system() as session:
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'BILLING_EVENT_APPLY'")
        return int(session.execute(query).scalar_one())


def test_an_event_is_kept_and_carried_out_once_however_often_it_comes(at: Till) -> None:
    at.browser.post(at.checkout(), data=card("4242424242424242"))
    event = at.event("customer.subscription.created")
    assert [at.post(event).status_code for _ in range(20)] == [200] * 20
    assert (events_kept(at), jobs(at)) == (1, 1)
    assert at.run() == 1
    assert at.status["plan"] == "pro"
    at.post(event)
    assert (events_kept(at), jobs(at), at.run()) == (1, 1, 0)


def forgeries(at: Till) -> Sequence[tuple[str, bytes, str | None]]:
    endpoint = at.shop.stripe.account.every("webhook_endpoint")[0]
    body = payload(dict(at.event("customer.subscription.created")))
    now = int(at.shop.stripe.deliveries.clock.now().timestamp())
    right = signature(endpoint, body, now)
    mark = right.partition("v1=")[2]
    other = {**endpoint, "_secrets": ["whsec_another"]}
    return [
        ("nothing is signed", body, None),
        ("an empty signature", body, ""),
        ("no signature at all", body, "hello"),
        ("a time that is none", body, f"t=now,v1={mark}"),
        ("no time", body, f"v1={mark}"),
        ("another's secret", body, signature(other, body, now)),
        ("an older scheme", body, f"t={now},v0={mark}"),
        ("another body", body.replace(b"active", b"unpaid"), right),
        ("a space more", body + b" ", right),
        ("six minutes old", body, signature(endpoint, body, now - 360)),
        ("its time was moved", body, right.replace(str(now), str(now + 1))),
        ("half of a signature", body, f"t={now},v1={mark[:32]}"),
        ("no text", b"\xff\xfe", f"t={now},v1={mark}"),
        ("no JSON, though signed", b"hello", signature(endpoint, b"hello", now)),
        ("no event, though signed", b'{"id": 1}', signature(endpoint, b'{"id": 1}', now)),
        ("many signatures, all wrong", body, f"t={now}," + ",".join(f"v1={each:064x}" for each in range(150))),
    ]


def test_nothing_is_believed_that_stripe_has_not_signed_just_now(at: Till) -> None:
    at.browser.post(at.checkout(), data=card("4242424242424242"))
    accepted = []
    for name, body, signed in forgeries(at):
        headers = {} if signed is None else {"stripe-signature": signed}
        answer = at.browser.post(f"{at.address}/api/webhooks/stripe", content=body, headers=headers)
        if answer.is_success:
            accepted.append(name)
        else:
            assert problem(answer) == (422, "forged_event"), name
    assert accepted == []
    assert (events_kept(at), at.status["standing"]) == (0, "none")


def test_a_secret_is_replaced_without_losing_an_event(at: Till) -> None:
    endpoint = at.shop.stripe.account.every("webhook_endpoint")[0]
    at.browser.post(at.checkout(), data=card("4242424242424242"))
    # Stripe signs with both for a while; Cliply has been given the old one only.
    roll_secret(endpoint)
    assert at.post(at.event("invoice.paid")).status_code == 200
    # And afterwards with the new one alone, which Cliply does not know.
    endpoint["_secrets"] = endpoint["_secrets"][:1]
    assert problem(at.post(at.event("checkout.session.completed"))) == (422, "forged_event")
    at.runtime.payments._secrets.append(endpoint["_secrets"][0])  # type: ignore[union-attr] # as a restart with both does
    assert at.post(at.event("checkout.session.completed")).status_code == 200


def test_what_nobody_listens_for_is_answered_and_forgotten(at: Till) -> None:
    at.browser.post(at.checkout(), data=card("4242424242424242"))
    assert at.post(at.event("payment_intent.succeeded")).json() == {"received": True}
    assert events_kept(at) == 0


def test_an_event_of_a_stranger_changes_nothing(at: Till) -> None:
    stranger = at.shop.client.v1.customers.create(params={"email": "x@example.com", "payment_method": "pm_card_visa"})
    at.shop.client.v1.subscriptions.create(
        params={"customer": stranger.id, "items": [{"price": "price_premium_monthly"}]}
    )
    before = at.state()
    at.catch_up()
    assert at.state() == before
    assert at.status["standing"] == "none"


def test_a_customer_that_was_never_written_down_says_whose_it_is(at: Till) -> None:
    """Stripe has made it, and the process died before it noted that; somebody has paid meanwhile."""
    at.browser.post(at.checkout(), data=card("4242424242424242"))
    with at.world.database.system() as session:
        session.execute(text("DELETE FROM billing_customers"))
    at.catch_up()
    assert at.status["plan"] == "pro"


def six(at: Till) -> list[Any]:
    """Somebody subscribes, takes a larger plan and cancels."""
    at.shop.stripe.deliveries.held = True
    at.browser.post(at.checkout("pro"), data=card("4242424242424242"))
    item = at.subscription["items"]["data"][0]["id"]
    at.shop.client.v1.subscriptions.update(
        at.subscription["id"],
        params={
            "items": [{"id": item, "price": "price_premium_monthly"}], "proration_behavior": "always_invoice",
        },
    )  # fmt: skip
    first = next(each for each in reversed(every(at, "invoice.paid")))
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    return [
        every(at, "checkout.session.completed")[0],
        every(at, "customer.subscription.created")[0],
        first,
        every(at, "customer.subscription.updated")[0],
        every(at, "invoice.paid")[0],
        every(at, "customer.subscription.deleted")[0],
    ]


def every(at: Till, kind: str) -> list[Any]:
    return [each for each in at.shop.stripe.account.every("event") if each["type"] == kind]


def forget(at: Till) -> None:
    """As it was before any of it came."""
    with at.world.database.system() as session:
        for table in ("billing_events", "billing_subscriptions", "billing_notices", "procrastinate_jobs"):
            session.execute(text(f"DELETE FROM {table}"))
        session.execute(text("UPDATE billing_customers SET granted = NULL"))
        session.execute(text("UPDATE workspaces SET plan = 'basic', stripe_customer_id = NULL, "
                             "stripe_subscription_id = NULL, period_anchor = NULL"))  # fmt: skip


def end_states(at: Till, orders: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    drawn, found = random.Random(720), list[dict[str, Any]]()
    for order in orders:
        forget(at)
        for event in order:
            assert at.take(event)
            # Some come twice in a row, some again later, some before anything of them was carried out.
            if drawn.random() < 0.3:
                assert not at.take(event)
            if drawn.random() < 0.5:
                at.run()
        for event in drawn.sample(list(order), 3):
            assert not at.take(event)
        at.run()
        state = at.state()
        if state not in found:
            found.append(state)
    return found


def test_events_in_any_order_and_number_come_to_the_same(at: Till) -> None:
    events = six(at)
    orders = random.Random(6).sample(list(permutations(events)), 12)
    states = end_states(at, [events, events[::-1], *orders])
    assert len(states) == 1
    assert (states[0]["plan"], states[0]["waiting"]) == ("basic", [])


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(6))
def test_all_720_orders_of_six_events_come_to_the_same(at: Till, first: int) -> None:
    """A sixth of them each: what comes to another state than the first one would come to two."""
    events = six(at)
    orders = [order for order in permutations(events) if order[0] is events[first]]
    assert len(orders) == 120
    assert len(end_states(at, [events, *orders])) == 1


def test_whoever_asks_later_knows_better(at: Till) -> None:
    """Two jobs of one customer: what the slow one has read is over when it comes to write it."""
    from cliply.features.billing import customers, syncing

    at.subscribe()
    assert at.runtime.payments is not None
    slow = syncing.read(at.runtime, at.runtime.payments, at.world.workspace)
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    at.catch_up()
    assert slow is not None
    with at.world.database.system() as session:
        assert customers.write(session, at.runtime.settings, slow) is None
    assert at.status["standing"] == "ended"


def test_a_day_without_any_event_is_made_good_by_one_check(at: Till) -> None:
    at.shop.stripe.deliveries.held = True
    at.browser.post(at.checkout("pro"), data=card(FAILS_LATER))
    assert at.status["standing"] == "none"
    at.check()
    assert (at.status["plan"], at.status["standing"]) == ("pro", "active")
    at.later(days=31, hours=2)
    at.check()
    assert at.status["standing"] == "grace"
    at.later(days=16)
    at.check()
    assert (at.status["plan"], at.status["standing"]) == ("basic", "ended")
    assert jobs(at) == 0


def test_events_that_nobody_carried_out_are_carried_out_by_the_check(at: Till) -> None:
    at.subscribe()
    with at.world.database.system() as session:
        session.execute(text("UPDATE billing_events SET applied_at = NULL, received_at = now() - interval '1 hour'"))
    assert len(at.state()["waiting"]) > 0
    at.check()
    assert at.state()["waiting"] == []


def test_hands_in_the_database_are_found_and_put_right(at: Till) -> None:
    at.subscribe("premium")
    for change in (
        "UPDATE workspaces SET plan = 'basic'",
        "UPDATE workspaces SET stripe_subscription_id = NULL",
        "UPDATE billing_subscriptions SET status = 'canceled'",
        "DELETE FROM billing_subscriptions",
        "UPDATE billing_customers SET granted = NULL",
        "UPDATE workspaces SET period_anchor = NULL",
    ):
        before = at.state()
        with at.world.database.system() as session:
            session.execute(text(change))
        assert at.state() != before
        at.check()
        assert at.state() == before, change


def test_stripe_that_does_not_answer_loses_no_event(at: Till) -> None:
    from cliply.dev_providers.faults import Fault, Kind
    from cliply.integrations.payments import PaymentsAway

    at.browser.post(at.checkout(), data=card("4242424242424242"))
    at.shop.stripe.account.faults.plan(Fault(Kind.ANSWER, path="/v1/subscriptions", times=3, status=503))
    at.post(at.event("invoice.paid"))
    with pytest.raises(PaymentsAway):
        at.run()
    assert len(at.state()["waiting"]) == 1
    at.check()
    with at.world.database.system() as session:
        session.execute(text("UPDATE billing_events SET received_at = now() - interval '1 hour'"))
    at.check()
    assert (at.status["plan"], at.state()["waiting"]) == ("pro", [])


def test_a_payment_that_fails_is_told_once_and_the_plan_is_kept_for_a_while(at: Till) -> None:
    at.subscribe("pro", FAILS_LATER)
    at.later(days=31, hours=2)
    status = at.status
    assert (status["plan"], status["standing"]) == ("pro", "grace")
    assert status["grace_until"] is not None
    pay = status["subscription"]["pay_url"]
    assert at.letters() == ["payment_failed"]
    at.later(days=4)
    assert at.letters() == ["payment_failed"]
    assert at.browser.post(pay, data=card("4242424242424242")).status_code == 303
    at.catch_up()
    assert at.status["standing"] == "active"
    assert len(at.letters()) == 1


def test_a_refund_and_a_dispute_are_told_and_take_nothing_away(at: Till) -> None:
    at.subscribe("pro", "4000000000000259")
    paid = at.shop.stripe.account.every("charge", paid=True)[0]
    at.shop.client.v1.refunds.create(params={"charge": paid["id"], "amount": 100})
    at.catch_up()
    assert sorted(at.letters()) == ["disputed", "refunded"]
    assert at.status["plan"] == "pro"


def test_a_price_that_is_no_plan_s_gives_nothing_and_is_told(at: Till) -> None:
    at.subscribe("pro")
    at.shop.stripe.add_plan("secret", 1)
    item = at.subscription["items"]["data"][0]["id"]
    at.shop.client.v1.subscriptions.update(
        at.subscription["id"], params={"items": [{"id": item, "price": "price_secret_monthly"}]}
    )
    at.catch_up()
    assert (at.status["standing"], at.status["plan"]) == ("unknown_price", "pro")
    found = at.browser.get(f"{at.address}/api/health/audit", headers=at.world.headers("operator")).json()["findings"]
    assert any("price_secret_monthly" in each["told"] for each in found)


def test_no_answer_of_ours_tells_a_secret(at: Till) -> None:
    from cliply.integrations.stripe_billing import StripeBilling

    assert isinstance(at.runtime.payments, StripeBilling)
    assert "whsec" not in repr(at.runtime.settings)
    at.shop.stripe.account.key = "sk_test_another"
    answer: httpx2.Response = at.ask("POST", "/api/billing/checkout", {"plan": "pro"})
    assert problem(answer) == (503, "payments_misconfigured")
    assert "sk_test" not in answer.text
