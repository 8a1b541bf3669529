"""Schedules: publications with a time. Planned, moved, paused, resumed and called off, and seen as a calendar."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid, NotFound
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Flag
from cliply.features.publishing import channels, firing, planning, publications, tokens
from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, Publication, PublicationState, ScheduleState
from cliply.features.publishing.steps import plan
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

_WIDEST = timedelta(days=366 + 1)


class NoSuchSchedule(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such schedule in this workspace.")


class ScheduleNotAsItIs(Conflict):
    """This cannot be done with a schedule that is where it is."""

    def __init__(self, publication: Publication, what: str) -> None:
        super().__init__(f"This schedule {_PLAINLY[shown_state(publication)]}: {what}")


class TimeIsOver(Conflict):
    def __init__(self, planned: LocalTime) -> None:
        super().__init__(f"Its time is over since {planned.said()}. Move it to another time, or to now.")


class NothingFree(Conflict):
    def __init__(self, channel: Channel) -> None:
        super().__init__(
            f"Nothing is free on “{channel.name}” within a year, by its quiet hours, spacing and daily cap."
        )


class Shown(StrEnum):
    """Where a schedule is, for people."""

    PLANNED = "planned"
    PAUSED = "paused"
    MISSED = "missed"
    FIRED = "fired"
    CANCELLED = "cancelled"


_PLAINLY = {
    Shown.PLANNED: "is planned",
    Shown.PAUSED: "is paused",
    Shown.MISSED: "has missed its time",
    Shown.FIRED: "has fired",
    Shown.CANCELLED: "is cancelled",
}


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """By time; `after` is what to pass for the next page, None on the last."""

    schedules: Sequence[Publication]
    after: tuple[datetime, UUID] | None


def create(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    network: Network,
    clip_id: UUID,
    at: LocalTime,
    *,
    channel_id: UUID | None = None,
    wanted: Wanted | None = None,
    again: bool = False,
) -> Publication:
    """Plan to publish a clip. Raises what `publications.publish` does, and TimeNotFree."""
    return publications.publish(
        runtime, session, caller, network, clip_id, channel_id=channel_id, wanted=wanted, run_at=at, again=again
    )


def get(session: Session, caller: Caller, schedule_id: UUID) -> Publication:
    caller.require(Action.READ_PUBLICATIONS)
    return _scheduled(_existing(session, schedule_id))


def calendar(
    session: Session,
    caller: Caller,
    since: datetime,
    until: datetime,
    *,
    channel_id: UUID | None = None,
    states: Collection[Shown] = (),
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> SchedulePage:
    """What is or was planned from `since` on, before `until`; without what was called off, unless it is asked for."""
    caller.require(Action.READ_PUBLICATIONS)
    if not since < until <= since + _WIDEST:
        raise Invalid("A calendar is of one day to a year: name an end after its beginning, a year later at most.")
    query = select(Publication).where(Publication.run_at >= since, Publication.run_at < until, _is_one_of(states))
    if channel_id is not None:
        query = query.where(Publication.channel_id == tokens.find(session, channel_id).id)
    if after is not None:
        query = query.where(tuple_(Publication.run_at, Publication.id) > tuple_(*after))
    found = session.scalars(query.order_by(Publication.run_at, Publication.id).limit(limit + 1)).all()
    last = found[limit - 1] if len(found) > limit else None
    return SchedulePage(found[:limit], None if last is None or last.run_at is None else (last.run_at, last.id))


def move(session: Session, caller: Caller, schedule_id: UUID, at: LocalTime | None) -> Publication:
    """Another time, in whatever zone; None is at once."""
    caller.require(Action.PUBLISH)
    _scheduled(_existing(session, schedule_id))
    return publications.move(session, caller, schedule_id, at)


def pause(session: Session, caller: Caller, schedule_id: UUID) -> Publication:
    """It does not fire until it is resumed, and keeps its time."""
    caller.require(Action.PUBLISH)
    publication, waiting = _held(session, schedule_id)
    if shown_state(publication) is Shown.PAUSED:
        return publication
    if shown_state(publication) is not Shown.PLANNED:
        raise ScheduleNotAsItIs(publication, "it cannot be paused.")
    before = publications.state_of(publication)
    publications.supersede(session, publication, waiting, caller)
    publication.schedule = ScheduleState.PAUSED
    if publication.state is PublicationState.INTENT:
        publication.next_at = None
    publications.record(session, caller, "publication.paused", publication, before)
    return publication


def resume(session: Session, caller: Caller, schedule_id: UUID) -> Publication:
    """It fires again at its time; at once where that is over, but not longer than its account allows to be late."""
    caller.require(Action.PUBLISH)
    caller.plan.require(Flag.SCHEDULING)
    publication, waiting = _held(session, schedule_id)
    if shown_state(publication) is Shown.PLANNED:
        return publication
    if shown_state(publication) is not Shown.PAUSED:
        raise ScheduleNotAsItIs(publication, "only what is paused is resumed.")
    publication.run_at = moment = firing.moment_of(publication)
    late = channels.settings_of(tokens.find(session, publication.channel_id)).late
    if firing.clock(session) - moment > timedelta(minutes=late):
        raise TimeIsOver(firing.local_time_of(publication))
    before = publications.state_of(publication)
    publications.supersede(session, publication, waiting, caller)
    publication.schedule = ScheduleState.PLANNED
    plan(session, publication)
    publications.record(session, caller, "publication.resumed", publication, before)
    return publication


def cancel(session: Session, caller: Caller, schedule_id: UUID) -> Publication:
    """Call it off for good, as long as nothing of it has been begun at the network."""
    caller.require(Action.PUBLISH)
    _scheduled(_existing(session, schedule_id))
    return publications.cancel(session, caller, schedule_id)


def next_slot(
    session: Session, caller: Caller, network: Network | None, channel_id: UUID | None, start: datetime | None
) -> tuple[Channel, datetime]:
    """The first minute, from now or a later `start` on, at which the account's settings let one more go out."""
    caller.require(Action.READ_PUBLICATIONS)
    if channel_id is not None:
        channel = tokens.find(session, channel_id)
    elif network is not None:
        channel = channels.chosen(session, network, None)
    else:
        raise Invalid("Name the account, or the network whose default account is meant.")
    now = firing.clock(session)
    found = planning.next_slot(session, channel, now if start is None else max(now, start))
    if found is None:
        raise NothingFree(channel)
    return channel, found


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many schedules have not had their time yet."""

    planned: int
    paused: int


def waiting(session: Session) -> Waiting:
    """Of the session's workspace."""
    alive = (Publication.schedule.in_((ScheduleState.PLANNED, ScheduleState.PAUSED)),
             Publication.state != PublicationState.CANCELLED)  # fmt: skip
    counted = select(Publication.schedule, func.count()).where(*alive).group_by(Publication.schedule)
    found = {row[0]: row[1] for row in session.execute(counted)}
    return Waiting(found.get(ScheduleState.PLANNED, 0), found.get(ScheduleState.PAUSED, 0))


def shown_state(publication: Publication) -> Shown:
    """A schedule that was called off is what its publication is."""
    assert publication.schedule is not None  # noqa: S101 - whoever asks has a schedule
    if publication.state is PublicationState.CANCELLED:
        return Shown.CANCELLED
    return Shown(publication.schedule)


def _is_one_of(states: Collection[Shown]) -> ColumnElement[bool]:
    cancelled = Publication.state == PublicationState.CANCELLED
    named = [ScheduleState(each) for each in states if each is not Shown.CANCELLED]
    if not states:
        return ~cancelled
    alive = ~cancelled & Publication.schedule.in_(named)
    return alive | cancelled if Shown.CANCELLED in states else alive


def _held(session: Session, schedule_id: UUID) -> tuple[Publication, Sequence[int]]:
    _scheduled(_existing(session, schedule_id))
    publication, waiting = publications.held(session, schedule_id)
    return _scheduled(publication), waiting


def _existing(session: Session, schedule_id: UUID) -> Publication:
    try:
        return publications.find(session, schedule_id)
    except publications.NoSuchPublication:
        raise NoSuchSchedule from None


def _scheduled(publication: Publication) -> Publication:
    if publication.schedule is None:
        raise NoSuchSchedule
    return publication
