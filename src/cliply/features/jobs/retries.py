"""Whether a failed job is tried again, and when."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from cliply.errors import CliplyError, Unavailable, code_of

_LONGEST_ASKED = 24 * 3600.0
"""Seconds that a service may make a job wait; one that says a year has made a mistake."""
_UNEXPECTED = "Something went wrong on our side. It has been written down for us."


@dataclass(frozen=True, slots=True)
class Retries:
    """Full jitter: a random wait up to a bound that doubles with each failure, so that no crowd returns as one."""

    times: int = 4
    first: float = 2.0
    longest: float = 600.0

    def retry_in(
        self, failed: BaseException, failures: int, *, draw: Callable[[float, float], float] = random.uniform
    ) -> float | None:
        """Seconds to wait after the failure number `failures + 1`, or None when trying again cannot help."""
        if failures >= self.times or not _may_pass(failed):
            return None
        wait = draw(0.0, min(self.longest, self.first * 2.0**failures))
        # A service's own word (Retry-After) is kept, and nobody comes back at that very moment with everybody else.
        asked = getattr(failed, "retry_after", None)
        return wait if asked is None else min(float(asked), _LONGEST_ASKED) + wait


def explain(failed: BaseException) -> str:
    """What a customer may read: our own messages are written for them, anybody else's may hold a secret."""
    return str(failed) if isinstance(failed, CliplyError) else _UNEXPECTED


def classify(failed: BaseException) -> str:
    """The code of one of our own errors; `fault` for what nobody foresaw."""
    return code_of(type(failed)) if isinstance(failed, CliplyError) else "fault"


def _may_pass(failed: BaseException) -> bool:
    """A broken video stays broken; a service that is away, or a fault that nobody foresaw, may be gone next time."""
    return isinstance(failed, Unavailable) or not isinstance(failed, CliplyError)
