"""Asking providers: how long to wait, what to ask again, whom to leave alone, and nobody inside this network.

    OutboundFailure
    ├── NoAnswer           `sent` says whether the request may have reached the provider
    │   ├── BreakerOpen    it was not even tried: the provider does not answer anybody now
    │   └── NotReachable   it was not even tried: the address is nobody's who may be asked
    └── BadReply           it answered, with what cannot be read

None of them holds an address, a header or a body: all of these can be secret.
"""

import ipaddress
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import httpcore2
import httpx2

from cliply.infra import metrics
from cliply.infra.breakers import Breakers
from cliply.infra.public_hosts import is_public, resolve
from cliply.infra.waits import asked_wait

Params: TypeAlias = Mapping[str, str | int]
Content: TypeAlias = bytes | Iterable[bytes]

TIMEOUT = 30.0
"""Seconds in which nothing comes or goes."""
LARGEST_REPLY = 4_000_000
"""Bytes; lists of fifty videos take a few hundred thousand."""
_CONNECTS_WITHIN = 10.0
_REPLIES_WITHIN = 120.0
"""Seconds that a reply may take in all, once it has begun."""
_TRIES = 4
_LONGEST_WAIT = 20.0
"""Seconds that a call waits between two tries; what asks for more is for a job to come back to."""
_BROKEN = frozenset({500, 502, 503, 504})

_log = logging.getLogger(__name__)


class OutboundFailure(Exception):
    """A call to a provider that brought nothing to go on with."""


class NoAnswer(OutboundFailure):
    """No answer came. Where `sent` is False it is certain that the provider never got the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class BreakerOpen(NoAnswer):
    def __init__(self, provider: str, until: datetime) -> None:
        super().__init__(f"{provider} has not answered lately and is left alone for a while.", sent=False)
        self.until = until


class NotReachable(NoAnswer):
    def __init__(self, provider: str) -> None:
        super().__init__(
            f"{provider} named an address that is not its own or not public; it was not asked.", sent=False
        )


class BadReply(OutboundFailure):
    """What the request asked for may have been done."""

    def __init__(self, provider: str, what: str) -> None:
        super().__init__(f"{provider} gave an answer that {what}.")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status, redirects included."""

    provider: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in any case."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Raises BadReply."""
        try:
            return httpx2.Response(200, content=self.body).json()
        except (ValueError, RecursionError):
            pass
        raise BadReply(self.provider, "is no JSON")

    @property
    def retry_after(self) -> float | None:
        """Seconds that it asks to wait; None where it names no time."""
        return asked_wait(self.headers.get("retry-after"))


class Outbound:
    """Of one process; closed with it, together with `breakers`. `pause` is in seconds, before the second try."""

    def __init__(self, breakers: Breakers, *, pause: float = 0.5) -> None:
        self._breakers = breakers
        self._pause = pause
        self._tls = httpx2.create_ssl_context()
        self._clients: list[ProviderClient] = []

    def client(self, provider: str, *, hosts: Iterable[str], url: str | None = None) -> "ProviderClient":
        """Whoever may be asked: `hosts` by https (`*.example.com` is all below it), and the server at `url`, which
        whoever runs the installation has named: that one by http too, and wherever it is. `provider` is shown to
        people and counted."""
        named = None if url is None else _origin(httpx2.URL(url))
        client = ProviderClient(provider, frozenset(hosts), named, self._breakers, self._pause, self._tls)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._breakers.close()


_Origin: TypeAlias = tuple[str, str, int]


