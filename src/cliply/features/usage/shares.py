"""Shares of the calls that a plan has left, as the database hands them out: each question is a transaction by itself.

A share is set aside in the ledger for one process. Closed, it counts as what was used of it; one that nobody closes
counts whole, because all of it may have been used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cliply.features.identity.access import NoSuchWorkspace
from cliply.features.usage.periods import Period
from cliply.infra.db import Database

_TAKE = """
    SELECT shared, counted, taken, at, lasts
    FROM take_api_calls(%(workspace)s, %(share)s, %(wanted)s, %(most)s, %(period)s, %(begins)s, %(ends)s)
"""
_CLOSE = "SELECT close_api_calls(%(workspace)s, %(shares)s::text[], %(used)s::bigint[])"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of asking for more."""

    shared: int
    """So many more are in the share."""
    counted: bool
    """One counts already: of the last ones nobody has a share."""
    taken: int | None
    """Used and set aside before, by everybody; None: the period that was named is not that of this moment."""
    at: datetime
    """By the clock of the database."""
    lasts: float
    """Seconds until the period ends."""


def take(database: Database, workspace_id: UUID, share: str, *, wanted: int, most: int, period: Period) -> Taken:
    """Have up to `wanted` more in a share, if the plan has any left of `most`. Raises NoSuchWorkspace."""
    told = {"workspace": workspace_id, "share": share, "wanted": wanted, "most": most}
    when = {"period": period.name, "begins": period.begins, "ends": period.ends}
    shared, counted, taken, at, lasts = database.at_once(_TAKE, {**told, **when})
    if at is None:
        raise NoSuchWorkspace
    return Taken(shared, counted, taken, at, lasts)


def close(database: Database, workspace_id: UUID, used: Mapping[str, int]) -> bool:
    """Count what was used of each share, and give the rest back; once, however often it is said.

    Returns whether there is such a workspace.
    """
    told = {"workspace": workspace_id, "shares": list(used), "used": list(used.values())}
    return bool(database.at_once(_CLOSE, told)[0])
