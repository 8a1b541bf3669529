"""Whether this process can do its work: the checks behind `/api/readyz`, `cliply readyz` and `cliply doctor`."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from cliply.errors import CliplyError, LimitReached, Unavailable
from cliply.infra import schema, seal_check
from cliply.infra.db import Database
from cliply.infra.queue.depth import live_workers, queue_depths
from cliply.infra.settings import Settings
from cliply.infra.storage.opening import check_storage, storage_folder

Probe: TypeAlias = Callable[[], str]
"""Says what it found, or raises."""

ANSWER_WITHIN = 4.0
"""Seconds: whoever asks, asks every few."""
KEPT = 2.0
"""Seconds for which an answer is good, so that asking often costs nothing."""
LEAST_DISK = 1_000_000_000
STANDS_STILL_AFTER = 120.0
"""Seconds that a job may wait while none of its queue runs."""
LEASE = 20.0
"""Seconds since its last sign of life within which a worker is taken for alive."""


class QueueStandsStill(Unavailable):
    def __init__(self, queue: str, waited: float) -> None:
        super().__init__(
            f"Jobs in the queue {queue} have waited for {waited / 60:.0f} min and none runs. "
            "Start a worker: cliply worker"
        )


class DiskFull(LimitReached):
    def __init__(self, folder: Path, free: int) -> None:
        super().__init__(f"{folder} has {free / 1e9:.1f} GB left. Make room, or name another folder in CLIPLY_DATA.")


@dataclass(frozen=True, slots=True)
class Check:
    """`found` may name addresses and folders: it is for operators; the name and `ok` are for everybody."""

    name: str
    ok: bool
    found: str
    seconds: float = 0.0


class Readiness:
    """All checks at once, none of which can hold up the answer; one that hangs is not begun a second time."""

    def __init__(self, probes: Mapping[str, Probe], *, within: float = ANSWER_WITHIN, kept: float = KEPT) -> None:
        self._probes = probes
        self._within = within
        self._kept = kept
        self._lock = threading.Lock()
        self._running: dict[str, Future[Check]] = {}
        self._last: tuple[float, tuple[Check, ...]] | None = None

    def checks(self) -> tuple[Check, ...]:
        """In the order of the probes."""
        with self._lock:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > self._kept:
                self._last = (now, self._ask())
            return self._last[1]

    def _ask(self) -> tuple[Check, ...]:
        for name, probe in self._probes.items():
            if name not in self._running or self._running[name].done():
                self._running[name] = _begin(name, probe)
        wait(self._running.values(), timeout=self._within)
        late = f"No answer within {self._within:.0f} s."
        return tuple(
            self._running[name].result() if self._running[name].done() else Check(name, False, late, self._within)
            for name in self._probes
        )


def readiness(
    database: Database, settings: Settings, *, also: Mapping[str, Callable[[Database], str]] | None = None
) -> Readiness:
    """Of an installation. Has a connection of its own: a pool that is busy is no database that is away. `also` is what
    features know of themselves."""
    apart = database.apart(connections=1)
    more = {name: partial(_tables_of, apart, check) for name, check in (also or {}).items()}
    return Readiness(
        {
            "database": partial(_database, apart),
            "schema": partial(_schema, apart),
            "secrets": partial(_tables_of, apart, partial(seal_check.check, settings=settings)),
            "storage": partial(check_storage, settings),
            "queue": partial(_queue, apart),
            "disk": partial(_disk, settings),
            **more,
        }
    )


def _begin(name: str, probe: Probe) -> "Future[Check]":
    answer: Future[Check] = Future()

    def ask() -> None:
        began = time.monotonic()
        ok, found = _answered(probe)
        answer.set_result(Check(name, ok, found, time.monotonic() - began))

    # Not of a pool: the process must be able to end while it hangs.
    threading.Thread(target=ask, name=f"check-{name}", daemon=True).start()
    return answer


def _answered(probe: Probe) -> tuple[bool, str]:
    try:
        return True, probe()
    except CliplyError as failed:
        return False, str(failed)
    except SQLAlchemyError as failed:
        # What the driver says can hold the address with its password.
        return False, f"The database does not answer ({type(failed).__name__})."
    except Exception as failed:  # noqa: BLE001 - whatever it is, the others are still to be told
        return False, f"The check itself failed ({type(failed).__name__})."


def _database(database: Database) -> str:
    return f"PostgreSQL {database.server_version()}"


def _schema(database: Database) -> str:
    return f"revision {schema.check_open(database)}"


def _queue(database: Database) -> str:
    # Without its tables it would seem not to answer.
    schema.check_open(database)
    with database.system() as session:
        depths = queue_depths(session)
        workers = live_workers(session, lease=LEASE)
    for each in depths:
        if each.oldest > STANDS_STILL_AFTER and not each.running and not each.paused:
            raise QueueStandsStill(each.queue, each.oldest)
    waiting, running = sum(each.waiting for each in depths), sum(each.running for each in depths)
    return f"{waiting} waiting, {running} running, {workers} workers"


def _tables_of(database: Database, check: Callable[[Database], str]) -> str:
    schema.check_open(database)
    return check(database)


def _disk(settings: Settings) -> str:
    folders = {settings.data, settings.cache, storage_folder(settings) or settings.data}
    told = []
    for folder in sorted(folders):
        free = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free
        if free < LEAST_DISK:
            raise DiskFull(folder, free)
        told.append(free)
    return f"{min(told) / 1e9:.0f} GB free"
