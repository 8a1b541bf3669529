"""Quotas of the app, caps of an account, and what a channel's people want: what is over them waits, unasked."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from tests.features.publishing.hours import live, pass_by
from tests.features.publishing.mortal import taken
from tests.features.publishing.stage import Stage
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import at_noon
from tests.infra.queue.claiming import claim

from cliply.dev_providers.tiktok_posting import Caps
from cliply.dev_providers.youtube_quotas import Quota
from cliply.features.identity.models import Workspace
from cliply.features.publishing import channels, publications, scanning, tokens
from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.models import Publication, PublicationState
from cliply.features.publishing.outcomes import Outcome
from cliply.features.publishing.steps import put_off
from cliply.features.publishing.tasks import QUEUE
from cliply.infra.quotas import Quotas
from cliply.integrations.publisher import Concerns, Network
from cliply.integrations.youtube_quota import DAILY, Bucket, next_reset


def elsewhere(stage: Stage) -> Stage:
    """The same installation, as another workspace sees it."""
    database = stage.office.database
    with database.system() as session:
        other = session.scalars(select(Workspace.id).where(Workspace.name == "Elsewhere")).one()
    office = Office(database, other, {"owner": stage.office.people["stranger"]})
    return replace(stage, office=office)


def due(stage: Stage) -> None:
    """Run what is due now; what waits for a time goes on waiting."""
    while stage.run_one():
        pass


def parked(stage: Stage, publication: Publication, *until: datetime) -> None:
    """Until one of these moments."""
    now = stage.publication(publication.id)
    assert now.state == "parked", (now.state, now.error)
    assert now.next_at is not None
    assert any(abs(now.next_at - moment) < timedelta(minutes=1) for moment in until)
    with stage.office.database.system() as session:
        query = text("select scheduled_at from procrastinate_jobs where id = :id and status = 'todo'")
        assert session.execute(query, {"id": now.job_id}).scalar_one() == now.next_at


def published(stage: Stage, *wanted: Publication) -> None:
    """Within two hours."""
    live(stage, 2)
    became = [stage.publication(each.id) for each in wanted]
    assert [each.state for each in became] == ["published"] * len(wanted), [each.error for each in became]


def test_a_bucket_that_others_have_emptied_stops_every_workspace_until_midnight_in_california(stage: Stage) -> None:
    there = elsewhere(stage)
    for each in (stage, there):
        each.connect(Network.YOUTUBE)
    stage.youtube.quotas.limits[Quota.UPLOADS] = 0
    began = datetime.now(UTC)
    first, second, third = (
        stage.publish(Network.YOUTUBE),
        there.publish(Network.YOUTUBE),
        stage.publish(Network.YOUTUBE),
    )
    due(stage)
    # Two, where one has just passed.
    midnights = sorted({next_reset(began), next_reset(datetime.now(UTC))})
    parked(stage, first, *midnights)
    parked(there, second, *midnights)
    parked(stage, third, *midnights)
    assert 1 <= stage.ledger.count("youtube_refused") <= len(midnights), "once a day"
    told = stage.publication(first.id).error or ""
    assert "after midnight in California" in told
    stage.youtube.quotas.limits[Quota.UPLOADS] = 100
    pass_by(stage, midnights[-1] - datetime.now(UTC) + timedelta(minutes=1))
    published(stage, first, third)
    published(there, second)
    assert len(stage.posts()) == 3


def test_a_bucket_that_is_empty_by_our_own_count_costs_no_request(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    most, began = DAILY[Bucket.UPLOADS], datetime.now(UTC)
    # Not at a midnight that may pass before anything is asked.
    full_again = next_reset(began + timedelta(hours=1))
    assert Quotas(stage.office.database).spend(Bucket.UPLOADS, most, most=most, resets_at=full_again)
    asked = len(stage.ledger.entries())
    publication = stage.publish(Network.YOUTUBE)
    due(stage)
    parked(stage, publication, next_reset(began), next_reset(datetime.now(UTC)))
    assert len(stage.ledger.entries()) == asked
    assert stage.youtube.quotas.spent("client", Quota.UPLOADS) == 0
    pass_by(stage, full_again - datetime.now(UTC) + timedelta(minutes=1))
    published(stage, publication)


def test_a_channel_that_takes_no_more_stops_nobody_else(stage: Stage) -> None:
    bees = stage.connect(Network.YOUTUBE, account="a" * 22)
    wasps = stage.connect(Network.YOUTUBE, account="b" * 22)
    stage.google.people[0].channels[0].daily_uploads = 1
    first = stage.publish(Network.YOUTUBE, channel_id=bees.id)
    published(stage, first)
    over, unasked = (stage.publish(Network.YOUTUBE, channel_id=bees.id) for _ in range(2))
    other = stage.publish(Network.YOUTUBE, channel_id=wasps.id)
    due(stage)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    parked(stage, over, tomorrow)
    parked(stage, unasked, tomorrow)
    assert stage.ledger.count("youtube_refused") == 1
    assert stage.account(bees.id).paused_until == stage.publication(over.id).next_at
    published(stage, other)
    stage.google.people[0].channels[0].daily_uploads = 50
    pass_by(stage, timedelta(days=1, minutes=1))
    published(stage, over, unasked)


def test_a_short_rest_of_an_account_ends_no_longer_one(stage: Stage) -> None:
    """Another publication of it was on its way already when it took no more for today."""
    account = stage.connect(Network.YOUTUBE)
    publication = stage.publish(Network.YOUTUBE)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    soon = Outcome(
        PublicationState.PARKED, "It is busy.", "busy", tomorrow - timedelta(hours=23), concerns=Concerns.ACCOUNT
    )
    with stage.office.database.workspace(stage.office.id) as session:
        tokens.find(session, account.id, locked=True).paused_until = tomorrow
        put_off(session, publications.find(session, publication.id, locked=True), soon)
    assert stage.account(account.id).paused_until == tomorrow


@pytest.mark.parametrize(
    ("caps", "code", "stops"),
    [
        (Caps(posts_a_day=1), "spam_risk_too_many_posts", "ada"),
        (Caps(users_a_day=1), "reached_active_user_cap", "bob"),
    ],
)
def test_tiktoks_caps_are_waited_for(stage: Stage, caps: Caps, code: str, stops: str) -> None:
    accounts = {name: stage.connect(Network.TIKTOK, account=f"open-{name}") for name in ("ada", "bob")}
    published(stage, stage.publish(Network.TIKTOK, channel_id=accounts["ada"].id))
    stage.posting.caps = caps
    over = {name: stage.publish(Network.TIKTOK, channel_id=account.id) for name, account in accounts.items()}
    due(stage)
    parked(stage, over[stops], datetime.now(UTC) + timedelta(days=1))
    assert stage.publication(over[stops].id).error_code == code
    [free] = [each for name, each in over.items() if name != stops]
    published(stage, free)
    stage.posting.caps = Caps()
    pass_by(stage, timedelta(days=1, minutes=1))
    published(stage, *over.values())
    assert len(stage.posts()) == 3


def set_up(stage: Stage, channel_id: UUID, **settings: object) -> None:
    with stage.office.entered("owner") as (session, caller):
        channels.set_up(session, caller, channel_id, ChannelSettings.model_validate(settings))


def zone_of(stage: Stage) -> ZoneInfo:
    with stage.office.database.workspace(stage.office.id) as session:
        return ZoneInfo(session.scalars(select(Workspace.timezone)).one())


def midnight_of(stage: Stage) -> datetime:
    local = datetime.now(zone_of(stage)) + timedelta(days=1)
    return datetime.combine(local.date(), time(), zone_of(stage)).astimezone(UTC)


def test_of_several_that_want_a_days_last_place_at_once_one_gets_it(stage: Stage) -> None:
    channel = stage.connect(Network.YOUTUBE)
    at_noon(stage.office.database, stage.office.id)
    set_up(stage, channel.id, daily_cap=2)
    publications = [stage.publish(Network.YOUTUBE) for _ in range(5)]
    tokens = [taken(stage) for _ in publications]
    threads = [threading.Thread(target=stage.attempt, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [stage.publication(each.id) for each in publications]
    waiting = [each for each in found if each.state == "parked"]
    assert len(waiting) == 3, [each.state for each in found]
    for each in waiting:
        parked(stage, each, midnight_of(stage))
        assert "publications a day" in (each.note or "")


def test_what_is_over_the_daily_cap_goes_out_on_the_days_after(stage: Stage) -> None:
    channel = stage.connect(Network.YOUTUBE)
    at_noon(stage.office.database, stage.office.id)
    set_up(stage, channel.id, daily_cap=1)
    publications = [stage.publish(Network.YOUTUBE) for _ in range(3)]
    due(stage)
    for day in range(1, 4):
        assert sum(stage.publication(each.id).begun_at is not None for each in publications) == day
        parked_ones = [each for each in publications if stage.publication(each.id).state == "parked"]
        assert len(parked_ones) == 3 - day
        pass_by(stage, timedelta(days=1))
        due(stage)
    due(stage)
    assert {stage.publication(each.id).state.value for each in publications} == {"published"}


def test_of_two_that_are_due_together_the_second_goes_out_once_the_spacing_has_passed(stage: Stage) -> None:
    channel = stage.connect(Network.YOUTUBE)
    # Planned for one moment, before anybody has said that there is to be time between them.
    at = datetime.now(UTC) + timedelta(hours=1)
    publications = [stage.publish(Network.YOUTUBE, run_at=at) for _ in range(2)]
    set_up(stage, channel.id, spacing=30)
    pass_by(stage, timedelta(hours=1, seconds=1))
    scanning.scan(stage.runtime)
    tokens = [claim(stage.office.database, stage.worker(), queues=[QUEUE]) for _ in publications]
    threads = [threading.Thread(target=stage.attempt, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [first], [second] = (
        [each for each in map(stage.publication, (one.id for one in publications)) if (each.begun_at is None) is waits]
        for waits in (False, True)
    )
    assert first.begun_at is not None
    spaced = first.begun_at + timedelta(minutes=30)
    parked(stage, second, spaced)
    assert "one has just gone out" in (second.note or "")
    pass_by(stage, timedelta(minutes=29))
    due(stage)
    assert stage.publication(first.id).state == "published"
    parked(stage, second, spaced - timedelta(minutes=29))
    pass_by(stage, timedelta(minutes=1, seconds=5))
    published(stage, first, second)
    begun = sorted(each.begun_at for one in publications if (each := stage.publication(one.id)).begun_at is not None)
    assert begun[1] - begun[0] >= timedelta(minutes=30)


def test_in_quiet_hours_nothing_is_begun(stage: Stage) -> None:
    channel, local = stage.connect(Network.YOUTUBE), datetime.now(zone_of(stage))
    begins, ends = local - timedelta(hours=1), (local + timedelta(hours=1)).replace(second=0, microsecond=0)
    set_up(stage, channel.id, quiet_from=f"{begins:%H:%M}", quiet_to=f"{ends:%H:%M}")
    publication, asked = stage.publish(Network.YOUTUBE), len(stage.ledger.entries())
    due(stage)
    parked(stage, publication, ends.astimezone(UTC))
    assert len(stage.ledger.entries()) == asked
    # The clock of the test does not go on: the hours are over when they are lifted, and the job is due.
    set_up(stage, channel.id)
    published(stage, publication)
