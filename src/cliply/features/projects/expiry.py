"""Projects that are kept for a time only: their owners are told of the end some days before, once, and then it comes.

What nobody was told of stays: a worker that was off for a week tells first, and the days of notice begin with that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.notifications import outbox, recipients
from cliply.features.projects.models import Project, ProjectState
from cliply.features.projects.quota import Day
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

LONGEST_NOTICE = timedelta(days=7)
"""Of what `notice_days` in the database says; a day where files are kept for a week at most."""

_TEMPLATE = Path(__file__).with_name("letters") / "expiry.txt.jinja"
_NAMED = 50
"""Projects that a letter names; of more, it says how many."""


@dataclass(frozen=True, slots=True, order=True)
class _Ending:
    """What a letter says of a project."""

    at: datetime
    name: str
    id: UUID


def untold(by: datetime) -> tuple[ColumnElement[bool], ...]:
    """What ends before then and was not announced."""
    return Project.expires_at < by, Project.expiry_told_at.is_(None)


def over(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What is to go: its time has come, and that was announced."""
    return Project.expires_at <= now, Project.expiry_told_at.is_not(None)


def tell(session: Session, *, now: datetime, settings: Settings) -> bool:
    """Announce what of the session's workspace ends within the days of notice, by one letter a day to each of its
    owners and admins; whether there was one.

    Days are those of the workspace's zone. What would end sooner than the days of notice from now ends then.
    """
    asked = select(Workspace.timezone, Workspace.retention_days, func.notice_days(Workspace.retention_days))
    timezone, retention_days, days = session.execute(asked.with_for_update(key_share=True)).one()
    if retention_days is None:
        # Begun while that was being changed: nothing is to go here.
        return False
    zone = ZoneInfo(timezone)
    today = Day.around(now, zone)
    if session.scalar(select(Project.id).where(Project.expiry_told_at >= today.begins).limit(1)) is not None:
        return False
    last = Day.on(now.astimezone(zone).date() + timedelta(days=days), zone)
    kept_until = func.greatest(Project.expires_at, now + timedelta(days=days))
    announced = update(Project).where(*untold(last.ends)).values(expires_at=kept_until, expiry_told_at=now)
    told = session.execute(announced.returning(Project.expires_at, Project.name, Project.id, Project.state)).all()
    # Of what was refused nothing is left but its line in the list.
    lost = [_Ending(at, name, each) for at, name, each, state in told if at and state != ProjectState.REFUSED]
    if lost:
        _send(session, sorted(lost), zone, settings)
    return bool(lost)


def _send(session: Session, lost: Sequence[_Ending], zone: ZoneInfo, settings: Settings) -> None:
    workspace = session.execute(select(Workspace.name, Workspace.retention_days)).one()
    for address in recipients.addresses(session, session.info["workspace_id"], recipients.MANAGERS):
        written = letter(
            _TEMPLATE,
            address,
            workspace=workspace.name,
            retention_days=workspace.retention_days,
            count=len(lost),
            first=_day(lost[0].at, zone),
            zone=zone.key,
            lost=[_named(each, zone) for each in lost[:_NAMED]],
            others=max(0, len(lost) - _NAMED),
            address=settings.server.url,
        )
        outbox.put(session, written, settings=settings)


def _named(project: _Ending, zone: ZoneInfo) -> Mapping[str, str]:
    return {"id": str(project.id), "name": project.name, "day": _day(project.at, zone)}


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d (%A)}"
