"""The stand-in for Stripe, asked by Stripe's own library."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import stripe
from tests.dev_providers.stripe_account import ASKS, DECLINED, FAILS_LATER, Shop, shop
from tests.servers.loopback import QuietHandler, listening

from cliply.dev_providers.stripe_events import WAITS, add_endpoint, payload, roll_secret, signature


@pytest.fixture
def at() -> Iterator[Shop]:
    with shop() as found:
        yield found


def test_a_session_is_paid_on_its_page_and_only_then_a_subscription_is_there(at: Shop) -> None:
    session = at.checkout(customer_email="ada@example.com", subscription_data={"metadata": {"workspace": "1"}})
    assert (session.status, session.payment_status, session.subscription) == ("open", "unpaid", None)
    shown = at.browser.get(session.url).text
    assert "29.00 EUR" in shown
    assert "Cliply pro" in shown
    answer = at.pay(session.url)
    assert answer.headers["location"] == f"http://127.0.0.1:1/done?session={session.id}"
    done = at.client.v1.checkout.sessions.retrieve(
        session.id, params={"expand": ["subscription", "customer", "line_items", "invoice.payments"]}
    )
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.customer.email == "ada@example.com"
    assert done.line_items.data[0].price.id == "price_pro_monthly"
    assert (done.invoice.status, done.invoice.amount_paid, len(done.invoice.payments.data)) == ("paid", 2900, 1)
    subscription = done.subscription
    item = subscription["items"].data[0]
    assert subscription.status == "active"
    assert subscription.metadata.to_dict() == {"workspace": "1"}
    # Periods are the items' own since the version of March 2025.
    assert "current_period_end" not in subscription
    assert item.current_period_end > item.current_period_start
    told = set(at.events())
    assert {"checkout.session.completed", "customer.subscription.created", "invoice.paid"} <= told


def test_a_card_that_is_declined_leaves_nothing_and_may_be_followed_by_another(at: Shop) -> None:
    session = at.checkout(customer_email="ada@example.com")
    answer = at.pay(session.url, DECLINED)
    assert answer.status_code == 402
    assert "Your card was declined." in answer.text
    assert at.events() == []
    assert at.client.v1.customers.list().data == []
    assert at.pay(session.url).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"number": "4242424242424241"}, "number is invalid"),
        ({"number": "5555555555554444"}, "non test card"),
        ({"expiry": "12 / 20"}, "in the past"),
        ({"expiry": "soon"}, "incomplete"),
        ({"cvc": "1"}, "security code is incomplete"),
    ],
)
def test_what_is_no_card_is_told_so_on_the_page(at: Shop, wrong: dict[str, str], told: str) -> None:
    session = at.checkout(customer_email="ada@example.com")
    answer = at.pay(session.url, **{"number": "4242424242424242", **wrong})
    assert answer.status_code == 402
    assert told in answer.text.replace("&#x27;", "'")


def test_a_bank_that_asks_is_answered_on_a_page_of_its_own(at: Shop) -> None:
    session = at.checkout(customer_email="ada@example.com")
    answer = at.pay(session.url, ASKS)
    bank = at.address + answer.headers["location"]
    assert "Your bank asks" in at.browser.get(bank).text
    assert at.events() == []
    assert at.browser.post(bank, data={"answer": "fail"}).status_code == 402
    at.pay(session.url, ASKS)
    assert at.browser.post(bank, data={"answer": "complete"}).status_code == 303
    assert at.client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_session_ends_by_the_clock_or_when_it_is_asked_to(at: Shop) -> None:
    first, second = at.checkout(), at.checkout()
    at.client.v1.checkout.sessions.expire(first.id)
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions with a status in `open`"):
        at.client.v1.checkout.sessions.expire(first.id)
    at.later(hours=25)
    assert at.client.v1.checkout.sessions.retrieve(second.id).status == "expired"
    assert at.events() == ["checkout.session.expired", "checkout.session.expired"]
    assert at.pay(second.url or f"{at.address}/c/pay/{second.id}").status_code == 410


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"line_items": [{"prise": "x"}]}, "line_items[0][prise]", "parameter_unknown"),
        ({"line_items": [{"price": "price_none"}]}, "line_items[0][price]", "resource_missing"),
        ({"line_items": [{"price": "price_pro_monthly", "quantity": "many"}]}, "line_items[0][quantity]",
         "parameter_invalid_integer"),
        ({"mode": "gift"}, "mode", None),
        ({"customer": "cus_none"}, "customer", "resource_missing"),
        ({"success_url": "/done"}, "success_url", "url_invalid"),
        ({"expires_at": 1}, "expires_at", None),
        ({"allow_promotion_codes": "perhaps"}, "allow_promotion_codes", None),
        ({"metadata": {"k": "x" * 501}}, "metadata[k]", None),
    ],
)  # fmt: skip
def test_what_stripe_refuses_is_refused_with_the_parameter_s_name(
    at: Shop, more: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        at.checkout(**more)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.http_status == 400


def test_a_parameter_that_is_missing_is_named(at: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=re.escape("Missing required param: line_items.")):
        at.client.v1.checkout.sessions.create(params={"mode": "subscription", "success_url": "http://127.0.0.1/"})


def test_keys_and_versions_are_looked_at(at: Shop) -> None:
    other = stripe.StripeClient("sk_test_another", base_addresses={"api": at.address})
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        other.v1.customers.list()
    old = stripe.StripeClient(at.stripe.account.key, base_addresses={"api": at.address}, stripe_version="2024-06-20")
    with pytest.raises(stripe.InvalidRequestError, match="API version"):
        old.v1.customers.list()
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_no'") as missing:
        at.client.v1.customers.retrieve("cus_no")
    assert missing.value.http_status == 404


def test_a_key_gives_the_same_answer_again_and_refuses_another_question(at: Shop) -> None:
    options: stripe.RequestOptions = {"idempotency_key": "k"}
    first = at.client.v1.customers.create(params={"name": "Ada"}, options=options)
    again = at.client.v1.customers.create(params={"name": "Ada"}, options=options)
    assert first.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        at.client.v1.customers.create(params={"name": "Bob"}, options=options)
    assert len(at.client.v1.customers.list().data) == 1
    at.later(hours=25)
    assert at.client.v1.customers.create(params={"name": "Bob"}, options=options).name == "Bob"


def test_a_key_whose_request_is_at_work_is_in_use(at: Shop) -> None:
    answers = []

    def ask() -> None:
        headers = {"Authorization": f"Bearer {at.stripe.account.key}", "Idempotency-Key": "k"}
        answers.append(httpx2.post(f"{at.address}/v1/customers", headers=headers, data={"name": "Ada"}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.status_code for each in answers} <= {200, 409}
    assert len({each.json()["id"] for each in answers if each.status_code == 200}) == 1
    assert len(at.client.v1.customers.list().data) == 1


def test_lists_are_read_page_by_page(at: Shop) -> None:
    made = [at.client.v1.customers.create(params={"name": str(number)}).id for number in range(7)]
    assert [each.id for each in at.client.v1.customers.list(params={"limit": 3}).auto_paging_iter()] == made[::-1]
    page = at.client.v1.customers.list(params={"limit": 2, "ending_before": made[0]})
    assert ([each.id for each in page.data], page.has_more) == ([made[2], made[1]], True)
    with pytest.raises(stripe.InvalidRequestError):
        at.client.v1.customers.list(params={"limit": 101})


def test_a_month_is_renewed_and_months_keep_their_last_day(at: Shop) -> None:
    subscription = at.subscribed()
    ends = []
    for days in (31, 28, 31, 30):
        at.later(days=days, hours=2)
        item = at.client.v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        ends.append(f"{at.clock.now().fromtimestamp(item.current_period_end, at.clock.now().tzinfo):%m-%d}")
    assert ends == ["02-28", "03-31", "04-30", "05-31"]
    found = at.client.v1.invoices.list(params={"subscription": subscription.id}).data
    assert [each.billing_reason for each in found] == [*["subscription_cycle"] * 4, "subscription_create"]
    assert {each.status for each in found} == {"paid"}
    details = found[0].parent.subscription_details
    assert details.subscription == subscription.id
    assert found[0].lines.data[0].parent.subscription_item_details.subscription == subscription.id


def test_what_cannot_be_paid_is_tried_again_and_ends_the_subscription(at: Shop) -> None:
    subscription = at.subscribed(FAILS_LATER)
    at.later(days=31, hours=2)
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = at.client.v1.invoices.list(params={"subscription": subscription.id, "status": "open"}).data[0]
    assert (invoice.attempt_count, invoice.next_payment_attempt is not None) == (1, True)
    assert "invoice.payment_failed" in at.events()
    at.later(days=16)
    ended = at.client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert at.events().count("invoice.payment_failed") == 4
    assert at.events()[-1] == "customer.subscription.deleted"


def test_an_open_invoice_is_paid_on_its_page_and_the_subscription_is_active_again(at: Shop) -> None:
    subscription = at.subscribed(FAILS_LATER)
    at.later(days=31, hours=2)
    invoice = at.client.v1.invoices.list(params={"subscription": subscription.id, "status": "open"}).data[0]
    assert at.pay(invoice.hosted_invoice_url, DECLINED).status_code == 402
    assert at.pay(invoice.hosted_invoice_url).status_code == 303
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "active"
    at.later(days=31)
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "active"


def change(at: Shop, subscription: Any, price: str, **more: Any) -> Any:
    item = subscription["items"].data[0].id
    wanted = {"items": [{"id": item, "price": price}], **more}
    return at.client.v1.subscriptions.update(subscription.id, params=wanted)


def test_an_upgrade_costs_what_was_previewed(at: Shop) -> None:
    subscription = at.subscribed()
    at.later(days=10)
    item = subscription["items"].data[0].id
    preview = at.client.v1.invoices.create_preview(
        params={
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": item, "price": "price_premium_monthly"}],
                "proration_behavior": "always_invoice",
                "proration_date": int(at.clock.now().timestamp()),
            },
        }
    )
    assert [each.amount < 0 for each in preview.lines.data] == [True, False]
    changed = change(
        at, subscription, "price_premium_monthly", proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )  # fmt: skip
    paid = at.client.v1.invoices.retrieve(changed.latest_invoice)
    assert (paid.amount_paid, paid.status) == (preview.amount_due, "paid")
    assert paid.amount_paid == round(9900 * 21 / 31) - round(2900 * 21 / 31)
    assert changed["items"].data[0].price.id == "price_premium_monthly"


def test_an_upgrade_that_is_not_paid_waits_and_is_given_up_in_the_end(at: Shop) -> None:
    subscription = at.subscribed(FAILS_LATER)
    changed = change(
        at, subscription, "price_premium_monthly", proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )  # fmt: skip
    assert changed["items"].data[0].price.id == "price_pro_monthly"
    assert changed.pending_update.subscription_items[0].price.id == "price_premium_monthly"
    at.later(hours=24)
    assert at.client.v1.subscriptions.retrieve(subscription.id).pending_update is None
    assert at.events()[-1] == "customer.subscription.pending_update_expired"


def test_an_upgrade_that_is_paid_late_is_made_then(at: Shop) -> None:
    subscription = at.subscribed(FAILS_LATER)
    changed = change(
        at, subscription, "price_premium_monthly", proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )  # fmt: skip
    invoice = at.client.v1.invoices.retrieve(changed.latest_invoice)
    assert at.pay(invoice.hosted_invoice_url).status_code == 303
    after = at.client.v1.subscriptions.retrieve(subscription.id)
    assert (after["items"].data[0].price.id, after.pending_update) == ("price_premium_monthly", None)
    assert "customer.subscription.pending_update_applied" in at.events()


def test_a_downgrade_gives_back_what_the_next_invoice_costs_less(at: Shop) -> None:
    subscription = at.subscribed(line_items=[{"price": "price_premium_monthly", "quantity": 1}])
    at.later(days=1)
    changed = change(at, subscription, "price_pro_monthly", proration_behavior="always_invoice")
    invoice = at.client.v1.invoices.retrieve(changed.latest_invoice)
    assert (invoice.status, invoice.amount_due, invoice.total < 0) == ("paid", 0, True)
    customer = at.client.v1.customers.retrieve(changed.customer)
    assert customer.balance == invoice.total
    assert "Kept as credit for later invoices." in at.browser.get(invoice.hosted_invoice_url).text
    again = change(at, changed, "price_premium_monthly", proration_behavior="always_invoice")
    page = at.browser.get(at.client.v1.invoices.retrieve(again.latest_invoice).hosted_invoice_url).text
    assert f"From credit: {invoice.total / 100:.2f} EUR" in page, "or what is paid is not what the lines come to"


def test_a_subscription_that_is_cancelled_runs_to_its_end(at: Shop) -> None:
    subscription = at.subscribed()
    at.client.v1.subscriptions.update(subscription.id, params={"cancel_at_period_end": True})
    told = at.client.v1.subscriptions.retrieve(subscription.id)
    assert (told.status, told.cancel_at) == ("active", told["items"].data[0].current_period_end)
    at.later(days=32)
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert at.client.v1.invoices.list(params={"subscription": subscription.id}).data[0].billing_reason == (
        "subscription_create"
    )
    assert at.events()[-1] == "customer.subscription.deleted"


def test_a_trial_is_told_of_before_it_ends_and_then_paid(at: Shop) -> None:
    subscription = at.subscribed(subscription_data={"trial_period_days": 14})
    assert subscription.status == "trialing"
    at.later(days=12)
    assert at.events()[-1] == "customer.subscription.trial_will_end"
    at.later(days=2, hours=2)
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert at.client.v1.invoices.list(params={"subscription": subscription.id}).data[0].amount_paid == 2900


def test_a_trial_without_a_card_pauses_and_goes_on_with_one(at: Shop) -> None:
    customer = at.client.v1.customers.create(params={"email": "ada@example.com"})
    subscription = at.client.v1.subscriptions.create(
        params={
            "customer": customer.id,
            "items": [{"price": "price_pro_monthly"}],
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    at.later(days=8)
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "paused"
    method = at.client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer.id})
    at.client.v1.customers.update(customer.id, params={"invoice_settings": {"default_payment_method": method.id}})
    resumed = at.client.v1.subscriptions.resume(subscription.id, params={"billing_cycle_anchor": {"type": "now"}})
    assert resumed.status == "active"
    assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(at.events())


def test_a_first_payment_that_never_comes_ends_the_subscription_within_a_day(at: Shop) -> None:
    customer = at.client.v1.customers.create(params={"payment_method": "pm_card_authenticationRequired"})
    subscription = at.client.v1.subscriptions.create(
        params={"customer": customer.id, "items": [{"price": "price_pro_monthly"}]}
    )
    assert subscription.status == "incomplete"
    assert "invoice.payment_action_required" in at.events()
    at.later(hours=24)
    assert at.client.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"


def test_a_test_clock_moves_the_time_of_its_customers_alone(at: Shop) -> None:
    now = int(at.clock.now().timestamp())
    clock = at.client.v1.test_helpers.test_clocks.create(params={"frozen_time": now})
    theirs = at.client.v1.customers.create(params={"test_clock": clock.id, "payment_method": "pm_card_visa"})
    other = at.subscribed()
    subscription = at.client.v1.subscriptions.create(
        params={"customer": theirs.id, "items": [{"price": "price_pro_monthly"}]}
    )
    at.client.v1.test_helpers.test_clocks.advance(clock.id, params={"frozen_time": now + 40 * 86_400})
    moved = at.client.v1.subscriptions.retrieve(subscription.id)
    assert moved["items"].data[0].current_period_start > now
    assert len(at.client.v1.invoices.list(params={"customer": theirs.id}).data) == 2
    assert at.client.v1.subscriptions.retrieve(other.id)["items"].data[0].current_period_start == now


def test_refunds_and_disputes_are_told_of(at: Shop) -> None:
    subscription = at.subscribed()
    invoice = at.client.v1.invoices.retrieve(subscription.latest_invoice, params={"expand": ["payments"]})
    intent = invoice.payments.data[0].payment.payment_intent
    refund = at.client.v1.refunds.create(params={"payment_intent": intent, "amount": 900})
    assert (refund.status, refund.amount) == ("succeeded", 900)
    with pytest.raises(stripe.InvalidRequestError, match="greater than"):
        at.client.v1.refunds.create(params={"payment_intent": intent, "amount": 2901})
    at.subscribed("4000000000000259")
    assert {"charge.refunded", "charge.dispute.created"} <= set(at.events())


def test_the_portal_changes_cancels_and_takes_another_card(at: Shop) -> None:
    subscription = at.subscribed()
    session = at.client.v1.billing_portal.sessions.create(
        params={"customer": subscription.customer, "return_url": "http://127.0.0.1:1/back"}
    )
    said = {"subscription": subscription.id}
    shown = at.browser.get(session.url).text
    assert "29.00 EUR a month, active. Renews on 31 January 2027." in shown
    assert "<b>Stripe</b>stand-in on your machine" in shown
    assert '<td data-head="Amount">29.00 EUR</td><td data-head="Status">paid</td>' in shown, "on a phone, too"
    at.browser.post(session.url, data={**said, "do": "change", "price": "price_premium_monthly"})
    at.browser.post(session.url, data={**said, "do": "cancel"})
    after = at.client.v1.subscriptions.retrieve(subscription.id)
    assert (after["items"].data[0].price.id, after.cancel_at_period_end) == ("price_premium_monthly", True)
    at.browser.post(session.url, data={**said, "do": "keep"})
    assert at.pay(session.url, DECLINED).status_code == 402
    assert at.pay(session.url, "4000002500003155").status_code == 303
    after = at.client.v1.subscriptions.retrieve(subscription.id, params={"expand": ["default_payment_method"]})
    assert (after.cancel_at, after.default_payment_method.card.last4) == (None, "3155")
    at.later(hours=2)
    assert at.browser.get(session.url).status_code == 410


def test_events_are_signed_so_that_the_library_believes_them_and_both_secrets_are_good(at: Shop) -> None:
    endpoint = add_endpoint(at.stripe.account, "http://127.0.0.1:1/hook")
    old = endpoint["_secrets"][0]
    new = roll_secret(endpoint)
    at.client.v1.customers.create(params={"name": "Ada"})
    body = payload(at.stripe.account.every("event")[0])
    signed = signature(endpoint, body, int(at.stripe.deliveries.clock.now().timestamp()))
    for secret in (old, new):
        event = at.client.construct_event(body, signed, secret)
        assert event.type == "customer.created"
    with pytest.raises(stripe.SignatureVerificationError):
        at.client.construct_event(body + b" ", signed, new)
    with pytest.raises(stripe.SignatureVerificationError):
        at.client.construct_event(body, signature(endpoint, body, 1), new)


def test_an_event_is_sent_again_with_longer_waits_until_somebody_takes_it(at: Shop) -> None:
    answers = [500, 302, 200]

    class Hook(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(answers.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Hook) as url:
        add_endpoint(at.stripe.account, f"{url}/hook", ["customer.created"])
        at.client.v1.customers.create(params={"name": "Ada"})
        deliveries = at.stripe.deliveries
        assert (deliveries.send(), deliveries.send()) == (1, 0)
        for wait in WAITS[:2]:
            deliveries.clock.advance(timedelta(seconds=wait + 1))
            assert deliveries.send() == 1
        assert deliveries.all()[0].attempts == [500, 302, 200]
        deliveries.clock.advance(timedelta(days=7))
        assert deliveries.send() == 0
