"""Schedules over HTTP, and the way in for a scheduler outside of the service."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Header, Query
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import PUBLIC, Running, Stranger, WorkspaceSession, allowed
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.features.publishing import planning, scanning, schedules
from cliply.features.publishing.local_time import LocalTime, zone_named
from cliply.features.publishing.models import Publication
from cliply.features.publishing.reading import schedule_read
from cliply.features.publishing.schedule_schemas import (
    ScanRead,
    ScheduleCreate,
    ScheduleMove,
    ScheduleRead,
    SlotRead,
    Time,
    local_time,
)
from cliply.features.publishing.schedules import Shown
from cliply.infra import pages
from cliply.infra.pages import Cursor, Page, PageSize
from cliply.infra.routing import RATE
from cliply.infra.routing import router as new_router
from cliply.integrations.publisher import Network

router = new_router("schedules")

_LIST = "schedules"
_SHOWN = timedelta(days=31)
_Zone = Annotated[
    str | None, Query(max_length=60, description="Whose clock is meant and shown; left out: the workspace's time zone.")
]


@router.post("/api/schedules", status_code=201, openapi_extra={RATE: RateClass.PUBLISH})
def create_schedule(
    body: ScheduleCreate,
    caller: Annotated[Caller, allowed(Action.PUBLISH)],
    session: WorkspaceSession,
    runtime: Running,
) -> ScheduleRead:
    """Plan to publish a clip at a time. What its network or the account's own settings would refuse is refused here."""
    at = local_time(body.at, _zone(session, body.zone).key, second=body.second)
    made = schedules.create(
        runtime,
        session,
        caller,
        body.network,
        body.clip_id,
        at,
        channel_id=body.account_id,
        wanted=body.wanted,
        again=body.again,
    )
    return _read(session, made)


@router.get("/api/schedules")
def list_schedules(
    caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)],
    session: WorkspaceSession,
    since: Annotated[date | None, Query(alias="from", description="First day; left out: today.")] = None,
    until: Annotated[date | None, Query(alias="to", description="Last day; left out: a month after the first.")] = None,
    zone: _Zone = None,
    account_id: Annotated[UUID | None, Query()] = None,
    state: Annotated[list[Shown] | None, Query(description="Left out: all that were not called off.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 100,
) -> Page[ScheduleRead]:
    """See what is and was planned in a range of days, by time; days and times are those of `zone`."""
    clock = _zone(session, zone)
    first = since or datetime.now(clock).date()
    last = until or _later(first, _SHOWN)
    found = schedules.calendar(
        session,
        caller,
        _begins(first, clock),
        _begins(_later(last, timedelta(days=1)), clock),
        channel_id=account_id,
        states=state or (),
        after=pages.moment(_LIST, cursor),
        limit=limit,
    )
    return Page(
        items=[schedule_read(each, clock) for each in found.schedules],
        next=None if found.after is None else pages.cursor(_LIST, found.after[0].isoformat(), str(found.after[1])),
    )


@router.get("/api/schedules/next-slot")
def get_next_slot(
    caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)],
    session: WorkspaceSession,
    account_id: Annotated[UUID | None, Query(description="Left out: the default account of `network`.")] = None,
    network: Annotated[Network | None, Query()] = None,
    after: Annotated[Time | None, Query(description="Not before this time of `zone`; left out: now.")] = None,
    zone: _Zone = None,
) -> SlotRead:
    """Find the next time that is free on an account: outside of its quiet hours, apart from what is planned there."""
    clock = _zone(session, zone)
    start = None if after is None else local_time(after, clock.key, second=False).moment
    channel, moment = schedules.next_slot(session, caller, network, account_id, start)
    at = LocalTime.of(moment, clock.key)
    shown = moment.astimezone(clock)
    return SlotRead(account_id=channel.id, at=shown, local_at=at.at, zone=at.zone, second=at.second)


@router.get("/api/schedules/{schedule_id}")
def get_schedule(
    schedule_id: UUID, caller: Annotated[Caller, allowed(Action.READ_PUBLICATIONS)], session: WorkspaceSession
) -> ScheduleRead:
    """See a schedule, and where its publication is."""
    return _read(session, schedules.get(session, caller, schedule_id))


@router.patch("/api/schedules/{schedule_id}", openapi_extra={RATE: RateClass.WRITE})
def move_schedule(
    schedule_id: UUID,
    body: ScheduleMove,
    caller: Annotated[Caller, allowed(Action.PUBLISH)],
    session: WorkspaceSession,
) -> ScheduleRead:
    """Have it go at another time, or at once, as long as nothing of it was begun at the network.

    What is paused stays so at its new time. What missed its time goes out by this.
    """
    at = None if body.at is None else local_time(body.at, _zone(session, body.zone).key, second=body.second)
    return _read(session, schedules.move(session, caller, schedule_id, at))


@router.post("/api/schedules/{schedule_id}/pause", openapi_extra={RATE: RateClass.WRITE})
def pause_schedule(
    schedule_id: UUID, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession
) -> ScheduleRead:
    """Have it not fire until it is resumed; it keeps its time, and its place on the account."""
    return _read(session, schedules.pause(session, caller, schedule_id))


@router.post("/api/schedules/{schedule_id}/resume", openapi_extra={RATE: RateClass.WRITE})
def resume_schedule(
    schedule_id: UUID, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession
) -> ScheduleRead:
    """Have it fire at its time again; at once where that is just over."""
    return _read(session, schedules.resume(session, caller, schedule_id))


@router.post("/api/schedules/{schedule_id}/cancel", openapi_extra={RATE: RateClass.WRITE})
def cancel_schedule(
    schedule_id: UUID, caller: Annotated[Caller, allowed(Action.PUBLISH)], session: WorkspaceSession
) -> ScheduleRead:
    """Call it off for good, as long as nothing of it was begun at the network."""
    return _read(session, schedules.cancel(session, caller, schedule_id))


@router.post("/api/cron/scan-schedules", dependencies=PUBLIC, openapi_extra={RATE: RateClass.PUBLIC})
def scan_schedules(
    runtime: Running,
    by: Stranger,
    authorization: Annotated[str, Header(description="`Bearer` and the secret of CLIPLY_CRON__SECRET.")] = "",
) -> ScanRead:
    """Fire what is due, for schedulers outside of the service; workers do the same by themselves each minute."""
    return ScanRead.model_validate(scanning.scan_as_asked(runtime, authorization.removeprefix("Bearer "), ip=by.ip))


def _read(session: Session, publication: Publication) -> ScheduleRead:
    session.refresh(publication)
    return schedule_read(publication, zone_named(publication.zone or "UTC"))


def _zone(session: Session, named: str | None) -> ZoneInfo:
    return planning.zone_of(session) if named is None else zone_named(named)


def _begins(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which this day begins there."""
    return LocalTime(datetime.combine(day, time()), zone.key).moment


def _later(day: date, by: timedelta) -> date:
    return day + by if day < date.max - by else date.max
