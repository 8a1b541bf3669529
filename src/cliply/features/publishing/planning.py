"""What an account has planned, and whether one more fits between it. Asked under the account's lock, so that of two who
want the same place the second sees the first."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from cliply.errors import Conflict
from cliply.features.identity.models import Workspace
from cliply.features.publishing import channels, pacing
from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, Publication, PublicationState, ScheduleState
from cliply.features.publishing.pacing import Rule

FARTHEST = timedelta(days=366)
_DAY = timedelta(days=2)


class TimeNotFree(Conflict):
    """The account's own settings speak against it; `next_free` is the first moment after it that is free."""

    def __init__(self, channel: Channel, zone: ZoneInfo, rule: str, next_free: datetime | None) -> None:
        self.next_free = next_free
        free = "Nothing is free within a year." if next_free is None else f"Free next: {_said(next_free, zone)}."
        super().__init__(f"“{channel.name}” {rule}. {free}")


class InQuietHours(TimeNotFree):
    pass


class DayIsFull(TimeNotFree):
    pass


class TooClose(TimeNotFree):
    pass


def check(session: Session, channel: Channel, moment: datetime, *, moved: UUID | None = None) -> None:
    """Whether it may be planned for this moment; `moved` is there already. Raises TimeNotFree."""
    settings = channels.settings_of(channel)
    if (settings.quiet_from, settings.daily_cap, settings.spacing) == (None, None, None):
        return
    channels.take_turns(session, channel.id)
    zone, taken = zone_of(session), _taken(session, channel.id, moment, moved)
    broken = pacing.broken_rule(moment, zone, settings, taken)
    if broken is None:
        return
    free = pacing.next_free(broken[1], zone, settings, taken, until=moment + FARTHEST)
    match broken[0]:
        case Rule.QUIET_HOURS:
            raise InQuietHours(channel, zone, f"has quiet hours then: {_quiet(settings, zone)}", free)
        case Rule.DAILY_CAP:
            raise DayIsFull(channel, zone, f"takes {settings.daily_cap} a day, and that day is full", free)
        case Rule.SPACING:
            told = f"keeps {settings.spacing} minutes between two, and another is planned too close to it"
            raise TooClose(channel, zone, told, free)


def next_slot(session: Session, channel: Channel, start: datetime) -> datetime | None:
    """The first whole minute from `start` on at which one more may go out; None where there is none for a year."""
    start = start.replace(second=0, microsecond=0) + (timedelta(minutes=1) if start.second or start.microsecond else
                                                      timedelta())  # fmt: skip
    zone, taken = zone_of(session), _taken(session, channel.id, start, None)
    found = pacing.next_free(start, zone, channels.settings_of(channel), taken, until=start + FARTHEST)
    if found is None or not (found.second or found.microsecond):
        return found
    # What is sent at once leaves no whole minutes; a later one is as good.
    return next_slot(session, channel, found)


def zone_of(session: Session) -> ZoneInfo:
    """The workspace's, by which its accounts' quiet hours and days are meant."""
    return ZoneInfo(session.scalars(select(Workspace.timezone)).one())


def _taken(session: Session, channel_id: UUID, start: datetime, moved: UUID | None) -> Sequence[datetime]:
    """When others of the channel went out or will, from the days around `start` on; in order."""
    planned = Publication.schedule.in_((ScheduleState.PLANNED, ScheduleState.PAUSED))
    waits = case((planned, Publication.run_at), else_=func.coalesce(Publication.next_at, datetime.now(UTC)))
    moment = func.coalesce(Publication.begun_at, waits)
    nothing = (PublicationState.REJECTED, PublicationState.CANCELLED)
    query = select(moment).where(
        Publication.channel_id == channel_id,
        Publication.state.not_in(nothing),
        Publication.schedule.is_distinct_from(ScheduleState.MISSED),
        moment >= start - _DAY,
    )
    if moved is not None:
        query = query.where(Publication.id != moved)
    return session.scalars(query.order_by(moment)).all()


def _quiet(settings: ChannelSettings, zone: ZoneInfo) -> str:
    assert settings.quiet_from is not None  # noqa: S101 - both are set, or neither
    assert settings.quiet_to is not None  # noqa: S101 - as before
    return f"{settings.quiet_from:%H:%M} to {settings.quiet_to:%H:%M} ({zone.key})"


def _said(moment: datetime, zone: ZoneInfo) -> str:
    return LocalTime.of(moment, zone.key).said()
