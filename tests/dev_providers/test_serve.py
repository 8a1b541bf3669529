"""How a server of this machine ends: at once, but not in the middle of an answer."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx2
from starlette.types import Receive, Scope, Send
from tests.infra.queue.fleet import until

from cliply.dev_providers.serve import serving


class Slow:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._let = asyncio.Event()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        self.asked.set()
        await self._let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    def let(self) -> None:
        self._loop.call_soon_threadsafe(self._let.set)


def takes_nobody(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_answer_that_is_under_way_is_given_after_nobody_else_is_let_in() -> None:
    slow = Slow()

    def let_when_closed(url: str) -> None:
        until(lambda: takes_nobody(url))
        slow.let()

    with ThreadPoolExecutor() as pool:
        with serving(slow) as url:
            answer = pool.submit(httpx2.get, url)
            assert slow.asked.wait(10)
            pool.submit(let_when_closed, url)
        assert answer.result().text == "done"


def test_an_answer_that_does_not_end_is_cut_off() -> None:
    slow = Slow()
    with ThreadPoolExecutor() as pool:
        with serving(slow) as url:
            answer = pool.submit(httpx2.get, url, timeout=60)
            assert slow.asked.wait(10)
        assert answer.result().status_code == 500


def test_a_connection_that_is_kept_open_does_not_keep_the_server() -> None:
    slow = Slow()
    with httpx2.Client() as client:
        with serving(slow) as url:
            with ThreadPoolExecutor() as pool:
                answer = pool.submit(client.get, url)
                assert slow.asked.wait(10)
                slow.let()
            assert answer.result().status_code == 200
        assert takes_nobody(url)
