"""The way back from a network's page of consent: a server on this machine that takes one answer (RFC 8252, 7.3)."""

import queue
import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from cliply.cli.console import note
from cliply.errors import Conflict, Unavailable
from cliply.infra import plain_page

PORT = 8765
"""The one that is taken where it is free, for networks that have to know the whole address beforehand."""
PATH = "/oauth"
_PATIENCE = 60.0
"""Seconds that a browser is kept waiting for what it is shown, and the network is asked meanwhile."""
_HEADERS = {
    **plain_page.HEADERS,
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "connection": "close",
}


class PortTaken(Conflict):
    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} of this machine is taken. Name another one with --port.")


class NobodyCameBack(Unavailable):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Nobody came back from the page within {seconds / 60:.0f} minutes. Run the command again; the page has to "
            "be opened on this machine."
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who has come back, and whose browser waits for a page."""

    brought: Mapping[str, str] = field(repr=False)
    page: "Future[tuple[int, str, str]]"
    shown: threading.Event

    def show(self, title: str, told: str, *, status: int = 200) -> None:
        """What the browser is shown; returns once it is."""
        self.page.set_result((status, title, told))
        self.shown.wait(5)


class WayBack:
    """Takes the one answer that carries the state; whatever else comes there changes nothing."""

    def __init__(self, server: "_Server") -> None:
        self._server = server

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def expect(self, state: str) -> None:
        self._server.expected.append(state)

    def wait(self, seconds: float) -> Visit:
        """Raises NobodyCameBack."""
        try:
            return self._server.visits.get(timeout=seconds)
        except queue.Empty:
            raise NobodyCameBack(seconds) from None


@contextmanager
def way_back(port: int | None = None) -> Iterator[WayBack]:
    """Open at once; without a `port`, at the usual one or else at any. Raises PortTaken."""
    server = _listening(port)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield WayBack(server)
    finally:
        server.shutdown()
        server.server_close()


def _listening(port: int | None) -> "_Server":
    try:
        return _Server(PORT if port is None else port)
    except OSError:
        if port is not None:
            raise PortTaken(port) from None
    server = _Server(0)
    note(
        f"Port {PORT} is taken, so port {server.server_address[1]} is used. A network that knows only "
        f"http://127.0.0.1:{PORT}{PATH} refuses that."
    )
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # An idle connection that a browser keeps in hand keeps nobody from leaving.
    block_on_close = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.visits: queue.SimpleQueue[Visit] = queue.SimpleQueue()
        self.expected: list[str] = []
        self._turn = threading.Lock()

    def is_expected(self, state: str) -> bool:
        """Once."""
        with self._turn:
            for each in self.expected:
                if secrets.compare_digest(each.encode(), state.encode("utf-8", "replace")):
                    self.expected.remove(each)
                    return True
        return False


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        brought = dict(parse_qsl(where.query, keep_blank_values=True))
        if where.path != PATH:
            self._say(404, "Nothing is here", "Cliply waits for somebody to come back from another page.")
        elif not self.server.is_expected(brought.get("state", "")):
            told = "It was used before, or another program began it. The terminal still waits for the right one."
            self._say(400, "This is not what was begun", told)
        else:
            self._take(brought)

    def _take(self, brought: Mapping[str, str]) -> None:
        visit = Visit(brought, Future(), threading.Event())
        self.server.visits.put(visit)
        try:
            self._say(*visit.page.result(_PATIENCE))
        except TimeoutError:
            self._say(500, "The terminal does not answer", "See there what became of it.")
        finally:
            visit.shown.set()

    def _say(self, status: int, title: str, told: str) -> None:
        body = plain_page.plain_page(title, told).encode()
        self.send_response(status)
        for name, value in {**_HEADERS, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "Cliply"

    def log_message(self, *_: object) -> None:
        """Nothing: a request's line holds the code."""
