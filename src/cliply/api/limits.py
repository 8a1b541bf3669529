"""How much a request may be: whatever is more is refused before a route sees it."""

import asyncio
import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cliply.api.problems import PayloadTooLarge, of_error, problem

MOST_BODY = 1 << 20
MOST_DEPTH = 32
MOST_HEADERS = 16 << 10
MOST_HEADER_LINES = 100
MOST_ADDRESS = 8 << 10
BODY_WITHIN = 30.0
"""Seconds in which a body has to arrive."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|([\[{])|([\]}])', re.DOTALL)


class Limits:
    """Reads the whole body of a request before it goes on; `streamed` names beginnings of paths that read their own."""

    def __init__(self, app: ASGIApp, *, streamed: Sequence[str] = ()) -> None:
        self._app = app
        self._streamed = tuple(streamed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = _refused(scope)
        if refused is None and not scope["path"].startswith(self._streamed):
            read = await _body(scope, receive)
            if isinstance(read, bytes):
                receive = _replay(read, receive)
            else:
                refused = read
        if refused is None:
            await self._app(scope, receive, send)
        else:
            # What still comes of the body is not worth reading.
            refused.headers["connection"] = "close"
            await refused(scope, receive, send)


def _refused(scope: Scope) -> Response | None:
    request_id = scope["state"]["request_id"]
    headers = scope["headers"]
    if len(headers) > MOST_HEADER_LINES or sum(len(name) + len(value) + 4 for name, value in headers) > MOST_HEADERS:
        detail = f"The headers are more than {MOST_HEADERS >> 10} kB or {MOST_HEADER_LINES} lines. Send fewer."
        return problem(request_id, 413, "headers_too_large", detail)
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_ADDRESS:
        return problem(request_id, 414, "address_too_long", f"The address is longer than {MOST_ADDRESS >> 10} kB.")
    return None


async def _body(scope: Scope, receive: Receive) -> bytes | Response:
    request_id = scope["state"]["request_id"]
    length = Headers(scope=scope).get("content-length")
    too_large = of_error(request_id, PayloadTooLarge(f"a body may have {MOST_BODY} bytes"))
    if length is not None and (not length.isdecimal() or int(length) > MOST_BODY):
        return too_large
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = await _read(receive)
    except TimeoutError:
        return problem(request_id, 408, "body_too_slow", f"The body did not arrive within {BODY_WITHIN:.0f} seconds.")
    if body is None:
        return too_large
    if depth(body) > MOST_DEPTH:
        return of_error(request_id, PayloadTooLarge(f"a body may be nested {MOST_DEPTH} deep"))
    return body


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None as soon as it is too large."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        # Whoever went away gets no answer; what has arrived of the body is no request.
        if message["type"] == "http.disconnect":
            return b""
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MOST_BODY:
            return None
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def depth(body: bytes) -> int:
    """How deep brackets are nested in what may be JSON; those inside of strings do not count."""
    deepest = now = 0
    for found in _BRACKETS.finditer(body):
        if found[1]:
            now += 1
            deepest = max(deepest, now)
        elif found[2]:
            now -= 1
    return deepest


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
