"""From a wish to a plan: the page, what Stripe tells, and what comes of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.dev_providers.stripe_account import ASKS, DECLINED
from tests.features.billing.till import Till, card, problem

from cliply.dev_providers.faults import Fault, Kind


def test_who_pays_on_the_page_has_the_plan(at: Till) -> None:
    before = at.status
    assert (before["enabled"], before["standing"], before["subscription"]) == (True, "none", None)
    assert [each["plan"] for each in before["offers"]] == ["pro", "premium"]
    at.subscribe("pro")
    after = at.status
    assert (after["plan"], after["standing"]) == ("pro", "active")
    assert (after["subscription"]["status"], after["subscription"]["amount"]) == ("active", 2900)
    assert after["limits"]["uploads_per_day"] == 30
    assert after["usage"] == at.told("GET", "/api/usage")["metrics"]
    assert [each["limit"] for each in after["usage"] if each["metric"] == "source_minutes"] == [1800]
    anchor = at.workspace().period_anchor
    assert anchor is not None
    assert int(anchor.timestamp()) == at.subscription["billing_cycle_anchor"]
    workspace = at.workspace()
    assert workspace.stripe_subscription_id == at.subscription["id"]
    assert workspace.stripe_customer_id == at.subscription["customer"]


def test_whoever_asks_twice_gets_one_page_and_pays_once(at: Till) -> None:
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(lambda _: at.checkout(), range(8)))
    assert len(urls) == 1
    assert len(at.shop.stripe.account.every("checkout.session")) == 1
    assert len(at.shop.stripe.account.every("customer")) == 1


def test_a_page_for_another_plan_closes_the_first_one(at: Till) -> None:
    first = at.checkout("pro")
    second = at.checkout("premium")
    assert first != second
    assert at.browser.get(first).status_code == 410
    assert at.browser.post(second, data=card("4242424242424242")).status_code == 303
    at.catch_up()
    assert at.status["plan"] == "premium"


def test_an_answer_that_never_arrived_is_made_good_by_asking_again(at: Till) -> None:
    """Stripe has made the page, and the service died before it noted that."""
    first = at.checkout()
    with at.world.database.system() as session:
        session.connection().exec_driver_sql("UPDATE billing_customers SET checkout_id = NULL, checkouts = 0")
    assert at.checkout() == first
    assert len(at.shop.stripe.account.every("checkout.session")) == 1


def test_a_page_that_could_not_be_made_is_made_for_whoever_asks_next(at: Till) -> None:
    """Stripe has made the customer and then refused the page, so that nothing of it was noted. Whoever asks next has
    another address, and Stripe takes no other question with the key of the first one."""
    at.shop.stripe.account.faults.plan(Fault(Kind.ANSWER, path="/v1/checkout/sessions", status=400, body=b"{}"))
    assert problem(at.ask("POST", "/api/billing/checkout", {"plan": "pro"}))[0] == 503
    answer = at.ask("POST", "/api/billing/checkout", {"plan": "pro"}, who="admin")
    assert answer.status_code == 201, answer.text
    assert at.browser.post(answer.json()["url"], data=card("4242424242424242")).status_code == 303
    at.catch_up()
    assert at.status["plan"] == "pro"


def test_what_stripe_has_failed_to_do_is_done_when_it_is_asked_again(at: Till) -> None:
    """Stripe says the same again to the same key for a day, be it that it has failed."""
    price = at.shop.stripe.account.get("price", "price_pro_monthly")
    price["active"] = False
    assert problem(at.ask("POST", "/api/billing/checkout", {"plan": "pro"})) == (503, "payments_misconfigured")
    price["active"] = True
    assert at.ask("POST", "/api/billing/checkout", {"plan": "pro"}).status_code == 201


def test_who_has_paid_a_moment_ago_is_not_sold_a_second_one(at: Till) -> None:
    url = at.checkout()
    at.browser.post(url, data=card("4242424242424242"))
    answer = at.ask("POST", "/api/billing/checkout", {"plan": "pro"})
    assert problem(answer) == (409, "already_subscribed")
    at.catch_up()
    assert problem(at.ask("POST", "/api/billing/checkout", {"plan": "premium"})) == (409, "already_subscribed")


@pytest.mark.parametrize("number", [DECLINED, ASKS])
def test_what_is_not_paid_gives_nothing(at: Till, number: str) -> None:
    at.browser.post(at.checkout(), data=card(number))
    at.catch_up()
    assert at.status["standing"] == "none"
    assert at.workspace().plan != "pro"


def test_a_page_that_is_over_is_followed_by_another(at: Till) -> None:
    first = at.checkout()
    at.later(hours=25)
    second = at.checkout()
    assert second != first
    assert at.browser.post(second, data=card("4242424242424242")).status_code == 303


def test_a_customer_who_was_deleted_at_stripe_is_followed_by_another(at: Till) -> None:
    at.subscribe()
    at.shop.client.v1.customers.delete(at.subscription["customer"])
    at.catch_up()
    assert (at.status["standing"], at.workspace().plan, at.workspace().stripe_customer_id) == ("none", "basic", None)
    at.subscribe("premium")
    assert at.status["plan"] == "premium"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"plan": "basic"}, (422, "plan_not_sold")),
        ({"plan": "gold"}, (422, "plan_not_sold")),
        ({"plan": "pro", "price": "price_premium_monthly"}, (422, "price_not_of_plan")),
        ({"plan": ""}, (422, "validation_failed")),
    ],
)
def test_what_is_not_sold_cannot_be_bought(at: Till, body: dict[str, str], told: tuple[int, str]) -> None:
    assert problem(at.ask("POST", "/api/billing/checkout", body)) == told
    assert at.shop.stripe.account.every("customer") == []


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_owners_and_admins_see_and_buy(at: Till, who: str) -> None:
    for method, path, body in (
        ("GET", "/api/billing/status", None),
        ("POST", "/api/billing/checkout", {"plan": "pro"}),
        ("POST", "/api/billing/portal", None),
        ("POST", "/api/billing/change", {"plan": "pro"}),
        ("POST", "/api/billing/change/preview", {"plan": "pro"}),
        ("GET", "/api/billing/invoices", None),
    ):
        assert problem(at.ask(method, path, body, who=who)) == (403, "role_too_low")
    assert at.ask("GET", "/api/billing/status", who="admin").status_code == 200


def test_the_portal_is_for_who_has_subscribed(at: Till) -> None:
    assert problem(at.ask("POST", "/api/billing/portal")) == (404, "never_subscribed")
    at.subscribe()
    url = at.told("POST", "/api/billing/portal")["url"]
    page = at.browser.get(url).text
    assert "Cliply pro" in page
    assert f"{at.address}/api/billing/returned/back" in page
    at.browser.post(url, data={"do": "cancel", "subscription": at.subscription["id"]})
    at.catch_up()
    status = at.status
    assert (status["plan"], status["subscription"]["cancel_at"]) == ("pro", status["subscription"]["period_end"])
    at.later(days=32)
    assert (at.status["standing"], at.status["plan"], at.workspace().period_anchor) == ("ended", "basic", None)
    assert at.letters() == ["ended"]


def test_invoices_are_listed_page_by_page(at: Till) -> None:
    assert problem(at.ask("GET", "/api/billing/invoices")) == (404, "never_subscribed")
    at.subscribe()
    at.later(days=32)
    at.later(days=32)
    first = at.told("GET", "/api/billing/invoices?limit=2")
    assert [each["total"] for each in first["items"]] == [2900, 2900]
    rest = at.told("GET", f"/api/billing/invoices?limit=2&cursor={first['next']}")
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert {each["status"] for each in [*first["items"], *rest["items"]]} == {"paid"}


def test_a_trial_is_given_once(at: Till) -> None:
    settings = at.runtime.settings.billing
    settings.trial_days = 7
    at.subscribe()
    status = at.status
    assert (status["standing"], status["plan"]) == ("trial", "pro")
    assert at.subscription["status"] == "trialing"
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    at.catch_up()
    at.subscribe()
    assert at.status["standing"] == "active"


def test_the_page_that_people_come_back_to_says_what_was_done(at: Till) -> None:
    paid = at.browser.post(at.checkout("premium"), data=card("4242424242424242"))
    page = at.browser.get(paid.headers["location"])
    assert "The plan <strong>premium</strong> is there as soon as" in page.text
    for outcome, told in (("done", "thank you"), ("cancelled", "nothing was bought"), ("back", "Back at Cliply")):
        page = at.browser.get(f"{at.address}/api/billing/returned/{outcome}", params={"plan": "<b>mine"})
        assert (page.status_code, told in page.text, "mine" in page.text) == (200, True, False)
        assert "Cliply" in page.text.partition("<h1>")[2].partition("</h1>")[0]
        assert "<code>cliply billing " in page.text
    assert at.browser.get(f"{at.address}/api/billing/returned/elsewhere").status_code == 422
