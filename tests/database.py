"""A migrated database of this test process, on the bundled server; its rows go after each test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

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
        yield url


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    """The same, with all tables."""
    schema.upgrade(server)
    return server


@pytest.fixture
def database(migrated: str) -> Iterator[Database]:
    """What the product uses; every row is removed afterwards."""
    database = Database(migrated)
    yield database
    database.close()
    with as_owner(migrated) as connection:
        _empty(connection)


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


def _empty(connection: Connection) -> None:
    tables = connection.execute(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND NOT relname = ANY(:kept)"
        ),
        {"kept": list(_MADE_BY_REVISIONS)},
    ).scalars()
    # Neither foreign keys nor the trigger that protects the audit entries may stand in the way here.
    statements = [
        "SET LOCAL session_replication_role = replica",
        "ALTER TABLE audit_entries DISABLE TRIGGER append_only",
        *(f"DELETE FROM {table}" for table in tables),
        "ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER append_only",
    ]
    connection.execute(text("; ".join(statements)))
