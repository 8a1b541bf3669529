"""What goes by itself: reservations whose time is over are given back, and limits that come near are told."""

from datetime import timedelta

from sqlalchemy import func, select

from cliply.features.identity.access import plan_of
from cliply.features.identity.plans import plans_of
from cliply.features.jobs.kinds import job
from cliply.features.jobs.runner import JobRun
from cliply.features.usage import alerts, ledger
from cliply.features.usage.models import EntryState, UsageCounter, UsageEntry

_BATCH = 1_000


@job("USAGE_SWEEP", queue="maintenance", timeout=timedelta(minutes=10), cron="*/5 * * * *")
def sweep_usage(run: JobRun) -> None:
    """Give back what was reserved and never settled, and tell owners when a limit comes near."""
    over = select(UsageEntry.workspace_id).where(
        UsageEntry.state == EntryState.RESERVED, UsageEntry.expires_at <= func.now()
    )
    grown = select(UsageCounter.workspace_id).where(~UsageCounter.looked_at)
    plans, settings = plans_of(run.runtime.settings), run.runtime.settings
    with run.session() as session:
        found = session.scalars(over.union(grown).limit(_BATCH)).all()
    for workspace_id in found:
        run.progress(0)
        with run.inside(workspace_id) as session:
            ledger.release_expired(session)
            alerts.raise_due(session, plan_of(session, plans), now=ledger.now_in(session), settings=settings)
