"""How much longer small workspaces wait when one has queued thousands of jobs before them."""

import statistics
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg

from benchmarks.fleets import Ours, plain, workers
from benchmarks.registry import Row, at_most

_ROUNDS = 3
_FLOOD = 5_000
_SMALL, _EACH = 20, 10
_PLACES = 2
"""As `cliply up` has, and fewer than one workspace may take: without a fair share, the flood would have them all."""

_Connection = psycopg.Connection[tuple[float]]


def fairness_rows(ours: Ours) -> list[Row]:
    flooding, *small = ours.workspaces(1 + _SMALL)
    rounds = []
    with (
        workers(ours, 1, concurrency=_PLACES),
        psycopg.connect(plain(ours.url), autocommit=True) as connection,
    ):
        _p95_wait(ours, connection, small)  # until the workers have started
        for _ in range(_ROUNDS):
            idle = _p95_wait(ours, connection, small)
            ours.put("SHORT", [flooding] * _FLOOD)
            rounds.append((idle, _p95_wait(ours, connection, small)))
            connection.execute("delete from procrastinate_jobs where status = 'todo'")
            _until_empty(connection)
    idle, flooded = (statistics.median(each) for each in zip(*rounds, strict=True))
    what = f"{_SMALL} workspaces with {_EACH} jobs"
    return [
        Row(f"{what}, p95 wait; beside one with {_FLOOD:,}", f"{idle:.0f} ms; {flooded:.0f} ms"),
        at_most("The same wait beside the flood against without it", statistics.median(b / a for a, b in rounds), 3),
    ]


def _p95_wait(ours: Ours, connection: _Connection, small: Sequence[UUID]) -> float:
    """Milliseconds from when the small ones' jobs are there until they begin."""
    ids = ours.put("SHORT", [*small] * _EACH)
    waiting = "select count(*) from jobs where id = any(%s) and state <> 'succeeded'"
    while (row := connection.execute(waiting, [ids]).fetchone()) is not None and row[0]:
        time.sleep(0.05)
    waits = connection.execute(
        "select extract(epoch from started_at - created_at) * 1000 from jobs where id = any(%s)", [ids]
    )
    return statistics.quantiles([float(each[0]) for each in waits], n=20)[-1]


def _until_empty(connection: _Connection) -> None:
    running = "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"
    while (row := connection.execute(running).fetchone()) is not None and row[0]:
        time.sleep(0.05)
