"""A migrated database of this test process, on the bundled server; its rows go after each test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text

from cliply.infra import schema
from cliply.infra.db import Database
from cliply.infra.embedded import embedded_postgres

_MADE_BY_REVISIONS = ("alembic_version", "procrastinate_version")
"""Tables whose rows are part of the schema."""


@pytest.fixture(scope="session")
def short() -> Iterator[Path]:
    """A folder near the top, since a socket's path has to be short; every account may pass it."""
    folder = Path(tempfile.mkdtemp(prefix="cliply-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(short: Path) -> Iterator[str]:
    """The URL of a server with an empty database; CLIPLY_TEST_SERVER names another, of an older version or a pooler."""
    if (named := os.environ.get("CLIPLY_TEST_SERVER")) is not None:
        yield named
        return
    with embedded_postgres(short / "server") as url:
        _forget_power_cuts(url)
        yield url


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    """The same, with all tables."""
    schema.upgrade(server)
    return server


@pytest.fixture(scope="session")
def opened(migrated: str) -> Iterator[Database]:
    """Open for all tests: each new connection costs the server more than most tests do."""
    database = Database(migrated)
    yield database
    database.close()


@pytest.fixture(scope="session")
def emptying(migrated: str) -> Iterator[Engine]:
    """For `tests.empty()`, which removes all rows."""
    engine = create_engine(migrated, isolation_level="AUTOCOMMIT", connect_args={"prepare_threshold": None})
    with engine.connect() as connection:
        _make_emptying(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def database(opened: Database, emptying: Engine) -> Iterator[Database]:
    """What the product uses; every row is removed before, where a test without it has left some, and afterwards."""
    _empty(emptying)
    yield opened
    _empty(emptying)


def _empty(emptying: Engine) -> None:
    with emptying.connect() as connection:
        connection.execute(text("SELECT tests.empty()"))


@contextmanager
def as_owner(url: str) -> Iterator[Connection]:
    """A connection with all rights, for what no part of the product may do."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


@contextmanager
def fresh_database(server: str, name: str) -> Iterator[str]:
    """The URL of an empty database of its own on the same server."""
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _forget_power_cuts(url: str) -> None:
    """Nothing of this server has to outlive the run, so nothing is waited for until it is on the disk."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))


def _make_emptying(connection: Connection) -> None:
    """A function, so that the server plans its statements once; it leaves alone what has no rows, which is most."""
    tables = connection.execute(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND NOT relname = ANY(:kept)"
        ),
        {"kept": list(_MADE_BY_REVISIONS)},
    ).scalars()
    removed = {table: f"DELETE FROM {table};" for table in tables}
    removed["audit_entries"] = (
        "ALTER TABLE audit_entries DISABLE TRIGGER append_only;"
        f" {removed['audit_entries']}"
        " ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER append_only;"
    )
    body = "\n".join(f"IF EXISTS (SELECT FROM {table}) THEN {remove} END IF;" for table, remove in removed.items())
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS tests"))
    # Neither foreign keys nor the trigger that protects the audit entries may stand in the way here.
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION tests.empty() RETURNS void LANGUAGE plpgsql"
            f" SET search_path = public SET session_replication_role = replica AS $$ BEGIN {body} END $$"
        )
    )
