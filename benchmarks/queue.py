"""Jobs that do nothing: how many a second, and how soon an idle fleet picks one up, beside the engine by itself.

Workers are processes of their own: python -m benchmarks.queue (ours | stock) URL
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from procrastinate import App, PsycopgConnector
from sqlalchemy import make_url, text

from benchmarks.registry import Row, at_least, at_most, benchmark
from cliply.infra import schema
from cliply.infra.db import Database
from cliply.infra.embedded import embedded_postgres
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue, enqueue_many
from cliply.infra.queue.worker import Handled, Worker

_CONCURRENCY = 10
_WORKSPACES = 10
_SECONDS = 5.0
_DEEP = 100_000
_BATCH = 1_000
_PICKED_UP = 60


class Ours:
    name = "ours"

    def __init__(self, url: str) -> None:
        self.url = url
        schema.upgrade(url)
        self._database = Database(url)
        self._workspaces = [uuid4() for _ in range(_WORKSPACES)]
        with self._database.system() as session:
            for each in self._workspaces:
                session.execute(
                    text("insert into workspaces (id, slug, name) values (:id, :slug, 'a')"),
                    {"id": each, "slug": each.hex},
                )

    def put(self, count: int) -> None:
        with self._database.system() as session:
            enqueue_many(session, [self._job(self._workspaces[n % _WORKSPACES]) for n in range(count)])

    def put_one(self) -> int:
        with self._database.system() as session:
            return enqueue(session, self._job(self._workspaces[0]))

    def close(self) -> None:
        self._database.close()

    @staticmethod
    def _job(workspace_id: UUID) -> NewJob:
        return NewJob(kind="NOOP", queue="work", workspace_id=workspace_id)


class Stock:
    name = "stock"

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(plain(url)) as connection:
            connection.execute(files("procrastinate.sql").joinpath("schema.sql").read_bytes())

    def put(self, count: int) -> None:
        app = stock_app(self.url)
        with app.open():
            app.configure_task("NOOP", queue="work").batch_defer(*[{}] * count)


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def stock_app(url: str) -> App:
    return App(connector=PsycopgConnector(conninfo=plain(url), min_size=1, max_size=_CONCURRENCY + 4))


@benchmark("queue")
def queue(_folder: Path) -> Sequence[Row]:
    # A socket's path has to be short, and the benchmarks' own folder is not.
    with tempfile.TemporaryDirectory(prefix="cliply-") as short:
        Path(short).chmod(0o755)
        with embedded_postgres(Path(short) / "pg") as url:
            return _measure(url)


def _measure(url: str) -> list[Row]:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute("create database stock")
    ours, stock = Ours(url), Stock(make_url(url).set(database="stock").render_as_string(hide_password=False))
    rows = _pick_up(ours)
    for depth in (10, _DEEP):
        for side in (ours, stock):
            if depth > 10:
                for _ in range(depth // _BATCH):
                    side.put(_BATCH)
        for workers in (1, 4):
            rates = [_rate(side, workers, depth) for side in (ours, stock)]
            what = f"{workers} worker{'s' if workers > 1 else ''}, backlog of {depth:,}"
            rows.append(Row(f"No-op jobs a second, {what}", f"{rates[0]:.0f} ({rates[1]:.0f} by the engine alone)"))
            rows.append(at_least(f"Ratio to the engine alone, {what}", rates[0] / rates[1], 0.5))
    ours.close()
    return rows


def _pick_up(ours: Ours) -> list[Row]:
    waits = []
    with _workers(ours, 1), psycopg.connect(plain(ours.url), autocommit=True) as connection:
        for _ in range(_PICKED_UP):
            job_id = ours.put_one()
            asked = (
                "select extract(epoch from started_at - created_at) * 1000 from jobs"
                " where id = %s and state = 'succeeded'"
            )
            while (row := connection.execute(asked, [job_id]).fetchone()) is None:
                time.sleep(0.005)
            waits.append(float(row[0]))
    waits = waits[1:]  # the first one waited for the worker to start
    return [
        Row("Idle fleet picks a job up, p50", f"{statistics.median(waits):.0f} ms"),
        at_most("Idle fleet picks a job up, p95", statistics.quantiles(waits, n=20)[-1], 250, unit=" ms", digits=0),
    ]


def _rate(side: Ours | Stock, workers: int, depth: int) -> float:
    """Jobs a second over some seconds, counted from when the first one is done."""
    over = threading.Event()
    feeder = threading.Thread(target=_keep_waiting, args=(side, depth, over))
    with psycopg.connect(plain(side.url), autocommit=True) as connection:
        before = _done(connection)
        feeder.start()
        with _workers(side, workers):
            while _done(connection) < before + 20 * workers:
                time.sleep(0.05)
            started, first = time.perf_counter(), _done(connection)
            time.sleep(_SECONDS)
            rate = (_done(connection) - first) / (time.perf_counter() - started)
        over.set()
        feeder.join()
    return rate


def _keep_waiting(side: Ours | Stock, depth: int, over: threading.Event) -> None:
    """Put in as many as are taken out, so that about `depth` wait all the time."""
    with psycopg.connect(plain(side.url), autocommit=True) as connection:
        while not over.is_set():
            waiting = "select count(*) from (select from procrastinate_jobs where status = 'todo' limit %s) as found"
            row = connection.execute(waiting, [depth]).fetchone()
            if row is not None and (missing := depth - row[0]) > 0:
                side.put(min(missing, _BATCH))
            if depth > 10:
                return  # what is taken out of a deep one in some seconds is nothing
            time.sleep(0.001)


def _done(connection: "psycopg.Connection[tuple[int]]") -> int:
    row = connection.execute("select count(*) from procrastinate_jobs where status = 'succeeded'").fetchone()
    return row[0] if row else 0


@contextmanager
def _workers(side: Ours | Stock, count: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.queue", side.name, side.url]
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for each in processes:
            each.terminate()
        for each in processes:
            each.wait()


def _work(side: str, url: str) -> None:
    if side == "ours":
        noop = Handled("NOOP", "work", lambda _attempt: None, lambda _failed, _times: None, str)
        worker = Worker(url, [noop], queues=["work"], concurrency=_CONCURRENCY, cap=1_000)
        asyncio.run(worker.run())
        return
    app = stock_app(url)

    @app.task(name="NOOP", queue="work")
    def noop_alone() -> None:
        pass

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(queues=["work"], concurrency=_CONCURRENCY)

    asyncio.run(run())


if __name__ == "__main__":
    _work(*sys.argv[1:])
