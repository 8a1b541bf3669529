"""What limits and usage cost a request: the service beside itself with nothing counted, round by round."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import httpx2
from sqlalchemy import select

from benchmarks.api import cliply_served, filled, process
from benchmarks.load import Wanted, load
from benchmarks.own_postgres import own_postgres
from benchmarks.registry import Row, at_most, benchmark
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import BUILT_IN
from cliply.features.identity.rates import UNLIMITED, Often, RateClass
from cliply.features.workspaces import own_plan
from cliply.infra import schema
from cliply.infra.db import Database

_CONNECTIONS = 16
_ROUNDS = 9
_SECONDS = 2.0
_BEGUN = 40
"""Uploads that are begun in a round, one after the other."""
_AMPLE = {
    "uploads_per_day": None, "projects_per_month": 10**8, "source_minutes_per_month": 10**8, "storage_bytes": 2**49,
    "api_calls_per_month": 10**8,
}  # fmt: skip
"""Limits that are asked each time, and never reached. Uploads of a day were counted before there was a ledger."""


@benchmark("usage")
def usage(folder: Path) -> Sequence[Row]:
    with ExitStack() as running:
        url = running.enter_context(own_postgres())
        schema.upgrade(url)
        key, project_id = filled(url)
        _limited(url)
        plans = _plans(folder)
        counted = running.enter_context(cliply_served(url, folder, plans))
        named = {"CLIPLY_DATABASE__URL": url, "CLIPLY_DATA": str(folder / "data"), "CLIPLY_PLANS": str(plans)}
        command = [sys.executable, "-m", "benchmarks.uncounted"]
        bare = running.enter_context(process(command, "/api/healthz", named))
        return [_read(counted, bare, key, project_id), _begin(counted, bare, key)]


def _plans(folder: Path) -> Path:
    """How often somebody may ask is measured elsewhere."""
    file = folder / "plans.json"
    rates = {each.value: dict.fromkeys(Often.model_fields, UNLIMITED) for each in RateClass}
    file.write_text(json.dumps({UNLIMITED: {"rates": rates}}), encoding="utf-8")
    return file


def _read(counted: int, bare: int, key: str, project_id: UUID) -> Row:
    wanted = Wanted(f"/api/projects/{project_id}", {"authorization": f"Bearer {key}"})

    def seconds(port: int) -> float:
        return _SECONDS / len(load(port, wanted, connections=_CONNECTIONS, seconds=_SECONDS))

    return _ratio("GET a project by an API key, its call counted and limited", seconds, counted, bare)


def _begin(counted: int, bare: int, key: str) -> Row:
    def seconds(port: int) -> float:
        address, headers = f"http://127.0.0.1:{port}/api/upload/init", {"authorization": f"Bearer {key}"}
        with httpx2.Client() as client:
            begun = time.perf_counter()
            for _ in range(_BEGUN):
                body = {"file_name": "talk.mp4", "size": 1000, "duration_ms": 60_000}
                client.post(address, headers=headers, json=body).raise_for_status()
            return (time.perf_counter() - begun) / _BEGUN

    return _ratio("POST /api/upload/init, its project, minutes and bytes reserved", seconds, counted, bare)


def _ratio(what: str, seconds: Callable[[int], float], counted: int, bare: int) -> Row:
    for port in (counted, bare):
        seconds(port)
    ratios = []
    for number in range(_ROUNDS):
        # In turn, so that whatever else the machine does falls on both.
        took = {port: seconds(port) for port in ((counted, bare) if number % 2 else (bare, counted))}
        ratios.append(took[counted] / took[bare])
    return at_most(f"{what}: ratio to the same with nothing counted", statistics.median(ratios), 1.25)


def _limited(url: str) -> None:
    database = Database(url)
    with database.system() as session:
        workspace = session.scalars(select(Workspace.id)).one()
        own_plan.assign(session, workspace, BUILT_IN, overrides=_AMPLE, by=Actor(ActorKind.OPERATOR))
    database.close()
