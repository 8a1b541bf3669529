"""What servers of OAuth 2.0 share: strict reading of what is asked, pages that wait for an answer, and proofs."""

import hashlib
import hmac
import re
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse

_FORM = "application/x-www-form-urlencoded"
_LARGEST_FORM = 100_000
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LOCAL = ("localhost", "127.0.0.1")


class Refused(Exception):
    """By a server's own code for it."""

    def __init__(self, code: str, told: str, status: int = 400) -> None:
        super().__init__(told)
        self.code = code
        self.told = told
        self.status = status


def only_once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Raises Refused where one is given twice (RFC 6749, 3.1)."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Refused("invalid_request", f"Parameter given more than once: {name}")
        # One without a value is treated as left out.
        if value:
            found[name] = value
    return found


def query_of(request: Request) -> dict[str, str]:
    return only_once(list(request.query_params.multi_items()))


async def form_of(request: Request) -> list[tuple[str, str]]:
    """Of a body that is a form and says so. Raises Refused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused("invalid_request", f"The body has to be {_FORM}.")
    body = await request.body()
    if len(body) > _LARGEST_FORM:
        raise Refused("invalid_request", "The body is too long.")
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError:
        raise Refused("invalid_request", "The body is no form.") from None


def needed(form: Mapping[str, str], *names: str) -> list[str]:
    """Raises Refused where one is missing."""
    for name in names:
        if name not in form:
            raise Refused("invalid_request", f"Missing required parameter: {name}")
    return [form[name] for name in names]


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def proves(verifier: str, challenge: str, *, hexadecimal: bool) -> bool:
    """PKCE: whether `challenge` was made of `verifier` (RFC 7636, or with hexadecimal digits as TikTok does it)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode())
    made = digest.hexdigest() if hexadecimal else urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    return same(made, challenge)


def is_registered(asked: str, registered: tuple[str, ...]) -> bool:
    """Byte by byte; `*` stands for the port of an address on the user's own machine."""
    return any(asked == each or (":*" in each and _any_port(asked, each)) for each in registered)


def is_local(address: str) -> bool:
    try:
        return urlsplit(address).hostname in _LOCAL
    except ValueError:
        return False


def _any_port(asked: str, registered: str) -> bool:
    before, _, after = registered.partition(":*")
    if not is_local(before):
        return False
    return re.fullmatch(rf"{re.escape(before)}:\d{{1,5}}{re.escape(after)}", asked) is not None


def sent_back(redirect_uri: str, answer: Mapping[str, str]) -> RedirectResponse:
    joint = "&" if "?" in redirect_uri else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{urlencode(answer)}", status_code=302)


def answered(body: Mapping[str, object], status: int = 200) -> JSONResponse:
    """Never kept anywhere on its way (RFC 6749, 5.1)."""
    return JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


Asked = TypeVar("Asked")


class Visits(Generic[Asked]):
    """Pages of consent that wait for an answer; each takes one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Asked] = {}

    def begin(self, asked: Asked) -> str:
        visit = secrets.token_urlsafe(16)
        with self._lock:
            self._open[visit] = asked
        return visit

    def end(self, visit: str) -> Asked | None:
        with self._lock:
            return self._open.pop(visit, None)
