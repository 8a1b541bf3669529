"""Faults of a provider, on request: a plan of what is to go wrong with which requests, by number or by chance."""

import asyncio
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DROP = "cliply.drop"
"""Extension of a scope: cuts the connection at once, without another byte. `serve` provides it."""


class Kind(StrEnum):
    ANSWER = "answer"
    """It answers with `status`, `headers` and `body`, and nothing is done."""
    DROP_UNREAD = "drop_unread"
    """The connection is cut before the request is looked at: nothing is done."""
    DROP_IN_BODY = "drop_in_body"
    """The connection is cut when `after` bytes of the request's body have been read."""
    DROP_ANSWER = "drop_answer"
    """What was asked for is done, and the connection is cut instead of an answer."""
    DELAY = "delay"
    """It is done and answered, `seconds` later."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    path: str = ""
    """Expression that is searched in the path; every path has the empty one."""
    method: str | None = None
    where: Callable[[Mapping[str, str]], bool] = lambda _headers: True
    """Asked with the request's headers (names in small letters), for what path and method do not tell."""
    skip: int = 0
    """How many such requests pass first."""
    times: int | None = 1
    """How many it happens to; None: all."""
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Planned:
    fault: Fault
    seen: int = 0
    happened: int = 0


class Faults:
    """Empty: nothing goes wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._drawn: tuple[random.Random, float, Sequence[Fault]] | None = None

    def plan(self, *faults: Fault) -> None:
        """One request is met by one of them at most, by the one that was planned first."""
        with self._lock:
            self._planned += [_Planned(fault) for fault in faults]

    @contextmanager
    def drawing(self, rate: float, faults: Sequence[Fault], *, seed: int) -> Iterator[None]:
        """Meanwhile, that share of the requests that fit one of `faults` is met by one that fits; their `skip` and
        `times` do not count."""
        with self._lock:
            self._drawn = (random.Random(seed), rate, faults)  # noqa: S311 - no secret
        try:
            yield
        finally:
            with self._lock:
                self._drawn = None

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app with these faults."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            fault = self._next(scope) if scope["type"] == "http" else None
            # Whoever asked may go away at any time, and that is no fault of the server.
            with suppress(ClientDisconnect):
                if fault is None:
                    await app(scope, receive, send)
                else:
                    await _met(fault, app, scope, receive, send)

        return faulty

    def _next(self, scope: Scope) -> Fault | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._lock:
            for planned in self._planned:
                if not _fits(planned.fault, scope, headers):
                    continue
                planned.seen += 1
                left = planned.fault.times is None or planned.happened < planned.fault.times
                if planned.seen > planned.fault.skip and left:
                    planned.happened += 1
                    return planned.fault
            if self._drawn is not None:
                drawn, rate, faults = self._drawn
                fitting = [fault for fault in faults if _fits(fault, scope, headers)]
                if fitting and drawn.random() < rate:
                    return drawn.choice(fitting)
        return None


def _fits(fault: Fault, scope: Scope, headers: Mapping[str, str]) -> bool:
    return (
        fault.method in (None, scope["method"])
        and re.search(fault.path, scope["path"]) is not None
        and fault.where(headers)
    )


async def _met(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    match fault.kind:
        case Kind.ANSWER:
            await _answer(fault, receive, send)
        case Kind.DROP_UNREAD:
            await _drop(scope, receive)
        case Kind.DROP_IN_BODY:
            await app(scope, _cut_off(fault.after, scope, receive), _nobody_hears)
        case Kind.DROP_ANSWER:
            await app(scope, receive, _nobody_hears)
            await _drop(scope, receive)
        case Kind.DELAY:
            await asyncio.sleep(fault.seconds)
            await app(scope, receive, send)


async def _answer(fault: Fault, receive: Receive, send: Send) -> None:
    # Read to its end: who is answered while still sending may never hear it.
    while (await receive()).get("more_body", False):
        pass
    headers = {"content-type": "application/json; charset=UTF-8", **fault.headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(fault.body)).encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": encoded})
    await send({"type": "http.response.body", "body": fault.body})


def _cut_off(after: int, scope: Scope, receive: Receive) -> Receive:
    """The body up to that byte, then nothing: the sender is gone."""
    left = after

    async def cut() -> Message:
        nonlocal left
        if left <= 0:
            await _drop(scope, receive)
            return {"type": "http.disconnect"}
        message = await receive()
        if message["type"] != "http.request":
            return message
        body = message.get("body", b"")[:left]
        # There is always more to come: the last byte of the whole is followed by the cut as well.
        left = left - len(body) if message.get("more_body", False) else 0
        return {"type": "http.request", "body": body, "more_body": True}

    return cut


async def _nobody_hears(message: Message) -> None:
    pass


async def _drop(scope: Scope, receive: Receive) -> None:
    scope["extensions"][DROP]()
    # The server notices a moment later, and would answer until then.
    while (await receive())["type"] != "http.disconnect":
        pass
