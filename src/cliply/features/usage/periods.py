"""Periods of usage: months of the calendar where the workspace is, or months of its subscription. Pure."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    """From `begins` to before `ends`, both of UTC."""

    name: str
    """By which it is known. A month of the calendar by its first day: a workspace that changes its zone stays in the
    month that it is in. One of a subscription by its first second, so that it is no other that begins on that day."""
    begins: datetime
    ends: datetime | None
    """None: what is counted lasts until it is removed."""

    def share(self, moment: datetime) -> float:
        """How much of it has gone by, from 0 to 1."""
        if self.ends is None:
            return 0.0
        return min(1.0, max(0.0, (moment - self.begins) / (self.ends - self.begins)))


STANDING = Period("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC), None)
"""Of what does not begin anew with a month: what is stored."""


def period_at(moment: datetime, zone: ZoneInfo, anchor: datetime | None) -> Period:
    """The one that `moment` is in: of the subscription that began at `anchor`, or of the calendar without one."""
    return of_calendar(moment, zone) if anchor is None else of_subscription(moment, anchor)


def of_calendar(moment: datetime, zone: ZoneInfo) -> Period:
    """From the first midnight of a month to that of the next, as clocks in the zone show them."""
    first = moment.astimezone(zone).date().replace(day=1)
    return Period(f"{first}", _midnight(first, zone), _midnight(_month_after(first, 1), zone))


def of_subscription(moment: datetime, anchor: datetime) -> Period:
    """Months that begin when the subscription did, by its day and time of UTC, as payment services reckon them.

    A month without such a day begins on its last; the one after it on the day itself again.
    """
    moment, anchor = moment.astimezone(UTC), anchor.astimezone(UTC)
    months = 12 * (moment.year - anchor.year) + moment.month - anchor.month
    if _anchored(anchor, months) > moment:
        months -= 1
    begins = _anchored(anchor, months)
    return Period(f"{begins:%Y-%m-%dT%H:%M:%SZ}", begins, _anchored(anchor, months + 1))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day. Where clocks go forward at midnight that is one o'clock."""
    naive = datetime.combine(day, time())
    early = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == naive:
        return early
    # There is no such time: the offset before the gap names the moment after it.
    return _first_of(day, zone, early - timedelta(hours=3), early + timedelta(hours=3))


def _first_of(day: date, zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (before, middle) if middle.astimezone(zone).date() >= day else (middle, after)
    return after.replace(microsecond=0)


def _anchored(anchor: datetime, months: int) -> datetime:
    month = _month_after(anchor.date().replace(day=1), months)
    last = calendar.monthrange(month.year, month.month)[1]
    return anchor.replace(year=month.year, month=month.month, day=min(anchor.day, last))


def _month_after(first: date, months: int) -> date:
    count = 12 * first.year + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
