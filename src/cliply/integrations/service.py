"""A Cliply service somewhere else, as its command line sees it."""

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from cliply.errors import CliplyError, Conflict, Invalid, LimitReached, NotAllowed, NotFound, Unavailable

_KINDS: dict[int, type[CliplyError]] = {
    401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 412: Conflict, 413: LimitReached,
    422: Invalid, 400: Invalid, 429: Unavailable,
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
    def __init__(self) -> None:
        super().__init__("The service does not know this key. Make a new one there, then run: cliply login")


@dataclass(frozen=True, slots=True)
class Service:
    """Its address and an API key, which belongs to one workspace."""

    url: str
    key: str = field(repr=False)

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Any = None) -> Any:
        """Tried again where the line was cut, and done once all the same."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": str(uuid4())})

    def patch(self, path: str, body: Any, *, version: int | None = None) -> Any:
        """`version` is that of what is changed: where somebody else was quicker, Conflict is raised."""
        headers = {"Idempotency-Key": str(uuid4())} | ({} if version is None else {"If-Match": f'"{version}"'})
        return self._call("PATCH", path, json=body, headers=headers)

    def text(self, path: str) -> str:
        """An answer that is no JSON."""
        return self._answer("GET", path).text

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

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
        part = target.with_name(f".{target.name}.part")
        try:
            self._patiently(lambda: self._save(link, part))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _save(self, link: str, part: Path) -> httpx2.Response:
        with httpx2.stream("GET", self._absolute(link), timeout=_TIMEOUT) as response, part.open("wb") as file:
            for chunk in response.iter_bytes(_CHUNK):
                file.write(chunk)
        return response

    def _absolute(self, link: str) -> str:
        """A link is all the proof that it needs: the key is never sent along, to nobody else's server."""
        return f"{self.url}{link}" if link.startswith("/") else link

    def _call(self, method: str, path: str, **more: Any) -> Any:
        response = self._answer(method, path, **more)
        return response.json() if response.content else None

    def _answer(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return self._patiently(
            lambda: httpx2.request(method, f"{self.url}{path}", headers=headers, timeout=_TIMEOUT, **more)
        )

    def _patiently(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        """The answer, after as many tries as it takes within reason. Raises what a problem says, by its kind."""
        for attempt in range(1, _TRIES + 1):
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
            try:
                response = send()
            except httpx2.TransportError as silent:
                if attempt == _TRIES:
                    raise Unavailable(
                        f"{self.url} does not answer ({type(silent).__name__}). Check the connection and the address; "
                        "the same command goes on from here."
                    ) from None  # the cause may hold the request, and with it the key
            else:
                if response.status_code not in _BUSY or attempt == _TRIES:
                    return _checked(response)
                wait = _asked_wait(response) or wait
            threading.Event().wait(wait)
        raise AssertionError("the last try returns or raises")


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


def _checked(response: httpx2.Response) -> httpx2.Response:
    if response.is_success:
        return response
    if response.status_code == 401:
        raise NotSignedIn
    raise problem_in(response)


def problem_in(response: httpx2.Response) -> CliplyError:
    """What an answer other than a success says, as the kind of error that it is."""
    return _KINDS.get(response.status_code, Unavailable)(_detail(response))


def _detail(response: httpx2.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError, httpx2.ResponseNotRead):
        return f"The service answered with an error ({response.status_code}). Try again later."


def _asked_wait(response: httpx2.Response) -> float | None:
    try:
        return min(float(response.headers["retry-after"]), _LONGEST_WAIT)
    except (KeyError, ValueError):
        return None
