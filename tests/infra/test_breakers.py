"""Both kinds of breakers keep the same rule; those in the database keep it for every process at once."""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cliply.infra.breakers import RULE as DEFAULT
from cliply.infra.breakers import Breakers, ProcessBreakers, Rule
from cliply.infra.db import Database
from cliply.infra.shared_breakers import SharedBreakers

RULE = Rule(
    failures=3,
    within=timedelta(seconds=60),
    rest=timedelta(seconds=30),
    longest_rest=timedelta(seconds=100),
    probe=timedelta(seconds=20),
)


@dataclass
class Kept:
    breakers: Breakers
    pass_time: Callable[[float], None]


Shared = Callable[..., SharedBreakers]


@pytest.fixture
def shared(database: Database) -> Iterator[Shared]:
    """Makes what a process has. It asks the database each time, unless it is told otherwise."""
    made: list[SharedBreakers] = []

    def make(rule: Rule = RULE, **more: Any) -> SharedBreakers:
        made.append(SharedBreakers(database, rule, **{"fresh": 0.0, **more}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=["process", "shared"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "process":
        moment = [1000.0]

        def pass_time(seconds: float) -> None:
            moment[0] += seconds

        return Kept(ProcessBreakers(RULE, clock=lambda: moment[0]), pass_time)
    database: Database = request.getfixturevalue("database")
    return Kept(request.getfixturevalue("shared")(), lambda seconds: let_pass(database, seconds))


def let_pass(database: Database, seconds: float) -> None:
    with database.system() as session:
        session.execute(
            text("UPDATE breakers SET failing_since = failing_since - :gone, open_until = open_until - :gone"),
            {"gone": timedelta(seconds=seconds)},
        )


def fail(breakers: Breakers, times: int) -> None:
    for _ in range(times):
        breakers.failed("there")


def test_it_opens_after_failures_in_a_row_and_says_until_when(kept: Kept) -> None:
    fail(kept.breakers, 2)
    assert kept.breakers.admit("there") is None
    fail(kept.breakers, 1)
    assert kept.breakers.admit("there") is not None
    assert kept.breakers.admit("elsewhere") is None


def test_a_success_between_failures_starts_the_row_anew(kept: Kept) -> None:
    for _ in range(4):
        fail(kept.breakers, 2)
        assert kept.breakers.admit("there") is None
        kept.breakers.succeeded("there")


def test_failures_of_long_ago_do_not_count(kept: Kept) -> None:
    fail(kept.breakers, 2)
    kept.pass_time(61)
    fail(kept.breakers, 2)
    assert kept.breakers.admit("there") is None


def test_when_its_rest_is_over_one_call_is_let_through_and_its_success_closes_it(kept: Kept) -> None:
    fail(kept.breakers, 3)
    kept.pass_time(29)
    assert kept.breakers.admit("there") is not None
    kept.pass_time(2)
    assert [kept.breakers.admit("there") is None for _ in range(5)] == [True, False, False, False, False]
    kept.breakers.succeeded("there")
    assert [kept.breakers.admit("there") is None for _ in range(5)] == [True] * 5
    fail(kept.breakers, 2)
    assert kept.breakers.admit("there") is None, "it begins to count anew"


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit(kept: Kept) -> None:
    fail(kept.breakers, 3)
    for rest in (30, 60, 100, 100):
        kept.pass_time(rest - 1)
        assert kept.breakers.admit("there") is not None
        kept.pass_time(2)
        assert kept.breakers.admit("there") is None
        fail(kept.breakers, 1)


def test_calls_that_were_on_their_way_when_it_opened_do_not_keep_it_open(kept: Kept) -> None:
    fail(kept.breakers, 30)
    kept.pass_time(31)
    assert kept.breakers.admit("there") is None


def test_a_probe_that_nobody_reports_on_is_followed_by_another(kept: Kept) -> None:
    fail(kept.breakers, 3)
    kept.pass_time(31)
    assert kept.breakers.admit("there") is None
    kept.pass_time(19)
    assert kept.breakers.admit("there") is not None
    kept.pass_time(2)
    assert kept.breakers.admit("there") is None


def test_a_provider_that_fails_now_and_then_is_not_left_alone() -> None:
    drawn, breakers = random.Random(7), ProcessBreakers(clock=lambda: 0.0)
    for _ in range(5000):
        assert breakers.admit("there") is None
        (breakers.failed if drawn.random() < 0.3 else breakers.succeeded)("there")


def test_what_one_process_has_seen_another_knows(shared: Shared, migrated: str) -> None:
    said = (
        "import sys\n"
        "from cliply.infra.db import Database\n"
        "from cliply.infra.shared_breakers import SharedBreakers\n"
        "database = Database(sys.argv[1])\n"
        "breakers = SharedBreakers(database)\n"
        "for _ in range(8): breakers.failed('there')\n"
        "print(breakers.admit('there') is not None)\n"
        "database.close()\n"
    )
    breakers = shared(DEFAULT, fresh=1.0)
    assert breakers.admit("elsewhere") is None
    other = subprocess.run([sys.executable, "-c", said, migrated], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "True"
    until = breakers.admit("there")
    assert until is not None
    assert timedelta(seconds=20) < until - datetime.now(UTC) <= timedelta(seconds=30)


def test_of_many_who_come_at_once_one_probes(database: Database, shared: Shared) -> None:
    fail(shared(), 3)
    let_pass(database, 31)
    processes = [shared() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(lambda breakers: breakers.admit("there") is None, processes))
    assert sum(admitted) == 1


def test_the_database_is_asked_once_a_second_at_most(database: Database, shared: Shared) -> None:
    moment = [0.0]
    breakers = shared(fresh=1.0, clock=lambda: moment[0])
    other = shared()
    assert breakers.admit("there") is None
    fail(other, 3)
    assert breakers.admit("there") is None, "not asked again yet"
    moment[0] += 1.1
    assert breakers.admit("there") is not None
    let_pass(database, 31)
    assert other.admit("there") is None
    other.succeeded("there")
    assert breakers.admit("there") is not None, "not asked again yet"
    moment[0] += 1.1
    assert breakers.admit("there") is None
    # Nothing was seen to fail, so there is nothing to write down.
    fail(other, 1)
    breakers.succeeded("there")
    with database.system() as session:
        assert session.execute(text("SELECT failures FROM breakers")).scalars().all() == [1]


def test_where_the_database_does_not_answer_calls_are_made() -> None:
    nowhere = Database("postgresql://127.0.0.1:1/nothing")
    breakers = SharedBreakers(nowhere, RULE)
    fail(breakers, 5)
    breakers.succeeded("there")
    assert breakers.admit("there") is None
    breakers.close()
    nowhere.close()


def test_a_call_waits_for_no_connection_that_others_hold(migrated: str, database: Database) -> None:
    """Whoever renews a token holds its row and a connection while the provider is asked."""
    small = Database(migrated, connections=1)
    breakers = SharedBreakers(small, RULE)
    with ExitStack() as holding:
        # As many as the pool ever lends.
        for _ in range(11):
            holding.enter_context(small.system())
        fail(breakers, 3)
        assert breakers.admit("there") is not None
    breakers.close()
    small.close()


def test_a_workspace_s_session_has_its_share_and_sees_nothing(database: Database) -> None:
    with database.workspace(UUID(int=1)) as session:
        session.execute(text("SELECT breaker_failed('there', 1, '1 min', '1 min', '1 min')"))
        admitted = text("SELECT o_admitted FROM breaker_admits('there', '1 min')")
        assert session.execute(admitted).scalar_one() is False
        session.execute(text("SELECT breaker_succeeded('there')"))
        assert session.execute(admitted).scalar_one() is True
    with pytest.raises(ProgrammingError, match="permission denied"), database.workspace(UUID(int=1)) as session:
        session.execute(text("SELECT * FROM breakers"))
