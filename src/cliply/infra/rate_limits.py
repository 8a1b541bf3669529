"""How often somebody may do something: buckets of tokens in the database, so that all processes share them.

A bucket is the one moment at which it will be full again (the generic cell rate algorithm); a full one is no row.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.errors import LimitReached

_SPEND = text("""
    INSERT INTO rate_limits AS kept (bucket, full_at) VALUES (:bucket, clock_timestamp() + :every)
    ON CONFLICT (bucket) DO UPDATE SET full_at = greatest(kept.full_at, clock_timestamp()) + :every
        WHERE greatest(kept.full_at, clock_timestamp()) + :every <= clock_timestamp() + :every * :burst
    RETURNING full_at
""")
_WAIT = text("""
    SELECT extract(epoch FROM full_at + :every - :every * :burst - clock_timestamp()) FROM rate_limits
    WHERE bucket = :bucket
""")
_FORGET_FULL = text("""
    DELETE FROM rate_limits WHERE bucket IN (
        SELECT bucket FROM rate_limits WHERE full_at < clock_timestamp() LIMIT :added FOR UPDATE SKIP LOCKED)
""")


class TooOften(LimitReached):
    """`retry_after` is in whole seconds."""

    def __init__(self, what: str, retry_after: int) -> None:
        self.retry_after = retry_after
        wait = f"{retry_after} seconds" if retry_after < 120 else f"{math.ceil(retry_after / 60)} minutes"
        super().__init__(f"Too many {what}. Wait {wait}, then try again.")


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` times at once, and once more `every` so long."""

    burst: int
    every: timedelta


def spend(session: Session, limits: Mapping[str, Limit], *, what: str) -> None:
    """Take one token of each bucket, or raise TooOften. Takes effect with the session's transaction.

    `what` completes “Too many …”.
    """
    # In one order, so that two who want the same buckets never wait for each other.
    for bucket, limit in sorted(limits.items()):
        values = {"bucket": bucket, "every": limit.every, "burst": limit.burst}
        if session.execute(_SPEND, values).first() is None:
            wait = session.execute(_WAIT, values).scalar() or 0
            raise TooOften(what, max(1, math.ceil(wait)))
    # As many as can have been added, so the table stays as small as what is in use.
    session.execute(_FORGET_FULL, {"added": len(limits) + 1})


def give_back(session: Session, bucket: str) -> None:
    """Fill the bucket again."""
    session.execute(text("DELETE FROM rate_limits WHERE bucket = :bucket"), {"bucket": bucket})
