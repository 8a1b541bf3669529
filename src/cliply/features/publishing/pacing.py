"""When something may go out: not in quiet hours, not more often a day and not sooner after another than the channel
wants. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from cliply.features.publishing.channel_settings import ChannelSettings


class Rule(StrEnum):
    """What of a channel's settings speaks against a moment."""

    QUIET_HOURS = "quiet_hours"
    DAILY_CAP = "daily_cap"
    SPACING = "spacing"


def next_moment(
    now: datetime, zone: ZoneInfo, settings: ChannelSettings, *, gone_out_today: int, last: datetime | None = None
) -> datetime:
    """The first moment from `now` on at which it may go out; `now` itself where nothing speaks against it. `last` is
    when the one before it went out."""
    moment = now
    if settings.daily_cap is not None and gone_out_today >= settings.daily_cap:
        moment = day_of(now, zone)[1]
    if settings.spacing is not None and last is not None:
        moment = max(moment, last + timedelta(minutes=settings.spacing))
    return _after_quiet(moment, zone, settings)


def broken_rule(
    moment: datetime, zone: ZoneInfo, settings: ChannelSettings, taken: Sequence[datetime]
) -> tuple[Rule, datetime] | None:
    """What speaks against this moment, and the next one to look at. `taken` are those of others, in order."""
    if (over := _after_quiet(moment, zone, settings)) != moment:
        return Rule.QUIET_HOURS, over
    begins, ends = day_of(moment, zone)
    that_day = bisect_left(taken, ends) - bisect_left(taken, begins)
    if settings.daily_cap is not None and that_day >= settings.daily_cap:
        return Rule.DAILY_CAP, ends
    if settings.spacing is not None:
        apart = timedelta(minutes=settings.spacing)
        before = bisect_left(taken, moment + apart)
        if before > bisect_right(taken, moment - apart):
            return Rule.SPACING, taken[before - 1] + apart
    return None


def next_free(
    start: datetime, zone: ZoneInfo, settings: ChannelSettings, taken: Sequence[datetime], *, until: datetime
) -> datetime | None:
    """The first moment from `start` on that breaks no rule; None where there is none before `until`."""
    moment = start
    while moment < until:
        broken = broken_rule(moment, zone, settings, taken)
        if broken is None:
            return moment
        moment = broken[1]
    return None


def day_of(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the local day of `moment` begins and ends; it has 23 or 25 hours where clocks are changed."""
    day = moment.astimezone(zone).date()
    return _at(zone, day, time()), _at(zone, day + timedelta(days=1), time())


def _after_quiet(moment: datetime, zone: ZoneInfo, settings: ChannelSettings) -> datetime:
    begins, ends = settings.quiet_from, settings.quiet_to
    if begins is None or ends is None:
        return moment
    local = moment.astimezone(zone)
    clock = local.time()
    if begins < ends:
        quiet, over = begins <= clock < ends, local.date()
    else:
        # Over midnight.
        quiet = clock >= begins or clock < ends
        over = local.date() + timedelta(days=1) if clock >= begins else local.date()
    return _at(zone, over, ends) if quiet else moment


def _at(zone: ZoneInfo, day: date, clock: time) -> datetime:
    # A time that is skipped in spring is the moment to which clocks are put forward; one that comes twice, the first.
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
