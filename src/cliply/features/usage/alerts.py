"""Half, four fifths and all of a limit: said once in a period for each limit, by mail and where usage is shown."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import Plan, told_amount, told_number
from cliply.features.notifications import outbox, recipients
from cliply.features.usage.ledger import Grown, Now, look
from cliply.features.usage.models import Metric, UsageAlert
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

THRESHOLDS = (50, 80, 100)
"""Per cent of a limit."""

_TEMPLATE = Path(__file__).with_name("letters") / "usage.txt.jinja"
_WHAT = {
    Metric.PROJECTS: "projects",
    Metric.CLIPS: "clips",
    Metric.SOURCE_MINUTES: "minutes of video",
    Metric.STORAGE_BYTES: "storage",
    Metric.RENDER_SECONDS: "time for rendered clips",
    Metric.PUBLICATIONS: "posts",
    Metric.API_CALLS: "calls by API keys",
}
_IN_ONE = frozenset({Metric.STORAGE_BYTES, Metric.RENDER_SECONDS})
"""What is used, and not are."""


def raise_due(session: Session, plan: Plan, *, now: Now, settings: Settings) -> None:
    """Look at what has grown in the session's workspace, and tell its owners and admins what has come near a limit.

    Where several shares were reached at once, the largest is told.
    """
    for counter in look(session):
        if counter.period != now.of(counter.metric).name:
            continue
        limit = plan.limit(counter.metric.meter)
        reached = [] if limit is None else _reached(counter.used, limit)
        if limit is not None and reached and (new := _keep(session, counter, reached, limit, now)):
            _send(session, plan, counter, max(new), limit, now=now, settings=settings)


def _reached(used: int, limit: int) -> list[int]:
    return [each for each in THRESHOLDS if used and 100 * used >= each * limit]


def _keep(session: Session, counter: Grown, reached: Sequence[int], limit: int, now: Now) -> list[int]:
    """Those of them that were not reached before in this period, of this limit: another plan has others."""
    rows = [
        {
            "workspace_id": session.info["workspace_id"], "metric": counter.metric, "period": now.period.name,
            "threshold": each, "most": limit, "used": counter.used,
        }
        for each in reached
    ]  # fmt: skip
    added = [insert(UsageAlert).values(row).on_conflict_do_nothing().returning(UsageAlert.threshold) for row in rows]
    return [found for each in added if (found := session.scalar(each)) is not None]


def _send(
    session: Session, plan: Plan, counter: Grown, threshold: int, limit: int, *, now: Now, settings: Settings
) -> None:
    ends = now.of(counter.metric).ends
    for address in recipients.addresses(session, session.info["workspace_id"], recipients.MANAGERS):
        written = letter(
            _TEMPLATE,
            address,
            workspace=session.scalars(select(Workspace.name)).one(),
            what=_WHAT[counter.metric],
            threshold=threshold,
            is_one=counter.metric in _IN_ONE,
            used=told_number(counter.metric.meter, counter.used),
            limit=told_amount(counter.metric.meter, limit),
            plan=plan.name,
            lifts=plan.lifting(counter.metric.meter, limit + 1),
            sold=plan.sold,
            resets=None if ends is None else f"{ends.astimezone(now.zone):%Y-%m-%d %H:%M %Z}",
            address=settings.server.url,
        )
        outbox.put(session, written, settings=settings)
