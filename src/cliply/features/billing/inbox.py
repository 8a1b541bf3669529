"""What the payment service sends: believed by its signature, kept once, and carried out by a job afterwards."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cliply.features.billing import customers, notices
from cliply.features.billing.models import BillingEvent, NoticeKind
from cliply.features.billing.standing import resolve
from cliply.features.billing.syncing import payments_of
from cliply.features.identity.plans import plans_of
from cliply.integrations.payments import Event, NotThere
from cliply.runtime import Runtime

KEPT = timedelta(days=90)
HEARD = frozenset(
    {
        "checkout.session.completed", "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed", "checkout.session.expired",
        "customer.deleted",
        "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
        "customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.trial_will_end",
        "customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
        "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required",
        "charge.refunded", "charge.dispute.created",
    }
)  # fmt: skip
"""Any other is answered and forgotten. What they tell is not used: each has us look at how things are now."""
_TOLD_OF = {"charge.refunded": NoticeKind.REFUNDED, "charge.dispute.created": NoticeKind.DISPUTED}

log = logging.getLogger(__name__)


def receive(session: Session, event: Event) -> bool:
    """Keep it, in a session of the system; False where it is known already, or nothing that we listen for."""
    if event.type not in HEARD:
        return False
    made = insert(BillingEvent).values(
        id=event.id, type=event.type, customer_id=event.customer_id, about=event.about, charge_id=event.charge_id,
        created_at=event.created_at,
    )  # fmt: skip
    kept = session.execute(made.on_conflict_do_nothing().returning(BillingEvent.id)).one_or_none()
    return kept is not None


def find(session: Session, event_id: str) -> BillingEvent | None:
    return session.get(BillingEvent, event_id)


def workspace_of(runtime: Runtime, event: BillingEvent) -> UUID | None:
    """Whom it concerns; asks the payment service where we do not know. None where that is nobody of ours."""
    payments = payments_of(runtime)
    customer_id = event.customer_id
    try:
        if customer_id is None and event.charge_id is not None:
            customer_id = payments.customer_of_charge(event.charge_id)
        if customer_id is None:
            return None
        return known_as(runtime, customer_id)
    except NotThere:
        return None


def known_as(runtime: Runtime, customer_id: str) -> UUID | None:
    """The workspace of a customer. One that was made and never written down, since a process died in between, tells
    itself whose it is. Raises NotThere."""
    with runtime.database.system() as session:
        known = customers.owner_of(session, customer_id)
    if known is not None:
        return known
    told = payments_of(runtime).workspace_of(customer_id)
    if told is None:
        return None
    with runtime.database.system() as session:
        if customers.link(session, told, customer_id):
            return told
    log.warning("second_customer", extra={"workspace": str(told)})
    return None


def note(session: Session, runtime: Runtime, event: BillingEvent, workspace_id: UUID | None) -> None:
    """It is carried out; what it tells of beside the subscription is told to the owners."""
    kind = _TOLD_OF.get(event.type)
    if kind is not None and workspace_id is not None:
        found = customers.subscriptions(session, workspace_id)
        grace = timedelta(days=runtime.settings.billing.grace_days)
        resolved = resolve(found, plans_of(runtime.settings), grace=grace, now=datetime.now(UTC))
        notices.tell_once(session, runtime.settings, workspace_id, kind, event.about, resolved)
    held = session.scalars(select(BillingEvent).where(BillingEvent.id == event.id).with_for_update()).one_or_none()
    if held is not None and held.applied_at is None:
        held.applied_at = datetime.now(UTC)


def forgotten(session: Session, *, late: datetime, at_most: int = 1000) -> Sequence[str]:
    """Events that were kept and never carried out: their job was lost or given up."""
    query = select(BillingEvent.id).where(BillingEvent.applied_at.is_(None), BillingEvent.received_at < late)
    return session.scalars(query.order_by(BillingEvent.received_at).limit(at_most)).all()


def clean(session: Session) -> None:
    session.execute(
        delete(BillingEvent).where(BillingEvent.received_at < func.now() - KEPT, BillingEvent.applied_at.is_not(None))
    )
