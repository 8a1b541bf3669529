"""No number of processes passes a limit of calls, whatever becomes of them."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from tests.database import as_owner
from tests.features.usage.books import agree, commit, counted, entries
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import is_admitted, on_plan
from tests.infra.queue.fleet import until

from cliply.features.identity.access import Caller, NoSuchWorkspace
from cliply.features.usage import ledger, service
from cliply.features.usage.calls import ApiCalls
from cliply.features.usage.models import Metric
from cliply.infra.db import Database

CALLS = Metric.API_CALLS


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Unheard(Database):
    """What is asked is done, and the answer is lost."""

    def at_once(self, statement: str, values: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        super().at_once(statement, values)
        raise OperationalError(statement, None, ConnectionError())


def admitted(session: Session, caller: Caller, calls: ApiCalls, times: int = 1) -> int:
    return sum(is_admitted(lambda: calls.count(session, caller)) for _ in range(times))


def made(office: Office, calls: ApiCalls, times: int = 1) -> int:
    """How many of so many calls are answered."""
    with office.entered("member") as (session, caller):
        return admitted(session, caller, calls, times)


def processes(office: Office, number: int, **more: Any) -> list[ApiCalls]:
    return [ApiCalls(office.database, **more) for _ in range(number)]


def out(office: Office) -> int:
    """How much is in shares."""
    return counted(office, CALLS)[1]


def lapse(office: Office, url: str) -> None:
    """A minute passes, and what is over is settled."""
    with as_owner(url) as connection:
        connection.execute(text("UPDATE usage_entries SET expires_at = now() WHERE state = 'reserved'"))
    settle(office)


def settle(office: Office) -> None:
    with office.database.workspace(office.id) as session:
        ledger.release_expired(session)


@contextmanager
def unheard(calls: ApiCalls, url: str) -> Iterator[None]:
    real, calls._database = calls._database, Unheard(url, connections=1)
    with pytest.raises(OperationalError):
        yield
    calls._database.close()
    calls._database = real


def test_of_a_hundred_at_once_in_several_processes_the_last_one_is_one_s(office: Office) -> None:
    on_plan(office, api_calls_per_month=500)
    commit(office, CALLS, "before", 499)
    each = processes(office, 4)
    # Four threads of each ask together, a transaction for each call.
    with ThreadPoolExecutor(16) as pool:
        answered = list(pool.map(lambda number: made(office, each[number % 4]), range(100)))
    assert sum(answered) == 1
    assert counted(office, CALLS) == (500, 0)
    agree(office.database)


@pytest.mark.parametrize(
    "left", [40, pytest.param(1_000, marks=pytest.mark.slow), pytest.param(1_300, marks=pytest.mark.slow)]
)
def test_as_many_as_are_left_are_answered_by_four_processes_in_turn(office: Office, left: int) -> None:
    on_plan(office, api_calls_per_month=10_000)
    commit(office, CALLS, "before", 10_000 - left)
    each = processes(office, 4)
    with office.entered("member") as (session, caller):
        turns = zip(cycle(each), range(left), strict=False)
        assert sum(admitted(session, caller, calls) for calls, _ in turns) == left, "nobody is refused before"
        assert all(admitted(session, caller, calls) == 0 for calls in each)
    for calls in each:
        calls.write()
    assert counted(office, CALLS) == (10_000, 0)
    agree(office.database)


def test_most_calls_ask_the_database_nothing_and_a_share_is_what_was_used_lately(office: Office) -> None:
    on_plan(office, api_calls_per_month=100_000)
    [calls] = processes(office, 1)
    asked: list[int] = []
    for _ in range(3):
        assert made(office, calls, 400) == 400
        asked.append(out(office))
        calls.write()
    assert asked == [8 * 2**6, 400, 400]
    assert counted(office, CALLS) == (1_200, 0)
    assert made(office, calls) == 1
    assert out(office) == 400
    calls.write()
    assert made(office, calls) == 1
    assert out(office) == 8, "who made one only has no more than anybody"


def test_no_share_grows_by_more_than_a_hundredth_of_what_is_left(office: Office) -> None:
    on_plan(office, api_calls_per_month=2_100)
    [calls] = processes(office, 1)
    with office.entered("member") as (session, caller):
        sizes = [0] + [out(office) for _ in range(60) if admitted(session, caller, calls)]
    assert len(sizes) == 61
    assert {after - before for before, after in pairwise(sizes)} == {0, 8, 16, 20}


def test_nobody_has_a_share_of_the_last_thousand(office: Office) -> None:
    on_plan(office, api_calls_per_month=2_100)
    commit(office, CALLS, "before", 1_099)
    here, there = processes(office, 2)
    assert made(office, here, 20) + made(office, there, 20) == 40, "one of them had a share when there were more"
    assert counted(office, CALLS) == (1_099 + 40 - 8, 8)


def test_what_is_written_is_one_entry_a_day(office: Office) -> None:
    on_plan(office, api_calls_per_month=5_000)
    began = datetime.now(UTC).date()
    for calls in processes(office, 3):
        for _ in range(3):
            assert made(office, calls, 20) == 20
            calls.write()
    found = entries(office, CALLS)
    assert sum(amount for _, amount in found.values()) == 180
    assert {source.rpartition("/")[2] for source in found} <= {f"{began}", f"{datetime.now(UTC).date()}"}, "or midnight"
    agree(office.database)


def test_a_share_that_is_never_reported_counts_whole(office: Office, migrated: str) -> None:
    on_plan(office, api_calls_per_month=5_000)
    [killed] = processes(office, 1)
    assert made(office, killed, 3) == 3
    assert counted(office, CALLS) == (0, 8)
    settle(office)
    assert counted(office, CALLS) == (0, 8), "its time is not over"
    lapse(office, migrated)
    assert counted(office, CALLS) == (8, 0)
    agree(office.database)


def test_whoever_reports_late_is_charged_what_was_used(office: Office, migrated: str) -> None:
    """A process that stood still for minutes; it may even go on with its share, which counts already."""
    on_plan(office, api_calls_per_month=5_000)
    [frozen] = processes(office, 1)
    assert made(office, frozen, 3) == 3
    lapse(office, migrated)
    assert made(office, frozen, 2) == 2
    frozen.write()
    assert counted(office, CALLS) == (5, 0)
    assert [state for state, _ in entries(office, CALLS).values()] == ["committed"]
    agree(office.database)


def test_shares_that_lapsed_a_day_ago_are_part_of_a_day_s_entry(office: Office, migrated: str) -> None:
    on_plan(office, api_calls_per_month=5_000)
    for killed in processes(office, 3):
        assert made(office, killed, 3) == 3
    lapse(office, migrated)
    assert len(entries(office, CALLS)) == 3
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE usage_entries SET settled_at = settled_at - interval '25 hours'"))
    settle(office)
    assert list(entries(office, CALLS).values()) == [("committed", 24)]
    killed.write()
    assert counted(office, CALLS) == (24, 0), "that late it makes no difference"
    agree(office.database)


def test_an_answer_that_is_lost_counts_nothing_twice_and_nothing_too_little(office: Office, migrated: str) -> None:
    on_plan(office, api_calls_per_month=5_000)
    [calls] = processes(office, 1)
    with unheard(calls, migrated):
        made(office, calls)
    assert counted(office, CALLS) == (0, 8)
    assert made(office, calls, 5) == 5
    with unheard(calls, migrated):
        calls.write()
    assert counted(office, CALLS) == (5, 0)
    calls.write()
    assert made(office, calls, 2) == 2
    calls.write()
    assert counted(office, CALLS) == (7, 0)
    agree(office.database)


def test_a_limit_that_is_lowered_holds_from_the_next_call(office: Office) -> None:
    on_plan(office, api_calls_per_month=5_000)
    here, there = processes(office, 2)
    assert made(office, here, 20) + made(office, there, 3) == 23
    on_plan(office, api_calls_per_month=24)
    assert [made(office, there, 5), made(office, here, 5)] == [0, 1], "what the other has is not given back yet"
    assert counted(office, CALLS) == (24, 0)
    on_plan(office, api_calls_per_month=5_000)
    assert made(office, here, 5) + made(office, there, 5) == 10
    agree(office.database)


def test_what_was_used_without_a_limit_counts_for_one(office: Office) -> None:
    on_plan(office, api_calls_per_month=None)
    here, there = processes(office, 2)
    assert made(office, here, 30) == 30
    here.write()
    on_plan(office, api_calls_per_month=40)
    assert made(office, there, 30) == 10
    on_plan(office, api_calls_per_month=None)
    assert made(office, there, 30) == 30
    there.write()
    assert counted(office, CALLS) == (70, 0)
    agree(office.database)


@pytest.mark.slow
def test_a_period_that_ends_takes_no_more_and_the_next_one_begins(office: Office) -> None:
    """By the clock of the database; that of the process stands still."""
    on_plan(office, api_calls_per_month=3)
    here, there = processes(office, 2, clock=Time())
    ends = datetime.now(UTC) + timedelta(seconds=3)
    with office.database.system() as session:
        anchor = {"anchor": ends.replace(year=2024), "id": office.id}
        session.execute(text("UPDATE workspaces SET period_anchor = :anchor WHERE id = :id"), anchor)
    assert made(office, here, 2) == 2
    assert made(office, there, 2) == 1
    until(lambda: made(office, there))
    assert made(office, here, 3) == 2
    with office.database.workspace(office.id) as session:
        rows = session.execute(text("SELECT used, begins_at, ends_at FROM usage_counters ORDER BY period")).all()
    assert [row.used for row in rows] == [3, 3]
    assert rows[0].ends_at == rows[1].begins_at == ends
    agree(office.database)


def test_a_share_ends_with_its_period(office: Office) -> None:
    on_plan(office, api_calls_per_month=5_000)
    time = Time()
    [calls] = processes(office, 1, clock=time)
    assert made(office, calls, 3) == 3
    with office.database.system() as session:
        anchor = {"anchor": datetime(2024, 1, 15, tzinfo=UTC), "id": office.id}
        session.execute(text("UPDATE workspaces SET period_anchor = :anchor WHERE id = :id"), anchor)
    time.now += 40
    assert made(office, calls, 4) == 4
    calls.write()
    with office.database.workspace(office.id) as session:
        rows = session.execute(text("SELECT substr(period, 9, 2), used, reserved FROM usage_counters")).all()
    assert sorted(tuple(row) for row in rows) == [("01", 3, 0), ("15", 4, 0)]
    agree(office.database)


def test_a_workspace_that_is_deleted_takes_its_shares_along(office: Office) -> None:
    on_plan(office, api_calls_per_month=5_000)
    here, there = processes(office, 2)
    assert made(office, here) == 1
    with office.entered("member") as (session, caller):
        ledger.now_in(session)
        with office.database.system() as system:
            system.execute(text("DELETE FROM workspaces WHERE id = :id"), {"id": office.id})
        with pytest.raises(NoSuchWorkspace):
            there.count(session, caller)
    here.write()
    there.write()
    assert (here._counted, there._counted) == ({}, {})
    with office.database.system() as session:
        assert session.execute(text("SELECT count(*) FROM usage_entries")).scalar_one() == 0


def test_shares_are_not_told_as_used(office: Office) -> None:
    on_plan(office, api_calls_per_month=5_000)
    [calls] = processes(office, 1)
    made(office, calls, 30)
    assert out(office) >= 30

    def told() -> tuple[int, int, float | None]:
        with office.entered("member") as (session, caller):
            of_calls = service.summary(session, caller).of(CALLS)
            return of_calls.used, of_calls.reserved, of_calls.percent

    assert told() == (0, 0, 0.0)
    calls.write()
    assert told() == (30, 0, 0.6)


def test_a_workspace_s_session_cannot_take_or_close_anybody_s(office: Office) -> None:
    for function in ("take_api_calls(NULL, 'a', 1, 1, NULL, NULL, NULL)", "close_api_calls(NULL, NULL, NULL)"):
        with office.database.workspace(office.id) as session, pytest.raises(Exception, match="permission denied"):
            session.execute(text(f"SELECT {function}"))
