"""Writing down who did what, in the transaction in which it is done."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.features.audit.models import ActorKind, AuditEntry


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and by which request."""

    kind: ActorKind
    id: UUID | None = None
    request_id: str | None = None
    ip: str | None = None


def record(
    session: Session,
    action: str,
    target: tuple[str, object],
    *,
    by: Actor,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    workspace_id: UUID | None = None,
) -> AuditEntry:
    """Add an entry: `action` is a noun and what became of it, `clip.renamed`; `target` a kind and an id.

    A workspace's session fills in its workspace. Of `before` and `after` only hashes are kept.
    """
    kind, target_id = target
    entry = AuditEntry(
        workspace_id=workspace_id,
        actor_kind=by.kind,
        actor_id=by.id,
        action=action,
        target_kind=kind,
        target_id=str(target_id),
        before_hash=_hash(before),
        after_hash=_hash(after),
        request_id=by.request_id,
        ip=by.ip,
    )
    session.add(entry)
    session.flush()
    return entry


def _hash(state: Mapping[str, Any] | None) -> str | None:
    """The same for the same state, in whatever order it is given."""
    if state is None:
        return None
    written = json.dumps(state, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(written.encode()).hexdigest()
