"""The second guard around a workspace: what its session asks of the ORM is narrowed to it, and no row leaves it.

Row security in the database holds by itself, and so does this: where a policy was forgotten or the role is wrong, a
query still finds nothing of others.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import UpdateBase, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria

from cliply.errors import NotAllowed
from cliply.infra.tables import WorkspaceOwned

_WRITTEN = re.compile(r"workspace_id(_m\d+)?")
"""How SQLAlchemy names the values of that column in an INSERT of one or of several rows, and in an UPDATE."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class ForeignWorkspace(NotAllowed):
    """A fault of ours, so the message is for the log; the customer did nothing wrong."""

    def __init__(self) -> None:
        super().__init__("A row of another workspace was about to be written.")


def narrow(asked: ORMExecuteState) -> None:
    """Add the workspace to a statement that reads or writes rows of a workspace."""
    workspace_id = asked.session.info.get("workspace_id")
    # What is loaded again already belongs to this session.
    if workspace_id is None or asked.is_column_load:
        return
    if asked.is_insert or asked.is_update:
        if any(issubclass(mapper.class_, WorkspaceOwned) for mapper in asked.all_mappers):
            _refuse_foreign(asked, workspace_id)
        if asked.is_insert:
            return
    asked.statement = asked.statement.options(
        with_loader_criteria(
            WorkspaceOwned,
            lambda owned: owned.workspace_id == workspace_id,
            include_aliases=True,
        )
    )


def keep_inside(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Give new rows their workspace, and refuse those that name another."""
    workspace_id = session.info.get("workspace_id")
    if workspace_id is None:
        return
    for row in (*session.new, *session.dirty):
        if isinstance(row, WorkspaceOwned):
            if row.workspace_id is None:
                row.workspace_id = workspace_id
            elif row.workspace_id != workspace_id:
                raise ForeignWorkspace


def _refuse_foreign(asked: ORMExecuteState, workspace_id: UUID) -> None:
    if any(str(value) != str(workspace_id) for value in _written(asked)):
        raise ForeignWorkspace


def _written(asked: ORMExecuteState) -> Iterator[Any]:
    """The workspaces that a statement writes, wherever it names them."""
    statement = asked.statement
    if not isinstance(statement, UpdateBase) or getattr(statement, "select", None) is not None:
        raise ForeignWorkspace  # what an INSERT from a SELECT writes cannot be known here
    rows = asked.parameters or ()
    if isinstance(rows, Mapping):
        yield from _values(rows)
    elif rows:
        # Of many rows at once, SQLAlchemy can compile the statement later only.
        if getattr(statement, "_values", None):
            raise ForeignWorkspace
        for row in rows:
            yield from _values(row)
        return
    yield from _values(statement.compile(dialect=_DIALECT).params)


def _values(parameters: Mapping[str, Any]) -> Iterator[Any]:
    return (value for name, value in parameters.items() if _WRITTEN.fullmatch(name) and value is not None)


def guard(sessions: type[Session]) -> None:
    event.listen(sessions, "do_orm_execute", narrow)
    event.listen(sessions, "before_flush", keep_inside)
