"""Calls by API keys: no number of processes passes a limit, and most calls ask the database nothing.

A process takes a share of what is left before it answers any, and says every few seconds what it has used of it. The
rest goes back. A share is small, because that of a process that is killed counts whole. Time is the database's, or that
of a clock which only goes forward: nothing depends on what the machine takes for the date.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from uuid import UUID, uuid4

from sqlalchemy.exc import NoResultFound, SQLAlchemyError
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.usage import ledger, shares
from cliply.features.usage.models import Metric
from cliply.features.usage.periods import Period
from cliply.infra.db import Database

WRITTEN_EVERY = 2.0
"""Seconds."""
_FIRST = 8
"""Calls in the share of whoever has made none lately."""
_OLD = 30.0
"""Seconds after which a share is not added to. Where it was never closed it counts whole after a minute."""
_GOOD_FOR = 2.0
"""Seconds that a workspace's period is believed: its subscription may begin another one, or its zone change."""
_PATIENCE = 0.5
"""Seconds that writing waits for those who are asking for more at this moment; it comes back soon."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Share:
    """What may be answered without asking."""

    limit: int
    """Of the plan by which it was taken: another plan has another one."""
    period: Period
    until: float
    """By the process' clock."""
    source: str = field(default_factory=lambda: f"share/{uuid4()}")
    amount: int = 0
    used: int = 0


@dataclass(slots=True)
class _Counted:
    """Of one workspace."""

    unlimited: int = 0
    """Made while there was no limit, and not written yet."""
    share: _Share | None = None
    closing: list[_Share] = field(default_factory=list)
    """Nothing more is used of these."""
    wanted: int = _FIRST
    now: ledger.Now | None = None
    read_at: float = float("-inf")
    taking: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody asks for more: whoever comes meanwhile finds what they got."""


class ApiCalls:
    """Of one process; any thread may count."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        # Whoever counts has a connection already, and all may be taken by those who wait for us.
        self._database = database.apart(connections=1)
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counted: dict[UUID, _Counted] = {}

    def count(self, session: Session, caller: Caller) -> None:
        """One more, if the plan has one left; counted whatever becomes of the session. Raises PlanLimit."""
        limit = caller.plan.limit(Metric.API_CALLS.meter)
        with self._lock:
            counted = self._counted.get(caller.workspace_id)
            if counted is None:
                counted = self._counted[caller.workspace_id] = _Counted()
            if limit is None:
                counted.unlimited += 1
                return
            if self._use(counted, limit):
                return
        with counted.taking:
            with self._lock:
                if self._use(counted, limit):
                    return
            self._take(session, caller, limit, counted)

    def write(self) -> None:
        """Write what was counted since; what cannot be written now is kept for the next time."""
        with self._writing:
            with self._lock:
                everybody = list(self._counted.items())
            for workspace_id, counted in everybody:
                self._set_aside_in_turn(counted)
                if not (self._close(workspace_id, counted) and self._write_unlimited(workspace_id, counted)):
                    # The workspace is gone.
                    with self._lock:
                        self._counted.pop(workspace_id, None)

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
            self._database.close()

    def _try(self) -> None:
        try:
            self.write()
        except SQLAlchemyError:
            _log.warning("api_calls_not_written", exc_info=True)

    def _use(self, counted: _Counted, limit: int) -> bool:
        """One of the share, if there is one left; under the lock."""
        share = counted.share
        if share is None or share.used >= share.amount or share.limit != limit or self._clock() >= share.until:
            return False
        share.used += 1
        return True

    def _take(self, session: Session, caller: Caller, limit: int, counted: _Counted) -> None:
        """Ask for more and use one of it; one thread of a workspace at a time."""
        now = self._now(session, counted)
        while True:
            share, asked_at = self._share(caller.workspace_id, counted, limit, now.period), self._clock()
            # As many as lately, and more and more where those are used up before they are written.
            wanted = max(counted.wanted, share.used)
            taken = shares.take(
                self._database, caller.workspace_id, share.source, wanted=wanted, most=limit, period=now.period
            )
            if taken.taken is not None:
                break
            now = counted.now = ledger.now_in(session, taken.at)
        if taken.counted:
            return
        if not taken.shared:
            ledger.refuse(caller.plan, Metric.API_CALLS, used=taken.taken, wanted=1, now=now)
        with self._lock:
            share.amount += taken.shared
            share.used += 1
            share.until = min(share.until, asked_at + taken.lasts)

    def _now(self, session: Session, counted: _Counted) -> ledger.Now:
        asked_at = self._clock()
        if counted.now is None or asked_at - counted.read_at > _GOOD_FOR:
            counted.now, counted.read_at = ledger.now_in(session), asked_at
        return counted.now

    def _share(self, workspace_id: UUID, counted: _Counted, limit: int, period: Period) -> _Share:
        """The one that more may be added to, known before it is asked for: it is closed whatever comes of that."""
        at = self._clock()
        share = counted.share
        if share is not None and share.limit == limit and share.period == period and at < share.until:
            return share
        with self._lock:
            self._set_aside(counted)
            counted.share = share = _Share(limit, period, at + _OLD)
        # What is given back now can be taken again.
        self._close(workspace_id, counted)
        return share

    def _set_aside_in_turn(self, counted: _Counted) -> None:
        # Not while it is asked for: what came of that would be added to what is closed already.
        if counted.share is not None and counted.taking.acquire(timeout=_PATIENCE):
            try:
                with self._lock:
                    self._set_aside(counted)
            finally:
                counted.taking.release()

    def _set_aside(self, counted: _Counted) -> None:
        """Use nothing more of the share; under both locks."""
        if counted.share is not None:
            counted.wanted = max(_FIRST, counted.share.used)
            counted.closing.append(counted.share)
            counted.share = None

    def _close(self, workspace_id: UUID, counted: _Counted) -> bool:
        """Whether the workspace is there, as far as this has asked."""
        with self._lock:
            closing = list(counted.closing)
        if not closing:
            return True
        there = shares.close(self._database, workspace_id, {each.source: each.used for each in closing})
        with self._lock:
            # Another thread may have closed them as well, and that is no harm.
            counted.closing = [each for each in counted.closing if each not in closing]
        return there

    def _write_unlimited(self, workspace_id: UUID, counted: _Counted) -> bool:
        """Whether the workspace is there, as far as this has asked."""
        with self._lock:
            amount = counted.unlimited
        if not amount:
            return True
        try:
            with self._database.workspace(workspace_id) as session:
                now = ledger.now_in(session)
                # One entry a day, so that there are not more of them than can be looked at.
                source = f"{now.period.name}/{now.moment.astimezone(UTC).date()}"
                ledger.add(session, Metric.API_CALLS, source, amount, now=now)
        except NoResultFound:
            return False
        with self._lock:
            counted.unlimited -= amount
        return True
