"""Circuit breakers in the database, so that what one process has seen, all know within a second."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError

from cliply.infra.breakers import RULE, Rule
from cliply.infra.db import Database

_ADMITS = text("SELECT o_admitted, o_failing, o_left FROM breaker_admits(:name, :probe)")
_FAILED = text("SELECT o_left FROM breaker_failed(:name, :failures, :within, :rest, :longest)")
_SUCCEEDED = text("SELECT breaker_succeeded(:name)")

_CONNECTIONS = 2
"""For steps of a millisecond, and of those one a second."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the database said; moments are those of this process's clock."""

    at: float
    failing: bool
    until: float | None
    """None: closed."""


class SharedBreakers:
    """Each step is a transaction of its own: what was seen of a provider stays seen when somebody's work fails. The
    connections are their own too: whoever asks a provider may hold one of the others and wait for this.

    `fresh` is for how many seconds an answer of the database is good. Where the database does not answer, calls are
    made.
    """

    def __init__(
        self,
        database: Database,
        rule: Rule = RULE,
        *,
        fresh: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database.apart(connections=_CONNECTIONS)
        self._rule = rule
        self._fresh = fresh
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def admit(self, name: str) -> datetime | None:
        now = self._clock()
        with self._lock:
            seen = self._seen.get(name)
        if seen is not None and now - seen.at < self._fresh and (seen.until is None or seen.until > now):
            return self._told(seen)
        found = self._ask(_ADMITS, {"name": name, "probe": self._rule.probe})
        if found is None:
            return None
        # The one who may try is told so here; everybody else of this process finds it closed to them.
        seen = self._keep(name, failing=found.o_failing, left=found.o_left)
        return None if found.o_admitted else self._told(seen)

    def succeeded(self, name: str) -> None:
        with self._lock:
            seen = self._seen.get(name)
        if seen is not None and seen.failing and self._ask(_SUCCEEDED, {"name": name}) is not None:
            self._keep(name, failing=False, left=None)

    def failed(self, name: str) -> None:
        rule = self._rule
        found = self._ask(
            _FAILED,
            {
                "name": name,
                "failures": rule.failures,
                "within": rule.within,
                "rest": rule.rest,
                "longest": rule.longest_rest,
            },
        )
        if found is not None:
            self._keep(name, failing=True, left=found.o_left)

    def close(self) -> None:
        self._database.close()

    def _told(self, seen: _Seen) -> datetime | None:
        return None if seen.until is None else datetime.now(UTC) + timedelta(seconds=seen.until - self._clock())

    def _keep(self, name: str, *, failing: bool, left: float | None) -> _Seen:
        now = self._clock()
        seen = _Seen(now, failing, None if left is None else now + left)
        with self._lock:
            self._seen[name] = seen
        return seen

    def _ask(self, statement: Any, values: Mapping[str, object]) -> Row[Any] | None:
        try:
            with self._database.system() as session:
                return session.execute(statement, values).one()
        except SQLAlchemyError as failed:
            # What a provider has done is known by now, and must not be lost over this.
            _log.warning("breaker_not_kept", extra={"error": type(failed).__name__})
            return None
