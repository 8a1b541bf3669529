"""From months of the calendar to those of a subscription and back: what was used of either counts by itself."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.usage.models import UsageCounter
from cliply.features.usage.periods import period_at


def turn(session: Session, workspace: Workspace, anchor: datetime | None, *, moment: datetime | None = None) -> None:
    """Count the workspace's months from `anchor` on, or by the calendar without one; in a session of the system.

    The month that it was in is over with this, so that it is told as one. One that it comes back to goes on.
    """
    if workspace.period_anchor == anchor:
        return
    moment, zone = moment or datetime.now(UTC), ZoneInfo(workspace.timezone)
    left, entered = period_at(moment, zone, workspace.period_anchor), period_at(moment, zone, anchor)
    workspace.period_anchor = anchor
    mine = (UsageCounter.workspace_id == workspace.id, UsageCounter.period.in_((left.name, entered.name)))
    # In the order in which everybody takes them, so that nobody waits for us as we for them.
    held = select(UsageCounter.metric).where(*mine).order_by(UsageCounter.metric, UsageCounter.period)
    session.execute(held.with_for_update(key_share=True))
    for name, ends in ((left.name, moment), (entered.name, entered.ends)):
        session.execute(update(UsageCounter).where(*mine, UsageCounter.period == name).values(ends_at=ends))
