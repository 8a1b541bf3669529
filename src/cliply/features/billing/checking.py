"""Where what we know and what is so have drifted apart: events that never came, and hands that were in the database."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.billing import customers
from cliply.features.billing.models import BillingCustomer, BillingEvent, BillingNotice, BillingSubscription, NoticeKind
from cliply.features.billing.standing import OVER, UNCLEAR, Resolved, Standing, plan_items, resolve
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import Plans, plans_of
from cliply.features.identity.rates import UNLIMITED
from cliply.infra.quantities import counted
from cliply.infra.self_audit import Finding
from cliply.infra.settings import Settings
from cliply.integrations.payments import Subscription

_LATE = timedelta(hours=1)
_SHOWN_FOR = timedelta(days=30)
_ENDS_BEFORE = timedelta(hours=36)
"""How long before a workspace is removed its subscription ends at once; the check is nightly."""


def drifted(session: Session, settings: Settings, there: Sequence[Subscription]) -> list[UUID]:
    """Workspaces of whom we know something else than is `there`, which is all that the payment service has."""
    by_customer: dict[str, list[Subscription]] = {}
    for each in there:
        by_customer.setdefault(each.customer_id, []).append(each)
    found = []
    for row in session.scalars(select(BillingCustomer).order_by(BillingCustomer.workspace_id)):
        known = {each.id: each for each in customers.subscriptions(session, row.workspace_id)}
        told = {each.id: each for each in by_customer.get(row.customer_id or "", ())}
        if known != told or not _follows(session, settings, row, list(told.values())):
            found.append(row.workspace_id)
    return found


def strangers(session: Session, there: Sequence[Subscription]) -> list[str]:
    """Customers with a subscription that no workspace knows."""
    known = set(session.scalars(select(BillingCustomer.customer_id)))
    return sorted({each.customer_id for each in there if each.status not in OVER} - known)


def leaving(session: Session) -> Iterator[tuple[str, bool]]:
    """Subscriptions of workspaces that are to be removed, and whether that is so soon that they end now."""
    query = (
        select(BillingSubscription.id, BillingSubscription.cancel_at, Workspace.delete_at)
        .join(Workspace, Workspace.id == BillingSubscription.workspace_id)
        .where(Workspace.delete_at.is_not(None), BillingSubscription.status.not_in(OVER))
    )
    for row in session.execute(query):
        soon = row.delete_at - datetime.now(UTC) < _ENDS_BEFORE
        if soon or row.cancel_at is None:
            yield row.id, soon


def findings(session: Session, settings: Settings) -> Iterator[Finding]:
    """What whoever runs the service has to put right; in a session of the system."""
    plans = plans_of(settings)
    if settings.billing.secret_key is None:
        yield from _charged_all_the_same(session)
        return
    if not plans.sold_as:
        told = 'Billing is on, and no plan has a price. Name prices in the file of CLIPLY_PLANS: prices = ["price_…"]'
        yield Finding("billing", "error", told)
    if plans.default_name == UNLIMITED:
        told = (
            "Billing is on, and new workspaces and those whose subscription ends have the plan unlimited: nobody has a "
            "reason to pay. Name the plan of who pays nothing: CLIPLY_PLAN=basic"
        )
        yield Finding("billing", "warning", told)
    elif plans.prices(plans.default_name):
        told = (
            f"The plan {plans.default_name} is sold, and new workspaces and those whose subscription ends have it for "
            "nothing. Name another in CLIPLY_PLAN, or take its prices out of the file of CLIPLY_PLANS."
        )
        yield Finding("billing", "warning", told)
    if settings.server.url is None and settings.billing.url is None:
        told = (
            "Billing is on, and only on this machine can anybody subscribe: Stripe sends people back to the service's "
            "own address. Set CLIPLY_SERVER__URL, as in https://clips.example.com"
        )
        yield Finding("billing", "error", told)
    for row in session.scalars(select(BillingCustomer).order_by(BillingCustomer.workspace_id)):
        yield from _of_customer(session, settings, row, plans)
    late = datetime.now(UTC) - _LATE
    waiting = select(BillingEvent.id).where(BillingEvent.applied_at.is_(None), BillingEvent.received_at < late)
    if count := len(session.scalars(waiting).all()):
        told = (
            f"{count} events of Stripe wait since an hour to be carried out. Is a worker running that does `billing`, "
            "and was it started with CLIPLY_BILLING__SECRET_KEY?"
        )
        yield Finding("billing", "error", told)
    recent = BillingNotice.created_at > datetime.now(UTC) - _SHOWN_FOR
    disputed = select(BillingNotice.about).where(BillingNotice.kind == NoticeKind.DISPUTED, recent)
    for about in session.scalars(disputed.order_by(BillingNotice.about)):
        yield Finding("billing", "warning", f"A payment is disputed ({about}). Answer it in Stripe's dashboard.")


def _charged_all_the_same(session: Session) -> Iterator[Finding]:
    """Stripe does not know that nothing is sold here any more."""
    living = select(BillingSubscription.id).where(BillingSubscription.status.not_in(OVER))
    if count := len(session.scalars(living).all()):
        told = (
            f"Billing is off, and {counted(count, 'subscription')} at Stripe may go on being charged. Set "
            "CLIPLY_BILLING__SECRET_KEY again, or end them in Stripe's dashboard."
        )
        yield Finding("billing", "error", told)


def _of_customer(session: Session, settings: Settings, row: BillingCustomer, plans: Plans) -> Iterator[Finding]:
    found = customers.subscriptions(session, row.workspace_id)
    resolved = _resolved(settings, found, plans)
    if resolved.standing is Standing.UNKNOWN_PRICE and resolved.subscription is not None:
        told = (
            f"The workspace {row.workspace_id} pays a price that is no plan's, {resolved.subscription.price_id}, and "
            "gets nothing for it. Name the price in the file of CLIPLY_PLANS."
        )
        yield Finding("billing", "error", told)
    for each in found:
        bought = list(dict.fromkeys(plans.sold_as[item.price_id] for item in plan_items(each, plans)))
        if each.status not in OVER and len(bought) > 1:
            told = (
                f"The workspace {row.workspace_id} pays for several plans in one subscription ({', '.join(bought)}), "
                f"and has {bought[0]}. Take the others out of it in Stripe's dashboard."
            )
            yield Finding("billing", "warning", told)
    if len([each for each in found if each.status not in OVER]) > 1:
        told = f"The workspace {row.workspace_id} pays for two subscriptions. End one of them in Stripe's dashboard."
        yield Finding("billing", "warning", told)


def _follows(session: Session, settings: Settings, row: BillingCustomer, found: list[Subscription]) -> bool:
    """Whether the workspace's own row says what the subscriptions entitle to."""
    workspace = session.get_one(Workspace, row.workspace_id)
    resolved = _resolved(settings, found, plans_of(settings))
    named = None if resolved.subscription is None else resolved.subscription.id
    if (workspace.stripe_customer_id, workspace.stripe_subscription_id) != (row.customer_id, named):
        return False
    if resolved.standing in UNCLEAR:
        return True
    if workspace.period_anchor != resolved.anchor:
        return False
    return row.granted == resolved.plan and resolved.plan in (None, workspace.plan)


def _resolved(settings: Settings, found: Sequence[Subscription], plans: Plans) -> Resolved:
    return resolve(found, plans, grace=timedelta(days=settings.billing.grace_days), now=datetime.now(UTC))
