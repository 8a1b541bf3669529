"""A process in which calls are counted, as one of several that serve a workspace.

python -m tests.features.usage.callers URL WORKSPACE USER WHAT NUMBER: `make` has so many calls made by eight threads,
and says how many were answered; `die` makes some, says each that is answered, and is killed at that of its questions.
"""

import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from tests.features.workspaces.planned import is_admitted

from cliply.features.identity.access import Principal, resolve
from cliply.features.identity.plans import BUILT_IN
from cliply.features.usage.calls import ApiCalls
from cliply.infra.db import Database

DYING = 60
"""Calls of whoever is to die, with all that they have counted written after each twenty."""


class Mortal(Database):
    """Killed before its question of a number; with a half, after it."""

    def __init__(self, url: str, number: float) -> None:
        super().__init__(url)
        self.left = 2 * number

    def apart(self, *, connections: int) -> Database:
        return self

    def at_once(self, statement: str, values: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        self._step()
        found = super().at_once(statement, values)
        self._step()
        return found

    def _step(self) -> None:
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def call(calls: ApiCalls, database: Database, workspace: UUID, user: UUID) -> bool:
    def count() -> None:
        with database.workspace(workspace) as session:
            calls.count(session, resolve(session, Principal(user), BUILT_IN))

    return is_admitted(count)


def make(url: str, workspace: UUID, user: UUID, number: int) -> None:
    database = Database(url)
    calls = ApiCalls(database)
    with calls.written(every=0.2), ThreadPoolExecutor(8) as pool:
        _say(sum(pool.map(lambda _: call(calls, database, workspace, user), range(number))))


def die(url: str, workspace: UUID, user: UUID, number: float) -> None:
    database = Mortal(url, number)
    calls = ApiCalls(database)
    for made in range(DYING):
        if call(calls, database, workspace, user):
            _say("answered")
        if made % 20 == 19:
            calls.write()


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    url, workspace, user, what, number = sys.argv[1:]
    if what == "make":
        make(url, UUID(workspace), UUID(user), int(number))
    else:
        die(url, UUID(workspace), UUID(user), float(number))
