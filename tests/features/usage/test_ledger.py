"""What is reserved, what counts, and what is given back."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.database import as_owner
from tests.features.usage.books import agree, commit, counted, entries, release, reserve
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import LIMITED, admitted_at_once, is_admitted, limit_of, on_plan

from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import BUILT_IN, PlanLimit
from cliply.features.usage import ledger
from cliply.features.usage.models import EntryState, Metric

NOVEMBER, DECEMBER = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 3, tzinfo=UTC)


def test_whoever_runs_it_for_themselves_has_no_limits() -> None:
    assert all(BUILT_IN.default.limit(metric.meter) is None for metric in Metric)


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize(("beside", "fits"), [(-1, True), (0, True), (1, False)])
def test_as_much_is_had_as_the_plan_says(office: Office, plan: str, metric: Metric, beside: int, fits: bool) -> None:
    on_plan(office, plan)
    limit = limit_of(plan, metric.meter)
    assert is_admitted(lambda: reserve(office, metric, "a", limit + beside)) is fits
    assert counted(office, metric) == (0, limit + beside if fits else 0)


@pytest.mark.parametrize("metric", Metric)
def test_what_is_used_and_what_is_reserved_both_count(office: Office, metric: Metric) -> None:
    on_plan(office, "basic", **{metric.meter.value: 3})
    reserve(office, metric, "a")
    commit(office, metric, "a")
    reserve(office, metric, "b")
    tries = [is_admitted(partial(reserve, office, metric, source)) for source in ("c", "d")]
    assert tries == [True, False]
    with pytest.raises(PlanLimit) as raised:
        reserve(office, metric, "d")
    assert (raised.value.limit, raised.value.used, raised.value.wanted) == (3, 3, 1)
    release(office, metric, "b")
    reserve(office, metric, "d")
    assert counted(office, metric) == (1, 2)
    agree(office.database)


def test_a_refusal_says_when_it_begins_anew_where_the_workspace_is(office: Office) -> None:
    on_plan(office, source_minutes_per_month=0, storage_bytes=0)
    with office.database.workspace(office.id) as session:
        session.get_one(Workspace, office.id).timezone = "Europe/Berlin"
    with pytest.raises(PlanLimit, match=r"from 2026-12-01 00:00 CET on") as raised:
        reserve(office, Metric.SOURCE_MINUTES, "a", moment=NOVEMBER)
    assert raised.value.resets_at == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert raised.value.lifts == ("pro", "premium")
    with pytest.raises(PlanLimit) as raised:
        reserve(office, Metric.STORAGE_BYTES, "a", moment=NOVEMBER)
    assert raised.value.resets_at is None, "what is stored stays stored"


@pytest.mark.parametrize("plan", LIMITED)
def test_of_a_hundred_at_once_one_gets_the_last(office: Office, plan: str) -> None:
    on_plan(office, plan)
    reserve(office, Metric.PUBLICATIONS, "most", limit_of(plan, Metric.PUBLICATIONS.meter) - 1)
    commit(office, Metric.PUBLICATIONS, "most")
    steps = [lambda at=at: reserve(office, Metric.PUBLICATIONS, f"each-{at}") for at in range(100)]
    assert admitted_at_once(steps) == 1
    assert counted(office, Metric.PUBLICATIONS) == (limit_of(plan, Metric.PUBLICATIONS.meter) - 1, 1)
    agree(office.database)


def test_a_source_counts_once_however_often_and_by_how_many_it_is_told(office: Office) -> None:
    steps = [lambda: commit(office, Metric.CLIPS, "one", 1)] * 20
    reserve(office, Metric.CLIPS, "one")
    admitted_at_once(steps)
    assert counted(office, Metric.CLIPS) == (1, 0)
    reserve(office, Metric.CLIPS, "one")
    assert counted(office, Metric.CLIPS) == (1, 0), "what counts already is not reserved again"
    assert entries(office, Metric.CLIPS) == {"one": ("committed", 1)}


def test_twenty_that_reserve_for_one_source_at_once_reserve_once(office: Office) -> None:
    on_plan(office, clips_per_month=1)
    assert admitted_at_once([lambda: reserve(office, Metric.CLIPS, "one")] * 20) == 20
    assert counted(office, Metric.CLIPS) == (0, 1)


def test_a_reservation_is_changed_as_far_as_the_plan_goes(office: Office) -> None:
    on_plan(office, source_minutes_per_month=100)
    reserve(office, Metric.SOURCE_MINUTES, "talk", 10)
    reserve(office, Metric.SOURCE_MINUTES, "other", 30)
    reserve(office, Metric.SOURCE_MINUTES, "talk", 70)
    assert not is_admitted(lambda: reserve(office, Metric.SOURCE_MINUTES, "talk", 71))
    assert entries(office, Metric.SOURCE_MINUTES)["talk"] == ("reserved", 70)
    on_plan(office, source_minutes_per_month=50)
    assert not is_admitted(lambda: reserve(office, Metric.SOURCE_MINUTES, "talk", 71))
    reserve(office, Metric.SOURCE_MINUTES, "talk", 60)
    assert counted(office, Metric.SOURCE_MINUTES) == (0, 90), "less is always taken, be it too much"


def test_what_was_given_back_and_ends_after_all_counts_once_in_the_month_it_was_reserved_in(office: Office) -> None:
    reserve(office, Metric.CLIPS, "late", moment=NOVEMBER)
    release(office, Metric.CLIPS, "late")
    assert counted(office, Metric.CLIPS) == (0, 0)
    assert [commit(office, Metric.CLIPS, "late", moment=DECEMBER) for _ in range(3)] == [True, False, False]
    assert counted(office, Metric.CLIPS) == (1, 0)
    agree(office.database)


def test_what_nobody_settled_is_given_back_when_its_time_is_over(office: Office) -> None:
    long_ago = datetime.now(UTC) - ledger.LEASE
    reserve(office, Metric.CLIPS, "lost", moment=long_ago - timedelta(minutes=1))
    reserve(office, Metric.CLIPS, "not yet", moment=long_ago + timedelta(minutes=1))
    with office.database.workspace(office.id) as session:
        assert ledger.release_expired(session) == 1
    assert counted(office, Metric.CLIPS) == (0, 1)
    assert commit(office, Metric.CLIPS, "lost")
    assert counted(office, Metric.CLIPS) == (1, 1)
    agree(office.database)


def test_what_counts_is_given_back_only_where_that_is_said(office: Office) -> None:
    commit(office, Metric.STORAGE_BYTES, "workspace/project/video/1", 500)
    release(office, Metric.STORAGE_BYTES, "workspace/project")
    assert counted(office, Metric.STORAGE_BYTES) == (500, 0)
    commit(office, Metric.STORAGE_BYTES, "workspace/project-2/video/1", 70)
    release(office, Metric.STORAGE_BYTES, "workspace/project", EntryState.RESERVED, EntryState.COMMITTED)
    assert counted(office, Metric.STORAGE_BYTES) == (70, 0), "and of those below it, not of those beside it"
    agree(office.database)


def test_a_new_month_begins_with_nothing_and_what_was_reserved_stays_in_its_own(office: Office) -> None:
    on_plan(office, publications_per_month=2)
    for source in ("a", "b"):
        reserve(office, Metric.PUBLICATIONS, source, moment=NOVEMBER)
    assert not is_admitted(lambda: reserve(office, Metric.PUBLICATIONS, "c", moment=NOVEMBER))
    reserve(office, Metric.PUBLICATIONS, "c", moment=DECEMBER)
    commit(office, Metric.PUBLICATIONS, "a", moment=DECEMBER)
    reserve(office, Metric.PUBLICATIONS, "d", moment=DECEMBER)
    assert not is_admitted(lambda: reserve(office, Metric.PUBLICATIONS, "e", moment=DECEMBER))
    assert counted(office, Metric.PUBLICATIONS) == (1, 3)
    agree(office.database)


def test_what_is_stored_is_counted_in_no_month(office: Office) -> None:
    on_plan(office, storage_bytes=100)
    commit(office, Metric.STORAGE_BYTES, "a", 80, moment=NOVEMBER)
    assert not is_admitted(lambda: reserve(office, Metric.STORAGE_BYTES, "b", 21, moment=DECEMBER))
    reserve(office, Metric.STORAGE_BYTES, "b", 20, moment=DECEMBER)


def test_a_source_that_grows_is_one_entry(office: Office) -> None:
    with office.database.workspace(office.id) as session:
        now = ledger.now_in(session)
        told = [ledger.add(session, Metric.API_CALLS, "today", amount, now=now) for amount in (3, 4)]
    assert told == [3, 7]
    assert entries(office, Metric.API_CALLS) == {"today": ("committed", 7)}
    agree(office.database)


def test_nothing_of_a_transaction_that_fails_is_kept(office: Office) -> None:
    on_plan(office, clips_per_month=5)

    def too_many() -> None:
        with office.entered("member") as (session, caller):
            ledger.reserve(session, caller.plan, Metric.CLIPS, "a", 5)
            ledger.reserve(session, caller.plan, Metric.CLIPS, "b")

    assert not is_admitted(too_many)
    assert entries(office, Metric.CLIPS) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_counters SET used = 0",
        (
            "INSERT INTO usage_entries (workspace_id, metric, source, period, amount, state)"
            " SELECT current_workspace(), metric, 'b', period, 1, 'reserved' FROM usage_counters"
        ),
        "DELETE FROM usage_entries",
        "SELECT release_usage_of((SELECT id FROM workspaces), ARRAY['clips'], 'a', ARRAY['committed'])",
        "SELECT hold_usage((SELECT id FROM workspaces), 'clips', '2026-11-01', now(), now())",
    ],
)
def test_a_workspace_s_session_writes_its_ledger_by_the_functions_only(office: Office, statement: str) -> None:
    commit(office, Metric.CLIPS, "a", 1)
    with pytest.raises(DBAPIError, match="permission denied"), office.database.workspace(office.id) as session:
        session.execute(text(statement))


def test_another_workspace_s_usage_is_neither_seen_nor_given_back(office: Office) -> None:
    commit(office, Metric.CLIPS, "a", 1)
    with office.database.system() as session:
        other = session.execute(text("SELECT id FROM workspaces WHERE id <> :id"), {"id": office.id}).scalar_one()
    with office.database.workspace(other) as session:
        ledger.release(session, Metric.CLIPS, "a", states=list(EntryState))
        assert ledger.taken(session, Metric.CLIPS) == 0
        assert not ledger.commit(session, Metric.CLIPS, "a"), "of what was never reserved nobody knows how much it is"
    assert counted(office, Metric.CLIPS) == (1, 0)


def test_counters_that_somebody_changed_by_hand_are_found(office: Office, migrated: str) -> None:
    commit(office, Metric.CLIPS, "a", 1)
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE usage_counters SET used = 7"))
    with office.database.system() as session:
        [finding] = ledger.disagreements(session)
    assert (finding.about, finding.severity) == ("usage", "error")
    assert "clips" in finding.told
    assert "is 7 used" in finding.told


def test_the_end_of_a_workspace_takes_its_ledger_along(office: Office) -> None:
    commit(office, Metric.CLIPS, "a", 1)
    reserve(office, Metric.SOURCE_MINUTES, "a", 9)
    with office.database.system() as session:
        session.execute(text("DELETE FROM workspaces WHERE id = :id"), {"id": office.id})
        rows = "SELECT (SELECT count(*) FROM usage_entries) + (SELECT count(*) FROM usage_counters)"
        assert session.execute(text(rows)).scalar_one() == 0
