"""What a workspace has used of its plan, as people see it: now, by forecast, and in the months before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Plan
from cliply.features.usage.ledger import Now, now_in
from cliply.features.usage.models import Metric, UsageAlert, UsageCounter
from cliply.features.usage.periods import Period

FORECAST_AFTER = timedelta(days=1)
"""Of a period: before that, a forecast is a guess."""
MOST_PERIODS = 24


@dataclass(frozen=True, slots=True)
class Used:
    """One metric in the period that is now."""

    metric: Metric
    used: int
    reserved: int
    """Set aside for what is being done."""
    limit: int | None
    forecast: int | None
    """At the end of the period, if it goes on as it has so far; None where that cannot be said."""
    alerts: Sequence[int] = ()
    """Thresholds of this limit that were reached, in per cent."""

    @property
    def percent(self) -> float | None:
        """Of the limit, with what is reserved. Of a limit of nothing, nothing is left."""
        if self.limit is None:
            return None
        return round(100 * (self.used + self.reserved) / self.limit, 1) if self.limit else 100.0


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """What was used in a period that is over."""

    begins: datetime
    ends: datetime | None
    used: Mapping[Metric, int]


@dataclass(frozen=True, slots=True)
class Summary:
    plan: Plan
    timezone: str
    anchored_by: Literal["calendar", "subscription"]
    period: Period
    metrics: Sequence[Used]
    history: Sequence[PastPeriod] = field(default_factory=list)
    """Newest first."""

    def of(self, metric: Metric) -> Used:
        return next(each for each in self.metrics if each.metric is metric)


def summary(session: Session, caller: Caller, *, periods: int = 12, now: datetime | None = None) -> Summary:
    """What is used of each metric, and in `periods` periods before this one, MOST_PERIODS at most."""
    caller.require(Action.READ_WORKSPACE)
    here = now_in(session, now)
    begun = UsageCounter.begins_at <= here.moment
    kept = select(UsageCounter).where(begun).order_by(UsageCounter.begins_at.desc(), UsageCounter.period.desc())
    counters = session.scalars(kept).all()
    current = {each.metric: each for each in counters if each.period == here.of(each.metric).name}
    alerts = _alerts(session, here.period)
    anchor = session.scalar(select(Workspace.period_anchor))
    return Summary(
        plan=caller.plan,
        timezone=here.zone.key,
        anchored_by="calendar" if anchor is None else "subscription",
        period=here.period,
        metrics=[_used(metric, current.get(metric), caller.plan, here, alerts) for metric in Metric],
        history=_history(counters, here, min(periods, MOST_PERIODS)),
    )


def _used(metric: Metric, counter: UsageCounter | None, plan: Plan, here: Now, alerts: Sequence[UsageAlert]) -> Used:
    used, reserved = (0, 0) if counter is None else (counter.used, counter.reserved)
    if metric is Metric.API_CALLS:
        # Shares of processes come and go every few seconds, and most of them is given back.
        reserved = 0
    limit = plan.limit(metric.meter)
    reached = [each.threshold for each in alerts if (each.metric, each.most) == (metric, limit)]
    return Used(metric, used, reserved, limit, _forecast(metric, used, here), reached)


def _forecast(metric: Metric, used: int, here: Now) -> int | None:
    """A straight line from the beginning of the period through this moment."""
    if metric.is_standing or here.moment - here.period.begins < FORECAST_AFTER:
        return None
    return round(used / here.period.share(here.moment))


def _alerts(session: Session, period: Period) -> Sequence[UsageAlert]:
    query = select(UsageAlert).where(UsageAlert.period == period.name)
    return session.scalars(query.order_by(UsageAlert.threshold)).all()


def _history(counters: Sequence[UsageCounter], here: Now, most: int) -> list[PastPeriod]:
    periods: dict[str, PastPeriod] = {}
    for counter in counters:
        if counter.ends_at is None or counter.period == here.period.name:
            continue
        if counter.period not in periods and len(periods) == most:
            continue
        past = periods.setdefault(counter.period, PastPeriod(counter.begins_at, counter.ends_at, {}))
        periods[counter.period] = PastPeriod(past.begins, past.ends, {**past.used, counter.metric: counter.used})
    return list(periods.values())
