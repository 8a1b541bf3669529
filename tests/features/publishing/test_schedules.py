"""Schedules fire once, when it is time by the clock that was chosen; whoever changes or stops one wins."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.features.publishing.hours import pass_by, watch
from tests.features.publishing.stage import Stage

from cliply.errors import Invalid
from cliply.features.jobs import service as jobs
from cliply.features.publishing import publications, scanning, schedules
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Publication
from cliply.integrations.publisher import Network

LATER = timedelta(minutes=2)


def soon(minutes: float = 60) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)


def planned(stage: Stage, at: datetime | LocalTime | None = None) -> UUID:
    return stage.publish(Network.YOUTUBE, run_at=at or soon()).id


def changed(stage: Stage, what: str, schedule: UUID, *more: object) -> Publication:
    with stage.office.entered("owner") as (session, caller):
        made: Publication = getattr(schedules, what)(session, caller, schedule, *more)
        return made


def shown(stage: Stage, schedule: UUID) -> tuple[str, str]:
    now = stage.publication(schedule)
    return schedules.shown_state(now).value, now.state.value


def letters(stage: Stage) -> list[str]:
    with stage.office.database.system() as session:
        query = text("select count(*) from procrastinate_jobs where task_name = 'MAIL_SEND'")
        return ["letter"] * session.execute(query).scalar_one()


def test_a_schedule_fires_when_its_time_has_come_and_not_before(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    assert scanning.scan(stage.runtime).fired == 0
    assert shown(stage, schedule) == ("planned", "intent")
    pass_by(stage, timedelta(hours=1, seconds=1))
    assert stage.run_one(), "its job reminds of it"
    assert shown(stage, schedule) == ("fired", "intent")
    fired = stage.publication(schedule)
    assert fired.fired_at is not None
    assert fired.run_at is not None
    assert timedelta() <= fired.fired_at - fired.run_at < timedelta(seconds=30)
    stage.run(passing=LATER)
    assert shown(stage, schedule) == ("fired", "published")
    assert len(stage.posts()) == 1


def test_what_was_planned_goes_out_though_the_plan_has_no_scheduling_any_more(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    with stage.office.database.system() as session:
        session.execute(text("update workspaces set plan = 'basic'"))
    pass_by(stage, timedelta(hours=1, seconds=1))
    stage.run(passing=LATER)
    assert shown(stage, schedule) == ("fired", "published")


def test_a_schedule_whose_job_was_lost_is_found_by_the_scan(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    with stage.office.database.system() as session:
        session.execute(text("delete from procrastinate_jobs"))
    pass_by(stage, timedelta(hours=1, seconds=1))
    assert (scanning.scan(stage.runtime).fired, scanning.scan(stage.runtime).fired) == (1, 0)
    stage.run(passing=LATER)
    assert shown(stage, schedule) == ("fired", "published")


def test_what_is_paused_does_not_fire_until_it_is_resumed(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    assert changed(stage, "pause", schedule).schedule == "paused"
    assert changed(stage, "pause", schedule).schedule == "paused", "said twice, it is done once"
    pass_by(stage, timedelta(hours=2))
    watch(stage)
    stage.run(passing=LATER)
    assert shown(stage, schedule) == ("paused", "intent")
    changed(stage, "resume", schedule)
    assert [action for action, _ in stage.office.entries()][-2:] == ["publication.paused", "publication.resumed"]
    stage.run(passing=LATER)
    assert shown(stage, schedule) == ("fired", "published")


def test_what_was_paused_beyond_its_time_is_not_resumed_into_the_past(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    changed(stage, "pause", schedule)
    pass_by(stage, timedelta(hours=5))
    with pytest.raises(schedules.TimeIsOver, match="Move it"):
        changed(stage, "resume", schedule)
    changed(stage, "move", schedule, LocalTime.of(soon(), "Europe/Berlin"))
    assert shown(stage, schedule) == ("paused", "intent"), "what is paused stays so at its new time"
    changed(stage, "resume", schedule)
    assert shown(stage, schedule) == ("planned", "intent")


def test_what_is_moved_fires_at_its_new_time_only(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    changed(stage, "move", schedule, LocalTime.of(soon(180), "Asia/Tokyo"))
    pass_by(stage, timedelta(hours=2))
    watch(stage)
    while stage.run_one():
        pass
    assert shown(stage, schedule) == ("planned", "intent")
    assert stage.publication(schedule).zone == "Asia/Tokyo"
    pass_by(stage, timedelta(hours=1, seconds=1))
    watch(stage)
    stage.run(passing=LATER)
    assert shown(stage, schedule) == ("fired", "published")


def test_what_is_called_off_never_fires(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule, by_its_job = planned(stage), planned(stage)
    assert changed(stage, "cancel", schedule).state == "cancelled"
    with stage.office.entered("owner") as (session, _caller):
        jobs.cancel(session, stage.publication(by_its_job).job_id or 0, actor="Ada")
    scanning.scan(stage.runtime)
    pass_by(stage, timedelta(hours=1, seconds=1))
    watch(stage)
    stage.run(passing=LATER)
    assert [shown(stage, each) for each in (schedule, by_its_job)] == [("cancelled", "cancelled")] * 2
    assert stage.posts() == []
    with pytest.raises(schedules.ScheduleNotAsItIs, match="is cancelled"):
        changed(stage, "resume", schedule)


@pytest.mark.parametrize(("late", "becomes"), [(179, "fired"), (181, "missed")])
def test_what_missed_its_time_goes_out_late_or_is_asked_about(stage: Stage, late: int, becomes: str) -> None:
    stage.connect(Network.YOUTUBE)
    schedule, before = planned(stage), len(letters(stage))
    pass_by(stage, timedelta(minutes=60 + late))
    watch(stage)
    assert shown(stage, schedule) == (becomes, "intent")
    assert len(letters(stage)) - before == (becomes == "missed")
    watch(stage)
    stage.run(passing=LATER)
    assert len(stage.posts()) == (becomes == "fired")
    if becomes == "missed":
        assert "nothing ran then" in (stage.publication(schedule).error or "")
        changed(stage, "move", schedule, None)
        stage.run(passing=LATER)
        assert shown(stage, schedule) == ("fired", "published")
        assert stage.publication(schedule).error is None


def test_a_schedule_that_has_fired_is_not_paused_and_not_planned_again(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage)
    pass_by(stage, timedelta(hours=1, seconds=1))
    stage.run(passing=LATER)
    for what in ("pause", "resume"):
        with pytest.raises(schedules.ScheduleNotAsItIs, match="has fired"):
            changed(stage, what, schedule)
    with pytest.raises(publications.NotAsItIs, match="published"):
        changed(stage, "move", schedule, LocalTime.of(soon(), "UTC"))
    at_once = stage.publish(Network.YOUTUBE).id
    for what in ("pause", "resume", "cancel"):
        with pytest.raises(schedules.NoSuchSchedule):
            changed(stage, what, at_once)


@pytest.mark.parametrize("schedule", ["planned", "paused", "missed"])
def test_the_database_lets_nothing_begin_whose_schedule_has_not_fired(stage: Stage, schedule: str) -> None:
    stage.connect(Network.YOUTUBE)
    which = planned(stage)
    with stage.office.database.workspace(stage.office.id) as session:
        session.execute(text("update publications set schedule = :now where id = :id"), {"now": schedule, "id": which})
    begun = text("update publications set state = 'preparing' where id = :id")
    with pytest.raises(IntegrityError, match="not_fired"), stage.office.database.workspace(stage.office.id) as session:
        session.execute(begun, {"id": which})


def test_new_rules_of_a_zone_move_the_moment_and_leave_the_time_on_the_clock(stage: Stage) -> None:
    """As if it had been planned by rules in which the zone was an hour further west."""
    stage.connect(Network.YOUTUBE)
    at = LocalTime.of(soon(24 * 60), "Europe/Berlin")
    plans = [planned(stage, at), planned(stage, at)]
    changed(stage, "pause", plans[1])
    with stage.office.database.workspace(stage.office.id) as session:
        session.execute(text("update publications set run_at = run_at + interval '1 hour'"))
    scanning.align(stage.runtime)
    for each in plans:
        now = stage.publication(each)
        assert (now.run_at, now.local_at) == (at.moment, at.at)
    with stage.office.database.workspace(stage.office.id) as session:
        session.execute(text("update publications set run_at = now() - interval '1 minute'"))
    assert scanning.scan(stage.runtime).fired == 0, "what is due by old rules only waits on"
    assert stage.publication(plans[0]).run_at == at.moment


def test_a_change_of_the_workspace_s_zone_moves_nothing(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    schedule = planned(stage, LocalTime(soon(24 * 60).replace(tzinfo=None), "Europe/Berlin"))
    before = stage.publication(schedule)
    with stage.office.database.system() as session:
        session.execute(text("update workspaces set timezone = 'Asia/Tokyo'"))
    scanning.align(stage.runtime)
    now = stage.publication(schedule)
    assert (now.run_at, now.local_at, now.zone) == (before.run_at, before.local_at, "Europe/Berlin")


def test_a_time_of_the_past_or_of_no_zone_is_refused(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    for date, zone in (("2020-01-01", "UTC"), ("2126-01-01", "Mars/Base")):
        with pytest.raises(Invalid):
            planned(stage, LocalTime(datetime.fromisoformat(date), zone))
