"""Serving the app: on a port, until told to stop, and then until what was begun is answered."""

import errno
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from cliply.api.app import create_app
from cliply.errors import Conflict, Invalid, NotAllowed
from cliply.features.projects import local_copies
from cliply.infra.settings import Settings
from cliply.runtime import open_runtime

GRACE = 20
"""Seconds that requests may still take once the server is told to stop."""

_WAITING = 512

_log = logging.getLogger(__name__)


class PortTaken(Conflict):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} of {host} is taken, perhaps by Cliply itself. Stop what uses it, or name another: "
            f"--port {port + 1}"
        )


def listen(host: str, port: int) -> socket.socket:
    """A port to serve on, ours from now on. Raises PortTaken, NotAllowed or Invalid."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise Invalid(
            f"“{host}” is no address of this machine. 127.0.0.1 is this machine alone, 0.0.0.0 all."
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_WAITING)
    except OSError as failed:
        listening.close()
        if failed.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from None
        if failed.errno in (errno.EACCES, errno.EPERM):
            raise NotAllowed(f"Port {port} may not be used by this account. Name one above 1023 with --port.") from None
        raise Invalid(f"{host}:{port} cannot be served on: {os.strerror(failed.errno or 0)}.") from None
    return listening


def address_of(listening: socket.socket) -> str:
    """As people write it into a browser."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, nothing listens on it
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listening: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was begun and return."""
    with open_runtime(settings) as runtime, local_copies.swept(runtime):
        app = create_app(runtime)
        server = _Server(app, settings, on_ready)
        _log.info("api_started", extra={"address": address_of(listening)})
        # uvicorn raises what stopped it once more when all is done.
        with app.state.calls.written(), suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    _log.info("api_stopped")


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI, settings: Settings, on_ready: Callable[[], None]) -> None:
        proxies = settings.server.trusted_proxies
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                # Requests are logged by our own middleware, with what they belong to.
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                timeout_graceful_shutdown=GRACE,
            )
        )
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self._stopping = app.state.stopping
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)
