"""Jobs a second, beside the engine by itself, and how soon a job begins: idle, beside a flood, after a kill."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from benchmarks.fairness import fairness_rows
from benchmarks.fleets import Ours, Stock, plain, workers
from benchmarks.killed import killed_rows
from benchmarks.own_postgres import own_postgres
from benchmarks.registry import Row, at_least, at_most, benchmark

_ROUNDS = 3
_SECONDS = 4.0
_WORKSPACES = 10
_SHALLOW, _DEEP = 10, 100_000
_BATCH = 1_000
_PICKED_UP = 100

_Put = Callable[[int], object]
_Connection = psycopg.Connection[tuple[int]]


@benchmark("queue")
def queue(_folder: Path) -> Sequence[Row]:
    with own_postgres() as url:
        ours = Ours(url)
        rows = [*_pick_up(ours), *fairness_rows(ours), *killed_rows(ours)]
        with psycopg.connect(plain(url), autocommit=True) as connection:
            connection.execute("create database stock")
        stock = Stock(make_url(url).set(database="stock").render_as_string(hide_password=False))
        rows += _rates(ours, stock)
        ours.close()
        stock.close()
    return rows


def _pick_up(ours: Ours) -> list[Row]:
    waits = []
    (workspace,) = ours.workspaces(1)
    with workers(ours, 1), psycopg.connect(plain(ours.url), autocommit=True) as connection:
        for _ in range(_PICKED_UP + 1):
            (job_id,) = ours.put("NOOP", [workspace])
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


def _rates(ours: Ours, stock: Stock) -> list[Row]:
    workspaces = ours.workspaces(_WORKSPACES)
    puts: dict[Ours | Stock, _Put] = {
        ours: lambda count: ours.put("NOOP", [workspaces[n % _WORKSPACES] for n in range(count)]),
        stock: stock.put,
    }
    rows = []
    for depth in (_SHALLOW, _DEEP):
        for count in (1, 4):
            # Side by side in time, round by round, so that whatever else the machine does falls on both.
            rounds = [[_rate(side, put, count, depth) for side, put in puts.items()] for _ in range(_ROUNDS)]
            by_us, alone = (statistics.median(each) for each in zip(*rounds, strict=True))
            what = f"{count} worker{'s' if count > 1 else ''}, backlog of {depth:,}"
            rows.append(Row(f"No-op jobs a second, {what}", f"{by_us:.0f} ({alone:.0f} by the engine alone)"))
            ratio = statistics.median(one / other for one, other in rounds)
            rows.append(at_least(f"Ratio to the engine alone, {what}", ratio, 0.5))
    return rows


def _rate(side: Ours | Stock, put: _Put, count: int, depth: int) -> float:
    """Jobs a second over some seconds, counted from when the first ones are done."""
    over = threading.Event()
    with psycopg.connect(plain(side.url), autocommit=True) as connection:
        _fill(connection, put, depth)
        feeder = threading.Thread(target=_keep_full, args=(side.url, put, depth, over))
        feeder.start()
        before = _done(connection)
        with workers(side, count):
            while _done(connection) < before + 20 * count:
                time.sleep(0.1)
            started, first = time.perf_counter(), _done(connection)
            time.sleep(_SECONDS)
            rate = (_done(connection) - first) / (time.perf_counter() - started)
            over.set()
            feeder.join()
    return rate


def _keep_full(url: str, put: _Put, depth: int, over: threading.Event) -> None:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        # What is taken out of a deep one in some seconds is nothing.
        while depth < _DEEP and not over.wait(0.001):
            _fill(connection, put, depth)


def _fill(connection: _Connection, put: _Put, depth: int) -> None:
    """At least `depth` jobs wait afterwards, and at most twice as many."""
    waiting = "select count(*) from (select from procrastinate_jobs where status = 'todo' limit %s) as found"
    while (row := connection.execute(waiting, [depth]).fetchone()) is not None and row[0] < depth:
        put(min(depth, _BATCH))


def _done(connection: _Connection) -> int:
    row = connection.execute("select count(*) from procrastinate_jobs where status = 'succeeded'").fetchone()
    return row[0] if row else 0
