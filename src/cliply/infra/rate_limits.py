"""How often somebody may do something: buckets of tokens in the database, so that all processes share them.

A bucket is the one moment at which it will be full again (the generic cell rate algorithm); a full one is no row.
"""

import hashlib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.errors import LimitReached
from cliply.infra.db import Database

# A function of the database, since a workspace's session may not see the buckets: they are everybody's.
_SPEND = text(
    "SELECT * FROM spend_tokens(CAST(:buckets AS text[]), CAST(:every AS interval[]), CAST(:bursts AS int[]))"
)
_SPEND_APART = "SELECT * FROM spend_tokens(%(buckets)s::text[], %(every)s::interval[], %(bursts)s::int[])"
_SWEEP = "SELECT sweep_rate_limits()"
_SWEPT_EVERY = 1_000
"""Requests of a process. Between two sweeps no more rows can be added than these requests had buckets."""

_requests = itertools.count()


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` times at once, and once more `every` so long."""

    burst: int
    every: timedelta


class TooOften(LimitReached):
    """`retry_after` is in whole seconds; `headers` tell programs which limits there are, and how far each is used."""

    def __init__(self, what: str, retry_after: int, headers: Mapping[str, str] | None = None) -> None:
        self.retry_after = retry_after
        self.headers = headers or {}
        wait = f"{retry_after} seconds" if retry_after < 120 else f"{math.ceil(retry_after / 60)} minutes"
        super().__init__(f"Too many {what}. Wait {wait}, then try again.")


def spend(session: Session, limits: Mapping[str, Limit], *, what: str) -> None:
    """Take one token of each bucket, or none of any and raise TooOften. Takes effect with the session's transaction.

    `what` completes “Too many …”.
    """
    if not limits:
        return
    buckets = _in_order(limits)
    _told(limits, buckets, session.execute(_SPEND, _asked(limits, buckets)).one(), what)


def spend_apart(database: Database, limits: Mapping[str, Limit], *, what: str) -> Mapping[str, str]:
    """The same in a transaction of its own: counted whatever becomes of the request, and nobody waits for its end.

    Returns headers that tell programs how much is left.
    """
    if not limits:
        return {}
    buckets = _in_order(limits)
    found = database.at_once(_SPEND_APART, _asked(limits, buckets))
    if next(_requests) % _SWEPT_EVERY == 0:
        database.at_once(_SWEEP)
    return _told(limits, buckets, found, what)


def bucket_of(what: str, *of: str) -> str:
    """A bucket's name. Of what somebody typed only a hash is in it: people type passwords into the wrong field."""
    written = "\0".join(each.strip().casefold() for each in of)
    return f"{what}:{hashlib.sha256(written.encode('utf-8', 'surrogatepass')).hexdigest()}"


def place_of(ip: str) -> str:
    """Whoever has one address of the newer kind has the whole network of it."""
    return str(ip_network(f"{ip}/64", strict=False)) if ":" in ip else ip


def give_back(session: Session, bucket: str) -> None:
    """Fill the bucket again."""
    session.execute(text("DELETE FROM rate_limits WHERE bucket = :bucket"), {"bucket": bucket})


def _in_order(limits: Mapping[str, Limit]) -> Sequence[str]:
    """So that two who want the same buckets never wait for each other."""
    return sorted(limits)


def _asked(limits: Mapping[str, Limit], buckets: Sequence[str]) -> Mapping[str, str]:
    """Arrays as PostgreSQL writes them: the driver takes longer over three lists than the database over the buckets."""
    return {
        "buckets": _array(f'"{bucket}"' for bucket in buckets),
        "every": _array(f"PT{limits[bucket].every.total_seconds():.6f}S" for bucket in buckets),
        "bursts": _array(str(limits[bucket].burst) for bucket in buckets),
    }


def _array(written: Iterable[str]) -> str:
    return "{" + ",".join(written) + "}"


def _told(limits: Mapping[str, Limit], buckets: Sequence[str], found: Sequence[Any], what: str) -> Mapping[str, str]:
    """Raises TooOften. `found` says of each bucket in how many seconds it is full, and gives one more."""
    spent, full_in, waits = found
    headers = _headers([(bucket, limits[bucket]) for bucket in buckets], full_in, waits)
    if spent:
        return headers
    raise TooOften(what, max(map(math.ceil, waits)), headers)


def _headers(
    limits: Sequence[tuple[str, Limit]], full_in: Sequence[float], waits: Sequence[float]
) -> Mapping[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers has them: `t` is when there is more, be it only by one."""
    policies, left = [], []
    for (bucket, limit), seconds, wait in zip(limits, full_in, waits, strict=True):
        name, every = bucket.partition(":")[0], limit.every.total_seconds()
        used = math.ceil(seconds / every - 1e-6)
        next_in = wait or seconds - (used - 1) * every
        policies.append(f'"{name}";q={limit.burst};w={math.ceil(limit.burst * every)}')
        left.append(f'"{name}";r={max(0, limit.burst - used)};t={max(0, math.ceil(next_in))}')
    return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}
