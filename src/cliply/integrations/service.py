"""A Cliply service somewhere else, as its command line sees it."""

import hashlib
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from cliply.errors import CliplyError, Conflict, Invalid, LimitReached, NotAllowed, NotFound, Unavailable

_KINDS: dict[int, type[CliplyError]] = {
    401: NotAllowed, 402: LimitReached, 403: NotAllowed, 404: NotFound, 409: Conflict, 410: Conflict, 412: Conflict,
    413: LimitReached, 422: Invalid, 400: Invalid, 429: Unavailable,
}  # fmt: skip
_BUSY = (429, 502, 503, 504)
_TRIES = 6
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 20.0
_CHUNK = 1 << 20
_TIMEOUT = httpx2.Timeout(30.0, read=600.0)
"""A finished upload is looked at before the answer comes."""

Sent = Callable[[int], None]
"""Told the bytes that are sent; what it raises ends the transfer."""


class NotSignedIn(NotAllowed):
    """What was sent proves nothing, or nothing any more."""

    def __init__(self, *, is_key: bool) -> None:
        super().__init__(
            "The service does not know this key. Make a new one there, then run: cliply login"
            if is_key
            else "You are not signed in any more. Run: cliply account sign-in"
        )


class RoleTooLow(NotAllowed):
    """What somebody is in the workspace does not allow it."""


class NeedsPerson(NotAllowed):
    """An API key may not do it, or not this one."""

    def __init__(self, detail: str, *, any_key: bool) -> None:
        super().__init__(f"{detail} {'Run' if any_key else 'Or sign in'}: cliply account sign-in")


class NotAKey(Invalid):
    """Nothing is sent; the key itself is not repeated."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"That is no API key. {why} Paste it whole and alone, as it was shown when it was made, to `cliply login "
            "ADDRESS` or into CLIPLY_REMOTE__KEY; or sign in with an account: `cliply login ADDRESS --email YOU`."
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """The header that says who asks: by an API key, which belongs to one workspace, or as a person."""

    header: str
    value: str = field(repr=False)

    @classmethod
    def by_key(cls, secret: str) -> "Proof":
        """Also a token of another service, where this one takes them. Raises NotAKey."""
        key = secret.strip()
        if not key:
            raise NotAKey("It is empty.")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise NotAKey("It has spaces, line breaks or other characters that no key has.")
        return cls("Authorization", f"Bearer {key}")

    @classmethod
    def by_session(cls, cookie: str) -> "Proof":
        return cls("Cookie", cookie)

    @property
    def is_key(self) -> bool:
        return self.header == "Authorization"


@dataclass(frozen=True, slots=True)
class Service:
    """Its address, and who asks."""

    url: str
    proof: Proof
    workspace: str | None = None
    """The id of the one that is meant: a person is in several."""
    in_person: Callable[[], Proof] | None = field(default=None, repr=False)
    """Called for another proof where this one is not enough."""

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, params=_given(query))

    def look(self, path: str) -> Any:
        """What a check tells, whether all is well (200) or not (503)."""
        return self._answer("GET", path, taken=(503,)).json()

    def post(self, path: str, body: Any = None, *, tries: int = _TRIES) -> Any:
        """Tried again where the line was cut, and done once all the same; `tries` is 1 for what takes no such key."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": str(uuid4())}, tries=tries)

    def put(self, path: str, body: Any = None) -> Any:
        return self._call("PUT", path, json=body)

    def patch(self, path: str, body: Any, *, version: int | None = None) -> Any:
        """`version` is that of what is changed: where somebody else was quicker, Conflict is raised."""
        headers = {"Idempotency-Key": str(uuid4())} | ({} if version is None else {"If-Match": f'"{version}"'})
        return self._call("PATCH", path, json=body, headers=headers)

    def text(self, path: str) -> str:
        """An answer that is no JSON."""
        return self._answer("GET", path).text

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Every item of a list."""
        cursor: str | None = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["items"]
            if (cursor := page["next"]) is None:
                return

    def put_part(self, link: str, file: Path, start: int, size: int, on_sent: Sent) -> None:
        """Send bytes of a file to where a link of the service says."""

        def send() -> httpx2.Response:
            return httpx2.put(
                self._absolute(link),
                content=_read(file, start, size, on_sent),
                headers={"Content-Length": str(size)},
                timeout=_TIMEOUT,
            )

        self._patiently(send)

    def download(self, link: str, target: Path) -> None:
        """Write what a link of the service reads; the file appears whole or not at all."""
        _whole(target, lambda part: self._patiently(lambda: _save(self._absolute(link), part)))

    def save(self, path: str, target: Path, **query: Any) -> None:
        """The same with an answer of the service itself."""
        send = {"headers": self._headers(self.proof), "params": _given(query)}
        _whole(target, lambda part: self._patiently(lambda: _save(f"{self.url}{path}", part, **send)))

    @contextmanager
    def events(self, path: str, *, after: str | None) -> Iterator[Iterator[str]]:
        """The lines of server-sent events, those after the one with the id `after`; none where all is over."""
        headers = self._headers(self.proof) | ({} if after is None else {"Last-Event-ID": after})
        try:
            with httpx2.stream("GET", f"{self.url}{path}", headers=headers, timeout=_TIMEOUT) as response:
                if not response.is_success:
                    response.read()
                yield _checked(response, is_key=self.proof.is_key).iter_lines()
        except httpx2.TransportError as cut:
            raise LineCut(self.url, cut) from None  # the cause may hold the request, and with it the proof

    def _absolute(self, link: str) -> str:
        """A link is all the proof that it needs: the key is never sent along, to nobody else's server."""
        return f"{self.url}{link}" if link.startswith("/") else link

    def _call(self, method: str, path: str, **more: Any) -> Any:
        response = self._answer(method, path, **more)
        return response.json() if response.content else None

    def _answer(self, method: str, path: str, **more: Any) -> httpx2.Response:
        try:
            return self._proved(self.proof, method, path, **more)
        except (NeedsPerson, NotSignedIn):
            if self.in_person is None:
                raise
            return self._proved(self.in_person(), method, path, **more)

    def _proved(
        self, proof: Proof, method: str, path: str, *, tries: int = _TRIES, taken: Sequence[int] = (), **more: Any
    ) -> httpx2.Response:
        headers = self._headers(proof) | more.pop("headers", {})
        return self._patiently(
            lambda: httpx2.request(method, f"{self.url}{path}", headers=headers, timeout=_TIMEOUT, **more),
            tries=tries,
            taken=taken,
            is_key=proof.is_key,
        )

    def _headers(self, proof: Proof) -> dict[str, str]:
        return {proof.header: proof.value} | ({} if self.workspace is None else {"X-Workspace-Id": self.workspace})

    def _patiently(
        self,
        send: Callable[[], httpx2.Response],
        *,
        tries: int = _TRIES,
        taken: Sequence[int] = (),
        is_key: bool = True,
    ) -> httpx2.Response:
        """The answer, after as many tries as it takes within reason. Raises what a problem says, by its kind."""
        for attempt in range(1, tries + 1):
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            try:
                response = send()
            except httpx2.TransportError as silent:
                if attempt == tries:
                    raise LineCut(self.url, silent) from None  # the cause may hold the request, and with it the proof
            else:
                if response.status_code in taken:
                    return response
                asked = _asked_wait(response)
                too_long = asked is not None and asked > _LONGEST_WAIT
                if response.status_code not in _BUSY or attempt == tries or too_long:
                    return _checked(response, is_key=is_key)
                wait = asked or wait
            threading.Event().wait(wait)
        raise AssertionError("the last try returns or raises")


