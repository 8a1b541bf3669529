"""The database's tables: brought to the state that this version of Cliply needs, and refused when they are not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from cliply.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from cliply.infra.database_url import parse, printable
from cliply.infra.db import APP_ROLE, SYSTEM_ROLE, Database

OLDEST_SERVER = 15
_LOCK = 7_274_002
"""Number of the lock under which revisions are run: two processes that start at once must not both run them."""


class SchemaTooOld(Conflict):
    def __init__(self, found: str | None, needed: str) -> None:
        has = f"is at revision {found}" if found else "has no tables yet"
        super().__init__(f"The database {has}, and this version of Cliply needs {needed}. Run: cliply db upgrade")


class SchemaTooNew(Conflict):
    def __init__(self, found: str) -> None:
        super().__init__(
            f"The database was upgraded to revision {found} by a newer version of Cliply. Install that version; or, "
            f"still with it, go back first: cliply db downgrade {revisions()[-1]}"
        )


def upgrade(url: str, revision: str = "head") -> str:
    """Run what is missing, all of it or nothing; returns the revision that the database is at."""
    with _connected(url) as connection:
        _refuse_newer(_current(connection))
        with _roles_explained():
            _run(command.upgrade, connection, revision)
        return _current(connection) or "base"


def downgrade(url: str, revision: str) -> str:
    """Go back to `revision`, or to `base`, where nothing of Cliply is left; what later revisions added is lost."""
    with _connected(url) as connection:
        _refuse_newer(_current(connection))
        _run(command.downgrade, connection, revision)
        return _current(connection) or "base"


def check(url: str) -> str:
    """The revision that the database is at. Raises SchemaTooOld or SchemaTooNew when this version cannot use it."""
    with _connected(url) as connection:
        return _fits(_current(connection))


def check_open(database: Database) -> str:
    """The same for a database that is in use."""
    return _fits(database.revision())


def server_version(url: str) -> str:
    """Of the server, as it names it: `18.6`."""
    with _connected(url) as connection:
        return str(connection.exec_driver_sql("SHOW server_version").scalar_one()).split()[0]


def revisions() -> list[str]:
    """All of them, first to last."""
    return [script.revision for script in _scripts().walk_revisions()][::-1]


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection in one transaction. What SQLAlchemy and psycopg say is not passed on: it can hold the password."""
    engine = create_engine(
        parse(url), poolclass=NullPool, hide_parameters=True, connect_args={"prepare_threshold": None}
    )
    try:
        connection = engine.connect()
    except DBAPIError as refused:
        raise Unavailable(f"The database at {printable(url)} does not answer: {_reason(refused)}") from None
    with connection, connection.begin():
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
        if version < OLDEST_SERVER:
            raise Invalid(
                f"The server at {printable(url)} is PostgreSQL {version}. "
                f"Cliply needs {OLDEST_SERVER} or newer: upgrade it, or name another."
            )
        yield connection


def _reason(refused: DBAPIError) -> str:
    """The server's own last words, which name users and databases, never passwords."""
    said = str(refused.orig).strip().splitlines() or ["no reason given"]
    return said[-1].partition("FATAL:")[2].strip() or said[0].strip()


@contextmanager
def _roles_explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as failed:
        if "cliply: roles" not in str(failed.orig):
            raise
        raise NotAllowed(
            f"The database's user may not make roles. Have an administrator run: CREATE ROLE {APP_ROLE} NOLOGIN; "
            f"CREATE ROLE {SYSTEM_ROLE} NOLOGIN; GRANT {APP_ROLE}, {SYSTEM_ROLE} TO the user in CLIPLY_DATABASE__URL; "
            "then run again: cliply db upgrade"
        ) from None


def _run(step: Callable[[Config, str], None], connection: Connection, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    try:
        step(config, revision)
    except CommandError as unknown:
        known = ", ".join(["base", *revisions(), "head"])
        raise NotFound(f"There is no revision {revision!r} to go to. There are: {known}.") from unknown


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "cliply:migrations")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head() -> str:
    return _scripts().get_current_head() or "base"


def _fits(found: str | None) -> str:
    _refuse_newer(found)
    if found != _head():
        raise SchemaTooOld(found, _head())
    return _head()


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in revisions():
        raise SchemaTooNew(found)
