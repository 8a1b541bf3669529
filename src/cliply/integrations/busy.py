"""What a hosted service says when it is asked too often: how long it wants to be left alone."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from cliply.errors import Unavailable

LONGEST_WAIT = 60.0
"""Seconds that somebody sits through; what is longer is for a job to wait."""
_TICK = 0.2


class ServiceBusy(Unavailable):
    """It takes no more requests now. Jobs ask again after `retry_after` seconds, where it has named a time."""

    def __init__(self, service: str, retry_after: float | None) -> None:
        self.retry_after = retry_after
        wait = "Wait" if retry_after is None else f"It asks to wait {_told(retry_after)}"
        super().__init__(f"{service} takes no more requests now. {wait}, or check the account's limits.")


def asked_wait(response: httpx2.Response) -> float | None:
    """Seconds that the answer asks to wait, told as such or as a date; None where it names no time."""
    told = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(told)
    except ValueError:
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def rest(seconds: float, on_tick: Callable[[], None]) -> None:
    """Wait; `on_tick` is called a few times a second, and whatever it raises ends the wait."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(_TICK, left))
        on_tick()


def _told(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
