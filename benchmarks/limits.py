"""What it costs to count each request in its limits: the service with them beside the same without, round by round."""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.api import cliply_served, filled, plans_with
from benchmarks.load import Wanted, load
from benchmarks.own_postgres import own_postgres
from benchmarks.registry import Row, at_most, benchmark
from cliply.infra import schema

_CONNECTIONS = 4
_ROUNDS = 9
_SECONDS = 2.0
_MOST = 1.25


@benchmark("limits")
def limits(folder: Path) -> Sequence[Row]:
    with ExitStack() as running:
        url = running.enter_context(own_postgres())
        schema.upgrade(url)
        key, project_id = filled(url)
        mine = {"authorization": f"Bearer {key}"}
        wanted = {
            "GET a project": Wanted(f"/api/projects/{project_id}", mine),
            "GET the workspaces of a key": Wanted("/api/workspaces", mine),
        }
        ports = [
            running.enter_context(cliply_served(url, folder, plans_with(folder, rate)))
            for rate in ("9000000/minute", "unlimited")
        ]
        return [row for name, each in wanted.items() for row in _rows(name, each, ports)]


def _rows(name: str, wanted: Wanted, ports: Sequence[int]) -> Sequence[Row]:
    took: list[list[float]] = [[], []]
    for port in ports:
        load(port, wanted, connections=_CONNECTIONS, seconds=1)
    for number in range(_ROUNDS):
        # In turn, so that whatever else the machine does falls on both.
        for which in (0, 1) if number % 2 else (1, 0):
            answers = load(ports[which], wanted, connections=_CONNECTIONS, seconds=_SECONDS)
            took[which].append(_SECONDS * 1000 / len(answers))
    counted, free = (statistics.median(each) for each in took)
    ratio = statistics.median(one / other for one, other in zip(*took, strict=True))
    return [
        Row(f"{name}: milliseconds of the service for one, counted and not", f"{counted:.2f}, {free:.2f}"),
        at_most(f"{name}: counted in its limits, ratio to the same uncounted", ratio, _MOST),
    ]
