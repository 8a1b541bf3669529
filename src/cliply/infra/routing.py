"""Routes as the service has them: an answer is kept for its Idempotency-Key, and read again only if it changed."""

import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session

from cliply.infra import idempotency
from cliply.infra.idempotency import Answer, Asked, parse_key

KEYED = ("POST", "PATCH")
SHOWN_ONCE = "x-cliply-shown-once"
"""In `openapi_extra` of a route whose answer holds a secret."""
TAKES_CODE = "x-cliply-takes-code"
"""In `openapi_extra` of a route that takes a code from a letter, which may be used up."""

LIMITED = "x-cliply-limited"
"""In `openapi_extra` of a route that a workspace's plan may refuse."""

RATE = "x-cliply-rate"
"""In `openapi_extra` of a route: the class of routes in whose rate its requests are counted."""

_KEPT_HEADERS = ("content-type", "location", "etag")


def router(tag: str) -> APIRouter:
    return APIRouter(tags=[tag], route_class=Route)


class Route(APIRoute):
    """Works inside the transaction of the route's session, which is committed after the answer was made."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        shown_once = bool((self.openapi_extra or {}).get(SHOWN_ONCE))

        async def answer(request: Request) -> Response:
            response = await handler(request)
            begun: tuple[Session, Asked] | None = getattr(request.state, "asked", None)
            if begun is not None:
                await run_in_threadpool(idempotency.keep, *begun, _answer(response), secret=shown_once)
            if request.method == "GET" and response.status_code == 200 and "etag" not in response.headers:
                return _unless_known(request, response)
            return response

        return answer


async def asked(request: Request) -> Asked | None:
    """The request's key and what it asks for, in the words of the client; who asks is added by whoever knows."""
    header = request.headers.get("idempotency-key")
    if header is None or request.method not in KEYED:
        return None
    return Asked(parse_key(header), (request.method, request.url.path), _fingerprint(request, await request.body()))


def begin(request: Request, session: Session, wanted: Asked | None, *, by: tuple[str, ...]) -> None:
    """Do it once: raises what `cliply.infra.idempotency.begin` does."""
    if wanted is not None:
        mine = Asked(wanted.key, (*by, *wanted.scope), wanted.fingerprint)
        idempotency.begin(session, mine)
        request.state.asked = (session, mine)


def etag(body: bytes) -> str:
    """Strong: the same for the same bytes only."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _fingerprint(request: Request, body: bytes) -> bytes:
    """The same for the same request, in whatever order its JSON is written."""
    try:
        canonical = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        canonical = body
    return hashlib.sha256(request.url.query.encode() + b"\0" + canonical).digest()


def _answer(response: Response) -> Answer:
    headers = {name: value for name in _KEPT_HEADERS if (value := response.headers.get(name)) is not None}
    return Answer(response.status_code, headers, bytes(response.body))


def _unless_known(request: Request, response: Response) -> Response:
    body = getattr(response, "body", None)
    if body is None:
        return response
    tag = etag(bytes(body))
    response.headers["etag"] = tag
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if not known & {tag, "*"}:
        return response
    kept = {name: value for name, value in response.headers.items() if name in ("etag", "cache-control", "link")}
    return Response(status_code=304, headers=kept)
