"""The only way out for a program that is not trusted: a proxy on this machine that reaches public addresses alone.

A name is resolved here and once, and what it resolved to is what is connected to: neither a redirect nor a name that
changes its mind leads into this network. Bytes are counted and slowed down here, whatever the program was told.
"""

import base64
import hmac
import secrets
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cliply.infra.public_hosts import Address, Network, is_public, resolve

_PORTS = frozenset({80, 443})
_LARGEST_HEAD = 64 * 1024
_CHUNK = 64 * 1024
_CONNECTS_WITHIN = 15.0
_SILENT_FOR = 60.0


@dataclass(slots=True)
class Egress:
    """What may be reached, and how much may come; `came` and `refused` tell what did."""

    largest: int
    """Bytes that may come in all; beyond them every connection is cut."""
    rate: int | None = None
    """Bytes a second."""
    networks: Sequence[Network] = ()
    """Of this installation's own, that may be reached though they are not public."""
    ports: Collection[int] = _PORTS
    came: int = field(default=0, init=False)
    refused: list[str] = field(default_factory=list, init=False)
    url: str = field(default="", init=False)
    _token: str = field(default_factory=lambda: secrets.token_urlsafe(16), init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)
    _next: float = field(default=0.0, init=False, repr=False)

    @property
    def exceeded(self) -> bool:
        return self.came > self.largest

    @contextmanager
    def served(self) -> Iterator[str]:
        """The proxy's address, with the word that it asks for, while the block runs."""
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, ValueError):
                    outer.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
            thread.start()
            self.url = f"http://cliply:{self._token}@127.0.0.1:{server.server_address[1]}"
            try:
                yield self.url
            finally:
                server.shutdown()
                self._closed = True

    def serve(self, client: socket.socket) -> None:
        client.settimeout(_SILENT_FOR)
        head, rest = _head(client)
        lines = head.split(b"\r\n")
        method, target, _ = lines[0].decode("ascii").split(" ", 2)
        fields = [line.split(b":", 1) for line in lines[1:] if b":" in line]
        if not self._knows(fields):
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        named = urlsplit(f"//{target}" if method == "CONNECT" else target)
        port = named.port or (443 if method == "CONNECT" else 80)
        upstream = self._connect(named.hostname or "", port)
        if upstream is None:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with upstream:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream.sendall(_forwarded(method, named.path, named.query, fields))
            if rest:
                upstream.sendall(rest)
            self._pipe(client, upstream)

    def _knows(self, fields: list[list[bytes]]) -> bool:
        expected = b"Basic " + base64.b64encode(f"cliply:{self._token}".encode())
        given = next((value.strip() for name, value in fields if name.lower() == b"proxy-authorization"), b"")
        return hmac.compare_digest(expected, given)

    def _connect(self, host: str, port: int) -> socket.socket | None:
        """A connection to an address of `host` that may be reached; None where there is none."""
        if port not in self.ports:
            self.refused.append(f"{host}:{port}")
            return None
        try:
            addresses = resolve(host, port)
        except OSError:
            return None
        # One that may not be reached spoils all: a name of both kinds is a trap.
        if not all(map(self.allows, addresses)):
            self.refused.append(f"{host}:{port}")
            return None
        for address in addresses:
            with suppress(OSError):
                connection = socket.create_connection((str(address), port), timeout=_CONNECTS_WITHIN)
                connection.settimeout(_SILENT_FOR)
                return connection
        return None

    def allows(self, address: Address) -> bool:
        """Whether an address is public, or in a network that was named."""
        return is_public(address, self.networks)

    def _pipe(self, client: socket.socket, upstream: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, upstream)
            ready.register(upstream, selectors.EVENT_READ, client)
            while events := ready.select(_SILENT_FOR):
                for key, _ in events:
                    source, target = key.fileobj, key.data
                    chunk = source.recv(_CHUNK)  # type: ignore[union-attr]  # both are sockets
                    if not chunk:
                        return
                    if source is upstream and not self._count(len(chunk)):
                        return
                    target.sendall(chunk)

    def _count(self, size: int) -> bool:
        """Whether these bytes may still come; waits where they come too fast."""
        with self._lock:
            self.came += size
            now = time.monotonic()
            self._next = max(self._next, now) + (size / self.rate if self.rate else 0)
            wait = self._next - now
            allowed = self.came <= self.largest and not self._closed
        if allowed and wait > _LEAST_WAIT:
            threading.Event().wait(wait)
        return allowed


_LEAST_WAIT = 0.02


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """A request's head, and what came after it."""
    got = b""
    while b"\r\n\r\n" not in got:
        chunk = client.recv(_CHUNK)
        if not chunk or len(got) > _LARGEST_HEAD:
            raise ValueError("no request")
        got += chunk
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def _forwarded(method: str, path: str, query: str, fields: list[list[bytes]]) -> bytes:
    """The request as its server gets it. One for each connection: the next could name another server."""
    target = (path or "/") + (f"?{query}" if query else "")
    hop = (b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive")
    kept = [name + b":" + value for name, value in fields if name.lower() not in hop]
    return b"\r\n".join([f"{method} {target} HTTP/1.1".encode(), *kept, b"Connection: close", b"", b""])
