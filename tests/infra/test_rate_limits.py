from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from math import ceil
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from cliply.infra import rate_limits
from cliply.infra.db import Database
from cliply.infra.rate_limits import Limit, TooOften, give_back, place_of, spend, spend_apart

LIMIT = Limit(10, timedelta(hours=1))
HOUR = timedelta(hours=1)
SWEEP = "SELECT sweep_rate_limits()"


def spent(database: Database, *buckets: str, limit: Limit = LIMIT) -> bool:
    try:
        with database.system() as session:
            spend(session, dict.fromkeys(buckets, limit), what="tries")
    except TooOften:
        return False
    return True


def spent_apart(database: Database, *buckets: str, limit: Limit = LIMIT) -> bool:
    try:
        spend_apart(database, dict.fromkeys(buckets, limit), what="tries")
    except TooOften:
        return False
    return True


def pass_time(database: Database, by: timedelta) -> None:
    with database.system() as session:
        session.execute(text("UPDATE rate_limits SET full_at = full_at - :by"), {"by": by})


def rows(database: Database) -> list[str]:
    with database.system() as session:
        return list(session.execute(text("SELECT bucket FROM rate_limits ORDER BY 1")).scalars())


def test_a_bucket_gives_as_many_as_it_holds_however_many_ask_at_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: spent(database, "one"), range(40))) == 10
    assert spent(database, "another")


def test_two_hundred_at_once_get_what_there_is_and_no_more(migrated: str, database: Database) -> None:
    """Each takes of a bucket of its own, of one that many share, and of the one of all."""
    wide = Database(migrated, connections=20)

    def ask(number: int) -> bool:
        limits = {f"own:{number}": LIMIT, f"shared:{number % 4}": Limit(30, HOUR), "all:": Limit(100, HOUR)}
        try:
            spend_apart(wide, limits, what="tries")
        except TooOften:
            return False
        return True

    try:
        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(ask, range(200)))
    finally:
        wide.close()
    assert sum(answers) == 100
    assert all(sum(answers[shared::4]) <= 30 for shared in range(4))
    with database.system() as session:
        spent_of = text("SELECT round(extract(epoch FROM full_at - now()) / 3600) FROM rate_limits WHERE bucket = :b")
        left = [session.execute(spent_of, {"b": f"shared:{shared}"}).scalar_one() for shared in range(4)]
    assert sum(left) == 100, "who was refused by one has taken of no other"


def test_a_bucket_fills_again_one_by_one(database: Database) -> None:
    assert [spent(database, "one") for _ in range(11)][-2:] == [True, False]
    pass_time(database, timedelta(minutes=61))
    assert [spent(database, "one") for _ in range(2)] == [True, False]


def test_of_several_buckets_each_is_spent_or_none(database: Database) -> None:
    assert spent(database, "b", limit=Limit(1, HOUR))
    assert not spent_apart(database, "a", "b", "c", limit=Limit(1, HOUR)), "neither those before it nor those after"
    assert spent_apart(database, "a", "c", limit=Limit(1, HOUR))


def test_who_has_to_wait_is_told_how_long(database: Database) -> None:
    with database.system() as session:
        spend(session, {"one": Limit(1, timedelta(minutes=10))}, what="tries")
    with pytest.raises(TooOften, match="Wait 10 minutes") as refused, database.system() as session:
        spend(session, {"one": Limit(1, timedelta(minutes=10))}, what="tries")
    assert 590 <= refused.value.retry_after <= 600


def test_who_has_to_wait_for_several_waits_for_the_last(database: Database) -> None:
    limits = {"short:1": Limit(1, timedelta(minutes=1)), "long:1": Limit(1, HOUR), "free:1": LIMIT}
    spend_apart(database, limits, what="tries")
    with pytest.raises(TooOften) as refused:
        spend_apart(database, limits, what="tries")
    assert 3_590 <= refused.value.retry_after <= 3_600
    left = dict(each.split(";", 1) for each in refused.value.headers["ratelimit"].split(", "))
    assert left['"free"'].startswith("r=9;")
    assert left['"short"'].startswith("r=0;")
    assert left['"long"'] == f"r=0;t={refused.value.retry_after}"


