"""What holds for every request, whichever route answers it: an id, limits, and headers that browsers obey."""

import logging
import re
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cliply.api.problems import fault
from cliply.infra.logging import log_context
from cliply.infra.metrics import request_answered

_log = logging.getLogger(__name__)
_ASKED_ALL_THE_TIME = ("/api/health", "/api/healthz", "/api/readyz", "/metrics")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestContext:
    """Gives the request its id, which the answer, the log and the jobs carry; a fault of ours ends here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("x-request-id", "")
        request_id = told if _REQUEST_ID.fullmatch(told) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answered = _Answered(send, scope["state"], request_id)
        with log_context(request_id=request_id):
            started = time.perf_counter()
            try:
                await self._app(scope, receive, answered.send)
            except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer that tells nothing of it
                with log_context(**_whose(scope)):
                    _log.exception("request_failed", extra=_described(scope))
                if answered.status is None:
                    await fault(request_id)(scope, receive, answered.send)
            finally:
                with log_context(**_whose(scope)):
                    _tell(scope, answered.status, time.perf_counter() - started)


class _Answered:
    def __init__(self, send: Send, state: Mapping[str, Any], request_id: str) -> None:
        self._send = send
        self._state = state
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._request_id
            for name, value in self._state.get("rate", {}).items():
                headers[name] = value
        await self._send(message)


def _described(scope: Scope) -> dict[str, object]:
    """The route's path, not the one that was asked for: that may hold a token."""
    route = scope.get("route")
    return {"method": scope["method"], "route": getattr(route, "path", None)}


def _whose(scope: Scope) -> dict[str, object]:
    """Known once the caller has proved who they are, which happens on another thread."""
    return {name: scope["state"].get(name) for name in ("user_id", "workspace_id")}


def _tell(scope: Scope, status: int | None, seconds: float) -> None:
    described = _described(scope)
    level = logging.DEBUG if scope["path"] in _ASKED_ALL_THE_TIME else logging.INFO
    _log.log(level, "request_answered", extra=described | {"status": status, "milliseconds": round(seconds * 1000, 1)})
    route = described["route"]
    request_answered(scope["method"], None if route is None else str(route), status or 500, seconds)


class Heads:
    """Answers HEAD as GET would be, without the body: load balancers and link checkers ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, bodiless)


class SecurityHeaders:
    """For answers that are data: nothing in them runs, is framed or is kept."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = {**_HEADERS, **(_ONLY_HTTPS if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


_HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # A browser may keep an answer to compare it by its ETag, nobody in between may.
    "cache-control": "private, no-cache",
}
_ONLY_HTTPS: Mapping[str, str] = {"strict-transport-security": "max-age=63072000; includeSubDomains"}
