"""Circuit breakers: who does not answer is left alone for a while, and then asked by one, not by all.

A breaker opens after some failures in a row. When its rest is over, one call is let through: its success closes the
breaker, its failure opens it again for longer.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rule:
    failures: int = 8
    """In a row: of a service that fails three calls of ten, eight in a row are a matter of hours."""
    within: timedelta = timedelta(minutes=2)
    """Since the first of them; older ones do not count."""
    rest: timedelta = timedelta(seconds=30)
    """How long it stays open the first time; twice as long after each probe that fails."""
    longest_rest: timedelta = timedelta(minutes=5)
    probe: timedelta = timedelta(seconds=90)
    """How long the one call may take; afterwards another may try, since whoever made it may be gone."""


RULE = Rule()


class Breakers(Protocol):
    """`name` is whom a breaker is about, such as a host. Never raises: a call is worth more than its record."""

    def admit(self, name: str) -> datetime | None:
        """None where a call may be made now; else when to ask again."""
        ...

    def succeeded(self, name: str) -> None: ...

    def failed(self, name: str) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _State:
    failures: int
    since: float
    opened: int = 0
    until: float = 0.0
    probing: bool = False


class ProcessBreakers:
    """Of this process alone, for commands that use no database."""

    def __init__(self, rule: Rule = RULE, clock: Callable[[], float] = time.time) -> None:
        self._rule = rule
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}

    def admit(self, name: str) -> datetime | None:
        with self._lock:
            state, now = self._states.get(name), self._clock()
            if state is None or not state.opened:
                return None
            if state.until > now:
                return datetime.fromtimestamp(state.until, UTC)
            state.until, state.probing = now + self._rule.probe.total_seconds(), True
            return None

    def succeeded(self, name: str) -> None:
        with self._lock:
            self._states.pop(name, None)

    def failed(self, name: str) -> None:
        with self._lock:
            now = self._clock()
            state = self._states.get(name)
            if state is None or (not state.opened and state.since + self._rule.within.total_seconds() < now):
                state = self._states[name] = _State(0, now)
            state.failures += 1
            # A call that began before it opened and fails now tells nothing new.
            if state.probing or (not state.opened and state.failures >= self._rule.failures):
                rest = min(self._rule.rest * 2**state.opened, self._rule.longest_rest)
                state.opened, state.probing = min(state.opened + 1, 20), False
                state.until = now + rest.total_seconds()

    def close(self) -> None:
        """Holds nothing."""
