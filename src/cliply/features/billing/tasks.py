"""Jobs of billing: events are carried out, and what drifted apart is brought together."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.features.billing import checking, inbox, syncing
from cliply.features.billing.standing import Resolved
from cliply.features.billing.syncing import WorkerWithoutBilling
from cliply.features.jobs.kinds import job
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun

QUEUE = "billing"
_RETRIES = Retries(times=12, first=2, longest=1800)
_LEFT_ALONE = timedelta(minutes=10)


@job("BILLING_EVENT_APPLY", queue=QUEUE, timeout=timedelta(minutes=5), retries=_RETRIES, priority=10)
def apply_event(run: JobRun, event_id: str) -> None:
    """Look how things stand for whom an event of Stripe concerns, and keep that."""
    with run.session() as session:
        event = inbox.find(session, event_id)
    if event is None or event.applied_at is not None:
        with run.finish():
            return
    if run.runtime.payments is None:
        raise WorkerWithoutBilling
    workspace_id = inbox.workspace_of(run.runtime, event)
    resolved = None if workspace_id is None else syncing.sync(run.runtime, workspace_id)
    with run.finish() as session:
        inbox.note(session, run.runtime, event, workspace_id)
        if workspace_id is not None and resolved is not None:
            _look_again(session, workspace_id, resolved)


@job("SUBSCRIPTION_SYNC", queue=QUEUE, timeout=timedelta(minutes=5), retries=_RETRIES)
def sync_subscription(run: JobRun, workspace_id: UUID) -> None:
    """Bring what is known of a workspace's subscription in line with how it is."""
    if run.runtime.payments is None:
        raise WorkerWithoutBilling
    resolved = syncing.sync(run.runtime, workspace_id)
    with run.finish() as session:
        _look_again(session, workspace_id, resolved)


def _look_again(session: Session, workspace_id: UUID, resolved: Resolved) -> None:
    """When days of grace are over, nothing happens at Stripe that it could tell of."""
    if resolved.changes_at is not None and resolved.changes_at > datetime.now(UTC):
        key = f"grace-{workspace_id}-{resolved.changes_at:%Y%m%d%H%M%S}"
        again = sync_subscription.options(at=resolved.changes_at, key=key, subject=workspace_id)
        again.start(session, workspace_id=workspace_id)


@job("SUBSCRIPTIONS_CHECK", queue=QUEUE, timeout=timedelta(hours=1), cron="41 3 * * *", retries=_RETRIES)
def check_subscriptions(run: JobRun) -> None:
    """Find workspaces whose plan or subscription is not what Stripe says, and events that nobody carried out."""
    payments = run.runtime.payments
    if payments is None:
        with run.finish():
            return
    there = payments.all_subscriptions()
    run.progress(0.5)
    with run.session() as session:
        ending = list(checking.leaving(session))
        unknown = checking.strangers(session, there)
    for subscription_id, now in ending:
        payments.end_now(subscription_id) if now else payments.end_at_period_end(subscription_id, ends=True)
    known = [inbox.known_as(run.runtime, each) for each in unknown]
    with run.finish() as session:
        drifted = {*checking.drifted(session, run.runtime.settings, there), *(each for each in known if each)}
        for workspace_id in sorted(drifted):
            sync_subscription.options(subject=workspace_id).start(session, workspace_id=workspace_id)
        for event_id in inbox.forgotten(session, late=datetime.now(UTC) - _LEFT_ALONE):
            apply_event.options(subject=event_id).start(session, event_id=event_id)
        inbox.clean(session)
