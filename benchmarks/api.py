"""Requests over HTTP at sixteen connections to the service as `cliply serve` starts it, beside bare routes."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx2
from tests.features.clips.rows import ready_clip, ready_project

from benchmarks.load import Wanted, load
from benchmarks.own_postgres import own_postgres
from benchmarks.registry import Row, benchmark
from cliply.api.server import address_of, listen
from cliply.features.clips.digests import cover_digest, video_digest
from cliply.features.identity import api_keys
from cliply.features.identity.access import Caller, Principal
from cliply.features.identity.models import Role, User
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN
from cliply.features.identity.rates import UNLIMITED, Often
from cliply.features.workspaces import service as workspaces
from cliply.infra import schema
from cliply.infra.db import Database
from cliply.media.edit import EditWord

_CONNECTIONS = 16
_ROUNDS = 5
_SECONDS = 2.0
_PROJECTS, _CLIPS, _WORDS = 50, 50, 100
_BARE = "A bare route"
_BARE_LIST = "A bare route with the same 50 projects in memory"
_LIST = "GET /api/projects, 50 of them"


@dataclass
class _Rounds:
    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)

    def add(self, took: list[float], seconds: float) -> None:
        self.rates.append(len(took) / seconds)
        self.p99s.append(statistics.quantiles(took, n=100)[-1] * 1000)


@benchmark("api")
def api(folder: Path) -> Sequence[Row]:
    with ExitStack() as running:
        url = running.enter_context(own_postgres())
        schema.upgrade(url)
        key, project_id = filled(url)
        # As much as there is: what is counted costs the same whether it is ever refused.
        served = running.enter_context(cliply_served(url, folder, plans_with(folder, "9000000/minute")))
        bare = running.enter_context(process([sys.executable, "-m", "benchmarks.bare"], "/"))
        wanted = {
            _BARE: (bare, Wanted("/")),
            _BARE_LIST: (bare, Wanted("/projects")),
            **_wanted(served, key, project_id),
        }
        rounds = {name: _Rounds() for name in wanted}
        for port, each in wanted.values():
            load(port, each, connections=_CONNECTIONS, seconds=1)
        for _ in range(_ROUNDS):
            for name, (port, each) in wanted.items():
                rounds[name].add(load(port, each, connections=_CONNECTIONS, seconds=_SECONDS), _SECONDS)
    return list(_rows(rounds))


def _rows(rounds: dict[str, _Rounds]) -> Iterator[Row]:
    for name, measured in rounds.items():
        rate, p99 = statistics.median(measured.rates), statistics.median(measured.p99s)
        yield Row(f"{name}: requests a second, p99", f"{rate:.0f}, {p99:.0f} ms")
        if name != _BARE:
            yield Row(f"{name}: ratio to the bare route", f"{_ratio(measured, rounds[_BARE]):.2g}")
    # To write that many projects takes most of what the bare route has for five requests, whoever keeps them.
    yield Row("The list, ratio to the same list out of memory", f"{_ratio(rounds[_LIST], rounds[_BARE_LIST]):.2f}")


def _ratio(measured: _Rounds, other: _Rounds) -> float:
    return statistics.median(one / beside for one, beside in zip(measured.rates, other.rates, strict=True))


def _wanted(port: int, key: str, project_id: UUID) -> dict[str, tuple[int, Wanted]]:
    mine = {"authorization": f"Bearer {key}"}
    project = f"/api/projects/{project_id}"
    tag = httpx2.get(f"http://127.0.0.1:{port}{project}", headers=mine).headers["etag"]
    return {
        "GET /api/healthz": (port, Wanted("/api/healthz")),
        "GET a project": (port, Wanted(project, mine)),
        "GET a project that has not changed (304)": (port, Wanted(project, mine | {"if-none-match": tag}, 304)),
        _LIST: (port, Wanted("/api/projects", mine)),
        f"GET the {_CLIPS} clips of a project": (port, Wanted(f"{project}/clips", mine)),
    }


def filled(url: str) -> tuple[str, UUID]:
    """A workspace's API key, and a project that has clips."""
    database = Database(url)
    with database.system() as session:
        user = User(email="bench@example.com", name="Bench")
        session.add(user)
        session.flush()
        workspace_id, user_id = workspaces.create(session, "Bench", by=Principal(user.id)).id, user.id
    with database.workspace(workspace_id) as session:
        caller = Caller(Principal(user_id), workspace_id, Role.OWNER, BUILT_IN.default)
        secret = api_keys.create(session, caller, "Bench", list(Action)).secret
        project, *_others = [ready_project(session) for _ in range(_PROJECTS)]
        words = tuple(EditWord(text=f"word{n}", start=2_000 + n * 100, end=2_090 + n * 100) for n in range(_WORDS))
        for rank in range(1, _CLIPS + 1):
            clip = ready_clip(session, project, rank=rank)
            edit = clip.clip_edit
            assert edit is not None
            edit = edit.model_copy(update={"words": words})
            clip.edit, clip.rendered_from = edit.model_dump(mode="json"), video_digest(edit)
            clip.covered_from = cover_digest(edit)
    database.close()
    return secret, project.id


@contextmanager
def cliply_served(url: str, folder: Path, plans: Path) -> Iterator[int]:
    """The service's port while the block runs."""
    named = {"CLIPLY_DATABASE__URL": url, "CLIPLY_DATA": str(folder / "data"), "CLIPLY_PLANS": str(plans)}
    with process([sys.executable, "-m", "cliply", "serve", "--socket"], "/api/healthz", named) as port:
        yield port


def plans_with(folder: Path, rate: str) -> Path:
    """A file of plans in which everybody may read at this rate."""
    file = folder / f"{rate.replace('/', '-')}.json"
    rates = {"read": dict.fromkeys(Often.model_fields, rate)}
    file.write_text(json.dumps({UNLIMITED: {"rates": rates}}), encoding="utf-8")
    return file


@contextmanager
def process(command: list[str], path: str, environment: dict[str, str] | None = None) -> Iterator[int]:
    """A server of its own process on a free port, from when it answers."""
    listening = listen("127.0.0.1", 0)
    address, descriptor = address_of(listening), listening.fileno()
    process = subprocess.Popen(
        [*command, str(descriptor)], pass_fds=[descriptor], env=os.environ | (environment or {}),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    port: int = listening.getsockname()[1]
    listening.close()
    try:
        while True:
            try:
                httpx2.get(address + path).raise_for_status()
                break
            except httpx2.TransportError:
                assert process.poll() is None, "the server has ended"
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()
