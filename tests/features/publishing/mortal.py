"""A worker that dies, or stands still for long, at any step of its work; nothing is cleaned up by it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from tests.features.publishing.stage import Stage
from tests.infra.queue.claiming import claim, fall_silent, sweep

from cliply.features.publishing.tasks import CLOCK, QUEUE
from cliply.infra.db import Database
from cliply.infra.queue.rows import Token
from cliply.runtime import Runtime

LATER = timedelta(minutes=2)
ROUNDS = 30
"""More jobs than one publication takes."""


class Killed(BaseException):
    """Not an Exception: nobody takes it for a failure."""


@dataclass
class Fate:
    """`strikes` is called at each step with its number, from 1 on, and its name."""

    strikes: Callable[[int, str], None]
    steps: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.steps.append(name)
        self.strikes(len(self.steps), name)


def kills_at(wanted: int) -> Fate:
    def strikes(number: int, _name: str) -> None:
        if number >= wanted:
            raise Killed

    return Fate(strikes)


@dataclass
class Frozen:
    """Stands still at one step, by its number or its name, until it is `thawed`; `stands` is set meanwhile."""

    wanted: int | str
    stands: threading.Event = field(default_factory=threading.Event)
    thawed: threading.Event = field(default_factory=threading.Event)

    def fate(self) -> Fate:
        def strikes(number: int, name: str) -> None:
            if self.wanted in (number, name):
                self.stands.set()
                assert self.thawed.wait(60)

        return Fate(strikes)


def mortal(runtime: Runtime, fate: Fate) -> Runtime:
    """The same, where each call to a network, each part of an upload, each file and each transaction is two steps:
    before and after it."""
    networks = {
        network: replace(
            provider,
            publisher=cast("Any", _Steps(provider.publisher, fate, network.value)),
            connector=cast("Any", _Steps(provider.connector, fate, f"{network.value}'s sign-in")),
        )
        for network, provider in runtime.providers.by_network.items()
    }
    return replace(
        runtime,
        database=cast("Database", _Transactions(runtime.database, fate)),
        storage=cast("Any", _Steps(runtime.storage, fate, "storage")),
        providers=replace(runtime.providers, by_network=networks),
    )


class _Steps:
    def __init__(self, real: Any, fate: Fate, name: str) -> None:
        self._real, self._fate, self._name = real, fate, name

    def __getattr__(self, name: str) -> Any:
        found, fate, step = getattr(self._real, name), self._fate, f"{self._name}.{name}"
        if not callable(found):
            return found

        def call(*args: Any, **more: Any) -> Any:
            fate.step(f"before {step}")
            if name == "send":
                *first, on_sent = args

                def told(done: int) -> None:
                    fate.step(f"{step} at {done}")
                    on_sent(done)

                args = (*first, told)
            answer = found(*args, **more)
            fate.step(f"after {step}")
            return answer

        return call


class _Transactions:
    def __init__(self, real: Database, fate: Fate) -> None:
        self._real, self._fate = real, fate

    def __getattr__(self, name: str) -> Any:
        found, fate = getattr(self._real, name), self._fate
        if name not in ("workspace", "system"):
            return found

        @contextmanager
        def transaction(*args: Any) -> Iterator[Any]:
            fate.step(f"before a transaction of the {name}")
            with found(*args) as session:
                yield session
            fate.step(f"after a transaction of the {name}")

        return transaction


def attempted(stage: Stage, token: Token, fate: Fate) -> None:
    """One attempt of a worker with this fate."""
    replace(stage, runtime=mortal(stage.runtime, fate)).attempt(token)


def taken(stage: Stage) -> Token | None:
    """The next job that is due, for the worker that there is."""
    stage._let_time_pass()
    return claim(stage.office.database, stage.worker(), queues=[QUEUE, CLOCK, "maintenance"])


def dies_at_step(stage: Stage, step: int) -> bool:
    """Workers that come to this step of a job die there, once for each job; False where none came so far."""
    struck: set[int] = set()
    for _ in range(ROUNDS):
        stage.clock.advance(LATER)
        token = taken(stage)
        if token is None:
            return bool(struck)
        if token.job_id in struck:
            stage.attempt(token)
            continue
        try:
            attempted(stage, token, kills_at(step))
        except Killed:
            struck.add(token.job_id)
            bury(stage)
    raise AssertionError(f"it did not come to an end after {ROUNDS} jobs")


def bury(stage: Stage) -> None:
    """The worker has said nothing for long: what it had is given to the next one."""
    fall_silent(stage.office.database, stage.worker())
    sweep(stage.office.database, deaths=100)
    stage.workers.clear()
