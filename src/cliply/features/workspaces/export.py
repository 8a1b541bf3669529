"""All that a workspace holds, as one file: a zip with a JSON document for each kind of thing.

Whatever belongs to a workspace is found in the database's catalogue, so that what later features add is in it.
"""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotFound
from cliply.features.audit import service as audit
from cliply.features.identity.access import Caller
from cliply.features.identity.models import Membership, User
from cliply.features.identity.permissions import Action
from cliply.features.workspaces.models import WorkspaceExport
from cliply.infra.redaction import is_secret
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Storage

KEPT = timedelta(days=7)
LINK_LASTS = timedelta(hours=1)
CONTENT_TYPE = "application/zip"

_NO_PROJECT = UUID(int=0)
_BATCH = 500
# The queue's own, of which the view `jobs` shows what is the customer's; and what only keeps the service running.
_INNER = frozenset(
    {"procrastinate_jobs", "job_keys", "stages", "workspace_limits", "idempotency_keys", "workspace_exports", "mails"}
)
_TABLES = text("""
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) AS columns FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid <> 'bytea'::regtype
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
        AND has_table_privilege(c.oid, 'SELECT')
        AND (c.relname = 'workspaces' OR EXISTS (
            SELECT FROM pg_attribute own WHERE own.attrelid = c.oid AND own.attname = 'workspace_id'))
    GROUP BY c.relname ORDER BY c.relname
""")


class NoSuchExport(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such export any more. Ask for a new one.")


class ExportNotReady(Conflict):
    def __init__(self) -> None:
        super().__init__("The export is not ready yet. Try again in a minute.")


def request(session: Session, caller: Caller) -> WorkspaceExport:
    """A new export, for which the caller's feature starts a job."""
    caller.require(Action.EXPORT_WORKSPACE)
    caller.principal.require_person()
    export = WorkspaceExport(requested_by=caller.principal.user_id)
    session.add(export)
    session.flush()
    audit.record(session, "workspace.export_requested", ("export", export.id), by=caller.actor)
    return export


def get(session: Session, caller: Caller, export_id: UUID) -> WorkspaceExport:
    caller.require(Action.EXPORT_WORKSPACE)
    caller.principal.require_person()
    export = session.scalar(select(WorkspaceExport).where(WorkspaceExport.id == export_id))
    if export is None:
        raise NoSuchExport
    return export


def link(session: Session, caller: Caller, storage: Storage, export_id: UUID) -> str:
    """A link that lasts an hour. Raises NoSuchExport or ExportNotReady."""
    export = get(session, caller, export_id)
    if export.finished_at is None:
        raise ExportNotReady
    audit.record(session, "workspace.export_linked", ("export", export.id), by=caller.actor)
    return storage.download_link(key_of(export), expires_in=LINK_LASTS, file_name="cliply-export.zip")


def key_of(export: WorkspaceExport) -> ObjectKey:
    return ObjectKey(export.workspace_id, _NO_PROJECT, "export", export.id)


def finish(session: Session, export_id: UUID, size: int) -> None:
    export = session.scalars(select(WorkspaceExport).where(WorkspaceExport.id == export_id).with_for_update()).one()
    export.size, export.finished_at, export.expires_at = size, func.now(), func.now() + KEPT


def over(session: Session) -> list[WorkspaceExport]:
    """Exports that are kept no longer, in a session of the system."""
    return list(session.scalars(select(WorkspaceExport).where(WorkspaceExport.expires_at < func.now())))


def write(session: Session, target: IO[bytes]) -> Iterator[str]:
    """Write the zip row by row; yields the name of each document once it is written."""
    with zipfile.ZipFile(target, "w") as archive:
        yield _document(archive, "people", _people(session))
        for table, columns in session.execute(_TABLES).all():
            if table not in _INNER:
                shown = [column for column in columns if not _is_inner(column)]
                yield _document(archive, table, _rows(session, table, shown))


def _document(archive: zipfile.ZipFile, name: str, rows: Iterator[dict[str, Any]]) -> str:
    entry = zipfile.ZipInfo(f"{name}.json", datetime.now(UTC).timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as document:
        document.write(b"[")
        for number, row in enumerate(rows):
            written = json.dumps(row, ensure_ascii=False)
            document.write((",\n" if number else "\n").encode() + written.encode("utf-8", "replace"))
        document.write(b"\n]\n")
    return name


def _rows(session: Session, table: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Only the session's workspace: row security sees to that, since no model narrows what is asked here."""
    quoted = session.get_bind().dialect.identifier_preparer.quote_identifier
    listed = ", ".join(quoted(column) for column in columns)
    asked = text(f"SELECT to_jsonb(exported) FROM (SELECT {listed} FROM {quoted(table)}) exported")  # noqa: S608 - quoted
    found = session.execute(asked, execution_options={"stream_results": True, "yield_per": _BATCH})
    yield from found.scalars()


def _people(session: Session) -> Iterator[dict[str, Any]]:
    asked = select(User.id, User.name, User.email, Membership.role).join(Membership, Membership.user_id == User.id)
    for row in session.execute(asked.order_by(Membership.created_at, User.id)):
        yield {"id": str(row.id), "name": row.name, "email": row.email, "role": row.role.value}


def _is_inner(column: str) -> bool:
    return column.endswith("_hash") or is_secret(column)
