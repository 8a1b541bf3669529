"""From the kill -9 of a worker until its job runs again, at the service's own pace."""

import statistics
import time

import psycopg

from benchmarks.fleets import Ours, plain, start, workers
from benchmarks.registry import Row, at_most

_KILLED, _OTHERS = 12, 2
_APART = 5.0 / _KILLED
"""Seconds between two kills, so that they fall on all moments between two heartbeats."""


def killed_rows(ours: Ours) -> list[Row]:
    killed_at: dict[int, float] = {}
    victims = [start(ours, concurrency=1) for _ in range(_KILLED)]
    try:
        ours.put("HOLD", ours.workspaces(_KILLED))
        holds = [int(_told(victim.stdout.readline())) for victim in victims if victim.stdout is not None]
        with workers(ours, _OTHERS):
            _until_registered(ours, _KILLED + _OTHERS)
            for victim, job_id in zip(victims, holds, strict=True):
                victim.kill()
                killed_at[job_id] = time.time()
                time.sleep(_APART)
            waits = _waits(ours, killed_at)
    finally:
        for victim in victims:
            victim.kill()
            victim.wait()
    return [
        Row(f"A killed worker's job runs again, p50 of {_KILLED}", f"{statistics.median(waits):.0f} s"),
        at_most(
            "A killed worker's job runs again, p95", statistics.quantiles(waits, n=20)[-1], 30, unit=" s", digits=0
        ),
    ]


def _told(line: str) -> str:
    assert line, "the worker ended by itself"
    return line


def _until_registered(ours: Ours, count: int) -> None:
    with psycopg.connect(plain(ours.url), autocommit=True) as connection:
        registered = "select count(*) from procrastinate_workers where last_heartbeat > now() - interval '10 seconds'"
        while (row := connection.execute(registered).fetchone()) is None or row[0] < count:
            time.sleep(0.1)


def _waits(ours: Ours, killed_at: dict[int, float]) -> list[float]:
    with psycopg.connect(plain(ours.url), autocommit=True) as connection:
        again = "select id, extract(epoch from started_at) from jobs where id = any(%s) and deaths = 1 and state = %s"
        while len(rows := connection.execute(again, [list(killed_at), "succeeded"]).fetchall()) < len(killed_at):
            time.sleep(0.2)
    return [float(started_at) - killed_at[job_id] for job_id, started_at in rows]
