"""What goes by itself: reservations whose time is over are given back, limits that come near are told, and what was
given back long ago is forgotten."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from cliply.features.identity.access import plan_of
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import plans_of
from cliply.features.jobs.kinds import job
from cliply.features.jobs.runner import JobRun
from cliply.features.usage import alerts, ledger, stored
from cliply.features.usage.models import EntryState, UsageCounter, UsageEntry

_BATCH = 1_000
_FORGOTTEN_AT_ONCE = 200
"""Nobody of the workspace reserves or counts what is of the same period meanwhile."""
_OFTEN = 1_000
"""Objects between two looks at whether the job is to stop."""


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


@job("USAGE_FORGET", queue="maintenance", timeout=timedelta(hours=1), cron="27 3 * * *")
def forget_usage(run: JobRun) -> None:
    """Forget what was given back more than thirteen months ago, such as each file that was made and removed."""
    before = datetime.now(UTC) - ledger.KEPT
    with run.session() as session:
        found = ledger.with_forgettable(session, before=before)
    for workspace_id in found:
        removed = _FORGOTTEN_AT_ONCE
        while removed == _FORGOTTEN_AT_ONCE:
            run.progress(0)
            with run.session() as session:
                removed = ledger.forget(session, workspace_id, before=before, at_most=_FORGOTTEN_AT_ONCE)


@job("STORAGE_INVENTORIES", queue="maintenance", timeout=timedelta(minutes=30), cron="7 3 * * *")
def start_inventories(run: JobRun) -> None:
    """Have what each workspace stores compared with its ledger, once a day."""
    today = datetime.now(UTC).date()
    with run.session() as session:
        found = session.scalars(select(Workspace.id).order_by(Workspace.id)).all()
    for workspace_id in found:
        run.progress(0)
        with run.inside(workspace_id) as session:
            take_inventory.options(key=f"inventory-{today}").start(session)


@job("STORAGE_INVENTORY", queue="maintenance", timeout=timedelta(hours=2))
def take_inventory(run: JobRun) -> None:
    """Look through what the workspace has stored, and have its ledger say what is there."""
    with run.session() as session:
        since = session.execute(select(func.now())).scalar_one()
    there: dict[str, int] = {}
    for number, (key, size) in enumerate(stored.of_interest(run.runtime.storage.sizes(run.workspace_id))):
        there[key] = size
        if number % _OFTEN == 0:
            run.progress(0.5, "looking through what is stored")
    with run.finish() as session:
        stored.agree(session, there, since=since)
