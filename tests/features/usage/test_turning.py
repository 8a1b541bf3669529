"""What is used before a subscription, in it, and after it: each counts by itself, and all of it is told at once."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.features.usage.books import agree, commit, plan_of, release, reserve
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import on_plan

from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import PlanLimit
from cliply.features.usage import ledger, turning
from cliply.features.usage import service as usage
from cliply.features.usage.models import EntryState, Metric
from cliply.features.usage.service import Summary

FIRST = datetime(2026, 12, 1, tzinfo=UTC)
MINUTES = Metric.SOURCE_MINUTES


@pytest.fixture(autouse=True)
def greenwich(office: Office) -> None:
    """Months begin at the same moment whatever hour it is: every moment here is named."""
    with office.database.system() as session:
        session.get_one(Workspace, office.id).timezone = "Etc/UTC"


def turn(office: Office, anchor: datetime | None, moment: datetime) -> None:
    with office.database.system() as session:
        turning.turn(session, session.get_one(Workspace, office.id), anchor, moment=moment)


def told(office: Office, moment: datetime) -> Summary:
    with office.entered("owner") as (session, caller):
        return usage.summary(session, caller, now=moment)


def past(office: Office, moment: datetime) -> list[tuple[datetime, datetime | None, int]]:
    history = told(office, moment).history
    return [(each.begins, each.ends, each.used.get(MINUTES, 0)) for each in history]


def left(office: Office, moment: datetime) -> int | None:
    plan = plan_of(office)
    with office.entered("owner") as (session, _):
        return ledger.left(session, plan, MINUTES, now=ledger.now_in(session, moment))


@pytest.mark.parametrize("day", [1, 5, 31])
def test_who_subscribes_has_all_that_is_paid_whatever_day_it_is(office: Office, day: int) -> None:
    pays = FIRST.replace(day=day, hour=12)
    on_plan(office, source_minutes_per_month=10)
    commit(office, MINUTES, "free", 10, moment=pays - timedelta(hours=1))
    with pytest.raises(PlanLimit):
        reserve(office, MINUTES, "more", 1, moment=pays - timedelta(minutes=1))
    on_plan(office, "pro", source_minutes_per_month=20)
    turn(office, pays, pays)
    later = pays + timedelta(hours=1)
    assert left(office, later) == 20
    reserve(office, MINUTES, "paid", 20, moment=later)
    commit(office, MINUTES, "paid", moment=later)
    assert told(office, later).of(MINUTES).used == 20
    assert past(office, later) == [(FIRST, pays, 10)], "what was free is over at once"
    agree(office.database)


@pytest.mark.parametrize("day", [1, 5])
def test_what_was_used_of_a_subscription_is_in_the_history_as_soon_as_it_has_ended(office: Office, day: int) -> None:
    pays, ends = FIRST.replace(day=day, hour=12), FIRST.replace(day=20)
    on_plan(office, source_minutes_per_month=100)
    commit(office, MINUTES, "free", 10, moment=pays - timedelta(hours=1))
    turn(office, pays, pays)
    commit(office, MINUTES, "paid", 40, moment=pays + timedelta(hours=1))
    turn(office, None, ends)
    summary = told(office, ends)
    assert (summary.anchored_by, summary.of(MINUTES).used) == ("calendar", 10), "the free month goes on where it was"
    assert past(office, ends) == [(pays, ends, 40)]
    january = datetime(2027, 1, 1, tzinfo=UTC)
    assert past(office, january) == [(pays, ends, 40), (FIRST, january, 10)]
    agree(office.database)


def test_who_subscribes_anew_on_the_same_day_begins_anew(office: Office) -> None:
    pays = FIRST.replace(day=5, hour=9)
    again = pays + timedelta(hours=3)
    on_plan(office, source_minutes_per_month=10)
    turn(office, pays, pays)
    commit(office, MINUTES, "first", 10, moment=pays)
    turn(office, again, again)
    assert left(office, again) == 10
    assert past(office, again) == [(pays, again, 10)]


def test_what_was_reserved_before_counts_where_it_was_reserved(office: Office) -> None:
    pays = FIRST.replace(hour=12)
    on_plan(office, source_minutes_per_month=10)
    reserve(office, MINUTES, "begun", 8, moment=FIRST)
    reserve(office, MINUTES, "given back", 2, moment=FIRST)
    turn(office, pays, pays)
    assert left(office, pays) == 10
    commit(office, MINUTES, "begun", moment=pays)
    release(office, MINUTES, "given back", EntryState.RESERVED)
    assert left(office, pays) == 10
    assert past(office, pays) == [(FIRST, pays, 8)]
    agree(office.database)


def test_a_subscription_that_is_paused_and_goes_on_has_its_month_back(office: Office) -> None:
    pays = FIRST.replace(day=3)
    on_plan(office, source_minutes_per_month=10)
    turn(office, pays, pays)
    commit(office, MINUTES, "a", 4, moment=pays)
    turn(office, None, pays + timedelta(days=1))
    turn(office, pays, pays + timedelta(days=2))
    assert left(office, pays + timedelta(days=2)) == 6
    over = datetime(2027, 1, 3, tzinfo=UTC)
    assert past(office, over) == [(pays, over, 4)]