def test_programs_are_told_what_is_left_and_when_there_is_more(database: Database) -> None:
    limits = {"hourly:1": Limit(60, timedelta(minutes=1)), "daily:1": Limit(2, timedelta(hours=12))}
    told = spend_apart(database, limits, what="tries")
    assert told["ratelimit-policy"] == '"daily";q=2;w=86400, "hourly";q=60;w=3600'
    assert told["ratelimit"] == '"daily";r=1;t=43200, "hourly";r=59;t=60'
    pass_time(database, timedelta(seconds=30))
    assert spend_apart(database, limits, what="tries")["ratelimit"] == '"daily";r=0;t=43170, "hourly";r=58;t=30'


def test_what_is_spent_apart_is_spent_though_the_rest_fails(database: Database) -> None:
    with database.system() as session:
        spend_apart(database, {"one": Limit(1, HOUR)}, what="tries")
        session.rollback()
    assert not spent(database, "one", limit=Limit(1, HOUR))
    with database.system() as session:
        spend(session, {"two": Limit(1, HOUR)}, what="tries")
        session.rollback()
    assert spent(database, "two", limit=Limit(1, HOUR)), "and what is part of it goes with it"


def test_where_nothing_is_limited_nobody_is_asked(migrated: str) -> None:
    nowhere = Database("postgresql://127.0.0.1:1/nothing")
    assert spend_apart(nowhere, {}, what="tries") == {}


def test_a_smaller_bucket_counts_at_once(database: Database) -> None:
    """As after another plan: what was taken of the larger one stays taken."""
    assert all(spent(database, "one", limit=Limit(10, HOUR)) for _ in range(5))
    assert not spent(database, "one", limit=Limit(3, HOUR))
    pass_time(database, timedelta(hours=3))
    assert [spent(database, "one", limit=Limit(3, HOUR)) for _ in range(2)] == [True, False]


def test_what_is_given_back_can_be_spent_again(database: Database) -> None:
    while spent(database, "one"):
        pass
    with database.system() as session:
        give_back(session, "one")
    assert spent(database, "one")


