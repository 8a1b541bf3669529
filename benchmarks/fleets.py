"""The service's queue and the engine by itself, each in a database of its own, and workers of both.

Workers are processes of their own: python -m benchmarks.fleets (ours | stock) URL CONCURRENCY
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from uuid import UUID, uuid4

import psycopg
from procrastinate import App, PsycopgConnector
from sqlalchemy import make_url, text

from cliply.infra import schema
from cliply.infra.db import Database
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue_many
from cliply.infra.queue.worker import Attempt, Handled, Stopped, Worker
from cliply.worker import RUNNING_PER_WORKSPACE

CONCURRENCY = 10
_QUEUE = "work"
_SHORT = 0.005


class Ours:
    name = "ours"

    def __init__(self, url: str) -> None:
        self.url = url
        schema.upgrade(url)
        self._database = Database(url)

    def workspaces(self, count: int) -> list[UUID]:
        made = [uuid4() for _ in range(count)]
        with self._database.system() as session:
            for each in made:
                session.execute(
                    text("insert into workspaces (id, slug, name) values (:id, :slug, 'a')"),
                    {"id": each, "slug": each.hex},
                )
        return made

    def put(self, kind: str, workspaces: Sequence[UUID | None]) -> list[int]:
        """A job for each."""
        with self._database.system() as session:
            return enqueue_many(session, [NewJob(kind=kind, queue=_QUEUE, workspace_id=each) for each in workspaces])

    def close(self) -> None:
        self._database.close()


class Stock:
    name = "stock"

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(plain(url)) as connection:
            connection.execute(files("procrastinate.sql").joinpath("schema.sql").read_bytes())
        self._app = _stock_app(url)
        self._app.open()

    def put(self, count: int) -> None:
        self._app.configure_task("NOOP", queue=_QUEUE).batch_defer(*[{}] * count)

    def close(self) -> None:
        self._app.close()


def plain(url: str) -> str:
    """The same address for the driver alone."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def workers(side: Ours | Stock, count: int, *, concurrency: int = CONCURRENCY) -> Iterator[None]:
    processes = [start(side, concurrency=concurrency) for _ in range(count)]
    try:
        yield
    finally:
        for each in processes:
            each.terminate()
        for each in processes:
            each.wait()


def start(side: Ours | Stock, *, concurrency: int = CONCURRENCY) -> "subprocess.Popen[str]":
    """A worker that writes the number of each HOLD job that it begins."""
    command = [sys.executable, "-m", "benchmarks.fleets", side.name, side.url, str(concurrency)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _hold(attempt: Attempt) -> None:
    """The first attempt goes on until its worker ends; the next one ends by itself."""
    print(attempt.token.job_id, flush=True)
    while attempt.token.attempts == 0:
        if attempt.stop() is not None:
            raise Stopped
        time.sleep(0.1)


def _work_ours(url: str, concurrency: int) -> None:
    runs = {"NOOP": lambda _attempt: None, "SHORT": lambda _attempt: time.sleep(_SHORT), "HOLD": _hold}
    kinds = [Handled(kind, _QUEUE, run, lambda _failed, _times: None, str) for kind, run in runs.items()]
    worker = Worker(url, kinds, queues=[_QUEUE], concurrency=concurrency, cap=RUNNING_PER_WORKSPACE)
    asyncio.run(worker.run())


def _stock_app(url: str, concurrency: int = CONCURRENCY) -> App:
    return App(connector=PsycopgConnector(conninfo=plain(url), min_size=1, max_size=concurrency + 4))


def _work_stock(url: str, concurrency: int) -> None:
    app = _stock_app(url, concurrency)

    @app.task(name="NOOP", queue=_QUEUE)
    def noop() -> None:
        pass

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(queues=[_QUEUE], concurrency=concurrency)

    asyncio.run(run())


if __name__ == "__main__":
    {"ours": _work_ours, "stock": _work_stock}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
