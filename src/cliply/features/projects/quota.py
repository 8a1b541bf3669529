"""How many projects a workspace may still begin today; its day is that of its own time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Text, cast, exists, func, select
from sqlalchemy.orm import Session

from cliply.features.audit.models import AuditEntry
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import Meter, Plan
from cliply.features.projects.models import Project, ProjectState


@dataclass(frozen=True, slots=True)
class Day:
    """From one midnight to the next, as clocks in a place show them; 23 or 25 hours where they are changed."""

    begins: datetime
    ends: datetime

    @classmethod
    def around(cls, moment: datetime, zone: ZoneInfo) -> "Day":
        return cls.on(moment.astimezone(zone).date(), zone)

    @classmethod
    def on(cls, date: date, zone: ZoneInfo) -> "Day":
        # By UTC, since two times of one zone are compared as if its clocks were never changed.
        midnights = (datetime.combine(each, time(), zone) for each in (date, date + timedelta(days=1)))
        return cls(*(each.astimezone(UTC) for each in midnights))


def admit_upload(session: Session, plan: Plan) -> None:
    """Let one more project be begun, if the plan has one left for today; whoever asks next waits for this transaction.

    Raises PlanLimit.
    """
    if plan.limit(Meter.UPLOADS_PER_DAY) is None:
        return
    held = select(Workspace.timezone, func.now()).with_for_update(key_share=True)
    timezone, now = session.execute(held).one()
    zone = ZoneInfo(timezone)
    day = Day.around(now, zone)
    plan.admit(Meter.UPLOADS_PER_DAY, used=begun_since(session, day.begins), resets_at=day.ends.astimezone(zone))


def begun_since(session: Session, moment: datetime) -> int:
    """Projects of the workspace, be they deleted since; not those whose source was refused or never came."""
    refused = exists().where(cast(Project.id, Text) == AuditEntry.target_id, Project.state == ProjectState.REFUSED)
    begun = (AuditEntry.action == "project.created", AuditEntry.at >= moment, ~refused)
    return session.scalar(select(func.count()).select_from(AuditEntry).where(*begun)) or 0
