"""Requests over connections that are kept, as many as can be answered; light enough not to be what is measured."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WITHOUT_BODY = (204, 304)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that is sent again and again, and the status that its answer has to have."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200

    def written(self) -> bytes:
        lines = [f"GET {self.path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class WrongAnswer(Exception):
    """What came is not what is measured."""


def load(port: int, wanted: Wanted, *, connections: int, seconds: float) -> list[float]:
    """How many seconds each answer took."""
    return asyncio.run(_load(port, wanted, connections, seconds))


async def _load(port: int, wanted: Wanted, connections: int, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    took: list[float] = []
    until = time.perf_counter() + seconds
    ended = [loop.create_future() for _ in range(connections)]
    for each in ended:
        await loop.create_connection(partial(_Client, wanted, until, took, each), "127.0.0.1", port)
    await asyncio.gather(*ended)
    return took


class _Client(asyncio.Protocol):
    def __init__(self, wanted: Wanted, until: float, took: list[float], ended: "asyncio.Future[None]") -> None:
        self._request, self._status = wanted.written(), b"HTTP/1.1 %d " % wanted.status
        self._has_body = wanted.status not in _WITHOUT_BODY
        self._until, self._took, self._ended = until, took, ended
        self._came = bytearray()
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._is_whole():
            return
        now = time.perf_counter()
        if not self._came.startswith(self._status):
            self._fail(bytes(self._came[:300]))
        elif now < self._until:
            self._took.append(now - self._sent_at)
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ended.done():
            return
        if exc is not None or time.perf_counter() < self._until:
            self._ended.set_exception(WrongAnswer("the connection was closed"))
        else:
            self._ended.set_result(None)

    def _send(self) -> None:
        self._came.clear()
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def _is_whole(self) -> bool:
        end = self._came.find(b"\r\n\r\n")
        if end < 0 or not self._has_body:
            return end >= 0
        length = _LENGTH.search(self._came, 0, end)
        if length is None:
            self._fail(bytes(self._came[:300]))
            return False
        return len(self._came) >= end + 4 + int(length[1])

    def _fail(self, came: bytes) -> None:
        if not self._ended.done():
            self._ended.set_exception(WrongAnswer(came.decode(errors="replace")))
        self._transport.close()
