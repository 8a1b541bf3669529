"""A worker inside the test's own process, on a thread with a loop of its own."""

import asyncio
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.infra.queue.fleet import QUICK

from cliply.features.jobs.kinds import Kind
from cliply.features.jobs.runner import handled
from cliply.infra.db import Database
from cliply.infra.mail import mailer
from cliply.infra.queue.worker import Handled, Pace, Worker, run_all
from cliply.infra.settings import Settings
from cliply.infra.storage.opening import open_storage
from cliply.runtime import Runtime


@contextmanager
def working(
    url: str,
    database: Database,
    kinds: Iterable[Kind[Any]],
    *,
    runtime: Runtime | None = None,
    concurrency: int = 4,
    pace: Pace = QUICK,
    clock: bool = False,
) -> Iterator[None]:
    """Jobs of `kinds` run while the block does; with a storage that is gone afterwards, where no runtime is given.

    None begins by the clock but where a test asks: what it counts would depend on the minute at which it runs.
    """
    with ExitStack() as opened:
        if runtime is None:
            runtime = runtime_in(Path(opened.enter_context(tempfile.TemporaryDirectory())), database)
        all_of_them = [handled(kind, runtime) for kind in kinds]
        wanted = all_of_them if clock else [replace(kind, cron=None) for kind in all_of_them]
        with _working(url, wanted, concurrency, pace):
            yield


def runtime_in(folder: Path, database: Database, **settings: Any) -> Runtime:
    """The product's, with all its files below `folder`."""
    wanted = Settings(data=folder / "data", cache=folder / "cache", **settings)
    return Runtime(wanted, database, open_storage(wanted), mailer(wanted))


@contextmanager
def _working(url: str, kinds: Sequence[Handled], concurrency: int, pace: Pace) -> Iterator[None]:
    ready = threading.Event()
    inside: dict[str, Any] = {}

    async def work() -> None:
        worker = Worker(
            url,
            kinds,
            queues=sorted({kind.queue for kind in kinds}),
            concurrency=concurrency,
            cap=10,
            pace=pace,
        )
        inside.update(loop=asyncio.get_running_loop(), worker=worker)
        ready.set()
        await run_all([worker], signals=False)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        inside["loop"].call_soon_threadsafe(inside["worker"].stop)
        thread.join(20)
        assert not thread.is_alive()
