"""Sessions on the database: one workspace's, or the system's. Nothing else commits, but for single statements.

Every tenant table is guarded twice: by row security in the database, for the role that a workspace's session takes,
and by `workspace_guard`, which narrows the statements of the ORM. No query has to mention the workspace.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import psycopg
from alembic.runtime.migration import MigrationContext
from pydantic_core import from_json
from sqlalchemy import QueuePool, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, NoResultFound, OperationalError
from sqlalchemy.orm import Session, SessionTransaction

from cliply.infra import idle_connections
from cliply.infra.database_url import parse
from cliply.infra.tables import Model, WorkspaceOwned
from cliply.infra.workspace_guard import guard

__all__ = ["APP_ROLE", "SYSTEM_ROLE", "WORKSPACE_SETTING", "Database", "Model", "ScopedSession", "WorkspaceOwned"]

APP_ROLE = "cliply_app"
"""What a workspace's session is: neither the tables' owner nor free of row security."""

SYSTEM_ROLE = "cliply_system"
"""What the system's session is: sees every workspace by a policy, owns nothing, changes no table."""

WORKSPACE_SETTING = "app.workspace_id"


class ScopedSession(Session):
    """A session that is one workspace's where `info` names it, and the system's otherwise."""


guard(ScopedSession)


class Database:
    """The connections of one process; needs no state of a connection, so a transaction pooler may stand between."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self.connections = connections
        self._engine = create_engine(
            parse(url),
            pool_size=connections,
            # Each transaction is begun by `_begin`, together with its role; the driver would ask for it apart.
            isolation_level="AUTOCOMMIT",
            # Values belong to customers; without this they would stand in messages and logs.
            hide_parameters=True,
            # Edits are long, and this reads them several times as fast as the standard library does.
            json_deserializer=from_json,
            use_native_hstore=False,
            native_inet_types=False,
            # A prepared statement lives on one server connection, which a pooler hands to somebody else.
            connect_args={"prepare_threshold": None, "application_name": "cliply"},
        )
        idle_connections.check(self._engine)

    @contextmanager
    def workspace(self, workspace_id: UUID) -> Iterator[Session]:
        """One transaction in which nothing but this workspace exists; committed when the block ends well."""
        with self._session(workspace_id) as session:
            yield session

    @contextmanager
    def system(self) -> Iterator[Session]:
        """One transaction that sees every workspace; committed when the block ends well."""
        with self._session(None) as session:
            yield session

    def at_once(self, statement: str, values: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """The first row of one statement that is a transaction by itself: what it holds is free once it is done.

        As the user who signed in, so it is a function's to say what it may do. Asked of the driver: that is for what
        comes with every request, and SQLAlchemy would take as long over it as the server does.
        """
        with self._engine.connect() as connection:
            asked = cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)
            try:
                row = asked.execute(statement.encode(), values).fetchone()
            except psycopg.OperationalError as failed:
                connection.invalidate(failed)
                raise OperationalError(statement, None, failed) from failed
            except psycopg.Error as failed:
                raise DBAPIError(statement, None, failed) from failed
        if row is None:
            raise NoResultFound
        return row

    def apart(self, *, connections: int) -> "Database":
        """The same database with connections of their own, for what must not wait until one of the others is free."""
        return Database(self._engine.url.render_as_string(hide_password=False), connections=connections)

    def revision(self) -> str | None:
        """What its tables are at; asked as the user who signed in, since the roles see none of Alembic's."""
        with self._engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def server_version(self) -> str:
        """As the server names it, `18.6`; it answers whatever its tables are like."""
        with self._engine.connect() as connection:
            return str(connection.exec_driver_sql("SHOW server_version").scalar_one()).split()[0]

    def pool_use(self) -> tuple[int, int]:
        """Connections that are in use, and those that are there."""
        pool = self._engine.pool
        return (pool.checkedout(), pool.size()) if isinstance(pool, QueuePool) else (0, 0)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _session(self, workspace_id: UUID | None) -> Iterator[Session]:
        info = {"workspace_id": workspace_id}
        with ScopedSession(self._engine, info=info, expire_on_commit=False) as session, session.begin():
            yield session


@event.listens_for(ScopedSession, "after_begin")
def _begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """Role and workspace last as long as the transaction (`SET LOCAL`), whoever has the connection next."""
    if transaction.nested:
        return
    workspace_id: UUID | None = session.info["workspace_id"]
    role, workspace = (SYSTEM_ROLE, "") if workspace_id is None else (APP_ROLE, UUID(str(workspace_id)))
    # All at once, since each request waits for it twice. By a SELECT: the server's statistics know it as one statement,
    # whatever the workspace.
    connection.exec_driver_sql(
        f"BEGIN; SELECT set_config('role', '{role}', true), set_config('{WORKSPACE_SETTING}', '{workspace}', true)"
    )
