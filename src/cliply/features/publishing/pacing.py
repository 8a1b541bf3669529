"""When something may go out: not in quiet hours, and not more often a day than the channel wants. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cliply.features.publishing.channel_settings import ChannelSettings


def next_moment(now: datetime, zone: ZoneInfo, settings: ChannelSettings, *, gone_out_today: int) -> datetime:
    """The first moment from `now` on at which it may go out; `now` itself where nothing speaks against it."""
    moment = now
    if settings.daily_cap is not None and gone_out_today >= settings.daily_cap:
        moment = day_of(now, zone)[1]
    return _after_quiet(moment, zone, settings)


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
