"""How often somebody may do something: buckets of tokens in the database, so that all processes share them.

A bucket is the one moment at which it will be full again (the generic cell rate algorithm); a full one is no row.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.errors import LimitReached

# A function of the database, since a workspace's session may not see the buckets: they are everybody's.
_SPEND = text("SELECT spend_token(:bucket, :every, :burst)")


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` times at once, and once more `every` so long."""

    burst: int
    every: timedelta


class TooOften(LimitReached):
    """`retry_after` is in whole seconds; `headers` tell programs which limit it was."""

    def __init__(self, what: str, retry_after: int, *, bucket: str = "", limit: Limit | None = None) -> None:
        self.retry_after = retry_after
        self.headers = {} if limit is None else _headers(bucket.partition(":")[0], limit, retry_after)
        wait = f"{retry_after} seconds" if retry_after < 120 else f"{math.ceil(retry_after / 60)} minutes"
        super().__init__(f"Too many {what}. Wait {wait}, then try again.")


def spend(session: Session, limits: Mapping[str, Limit], *, what: str) -> None:
    """Take one token of each bucket, or raise TooOften. Takes effect with the session's transaction.

    `what` completes “Too many …”.
    """
    # In one order, so that two who want the same buckets never wait for each other.
    for bucket, limit in sorted(limits.items()):
        wait = session.execute(_SPEND, {"bucket": bucket, "every": limit.every, "burst": limit.burst}).scalar_one()
        if wait:
            raise TooOften(what, math.ceil(wait), bucket=bucket, limit=limit)


def bucket_of(what: str, *of: str) -> str:
    """A bucket's name. Of what somebody typed only a hash is in it: people type passwords into the wrong field."""
    written = "\0".join(each.strip().casefold() for each in of)
    return f"{what}:{hashlib.sha256(written.encode('utf-8', 'surrogatepass')).hexdigest()}"


def give_back(session: Session, bucket: str) -> None:
    """Fill the bucket again."""
    session.execute(text("DELETE FROM rate_limits WHERE bucket = :bucket"), {"bucket": bucket})


def _headers(name: str, limit: Limit, wait: int) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers has them."""
    window = math.ceil(limit.burst * limit.every.total_seconds())
    return {"ratelimit-policy": f'"{name}";q={limit.burst};w={window}', "ratelimit": f'"{name}";r=0;t={wait}'}
