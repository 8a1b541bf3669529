from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cliply.infra.db import Database
from cliply.infra.rate_limits import Limit, TooOften, give_back, spend

LIMIT = Limit(10, timedelta(hours=1))


def spent(database: Database, bucket: str) -> bool:
    try:
        with database.system() as session:
            spend(session, {bucket: LIMIT}, what="tries")
    except TooOften:
        return False
    return True


def test_a_bucket_gives_as_many_as_it_holds_however_many_ask_at_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: spent(database, "one"), range(40))) == 10
    assert spent(database, "another")


def test_a_bucket_fills_again_one_by_one(database: Database) -> None:
    assert [spent(database, "one") for _ in range(11)][-2:] == [True, False]
    with database.system() as session:
        session.execute(text("UPDATE rate_limits SET full_at = full_at - interval '61 minutes'"))
    assert [spent(database, "one") for _ in range(2)] == [True, False]


def test_who_has_to_wait_is_told_how_long(database: Database) -> None:
    with database.system() as session:
        spend(session, {"one": Limit(1, timedelta(minutes=10))}, what="tries")
    with pytest.raises(TooOften, match="Wait 10 minutes") as refused, database.system() as session:
        spend(session, {"one": Limit(1, timedelta(minutes=10))}, what="tries")
    assert 590 <= refused.value.retry_after <= 600


def test_what_is_given_back_can_be_spent_again(database: Database) -> None:
    while spent(database, "one"):
        pass
    with database.system() as session:
        give_back(session, "one")
    assert spent(database, "one")


def test_full_buckets_take_no_room(database: Database) -> None:
    with database.system() as session:
        spend(session, {str(number): LIMIT for number in range(50)}, what="tries")
        session.execute(text("UPDATE rate_limits SET full_at = full_at - interval '2 hours'"))
    for _ in range(25):
        with database.system() as session:
            spend(session, {"one": Limit(100, timedelta(hours=1))}, what="tries")
    with database.system() as session:
        assert session.execute(text("SELECT bucket FROM rate_limits")).scalars().all() == ["one"]


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
