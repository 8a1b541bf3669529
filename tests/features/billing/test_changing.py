"""Another plan: told before what it costs and takes, then done at that price, and nothing deleted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, text
from tests.dev_providers.stripe_account import DECLINED, FAILS_LATER, card
from tests.features.billing.till import Till, problem
from tests.features.clips.rows import ready_clip, ready_project

from cliply.features.clips.models import ClipState
from cliply.features.identity.models import Membership, Role, User
from cliply.features.publishing.models import Channel, ChannelState, Publication
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric
from cliply.integrations.publisher import Network


def preview(at: Till, plan: str) -> dict[str, object]:
    told: dict[str, object] = at.told("POST", "/api/billing/change/preview", {"plan": plan})
    return told


def test_an_upgrade_costs_what_was_told_and_counts_at_once(at: Till) -> None:
    at.subscribe("pro")
    at.shop.later(days=10)
    told = preview(at, "premium")
    assert (told["direction"], told["above"], told["lost"]) == ("upgrade", [], [])
    assert "From then on the plan costs 99.00 EUR a month." in str(told["told"])
    done = at.told("POST", "/api/billing/change", {"plan": "premium", "previewed_at": told["as_of"]})
    assert (done["waits_for_payment"], done["preview"]["due_now"]) == (False, told["due_now"])
    paid = at.shop.stripe.account.every("invoice")[0]
    assert (paid["amount_paid"], paid["status"]) == (told["due_now"], "paid")
    # The job that was begun with it is enough: no event is needed.
    at.run()
    assert at.status["plan"] == "premium"


def test_a_change_that_is_asked_for_twice_is_paid_once(at: Till) -> None:
    at.subscribe("pro")
    told = preview(at, "premium")
    for _ in range(3):
        at.told("POST", "/api/billing/change", {"plan": "premium", "previewed_at": told["as_of"]})
    assert len(at.shop.stripe.account.every("invoice")) == 2


def test_an_upgrade_that_is_not_paid_gives_nothing_until_it_is(at: Till) -> None:
    at.subscribe("pro", FAILS_LATER)
    done = at.told("POST", "/api/billing/change", {"plan": "premium"})
    assert done["waits_for_payment"]
    at.catch_up()
    status = at.status
    assert (status["plan"], status["subscription"]["changes_to"]) == ("pro", "premium")
    assert at.letters() == ["payment_pending"]
    assert problem(at.ask("POST", "/api/billing/change", {"plan": "premium"})) == (409, "payment_open")
    assert at.browser.post(done["pay_url"], data=card(DECLINED)).status_code == 402
    assert at.browser.post(done["pay_url"], data=card("4242424242424242")).status_code == 303
    at.catch_up()
    assert (at.status["plan"], at.status["subscription"]["changes_to"]) == ("premium", None)


def test_a_downgrade_says_what_is_above_keeps_it_and_lets_nothing_new_begin(at: Till) -> None:
    at.subscribe("premium")
    with at.world.database.system() as session:
        for number in range(8):
            user = User(email=f"m{number}@example.com", name="M", email_confirmed_at=func.now())
            session.add(user)
            session.flush()
            session.add(Membership(workspace_id=at.world.workspace, user_id=user.id, role=Role.MEMBER))
    with at.world.database.workspace(at.world.workspace) as session:
        project = ready_project(session)
        for _ in range(13):
            ready_clip(session, project, at.runtime.storage, state=ClipState.READY)
    told = preview(at, "pro")
    assert told["direction"] == "downgrade"
    assert told["above"] == [
        {"meter": "members", "used": 12, "limit": 10, "resets_at": None},
        {"meter": "clips_per_project", "used": 13, "limit": 12, "resets_at": None},
    ]
    assert "12 members" in str(told["told"])
    assert "Nothing is deleted" in str(told["told"])
    at.told("POST", "/api/billing/change", {"plan": "pro", "previewed_at": told["as_of"]})
    at.catch_up()
    assert at.status["plan"] == "pro"
    members = at.told("GET", f"/api/workspaces/{at.world.workspace}/members")
    assert len(members) == 12
    answer = at.ask(
        "POST", f"/api/workspaces/{at.world.workspace}/invitations", {"email": "new@example.com", "role": "member"}
    )
    assert problem(answer) == (402, "plan_limit")
    # What was paid too much is taken off the next invoices.
    assert at.shop.stripe.account.every("customer")[0]["balance"] < 0


def use(at: Till, **amounts: int) -> None:
    """As much more of each metric."""
    with at.world.database.workspace(at.world.workspace) as session:
        for metric, amount in amounts.items():
            ledger.add(session, Metric(metric), "all of it", amount)


def test_a_downgrade_says_what_was_used_this_month_and_until_when_there_is_no_more(at: Till) -> None:
    at.subscribe("premium")
    of_pro = {"source_minutes": 1_800, "clips": 12_000, "publications": 300, "api_calls": 100_000}
    use(at, storage_bytes=200_000_000_000, **of_pro)
    assert preview(at, "pro")["above"] == [], "as much as it allows is not above"
    use(at, storage_bytes=1, **dict.fromkeys(of_pro, 1))
    told = preview(at, "pro")
    ends = at.status["subscription"]["period_end"]
    assert told["above"] == [
        {"meter": "clips_per_month", "used": 12_001, "limit": 12_000, "resets_at": ends},
        {"meter": "source_minutes_per_month", "used": 1_801, "limit": 1_800, "resets_at": ends},
        {"meter": "storage_bytes", "used": 200_000_000_001, "limit": 200_000_000_000, "resets_at": None},
        {"meter": "publications_per_month", "used": 301, "limit": 300, "resets_at": ends},
        {"meter": "api_calls_per_month", "used": 100_001, "limit": 100_000, "resets_at": ends},
    ]
    assert "1,801 minutes of video this month where 1,800 are allowed: no more until" in str(told["told"])
    assert "a little more than 200 GB of storage in use where 200 GB are allowed: nothing new" in str(told["told"])


def test_what_begins_anew_before_the_subscription_ends_is_not_above(at: Till) -> None:
    at.subscribe("pro")
    use(at, source_minutes=301, storage_bytes=20_000_000_001)
    told = preview(at, "basic")
    assert told["direction"] == "cancel"
    assert told["above"] == [
        {"meter": "members", "used": 4, "limit": 3, "resets_at": None},
        {"meter": "storage_bytes", "used": 20_000_000_001, "limit": 20_000_000_000, "resets_at": None},
    ]


def plan_posts(at: Till, *schedules: str) -> list[UUID]:
    at_noon = datetime.now(UTC) + timedelta(days=3)
    with at.world.database.workspace(at.world.workspace) as session:
        channel = Channel(network=Network.YOUTUBE, external_id="UC1", name="Bees", state=ChannelState.DISCONNECTED)
        session.add(channel)
        session.flush()
        made = [
            Publication(
                id=uuid4(), channel_id=channel.id, network=Network.YOUTUBE, post={"title": "Bees"}, schedule=each,
                local_at=at_noon.replace(tzinfo=None), zone="UTC", run_at=at_noon,
            )
            for each in schedules
        ]  # fmt: skip
        session.add_all(made)
        return [each.id for each in made]


def test_a_plan_without_scheduling_says_what_becomes_of_the_posts_that_are_planned(at: Till) -> None:
    at.subscribe("premium")
    first, _, paused, off = plan_posts(at, "planned", "planned", "paused", "planned")
    at.told("POST", f"/api/schedules/{off}/cancel")
    told = preview(at, "pro")
    assert (told["lost"], told["planned_posts"], told["paused_posts"]) == ([], 0, 0)
    told = preview(at, "basic")
    assert (told["lost"], told["planned_posts"], told["paused_posts"]) == (["scheduling"], 2, 1)
    assert "Planned posts (2) go out at their times and cannot be moved to others." in str(told["told"])
    # And so it is, once the plan is there.
    at.shop.client.v1.subscriptions.cancel(at.subscription["id"])
    at.catch_up()
    assert at.status["plan"] == "basic"
    assert problem(at.ask("POST", f"/api/schedules/{paused}/resume")) == (403, "not_in_plan")
    moved = {"at": (datetime.now(UTC) + timedelta(days=5)).isoformat(timespec="seconds")}
    assert problem(at.ask("PATCH", f"/api/schedules/{first}", moved)) == (403, "not_in_plan")


def test_the_plan_that_is_not_sold_ends_the_subscription_with_its_period(at: Till) -> None:
    at.subscribe("pro")
    told = preview(at, "basic")
    assert (told["direction"], told["lost"], told["due_now"]) == ("cancel", ["scheduling"], 0)
    at.told("POST", "/api/billing/change", {"plan": "basic"})
    at.catch_up()
    assert (at.status["plan"], at.status["subscription"]["cancel_at"] is not None) == ("pro", True)
    assert preview(at, "pro")["direction"] == "keep"
    at.told("POST", "/api/billing/change", {"plan": "pro"})
    at.catch_up()
    assert at.status["subscription"]["cancel_at"] is None


@pytest.mark.parametrize("plan", ["gold", "unlimited"])
def test_a_plan_that_is_not_offered_cannot_be_changed_to(at: Till, plan: str) -> None:
    at.subscribe("pro")
    assert at.ask("POST", "/api/billing/change/preview", {"plan": plan}).status_code in (404, 422)


def test_a_price_that_was_told_long_ago_is_looked_up_again(at: Till) -> None:
    at.subscribe("pro")
    old = {"plan": "premium", "previewed_at": "2026-01-01T00:00:00Z"}
    assert problem(at.ask("POST", "/api/billing/change", old)) == (422, "preview_too_old")


def test_who_has_not_subscribed_has_nothing_to_change(at: Till) -> None:
    assert problem(at.ask("POST", "/api/billing/change/preview", {"plan": "pro"})) == (409, "no_subscription")


def test_a_customer_hits_a_limit_upgrades_and_goes_on(at: Till) -> None:
    with at.world.database.system() as session:
        session.execute(text("UPDATE workspaces SET plan = 'basic'"))
    new = {"email": "new@example.com", "role": "member"}
    path = f"/api/workspaces/{at.world.workspace}/invitations"
    refused = at.ask("POST", path, new)
    assert problem(refused) == (402, "plan_limit")
    lifts = refused.json()["lifts"]
    assert at.status["offers"][0]["plan"] in lifts
    at.subscribe(lifts[0])
    assert at.ask("POST", path, new).status_code == 201


def test_a_workspace_that_is_to_be_deleted_pays_no_longer_than_it_is_there(at: Till) -> None:
    at.subscribe("pro")
    with at.world.database.system() as session:
        session.execute(text("UPDATE workspaces SET delete_at = now() + interval '14 days'"))
    at.check()
    assert at.subscription["cancel_at"] is not None
    with at.world.database.system() as session:
        session.execute(text("UPDATE workspaces SET delete_at = now() + interval '1 day'"))
    at.check()
    assert at.subscription["status"] == "canceled"


def test_a_larger_plan_of_a_subscription_that_is_cancelled_says_that_it_ends_all_the_same(at: Till) -> None:
    at.subscribe("pro")
    at.told("POST", "/api/billing/change", {"plan": "basic"})
    at.catch_up()
    ends = at.status["subscription"]["cancel_at"]
    told = preview(at, "premium")
    assert told["direction"] == "upgrade"
    day = datetime.fromisoformat(ends)
    assert f"The subscription still ends on {day:%d %B %Y}" in str(told["told"])
    at.told("POST", "/api/billing/change", {"plan": "premium"})
    at.run()
    assert (at.status["plan"], at.status["subscription"]["cancel_at"]) == ("premium", ends)
    # As it says, that is called off by the same change once more.
    assert preview(at, "premium")["direction"] == "keep"
    at.told("POST", "/api/billing/change", {"plan": "premium"})
    at.run()
    assert at.status["subscription"]["cancel_at"] is None
    assert "still ends" not in str(preview(at, "pro")["told"])
