"""The processes of `cliply up`: started together, watched, and ended together."""

import http.client
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import TypeAlias
from urllib.parse import urlsplit

from cliply.errors import Unavailable
from cliply.infra.child_processes import dies_with_us
from cliply.infra.opening import database_url, open_agreed
from cliply.infra.settings import Settings

Command: TypeAlias = tuple[Sequence[str], Sequence[int]]
"""Arguments of `cliply`, and the open files that it is handed."""

_TICK = 0.2
_COMING_UP = 10.0
"""Seconds; what ends by itself within them has never come up."""
_TRIES = 3
"""What did not come up that often in a row will not do better the next time."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
"""Seconds before it is started again, doubled while it keeps ending."""
_PATIENCE = 45.0
"""Longer than API and worker take to drain."""

_log = logging.getLogger(__name__)


class KeepsEnding(Unavailable):
    def __init__(self, name: str) -> None:
        super().__init__(f"The {name} of the service did not come up {_TRIES} times in a row. What it said is above.")


def supervise(
    settings: Settings, commands: Mapping[str, Command], address: str, *, on_ready: Callable[[], None]
) -> None:
    """Run all of them until SIGTERM or SIGINT, then let them end their work and return.

    One that ends is started again, however often that is: a job that ends its worker each time is the queue's to park.
    Raises KeepsEnding where one does not even come up, or what is wrong with the database.
    """
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        # Held here as well: the database outlives a child that is started again.
        with database_url(settings):
            # What is wrong with it or with the key is told once, not by each child that does not come up.
            with open_agreed(settings):
                pass
            children = [_Child(name, *command) for name, command in commands.items()]
            try:
                _watch(children, stopping, _Readiness(address, on_ready))
            finally:
                _end(children)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Child:
    """One process in a session of its own, so that a Ctrl-C in the terminal reaches it through us only."""

    def __init__(self, name: str, arguments: Sequence[str], files: Sequence[int]) -> None:
        self._name = name
        self._arguments = arguments
        self._files = files
        self._failed_starts = self._restarts = 0
        self._next_start: float | None = None
        self.process = self._start()

    def look(self) -> None:
        """Start it again if it has ended, once its wait is over. Raises KeepsEnding."""
        if self._next_start is None:
            if (code := self.process.poll()) is None:
                return
            self._next_start = time.monotonic() + self._wait_after(code)
            _log.warning("process_restarted", extra={"part": self._name, "exit_code": code})
        if time.monotonic() >= self._next_start:
            self._next_start = None
            self.process = self._start()

    def _wait_after(self, code: int) -> float:
        lived = time.monotonic() - self._started
        # Whatever a signal ended may have been killed by its work, a second after its start as well as an hour.
        self._failed_starts = self._failed_starts + 1 if code >= 0 and lived < _COMING_UP else 0
        if self._failed_starts == _TRIES:
            raise KeepsEnding(self._name)
        self._restarts = self._restarts + 1 if lived < _LONGEST_WAIT else 0
        return 0.0 if self._restarts == 0 else min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (self._restarts - 1))

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started = time.monotonic()
        return subprocess.Popen(
            [sys.executable, "-m", "cliply", *self._arguments],
            pass_fds=self._files,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=dies_with_us(signal.SIGTERM),  # noqa: PLW1509 - nothing here holds a lock at this time
        )


class _Readiness:
    """Asks the API whether it answers, and tells so once."""

    def __init__(self, address: str, tell: Callable[[], None]) -> None:
        self._host = urlsplit(address).netloc
        self._tell: Callable[[], None] | None = tell

    def look(self) -> None:
        if self._tell is None:
            return
        connection = http.client.HTTPConnection(self._host, timeout=1)
        # The port is ours before anybody answers at it: a silent second is normal in the beginning.
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api/health")
            if connection.getresponse().status == http.client.OK:
                self._tell()
                self._tell = None
        connection.close()


def _watch(children: Sequence[_Child], stopping: threading.Event, readiness: _Readiness) -> None:
    while not stopping.wait(_TICK):
        for child in children:
            child.look()
        readiness.look()


def _end(children: Sequence[_Child]) -> None:
    """Ask all of them to end, and wait; whoever takes too long is ended."""
    for child in children:
        child.process.terminate()
    until = time.monotonic() + _PATIENCE
    for child in children:
        try:
            child.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
