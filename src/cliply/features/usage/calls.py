"""Calls by API keys: counted in the process that answers them, and written to the ledger every few seconds.

So a call costs no question more. What a process has not written when it is killed is not counted, and of two processes
each hears of the other's calls as late as they are written: by so much a limit can be passed.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.exc import NoResultFound, SQLAlchemyError
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric
from cliply.infra.db import Database

WRITTEN_EVERY = 2.0
"""Seconds."""
_GOOD_FOR = 5.0
"""Seconds that a number is believed which nobody has written to meanwhile: other processes count too."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Counted:
    """Of one workspace."""

    pending: int = 0
    """Made, and not written yet."""
    used: int = 0
    read_at: float = float("-inf")
    ends: datetime | None = None


class ApiCalls:
    """Of one process; any thread may count."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counted: dict[UUID, _Counted] = {}

    def count(self, session: Session, caller: Caller) -> None:
        """One more, if the plan has one left. Raises PlanLimit."""
        limit = caller.plan.limit(Metric.API_CALLS.meter)
        with self._lock:
            counted = self._counted.setdefault(caller.workspace_id, _Counted())
            if limit is None:
                counted.pending += 1
                return
            stale = self._is_stale(counted)
        if stale:
            self._read(session, counted)
        with self._lock:
            taken = counted.used + counted.pending
            if taken < limit:
                counted.pending += 1
                return
        ledger.refuse(caller.plan, Metric.API_CALLS, used=taken, wanted=1, now=ledger.now_in(session))

    def write(self) -> None:
        """Write what was counted since; what cannot be written now is kept for the next time."""
        with self._writing:
            with self._lock:
                waiting = {workspace_id: each.pending for workspace_id, each in self._counted.items() if each.pending}
            for workspace_id, amount in waiting.items():
                try:
                    used, ends = self._add(workspace_id, amount)
                except NoResultFound:
                    # The workspace is gone.
                    with self._lock:
                        self._counted.pop(workspace_id, None)
                    continue
                with self._lock:
                    counted = self._counted[workspace_id]
                    counted.pending -= amount
                    counted.used, counted.ends, counted.read_at = used, ends, self._clock()

    @contextmanager
    def written(self, every: float = WRITTEN_EVERY) -> Iterator[None]:
        """Written every few seconds while the block runs, and once more at its end."""
        stopped = threading.Event()

        def work() -> None:
            while not stopped.wait(every):
                self._try()

        thread = threading.Thread(target=work, name="api-calls", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
            self._try()

    def _try(self) -> None:
        try:
            self.write()
        except SQLAlchemyError:
            _log.warning("api_calls_not_written", exc_info=True)

    def _add(self, workspace_id: UUID, amount: int) -> tuple[int, datetime | None]:
        with self._database.workspace(workspace_id) as session:
            now = ledger.now_in(session)
            # One entry a day, so that there are not more of them than can be looked at.
            source = f"{now.period.name}/{now.moment.astimezone(UTC).date()}"
            return ledger.add(session, Metric.API_CALLS, source, amount, now=now), now.period.ends

    def _is_stale(self, counted: _Counted) -> bool:
        over = counted.ends is not None and datetime.now(UTC) >= counted.ends
        return over or self._clock() - counted.read_at > _GOOD_FOR

    def _read(self, session: Session, counted: _Counted) -> None:
        now = ledger.now_in(session)
        used = ledger.taken(session, Metric.API_CALLS, now=now)
        with self._lock:
            counted.used, counted.ends, counted.read_at = used, now.period.ends, self._clock()
