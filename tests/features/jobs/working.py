"""A worker inside the test's own process, on a thread with a loop of its own."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.infra.queue.fleet import QUICK

from cliply.features.jobs.kinds import Kind
from cliply.features.jobs.runner import handled
from cliply.infra.db import Database
from cliply.infra.queue.worker import Worker


@contextmanager
def working(url: str, database: Database, kinds: Iterable[Kind[Any]]) -> Iterator[None]:
    ready = threading.Event()
    inside: dict[str, Any] = {}

    async def work() -> None:
        worker = Worker(
            url, [handled(kind, database) for kind in kinds], queues=["work"], concurrency=4, cap=10, pace=QUICK
        )
        inside.update(loop=asyncio.get_running_loop(), worker=worker)
        ready.set()
        await worker.run(signals=False)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        inside["loop"].call_soon_threadsafe(inside["worker"].stop)
        thread.join(20)
        assert not thread.is_alive()