def test_full_buckets_take_no_room(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spent(database, *(f"old:{number}" for number in range(50)))
    pass_time(database, timedelta(hours=2))
    monkeypatch.setattr(rate_limits, "_SWEPT_EVERY", 5)
    for _ in range(5):
        assert spent_apart(database, "one")
    assert rows(database) == ["one"]


def test_a_sweep_waits_for_nobody_and_takes_nothing_that_is_in_use(database: Database) -> None:
    assert spent(database, "a", "b", "c")
    pass_time(database, timedelta(hours=2))
    with database.system() as session:
        spend(session, {"b": LIMIT}, what="tries")
        database.at_once(SWEEP)
    assert rows(database) == ["b"]


def test_a_network_of_the_newer_kind_is_one_place() -> None:
    assert place_of("2001:db8:1:2:3:4:5:6") == place_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert place_of("192.0.2.7") == "192.0.2.7"


def test_a_workspace_s_session_spends_and_sees_nothing(database: Database) -> None:
    def spend_in(workspace_id: UUID) -> None:
        with database.workspace(workspace_id) as session:
            spend(session, {"one": Limit(2, timedelta(hours=1))}, what="tries")

    spend_in(UUID(int=1))
    spend_in(UUID(int=2))
    with pytest.raises(TooOften):
        spend_in(UUID(int=3))
    with pytest.raises(ProgrammingError, match="permission denied"), database.workspace(UUID(int=1)) as session:
        session.execute(text("SELECT * FROM rate_limits"))


LIMITS: Mapping[str, tuple[int, int]] = {"a:": (1, 1), "b:": (3, 2), "c:": (5, 1), "d:": (2, 7)}
"""How many, and in how many hours there is one more."""
MOST_SECONDS = 600
"""That pass between two steps; the hours are the model's."""


class Buckets(RuleBasedStateMachine):
    """What the database does, beside a model that counts in whole hours; the seconds that it takes are far less."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.full_at: dict[str, int] = {}
        with self.database.system() as session:
            session.execute(text("DELETE FROM rate_limits"))

    @rule(
        buckets=st.sets(st.sampled_from(sorted(LIMITS)), min_size=1), how=st.sampled_from(["apart", "kept", "undone"])
    )
    def spend(self, buckets: set[str], how: str) -> None:
        limits = {bucket: Limit(LIMITS[bucket][0], LIMITS[bucket][1] * HOUR) for bucket in buckets}
        after = {bucket: max(self.full_at.get(bucket, 0), self.now) + LIMITS[bucket][1] for bucket in buckets}
        wait = max(after[bucket] - self.now - LIMITS[bucket][0] * LIMITS[bucket][1] for bucket in buckets)
        told = self.told(limits, how)
        if isinstance(told, TooOften):
            assert wait * 3_600 - MOST_SECONDS < told.retry_after <= wait * 3_600
            return
        assert wait <= 0
        if how == "apart":
            self.compare(told, after)
        if how != "undone":
            self.full_at |= after

    def told(self, limits: Mapping[str, Limit], how: str) -> str | TooOften:
        try:
            if how == "apart":
                return spend_apart(self.database, limits, what="tries")["ratelimit"]
            with self.database.system() as session:
                spend(session, limits, what="tries")
                if how == "undone":
                    session.rollback()
        except TooOften as refused:
            return refused
        return ""

    def compare(self, told: str, after: Mapping[str, int]) -> None:
        for said, (bucket, full_at) in zip(told.split(", "), sorted(after.items()), strict=True):
            burst, every = LIMITS[bucket]
            left, _, seconds = said.partition(";t=")
            assert left == f'"{bucket[0]}";r={burst - ceil((full_at - self.now) / every)}'
            there_is_more = ((full_at - self.now) % every or every) * 3_600
            assert there_is_more - MOST_SECONDS < int(seconds) <= there_is_more

    @rule(hours=st.integers(1, 20))
    def wait(self, hours: int) -> None:
        self.now += hours
        pass_time(self.database, hours * HOUR)

    @rule(bucket=st.sampled_from(sorted(LIMITS)))
    def give_back(self, bucket: str) -> None:
        self.full_at.pop(bucket, None)
        with self.database.system() as session:
            give_back(session, bucket)

    @rule()
    def sweep(self) -> None:
        self.database.at_once(SWEEP)
        self.full_at = {bucket: at for bucket, at in self.full_at.items() if at > self.now}
        assert rows(self.database) == sorted(self.full_at)

    @invariant()
    def no_bucket_is_in_debt(self) -> None:
        for bucket, at in self.full_at.items():
            assert at - self.now <= LIMITS[bucket][0] * LIMITS[bucket][1]


@pytest.mark.parametrize(
    ("runs", "steps"), [(12, 15), pytest.param(200, 50, marks=pytest.mark.soak)], ids=["quick", "10,000 steps"]
)
def test_any_order_of_calls_leaves_what_a_model_says(database: Database, runs: int, steps: int) -> None:
    machine = type("Here", (Buckets,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs, stateful_step_count=steps, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.mark.soak
def test_the_table_stays_as_small_as_what_is_in_use_over_a_million_calls(database: Database, emptying: Engine) -> None:
    """Ten thousand places ask in turn, each in a transaction of its own; a bucket is full again a hundredth of a second
    after what they take."""
    run = text("""
        DO $$ BEGIN FOR n IN 1..20000 LOOP
            PERFORM spend_tokens(ARRAY['user:' || n % 5000, 'workspace:' || n % 100, 'address:' || n % 10000],
                ARRAY[interval '1 ms', interval '1 ms', interval '1 ms'], ARRAY[100, 1000, 100]);
            COMMIT;
            IF n % 1000 = 0 THEN PERFORM sweep_rate_limits(); COMMIT; END IF;
        END LOOP; END $$
    """)
    sizes = []
    with emptying.connect() as connection:
        for number in range(50):
            if number % 5 == 0:
                # The server does so each minute, in which no service answers as many.
                connection.execute(text("VACUUM rate_limits"))
            connection.execute(run)
            sizes.append(connection.execute(text("SELECT pg_total_relation_size('rate_limits')")).scalar_one())
            assert len(rows(database)) <= 3_000, "no more than was asked for since the last sweep"
    assert max(sizes[25:]) <= 2 * max(sizes[:5]), sizes
