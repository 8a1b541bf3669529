"""What a hosted service says when it is asked too often: how long it wants to be left alone."""

import math
import time
from collections.abc import Callable

import httpx2

from cliply.errors import Unavailable
from cliply.infra import waits

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
    """Seconds that the answer asks to wait; None where it names no time."""
    return waits.asked_wait(response.headers.get("Retry-After"))


def rest(seconds: float, on_tick: Callable[[], None]) -> None:
    """Wait; `on_tick` is called a few times a second, and whatever it raises ends the wait."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(_TICK, left))
        on_tick()


def _told(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
