"""Whether a failed job is tried again, and when."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from cliply.errors import CliplyError, Unavailable

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
        # A service's own word (Retry-After) is kept, within reason.
        asked = getattr(failed, "retry_after", None)
        return max(wait, min(float(asked), self.longest)) if asked is not None else wait


def explain(failed: BaseException) -> str:
    """What a customer may read: our own messages are written for them, anybody else's may hold a secret."""
    return str(failed) if isinstance(failed, CliplyError) else _UNEXPECTED


def _may_pass(failed: BaseException) -> bool:
    """A broken video stays broken; a service that is away, or a fault that nobody foresaw, may be gone next time."""
    return isinstance(failed, Unavailable) or not isinstance(failed, CliplyError)
