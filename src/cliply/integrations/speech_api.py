"""Ask a hosted speech service: patient where it is busy, quick to stop, and silent about the key."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from cliply.errors import LimitReached, NotAllowed, Unavailable
from cliply.integrations.busy import LONGEST_WAIT, ServiceBusy, asked_wait, rest
from cliply.media.types import OnProgress

_TICK = 0.2
_TRIES = 4
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class SpeechApi:
    """One service and its address."""

    service: str
    """Its name, for messages."""
    url: str
    headers: dict[str, str] = field(repr=False)
    """Hold the key, so they never appear in a message."""
    timeout: float = 600.0
    """Seconds without an answer. Recognition of an hour takes minutes, and nothing is sent meanwhile."""
    pause: float = 1.0
    """Seconds before the second try, doubled for each further one."""

    def check(self) -> None:
        """Raise Unavailable if the address cannot be one; asks nobody."""
        try:
            address = httpx2.URL(self.url)
        except httpx2.InvalidURL:
            address = httpx2.URL("")
        if address.scheme not in ("http", "https") or not address.host:
            raise Unavailable(f"The address of {self.service} is not a web address. It begins with https://.")

    def post(self, path: str, request: Callable[[], dict[str, Any]], on_progress: Callable[[], None]) -> Any:
        """The JSON answer. `request` makes the arguments of httpx2 anew for each try.

        Asking again for a transcript changes nothing at the service, so a busy or broken answer is retried, after the
        wait that it names; one that asks for a longer wait than anybody sits through is not, and the error tells how
        long. Raises Unavailable, ServiceBusy, NotAllowed or LimitReached; whatever `on_progress` raises ends it.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                response = self._send(path, request(), on_progress)
            except httpx2.TransportError as silent:
                if attempt == _TRIES:
                    raise Unavailable(
                        f"{self.service} at {self._host()} does not answer ({type(silent).__name__}). "
                        "Check the connection and the address."
                    ) from None  # the cause may hold the request, and with it the key
                wait = 0.0
            else:
                wait = asked_wait(response) or 0.0
                if response.status_code not in _BUSY or attempt == _TRIES or wait > LONGEST_WAIT:
                    return self._answer(response)
            rest(max(wait, self.pause * 2 ** (attempt - 1) * _JITTER.uniform(0.5, 1.0)), on_progress)
        raise AssertionError  # the last try returns or raises

    def _send(self, path: str, arguments: dict[str, Any], on_progress: Callable[[], None]) -> httpx2.Response:
        """Send from a second thread, so that this one can stop at once."""
        done: list[httpx2.Response | httpx2.TransportError] = []
        timeout = httpx2.Timeout(30.0, read=self.timeout, write=120.0)
        client = httpx2.Client(timeout=timeout, headers=self.headers, follow_redirects=False)

        def send() -> None:
            try:
                done.append(client.post(self.url.rstrip("/") + path, **arguments))
            except httpx2.TransportError as silent:
                done.append(silent)
            except Exception as closed:  # noqa: BLE001 - handed to the thread that waits
                done.append(httpx2.TransportError(type(closed).__name__))

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_TICK)
                on_progress()
        finally:
            client.close()
        if isinstance(done[0], httpx2.Response):
            return done[0]
        raise done[0]

    def _answer(self, response: httpx2.Response) -> Any:
        code = response.status_code
        if code in (401, 403):
            raise NotAllowed(f"{self.service} refuses the key. Check it, and that it may be used for transcription.")
        wait = asked_wait(response)
        if code == 429 or (code in _BUSY and wait is not None):
            raise ServiceBusy(self.service, wait)
        if code == 402:
            raise LimitReached(f"{self.service} allows no more requests: the account has no credit. Check it there.")
        if code == 413:
            raise LimitReached(f"{self.service} refuses a recording of this size. Use --from and --to.")
        if code in _BUSY:
            raise Unavailable(f"{self.service} is out of order (answer {code}). Try again later.")
        if not response.is_success:
            raise Unavailable(f"{self.service} answered {code}. Check the address and the model name.")
        try:
            return response.json()
        except ValueError:
            raise Unavailable(f"{self.service} at {self._host()} gave no JSON. Check the address.") from None

    def _host(self) -> str:
        return httpx2.URL(self.url).host


def ticking(on_progress: OnProgress, share: float) -> Callable[[], None]:
    """Progress that stands still while a service works."""
    return lambda: on_progress(share)
