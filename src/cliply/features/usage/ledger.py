"""The ledger: reserve before work is begun, commit with its result, give back what came to nothing.

All of it in the transaction of the work itself. A source counts once for each metric, however often it is told. What
was reserved and never settled is given back when its time is over; should its work end after all, it counts then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, func, select, text, tuple_
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import Plan
from cliply.features.usage.models import EntryState, Metric, UsageCounter, UsageEntry
from cliply.features.usage.periods import STANDING, Period, period_at
from cliply.infra.self_audit import Finding

LEASE = timedelta(days=7)
"""How long work may take that was reserved for. Whatever ends it before gives back at once."""
KEPT = timedelta(days=396)
"""Thirteen months: then what was given back is forgotten. What counts is kept, or it would count again."""

_NOW = "usage_now"
_RESERVE = text("""
    SELECT place, admitted, others
    FROM unnest(
        CAST(:metrics AS text[]), CAST(:sources AS text[]), CAST(:amounts AS bigint[]), CAST(:mosts AS bigint[]),
        CAST(:periods AS text[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
        WITH ORDINALITY AS wanted (metric, source, amount, most, period, begins, ends, place)
    CROSS JOIN LATERAL reserve_usage(
        metric, source, amount, most, period, begins, ends, CAST(:expires AS timestamptz))
    ORDER BY place
""")
_COMMIT = text("""
    SELECT place, counts
    FROM unnest(
        CAST(:metrics AS text[]), CAST(:sources AS text[]), CAST(:amounts AS bigint[]), CAST(:periods AS text[]),
        CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
        WITH ORDINALITY AS made (metric, source, amount, period, begins, ends, place)
    CROSS JOIN LATERAL commit_usage(metric, source, amount, period, begins, ends) AS counts
    ORDER BY place
""")
_ADD = text("SELECT add_usage(:metric, :source, :amount, :period, :begins, :ends)")
_HOLD = text("SELECT hold_own_usage(:metric, :period, :begins, :ends)")
_LOOK = text("SELECT metric, period, used FROM look_at_grown_usage()")
_RELEASE = text("SELECT release_usage(:metrics, :source, :states)")
_EXPIRED = text("SELECT release_expired_usage()")
_DISAGREEING = text("""
    SELECT w.slug, metric, period, c.used, c.reserved, coalesce(e.used, 0) AS sum_used,
        coalesce(e.reserved, 0) AS sum_reserved
    FROM usage_counters c JOIN workspaces w ON w.id = c.workspace_id
    LEFT JOIN (
        SELECT workspace_id, metric, period, sum(amount) FILTER (WHERE state = 'committed') AS used,
            sum(amount) FILTER (WHERE state = 'reserved') AS reserved
        FROM usage_entries GROUP BY workspace_id, metric, period) e USING (workspace_id, metric, period)
    WHERE (c.used, c.reserved) IS DISTINCT FROM (coalesce(e.used, 0)::bigint, coalesce(e.reserved, 0)::bigint)
    ORDER BY w.slug, metric, period
""")


@dataclass(frozen=True, slots=True)
class Now:
    """A moment in a workspace, and the period of usage that it is in."""

    moment: datetime
    zone: ZoneInfo
    period: Period

    def of(self, metric: Metric) -> Period:
        return STANDING if metric.is_standing else self.period


@dataclass(frozen=True, slots=True)
class Grown:
    """A counter that has grown."""

    metric: Metric
    period: str
    used: int


@dataclass(frozen=True, slots=True)
class Amount:
    """What a source takes of a metric, or is to take."""

    metric: Metric
    source: object
    amount: int | None = 1
    """None, of what is committed: as much as was reserved."""


def now_in(session: Session, moment: datetime | None = None) -> Now:
    """In the session's workspace; by the database's clock unless a moment is named."""
    known: Now | None = session.info.get(_NOW)
    if moment is None and known is not None:
        return known
    asked = select(Workspace.timezone, Workspace.period_anchor, func.now().label("now"))
    row = session.execute(asked).one()
    zone = ZoneInfo(row.timezone)
    if moment is not None:
        return Now(moment, zone, period_at(moment, zone, row.period_anchor))
    # For the database, too, it is the same moment as long as a transaction lasts, and a session is one.
    session.info[_NOW] = Now(row.now, zone, period_at(row.now, zone, row.period_anchor))
    return now_in(session)


def reserve(
    session: Session,
    plan: Plan,
    metric: Metric,
    source: object,
    amount: int = 1,
    *,
    lease: timedelta | None = LEASE,
    now: Now | None = None,
) -> None:
    """As `reserve_all`, for one."""
    reserve_all(session, plan, [Amount(metric, source, amount)], lease=lease, now=now)


def reserve_all(
    session: Session, plan: Plan, wanted: Sequence[Amount], *, lease: timedelta | None = LEASE, now: Now | None = None
) -> None:
    """Set these aside for what is to be done, if the plan has as much left; asked again, the amount is changed.

    Nothing happens where a source counts already. Raises PlanLimit; the transaction is of no use then. All in one
    question, and in one order, so that two who want the same never wait for each other.
    """
    if not wanted:
        return
    now = now or now_in(session)
    wanted = _in_order(wanted)
    limits = {"mosts": [plan.limit(each.metric.meter) for each in wanted]}
    expires = None if lease is None else now.moment + lease
    told = {**_told(wanted, now), **limits, "expires": expires}
    for each, row in zip(wanted, session.execute(_RESERVE, told).all(), strict=True):
        if not row.admitted:
            refuse(plan, each.metric, used=row.others, wanted=each.amount or 0, now=now)


def commit(
    session: Session, metric: Metric, source: object, amount: int | None = None, *, now: Now | None = None
) -> bool:
    """Let it count, once; whether it does from now on. As much as was reserved, unless an amount is named."""
    return bool(commit_all(session, [Amount(metric, source, amount)], now=now))


def commit_all(session: Session, made: Sequence[Amount], *, now: Now | None = None) -> int:
    """The same for several in one question, and in the order in which they are reserved; how many count from now on."""
    if not made:
        return 0
    told = _told(_in_order(made), now or now_in(session))
    return sum(bool(row.counts) for row in session.execute(_COMMIT, told))


def add(session: Session, metric: Metric, source: str, amount: int, *, now: Now | None = None) -> int:
    """Count more of a source that grows; returns what the period has used with it."""
    told = {"source": source, "amount": amount}
    return int(session.execute(_ADD, {**told, **_where(metric, now or now_in(session))}).scalar_one())


def release(
    session: Session,
    metric: Metric,
    source: object,
    *,
    states: Sequence[EntryState] = (EntryState.RESERVED,),
) -> None:
    """Give back what a source has, and what is below it: `a/b` is below `a`."""
    told = {"metrics": [metric.value], "source": str(source), "states": list(states)}
    session.execute(_RELEASE, told)


def release_expired(session: Session) -> int:
    """Give back what was reserved for longer than was said, in the session's workspace; how many entries that were."""
    return int(session.execute(_EXPIRED).scalar_one())


def with_forgettable(session: Session, *, before: datetime) -> Sequence[UUID]:
    """Workspaces that have something to forget, in a session of the system."""
    query = select(UsageEntry.workspace_id).where(_given_back(before)).distinct()
    return session.scalars(query.order_by(UsageEntry.workspace_id)).all()


def forget(session: Session, workspace_id: UUID, *, before: datetime, at_most: int) -> int:
    """Remove entries of what was given back before then, in a session of the system; how many that were.

    No sum changes by it. Counters are held before entries here as well, so that nobody waits for us as we for them.
    """
    forgettable = and_(UsageEntry.workspace_id == workspace_id, _given_back(before))
    found = session.execute(
        select(UsageEntry.id, UsageEntry.metric, UsageEntry.period).where(forgettable).limit(at_most)
    )
    entries = found.all()
    counters = {(row.metric, row.period) for row in entries}
    held = select(UsageCounter.metric).where(
        UsageCounter.workspace_id == workspace_id, tuple_(UsageCounter.metric, UsageCounter.period).in_(counters)
    )
    session.execute(held.order_by(UsageCounter.metric, UsageCounter.period).with_for_update(key_share=True))
    # One that counts again by now stays.
    gone = delete(UsageEntry).where(UsageEntry.id.in_([row.id for row in entries]), forgettable)
    return len(session.execute(gone.returning(UsageEntry.id)).all())


def _given_back(before: datetime) -> ColumnElement[bool]:
    return and_(UsageEntry.state == EntryState.RELEASED, UsageEntry.settled_at < before)


def look(session: Session) -> list[Grown]:
    """What of the session's workspace has grown since somebody last looked; nobody else looks at it meanwhile."""
    return [Grown(Metric(row.metric), row.period, row.used) for row in session.execute(_LOOK)]


def taken(session: Session, metric: Metric, *, now: Now | None = None) -> int:
    """What is used and reserved of the period; nobody is kept from changing it."""
    period = (now or now_in(session)).of(metric)
    asked = select(UsageCounter.used + UsageCounter.reserved)
    return session.scalar(asked.where(UsageCounter.metric == metric, UsageCounter.period == period.name)) or 0


def left(session: Session, plan: Plan, metric: Metric, *, now: Now | None = None, held: bool = False) -> int | None:
    """How much more the plan allows at this moment, or `held` until the transaction ends; None is no limit."""
    most = plan.limit(metric.meter)
    if most is None:
        return None
    now = now or now_in(session)
    if held:
        session.execute(_HOLD, _where(metric, now))
    return max(0, most - taken(session, metric, now=now))


def refuse(plan: Plan, metric: Metric, *, used: int, wanted: int, now: Now) -> None:
    """Ask the gate, which says no in its words. Raises PlanLimit."""
    ends = now.of(metric).ends
    resets_at = None if ends is None else ends.astimezone(now.zone)
    plan.admit(metric.meter, used=used, wanted=wanted, resets_at=resets_at)


def disagreements(session: Session) -> Iterator[Finding]:
    """Counters that are not the sum of their entries, in a session of the system: there can be none."""
    for row in session.execute(_DISAGREEING):
        told = (
            f"The usage of {row.slug} does not add up: {row.metric} since {row.period} is {row.used:,} used and "
            f"{row.reserved:,} reserved, and its entries are {row.sum_used:,} and {row.sum_reserved:,}. Somebody has "
            "changed the tables by hand; restore them from a backup."
        )
        yield Finding("usage", "error", told)


def _in_order(amounts: Sequence[Amount]) -> list[Amount]:
    return sorted(amounts, key=lambda each: (each.metric, str(each.source)))


def _told(amounts: Sequence[Amount], now: Now) -> dict[str, Any]:
    periods = [now.of(each.metric) for each in amounts]
    return {
        "metrics": [each.metric.value for each in amounts],
        "sources": [str(each.source) for each in amounts],
        "amounts": [each.amount for each in amounts],
        "periods": [period.name for period in periods],
        "begins": [period.begins for period in periods],
        "ends": [period.ends for period in periods],
    }


def _where(metric: Metric, now: Now) -> dict[str, Any]:
    period = now.of(metric)
    return {"metric": metric.value, "period": period.name, "begins": period.begins, "ends": period.ends}