class ProviderClient:
    """One provider. Follows no redirect, keeps no cookie, and holds connections open for calls from any thread."""

    def __init__(
        self,
        provider: str,
        hosts: frozenset[str],
        named: _Origin | None,
        breakers: Breakers,
        pause: float,
        tls: ssl.SSLContext,
    ) -> None:
        self.provider = provider
        self._hosts = hosts
        self._named = named
        self._breakers = breakers
        self._pause = pause
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls,
            max_connections=50,
            keepalive_expiry=5.0,
            network_backend=_PublicOnly(None if named is None else named[1:]),
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        content: Content | None = None,
        timeout: float | None = None,
        before_each: Callable[[], object] | None = None,
    ) -> Reply:
        """The provider's answer, whatever it says. Raises NoAnswer or BadReply.

        `repeatable` is for what may be done twice: it is tried again where no answer came or the server is broken, and
        where it is busy and names a short wait. Content that is no `bytes` is read once and so tried once; what it
        raises ends the call. `timeout` is in seconds without a byte. `before_each` is called before every try, as by
        whoever counts them: what it raises ends the call.
        """
        request = self._built(method, url, headers=headers, params=params, data=form, json=json, content=content)
        tries = _TRIES if repeatable and (content is None or isinstance(content, bytes)) else 1
        for attempt in range(1, tries + 1):
            if before_each is not None:
                before_each()
            outcome = self._tried(request, timeout or TIMEOUT)
            if attempt == tries or (wait := self._wait(outcome, attempt)) is None:
                break
            threading.Event().wait(wait)
        if isinstance(outcome, Reply):
            return outcome
        raise outcome

    def close(self) -> None:
        self._pool.close()

    def _built(self, method: str, url: str, **more: Any) -> httpx2.Request:
        """Raises NotReachable where the address is not one of the provider's."""
        try:
            request = httpx2.Request(method, url, **more)
        except (httpx2.InvalidURL, UnicodeError):
            request = None
        if request is None or not self._is_its_own(request.url):
            raise NotReachable(self.provider)
        # What is packed small can be large when it is unpacked.
        request.headers["accept-encoding"] = "identity"
        request.headers.setdefault("user-agent", "Cliply")
        request.headers.setdefault("accept", "*/*")
        return request

    def _is_its_own(self, url: httpx2.URL) -> bool:
        if url.userinfo:
            return False
        origin = _origin(url)
        if origin == self._named:
            return True
        scheme, host, port = origin
        return (scheme, port) == ("https", 443) and any(fnmatchcase(host, each) for each in self._hosts)

    def _tried(self, request: httpx2.Request, timeout: float) -> Reply | OutboundFailure:
        """One call. Failures are returned: raised from here, they would hold the request as their context."""
        _, host, port = _origin(request.url)
        name = f"{self.provider}/{host}" + ("" if port == 443 else f":{port}")
        if (until := self._breakers.admit(name)) is not None:
            metrics.provider_answered(self.provider.lower(), "left_alone", None)
            return BreakerOpen(self.provider, until)
        began = time.monotonic()
        outcome = self._sent(request, timeout)
        if isinstance(outcome, NoAnswer):
            told = "no_answer"
        else:
            told = f"{outcome.status // 100}xx" if isinstance(outcome, Reply) else "bad_reply"
        metrics.provider_answered(self.provider.lower(), told, time.monotonic() - began)
        if isinstance(outcome, NotReachable):
            return outcome
        if told == "no_answer" or (isinstance(outcome, Reply) and outcome.status in _BROKEN):
            self._breakers.failed(name)
        else:
            self._breakers.succeeded(name)
        return outcome

    def _sent(self, request: httpx2.Request, timeout: float) -> Reply | OutboundFailure:
        limits = {"connect": _CONNECTS_WITHIN, "pool": _CONNECTS_WITHIN, "read": timeout, "write": timeout}
        try:
            with self._pool.stream(
                request.method,
                _core_url(request.url),
                headers=request.headers.raw,
                content=_bytes_of(request),
                extensions={"timeout": limits},
            ) as response:
                return self._read(response)
        except _Private:
            return NotReachable(self.provider)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as failed:
            return NoAnswer(f"{self.provider} cannot be reached ({type(failed).__name__}).", sent=False)
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as failed:
            return NoAnswer(f"{self.provider} did not answer ({type(failed).__name__}).", sent=True)

    def _read(self, response: httpcore2.Response) -> Reply | OutboundFailure:
        headers = httpx2.Headers(response.headers)
        if headers.get("content-encoding", "identity") != "identity":
            return BadReply(self.provider, "is packed, though it was asked not to be")
        body, until = bytearray(), time.monotonic() + _REPLIES_WITHIN
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > LARGEST_REPLY:
                return BadReply(self.provider, "is far too long")
            if time.monotonic() > until:
                return NoAnswer(f"{self.provider} did not come to the end of its answer.", sent=True)
        return Reply(self.provider, response.status, headers, bytes(body))

    def _wait(self, outcome: Reply | OutboundFailure, attempt: int) -> float | None:
        """Seconds until the next try; None where there is to be none."""
        wait = self._pause * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if isinstance(outcome, Reply):
            asked = outcome.retry_after
            # A server that is only busy is left alone unless it says for how long: it may mean until tomorrow.
            if outcome.status not in _BROKEN and (outcome.status != 429 or asked is None):
                return None
            wait = max(wait, asked or 0.0)
            return wait if wait <= _LONGEST_WAIT else None
        return None if isinstance(outcome, BreakerOpen | NotReachable | BadReply) else wait


class _Private(httpcore2.ConnectError):
    pass


class _PublicOnly(httpcore2.NetworkBackend):
    """Connects to public addresses: a name is resolved once, and what was looked at is what is connected to."""

    def __init__(self, named: tuple[str, int] | None) -> None:
        self._named = named
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failed: httpcore2.ConnectError | httpcore2.ConnectTimeout = httpcore2.ConnectError()
        for address in self._addresses(host, port):
            try:
                return self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as silent:
                failed = silent
        raise failed

    def _addresses(self, host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        try:
            addresses = resolve(host, port)
        except OSError:
            raise httpcore2.ConnectError from None
        # One that is not public spoils all: a name of both kinds is a trap.
        if (host, port) != self._named and not all(map(is_public, addresses)):
            raise _Private
        return addresses


def _origin(url: httpx2.URL) -> _Origin:
    return url.scheme, url.raw_host.decode("ascii").rstrip("."), url.port or (443 if url.scheme == "https" else 80)


def _core_url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _bytes_of(request: httpx2.Request) -> Iterator[bytes]:
    stream = request.stream
    if not isinstance(stream, Iterable):
        raise TypeError("content is bytes, or yields bytes")
    return iter(stream)
