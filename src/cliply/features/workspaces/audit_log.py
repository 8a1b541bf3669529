"""Reading who did what in a workspace: page by page, or all of it as a file."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.audit.models import AuditEntry
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.infra.db import Database

Form: TypeAlias = Literal["csv", "jsonl"]
CONTENT_TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

_COLUMNS = (
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "action",
    "target_kind",
    "target_id",
    "before_hash",
    "after_hash",
    "request_id",
    "ip",
)
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Newest first; `after` is what to pass for the next page, None on the last."""

    entries: Sequence[AuditEntry]
    after: int | None


def search(
    session: Session,
    caller: Caller,
    *,
    action: str | None = None,
    actor_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int | None = None,
    limit: int = 50,
) -> EntryPage:
    """Entries are only ever added, before the first page: a walk through the pages misses and repeats nothing."""
    caller.require(Action.READ_AUDIT)
    asked = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    for column, wanted in ((AuditEntry.action, action), (AuditEntry.actor_id, actor_id)):
        if wanted is not None:
            asked = asked.where(column == wanted)
    if since is not None:
        asked = asked.where(AuditEntry.at >= since)
    if until is not None:
        asked = asked.where(AuditEntry.at < until)
    if after is not None:
        asked = asked.where(AuditEntry.id < after)
    found = session.scalars(asked).all()
    return EntryPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def export(database: Database, caller: Caller, form: Form) -> Iterator[bytes]:
    """The whole log, oldest first, a few entries at a time: no transaction stays open while somebody reads slowly."""
    caller.require(Action.READ_AUDIT)
    return _written(database, caller.workspace_id, form)


def _written(database: Database, workspace_id: UUID, form: Form) -> Iterator[bytes]:
    if form == "csv":
        yield _csv_line(_COLUMNS)
    after = 0
    while True:
        with database.workspace(workspace_id) as session:
            asked = select(AuditEntry).where(AuditEntry.id > after).order_by(AuditEntry.id).limit(_BATCH)
            found = session.scalars(asked).all()
        if not found:
            return
        yield b"".join(_line(entry, form) for entry in found)
        after = found[-1].id


def _line(entry: AuditEntry, form: Form) -> bytes:
    values = {name: _plain(getattr(entry, name)) for name in _COLUMNS}
    if form == "jsonl":
        return json.dumps(values, ensure_ascii=False).encode() + b"\n"
    return _csv_line("" if value is None else _no_formula(str(value)) for value in values.values())


def _plain(value: Any) -> str | int | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(value)


def _no_formula(text: str) -> str:
    """A spreadsheet takes what begins so for a formula and would run it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _csv_line(values: "Sequence[str] | Iterator[str]") -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(values)
    return line.getvalue().encode()
