"""Connections that the server ended, while nobody used them or at work."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.database import as_owner

from cliply.infra.db import Database


@pytest.fixture
def database(database: Database) -> Iterator[Database]:
    """With connections of its own: of those that earlier tests have left, it would be another one's turn."""
    apart = database.apart(connections=1)
    yield apart
    apart.close()


def process_of(database: Database) -> int:
    with database.system() as session:
        return int(session.execute(text("select pg_backend_pid()")).scalar_one())


def test_a_connection_is_used_again(database: Database) -> None:
    assert process_of(database) == process_of(database)


def test_a_connection_that_the_server_ended_is_replaced_unnoticed(database: Database, migrated: str) -> None:
    ended = process_of(database)
    with as_owner(migrated) as owner:
        # Waits until it has ended.
        assert owner.execute(text("select pg_terminate_backend(:ended, 5000)"), {"ended": ended}).scalar_one()
    assert process_of(database) != ended


def add_twice(database: Database) -> None:
    insert = text("insert into users (id, email, name) values (gen_random_uuid(), 'a@example.com', 'A')")
    with database.system() as session:
        session.execute(insert)
        session.execute(insert)


def test_what_was_begun_and_failed_leaves_nothing(database: Database) -> None:
    with pytest.raises(IntegrityError):
        add_twice(database)
    with database.system() as session:
        assert session.execute(text("select count(*) from users")).scalar_one() == 0


def test_a_connection_that_ends_under_a_single_statement_is_replaced_after_it(database: Database) -> None:
    with pytest.raises(OperationalError):
        database.at_once("SELECT pg_terminate_backend(pg_backend_pid())")
    assert database.at_once("SELECT %(one)s + 1", {"one": 1}) == (2,)
