"""A process that does one thing to the ledger and kills itself before its statement of a number:

python -m tests.features.usage.mortal URL WORKSPACE STEP STATEMENT
"""

import os
import signal
import sys
from typing import Any
from uuid import UUID

from sqlalchemy import event

from cliply.features.identity.plans import BUILT_IN
from cliply.features.usage import ledger, stored
from cliply.features.usage.models import EntryState, Metric
from cliply.infra.db import Database
from cliply.infra.storage.keys import ObjectKey

OBJECT = ObjectKey(UUID(int=1), UUID(int=2), "video", UUID(int=3))


def step(session: Any, name: str) -> None:
    plan = BUILT_IN.named("basic")
    if name == "reserve":
        ledger.reserve(session, plan, Metric.PROJECTS, "talk")
        ledger.reserve(session, plan, Metric.SOURCE_MINUTES, "talk", 30)
        ledger.reserve(session, plan, Metric.SOURCE_MINUTES, "talk", 20)
    elif name == "commit":
        ledger.commit(session, Metric.PROJECTS, "talk", 1)
        ledger.commit(session, Metric.SOURCE_MINUTES, "talk")
        stored.keep(session, [(OBJECT, 500)])
    elif name == "release":
        ledger.release(session, Metric.PROJECTS, "talk", states=list(EntryState))
        ledger.release(session, Metric.SOURCE_MINUTES, "talk", states=list(EntryState))
        stored.forget(session, [OBJECT])
    else:
        ledger.add(session, Metric.API_CALLS, "today", 3)
        ledger.add(session, Metric.API_CALLS, "today", 4)


def main(url: str, workspace: str, name: str, last: int) -> None:
    database, count = Database(url), 0
    with database.workspace(UUID(workspace)) as session:
        session.connection()

        def reached(*_told: Any) -> None:
            nonlocal count
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

        event.listen(database._engine, "before_cursor_execute", reached)
        event.listen(session, "before_commit", reached)
        step(session, name)
    reached()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
