"""Serving an app on this machine: in a thread for tests, or until told to stop."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cliply.dev_providers.faults import DROP

HOST = "127.0.0.1"
_STARTS_WITHIN = 10.0
_ENDS_WITHIN = 3.0
"""Seconds that answers which are under way may take once the server is told to stop."""
_DATE_HOLDS = 1.0


@contextmanager
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """The address of `app`, which a thread serves while the block runs. Raises OSError where the port is taken."""
    with listening(port) as listener, running(app, listener):
        yield address_of(listener)


@contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    """A port of this machine alone; any free one if none is named."""
    with socket.create_server((HOST, port), backlog=256) as listener:
        # Small answers would wait for each other otherwise: asyncio does this for sockets of its own only.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def address_of(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


@contextmanager
def running(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    server = _Server(
        uvicorn.Config(
            app,
            http=_Droppable,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
        )
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        server.answers.wait(_STARTS_WITHIN)
        yield
    finally:
        server.stop()
        thread.join()


class _Server(uvicorn.Server):
    """Stops at once; uvicorn itself looks ten times a second whether it should, and then waits for as long again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def stop(self) -> None:
        """From another thread."""
        self.should_exit = True
        if self._loop is not None:
            # It may have ended by itself.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._told.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.answers.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _DATE_HOLDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered(), _ENDS_WITHIN)
        for task in self.server_state.tasks:
            task.cancel()

    async def _answered(self) -> None:
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.002)


class _Droppable(H11Protocol):
    """Hands a way to cut its connection to the app."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        served: Any = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = self.transport.abort
            await served(scope, receive, send)

        self.app = app