class LineCut(Unavailable):
    def __init__(self, url: str, cut: httpx2.TransportError) -> None:
        super().__init__(
            f"{url} does not answer ({type(cut).__name__}). Check the connection and the address; "
            "the same command goes on from here."
        )


def _whole(target: Path, write: Callable[[Path], object]) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        write(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _save(address: str, part: Path, **more: Any) -> httpx2.Response:
    with httpx2.stream("GET", address, timeout=_TIMEOUT, **more) as response:
        if not response.is_success:
            response.read()
            return response
        with part.open("wb") as file:
            for chunk in response.iter_bytes(_CHUNK):
                file.write(chunk)
    return response


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def check_address(url: str) -> str:
    """The address without its last slash. Raises Invalid."""
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL:
        address = httpx2.URL("")
    if address.scheme not in ("http", "https") or not address.host or address.userinfo or address.query:
        raise Invalid("That is no address of a service. Write it like https://clips.example.com.")
    return url.rstrip("/")


def file_sha256(file: Path, on_read: Sent) -> str:
    digest = hashlib.sha256()
    for chunk in _read(file, 0, file.stat().st_size, on_read):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _opened(file: Path, start: int) -> Iterator[Any]:
    with file.open("rb") as opened:
        opened.seek(start)
        yield opened


def _read(file: Path, start: int, size: int, on_sent: Sent) -> Iterator[bytes]:
    left = size
    with _opened(file, start) as opened:
        while left > 0 and (chunk := opened.read(min(_CHUNK, left))):
            yield chunk
            left -= len(chunk)
            on_sent(size - left)


def _checked(response: httpx2.Response, *, is_key: bool) -> httpx2.Response:
    if response.is_success:
        return response
    if response.status_code == 401:
        raise NotSignedIn(is_key=is_key)
    code = _told(response, "code")
    if is_key and code in ("not_for_keys", "scope_missing"):
        raise NeedsPerson(_detail(response), any_key=code == "not_for_keys")
    if code == "role_too_low":
        raise RoleTooLow(_detail(response))
    raise problem_in(response)


def problem_in(response: httpx2.Response) -> CliplyError:
    """What an answer other than a success says, as the kind of error that it is."""
    return _KINDS.get(response.status_code, Unavailable)(_detail(response))


def _detail(response: httpx2.Response) -> str:
    told = _told(response, "detail")
    return told or f"The service answered with an error ({response.status_code}). Try again later."


def _told(response: httpx2.Response, name: str) -> str | None:
    """A word of a problem, where the answer is one."""
    try:
        return str(response.json()[name])
    except (ValueError, KeyError, TypeError, httpx2.ResponseNotRead):
        return None


def _asked_wait(response: httpx2.Response) -> float | None:
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
