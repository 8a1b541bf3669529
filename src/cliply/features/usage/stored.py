"""What is stored: one entry for each object, by its key, from when something names it to when it is removed.

Sources, the files of clips, and the copies that are posted. What the service itself notes beside them (transcripts,
where faces are: kilobytes) and exports, which go by themselves, take nothing of a plan.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.identity.plans import Plan
from cliply.features.usage import ledger
from cliply.features.usage.ledger import Amount, Now
from cliply.features.usage.models import EntryState, Metric, UsageEntry
from cliply.infra.storage.keys import ObjectKey

KINDS = frozenset({"source", "video", "cover", "coverwide", "srt", "vtt", "ass"})

_THERE = (EntryState.RESERVED, EntryState.COMMITTED)
_log = logging.getLogger(__name__)


def reserve(session: Session, plan: Plan, key: ObjectKey, size: int, *, lease: timedelta) -> None:
    """For an object that is to arrive. Raises PlanLimit."""
    ledger.reserve(session, plan, Metric.STORAGE_BYTES, key, size, lease=lease)


def keep(session: Session, objects: Iterable[tuple[ObjectKey, int]], *, now: Now | None = None) -> None:
    """They are there, and named by what this transaction commits."""
    ledger.commit_all(session, amounts(objects), now=now)


def amounts(objects: Iterable[tuple[ObjectKey, int]]) -> list[Amount]:
    return [Amount(Metric.STORAGE_BYTES, key, size) for key, size in objects]


def forget(session: Session, keys: Iterable[ObjectKey]) -> None:
    """They have been removed."""
    for key in sorted(map(str, keys)):
        ledger.release(session, Metric.STORAGE_BYTES, key, states=_THERE)


def forget_project(session: Session, workspace_id: UUID, project_id: UUID) -> None:
    """All that it had has been removed."""
    ledger.release(session, Metric.STORAGE_BYTES, f"{workspace_id}/{project_id}", states=_THERE)


def check_room(session: Session, plan: Plan, *, now: Now) -> None:
    """Before something is made whose size nobody knows yet. Raises PlanLimit where nothing is left."""
    if ledger.left(session, plan, Metric.STORAGE_BYTES, now=now) == 0:
        taken = ledger.taken(session, Metric.STORAGE_BYTES, now=now)
        ledger.refuse(plan, Metric.STORAGE_BYTES, used=taken, wanted=1, now=now)


def refuse_larger(session: Session, plan: Plan) -> None:
    """Of an object that is known only to be larger than what is left. Raises PlanLimit."""
    now = ledger.now_in(session)
    wanted = (left(session, plan) or 0) + 1
    ledger.refuse(plan, Metric.STORAGE_BYTES, used=ledger.taken(session, Metric.STORAGE_BYTES), wanted=wanted, now=now)


def left(session: Session, plan: Plan) -> int | None:
    """Bytes; None is no limit."""
    return ledger.left(session, plan, Metric.STORAGE_BYTES)


@dataclass(frozen=True, slots=True)
class Drift:
    """By how much the ledger was wrong."""

    missing: int
    """Objects that had no entry."""
    gone: int
    """Entries whose object was not there."""
    bytes: int
    """By how many there are more than the ledger said."""


def agree(session: Session, there: dict[str, int], *, since: datetime) -> Drift:
    """Have the ledger say what is there: objects by their keys, looked through from `since` on.

    What was noted later than that may have been stored behind the look, and is left alone.
    """
    entries = select(UsageEntry).where(
        UsageEntry.metric == Metric.STORAGE_BYTES, UsageEntry.state == EntryState.COMMITTED
    )
    counted = {each.source: each for each in session.scalars(entries)}
    missing = {key: size for key, size in there.items() if key not in counted}
    gone = [key for key in counted.keys() - there.keys() if (counted[key].settled_at or since) < since]
    keep(session, ((ObjectKey.parse(key), size) for key, size in missing.items()))
    forget(session, map(ObjectKey.parse, gone))
    drift = Drift(len(missing), len(gone), sum(missing.values()) - sum(counted[key].amount for key in gone))
    if drift.missing or drift.gone:
        told = {"missing": drift.missing, "gone": drift.gone, "bytes": drift.bytes}
        _log.warning("storage_drift", extra={"workspace": str(session.info["workspace_id"]), **told})
    return drift


def of_interest(objects: Iterable[tuple[ObjectKey, int]]) -> Iterator[tuple[str, int]]:
    return ((str(key), size) for key, size in objects if key.kind in KINDS)
