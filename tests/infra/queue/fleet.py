"""Real worker processes for the tests, and the kinds that they run: python -m tests.infra.queue.fleet URL OPTIONS"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.database import as_owner

from cliply.infra.db import SYSTEM_ROLE, Database
from cliply.infra.queue import transactions
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.worker import Attempt, Handled, Pace, Stopped, Worker, run_all

QUICK = Pace(heartbeat=0.2, lease=1.0, sweep=0.2, poll=0.1, stop_poll=0.2, grace=1.0, farewell=1.0)
"""A lease of a second instead of twenty: the same code, but nobody waits for it."""


@dataclass(slots=True)
class Fleet:
    url: str
    members: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start(
        self, count: int = 1, *, pace: Pace = QUICK, concurrency: int = 4, cap: int = 100, kill: float = 0.0
    ) -> "list[subprocess.Popen[bytes]]":
        options = {"pace": asdict(pace), "concurrency": concurrency, "cap": cap, "kill": kill}
        command = [sys.executable, "-m", "tests.infra.queue.fleet", self.url, json.dumps(options)]
        started = [subprocess.Popen(command, cwd=Path(__file__).parents[3]) for _ in range(count)]
        self.members += started
        return started

    def replace_the_dead(self, **options: Any) -> int:
        dead = [member for member in self.members if member.poll() is not None]
        self.members = [member for member in self.members if member.poll() is None]
        if dead:
            self.start(len(dead), **options)
        return len(dead)

    def end(self) -> None:
        for member in self.members:
            with suppress(ProcessLookupError):
                member.kill()
            member.wait()


def make_effects(url: str) -> None:
    """The table in which the handlers below write what they did."""
    with as_owner(url) as owner:
        owner.execute(text("create schema fleet"))
        owner.execute(text("create table fleet.effects (id bigserial, job_id bigint, what text, process integer)"))
        owner.execute(text(f"grant usage on schema fleet to {SYSTEM_ROLE}"))
        owner.execute(text(f"grant all on all tables in schema fleet to {SYSTEM_ROLE}"))
        owner.execute(text(f"grant all on all sequences in schema fleet to {SYSTEM_ROLE}"))


def until(condition: Callable[[], object], within: float = 30.0) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def main(url: str, options: str) -> None:
    wanted = json.loads(options)
    database = Database(url)
    kinds = [
        Handled(name, "work", run, _retry_in, str, cron)
        for name, run, cron in [
            ("EFFECT", lambda attempt: _effect(database, attempt), None),
            ("SHORT", _short, None),
            ("LONG", lambda attempt: _long(database, attempt), None),
            ("BLOCKING", lambda attempt: _blocking(database, attempt), None),
            ("STUBBORN", lambda attempt: _stubborn(database, attempt), None),
            ("POISON", lambda attempt: _poison(database, attempt), None),
            ("FAILING", lambda attempt: _failing(database, attempt), None),
            ("FFMPEG", lambda attempt: _ffmpeg(database, attempt), None),
            ("PLAN", lambda attempt: _plan(database, attempt, wanted["kill"]), None),
            ("RENDER", lambda attempt: _render(database, attempt, wanted["kill"]), None),
            ("JOIN", lambda attempt: _join(database, attempt, wanted["kill"]), None),
            ("TICK", lambda attempt: _effect(database, attempt), "* * * * * *"),
        ]
    ]
    worker = Worker(
        url,
        kinds,
        queues=["work"],
        concurrency=wanted["concurrency"],
        cap=wanted["cap"],
        pace=Pace(**wanted["pace"]),
    )
    asyncio.run(run_all([worker]))


class TryLater(Exception):
    retry_after = 0.0


def _retry_in(failed: BaseException, failures: int) -> float | None:
    return None if failures >= 2 else getattr(failed, "retry_after", 0.0)


@contextmanager
def finished(database: Database, attempt: Attempt) -> Iterator[Session]:
    with database.system() as session:
        if not transactions.hold(session, attempt.token):
            raise Stopped
        yield session
        transactions.complete(session, attempt.token)


def note(database: Database, attempt: Attempt, what: str) -> None:
    """Written outside the job's transaction: it stays whatever becomes of the attempt."""
    with database.system() as session:
        record(session, attempt, what)


def record(session: Session, attempt: Attempt, what: str) -> None:
    session.execute(
        text("insert into fleet.effects (job_id, what, process) values (:job_id, :what, :process)"),
        {"job_id": attempt.token.job_id, "what": what, "process": os.getpid()},
    )


def _effect(database: Database, attempt: Attempt) -> None:
    with finished(database, attempt) as session:
        record(session, attempt, "done")


def _check(attempt: Attempt) -> None:
    if attempt.stop() is not None:
        raise Stopped


def _long(database: Database, attempt: Attempt) -> None:
    note(database, attempt, "started")
    deadline = time.monotonic() + attempt.arguments["seconds"]
    while time.monotonic() < deadline:
        _check(attempt)
        threading.Event().wait(0.02)
    with finished(database, attempt) as session:
        record(session, attempt, "done")


def _short(_attempt: Attempt) -> None:
    threading.Event().wait(0.005)


def _blocking(database: Database, attempt: Attempt) -> None:
    """Never looks whether it is to stop, and writes whenever it is ready."""
    note(database, attempt, "started")
    threading.Event().wait(attempt.arguments["seconds"])
    with finished(database, attempt) as session:
        record(session, attempt, "done")


def _stubborn(database: Database, attempt: Attempt) -> None:
    note(database, attempt, "started")
    threading.Event().wait(60)


def _poison(database: Database, attempt: Attempt) -> None:
    note(database, attempt, "started")
    os.kill(os.getpid(), signal.SIGKILL)


def _failing(database: Database, attempt: Attempt) -> None:
    note(database, attempt, "started")
    raise TryLater("no luck")


def _ffmpeg(database: Database, attempt: Attempt) -> None:
    from cliply.media.ffmpeg import run

    note(database, attempt, "started")
    endless = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-f", "null", "-"]
    run(endless, on_progress=lambda _share: _check(attempt))


def _maybe_die(probability: float) -> None:
    if random.random() < probability:
        os.kill(os.getpid(), signal.SIGKILL)


def _plan(database: Database, attempt: Attempt, kill: float) -> None:
    number = attempt.arguments["number"]
    _maybe_die(kill)
    with finished(database, attempt) as session:
        _maybe_die(kill)
        record(session, attempt, f"plan {number}")
        renders = [NewJob(kind="RENDER", queue="work", arguments={"number": number, "clip": clip}) for clip in range(5)]
        transactions.fan_out(session, renders, NewJob(kind="JOIN", queue="work", arguments={"number": number}))
        _maybe_die(kill)
    _maybe_die(kill)


def _render(database: Database, attempt: Attempt, kill: float) -> None:
    _maybe_die(kill)
    with finished(database, attempt) as session:
        _maybe_die(kill)
        record(session, attempt, f"render {attempt.arguments['number']} {attempt.arguments['clip']}")
        _maybe_die(kill)
    _maybe_die(kill)


def _join(database: Database, attempt: Attempt, kill: float) -> None:
    _maybe_die(kill)
    with finished(database, attempt) as session:
        record(session, attempt, f"join {attempt.arguments['number']}")
        _maybe_die(kill)
    _maybe_die(kill)


if __name__ == "__main__":
    main(*sys.argv[1:])
