"""What is known of a workspace's account at the payment service; one function writes it to where it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.billing.models import BillingCustomer, BillingSubscription
from cliply.features.billing.standing import UNCLEAR, Resolved, resolve
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import Plans, plans_of
from cliply.features.usage import turning
from cliply.features.workspaces import own_plan
from cliply.infra.settings import Settings
from cliply.integrations.payments import Item, Subscription

BY = Actor(ActorKind.SYSTEM)
_COPIED = (
    "customer_id", "status", "price_id", "item_id", "amount", "currency", "period_start", "period_end", "anchor",
    "trial_end", "cancel_at", "ended_at", "overdue_since", "pending_price_id", "pay_url", "invoice_id", "created_at",
    "others",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """How things stand at the payment service, and by which number that was asked."""

    workspace_id: UUID
    customer_id: str
    number: int
    subscriptions: Sequence[Subscription] | None
    """None: the customer was deleted there."""


def held(session: Session, workspace_id: UUID) -> BillingCustomer:
    """The workspace's row, made if there is none; nobody else changes it until the transaction ends."""
    # Without a word of the driver about what is there: two may begin at once.
    session.execute(insert(BillingCustomer).values(workspace_id=workspace_id).on_conflict_do_nothing())
    query = select(BillingCustomer).where(BillingCustomer.workspace_id == workspace_id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def known(session: Session, workspace_id: UUID) -> BillingCustomer | None:
    return session.scalars(select(BillingCustomer).where(BillingCustomer.workspace_id == workspace_id)).one_or_none()


def owner_of(session: Session, customer_id: str) -> UUID | None:
    """In a session of the system."""
    query = select(BillingCustomer.workspace_id).where(BillingCustomer.customer_id == customer_id)
    return session.scalars(query).one_or_none()


def link(session: Session, workspace_id: UUID, customer_id: str) -> bool:
    """Have the workspace know a customer that was made for it; False where there is no such workspace, or it has
    another."""
    if session.get(Workspace, workspace_id) is None:
        return False
    row = held(session, workspace_id)
    if row.customer_id is None:
        row.customer_id = customer_id
        session.flush()
    return row.customer_id == customer_id


def next_number(session: Session, workspace_id: UUID) -> tuple[int, str | None]:
    """Taken before asking, in a transaction of its own, so that answers have an order."""
    query = update(BillingCustomer).where(BillingCustomer.workspace_id == workspace_id)
    taken = query.values(asked=BillingCustomer.asked + 1).returning(BillingCustomer.asked, BillingCustomer.customer_id)
    row = session.execute(taken).one_or_none()
    return (0, None) if row is None else (row.asked, row.customer_id)


def subscriptions(session: Session, workspace_id: UUID) -> list[Subscription]:
    """As they are known."""
    query = select(BillingSubscription).where(BillingSubscription.workspace_id == workspace_id)
    return [as_value(each) for each in session.scalars(query.order_by(BillingSubscription.created_at))]


def as_value(row: BillingSubscription) -> Subscription:
    told = {name: getattr(row, name) for name in _COPIED}
    return Subscription(id=row.id, **{**told, "others": tuple(Item(*each) for each in row.others)})


def write(session: Session, settings: Settings, reading: Reading) -> Resolved | None:
    """Keep what was read, and have plan and ids follow: nothing else writes any of them.

    In a session of the system. None where a later reading is known already: what this one says is over.
    """
    row = held(session, reading.workspace_id)
    if reading.number <= row.used or row.customer_id != reading.customer_id:
        return None
    row.used = reading.number
    found = reading.subscriptions or ()
    gone = delete(BillingSubscription).where(
        BillingSubscription.workspace_id == reading.workspace_id,
        BillingSubscription.id.not_in([each.id for each in found]),
    )
    session.execute(gone)
    for each in found:
        _copy(session, reading.workspace_id, each)
    if reading.subscriptions is None:
        row.customer_id, row.generation = None, row.generation + 1
        row.checkout_id = row.checkout_price = None
    plans = plans_of(settings)
    grace = timedelta(days=settings.billing.grace_days)
    resolved = resolve(found, plans, grace=grace, now=datetime.now(UTC))
    if resolved.is_live:
        row.checkout_id = row.checkout_price = None
    denormalise(session, row, resolved, plans)
    return resolved


def denormalise(session: Session, row: BillingCustomer, resolved: Resolved, plans: Plans) -> None:
    """Plan, customer and subscription in the workspace's own row, for whoever reads that only.

    The plan of who has never subscribed is whoever's wish it was, and stays.
    """
    workspace = own_plan.find(session, row.workspace_id, plans, locked=True).workspace
    before = (workspace.stripe_customer_id, workspace.stripe_subscription_id)
    workspace.stripe_customer_id = row.customer_id
    workspace.stripe_subscription_id = resolved.subscription.id if resolved.subscription is not None else None
    if resolved.standing not in UNCLEAR:
        turning.turn(session, workspace, resolved.anchor)
        _give(session, row, workspace.plan, resolved.plan, plans)
    session.flush()
    after = (workspace.stripe_customer_id, workspace.stripe_subscription_id)
    if before != after:
        named = {"customer": after[0], "subscription": after[1]}
        audit.record(
            session, "billing.linked", ("workspace", row.workspace_id), by=BY, after=named,
            workspace_id=row.workspace_id,
        )  # fmt: skip


def _give(session: Session, row: BillingCustomer, has: str, entitled: str | None, plans: Plans) -> None:
    wanted = entitled
    if wanted is None and row.granted is not None:
        wanted = plans.default_name
    if wanted is not None and has != wanted:
        own_plan.assign(session, row.workspace_id, plans, name=wanted, by=BY)
    row.granted = entitled


def _copy(session: Session, workspace_id: UUID, one: Subscription) -> None:
    values = {name: getattr(one, name) for name in _COPIED}
    made = insert(BillingSubscription).values(id=one.id, workspace_id=workspace_id, **values)
    session.execute(
        made.on_conflict_do_update(
            index_elements=[BillingSubscription.id],
            set_={**values, "workspace_id": workspace_id, "read_at": datetime.now(UTC)},
        )
    )
