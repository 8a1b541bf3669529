"""Another plan for who has one already: what it costs and takes, told before, and done at the price that was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid
from cliply.features.audit import service as audit
from cliply.features.billing import customers
from cliply.features.billing.fitting import Fit, fit
from cliply.features.billing.standing import OVER, by_its_plan
from cliply.features.billing.subscribing import price_of
from cliply.features.billing.syncing import payments_of
from cliply.features.billing.tasks import sync_subscription
from cliply.features.identity.access import Caller
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Plans, plans_of
from cliply.integrations.payments import Line, Price, Subscription, Wanted
from cliply.runtime import Runtime

PRICE_HOLDS = timedelta(minutes=30)
"""How long what a preview has told is what a change costs."""
Direction: TypeAlias = Literal["upgrade", "downgrade", "cancel", "keep", "none"]


class NoSubscription(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "This workspace has no subscription whose plan could be changed. Subscribe: `cliply billing checkout PLAN`."
        )


class PaymentOpen(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "A payment of this subscription is open. Pay it first (`cliply billing portal`), then change the plan."
        )


class PreviewTooOld(Invalid):
    def __init__(self) -> None:
        super().__init__("What a change costs was looked up too long ago. Look it up again, then change the plan.")


@dataclass(frozen=True, slots=True)
class Change:
    """What it would be."""

    plan: str
    price_id: str | None
    direction: Direction
    at: datetime
    takes_effect: datetime
    lines: Sequence[Line]
    total: int
    due_now: int
    currency: str
    fit: Fit
    ends_at: datetime | None = None
    """When the subscription ends all the same, since it is cancelled."""
    from_then_on: Price | None = None
    """None where it stays as it is, or could not be asked for."""


def preview(runtime: Runtime, session: Session, caller: Caller, plan: str, price: str | None) -> Change:
    """Nothing is done. Raises BillingOff, NoSubscription, PlanNotSold or PriceNotOfPlan."""
    caller.require(Action.MANAGE_BILLING)
    payments_of(runtime)
    one = _current(session, caller, plans_of(runtime.settings))
    return _looked_up(runtime, session, caller, one, plan, price, at=datetime.now(UTC).replace(microsecond=0))


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done. Plan and limits follow within moments, once it is looked up again."""

    change: Change
    waits_for_payment: bool
    pay_url: str | None


def change(
    runtime: Runtime, session: Session, caller: Caller, plan: str, price: str | None, *, previewed_at: datetime | None
) -> Changed:
    """Do it: what is due is charged at once, and the larger plan is there once that is paid.

    What is asked twice with the same `previewed_at` is done once. Raises what `preview` does, PaymentOpen,
    PreviewTooOld or PaymentDeclined.
    """
    caller.require(Action.MANAGE_BILLING)
    payments = payments_of(runtime)
    one = _current(session, caller, plans_of(runtime.settings))
    now = datetime.now(UTC).replace(microsecond=0)
    at = now if previewed_at is None else previewed_at.astimezone(UTC)
    if not now - PRICE_HOLDS <= at <= now + timedelta(minutes=1):
        raise PreviewTooOld
    wanted = _looked_up(runtime, session, caller, one, plan, price, at=at)
    after = one
    if wanted.direction in ("cancel", "keep"):
        after = payments.end_at_period_end(one.id, ends=wanted.direction == "cancel")
    elif wanted.price_id is not None and wanted.direction != "none":
        once = f"change-{one.id}-{one.price_id}-{wanted.price_id}-{int(at.timestamp())}"
        after = payments.change(Wanted(one, wanted.price_id, at), once=once)
    audit.record(
        session, "billing.plan_changed", ("subscription", one.id), by=caller.actor,
        before={"price": one.price_id}, after={"price": wanted.price_id},
    )  # fmt: skip
    sync_subscription.options(subject=caller.workspace_id).start(session, workspace_id=caller.workspace_id)
    return Changed(wanted, after.pending_price_id is not None, after.pay_url)


def _current(session: Session, caller: Caller, plans: Plans) -> Subscription:
    """The one that lives. Raises NoSubscription or PaymentOpen."""
    living = [each for each in customers.subscriptions(session, caller.workspace_id) if each.status not in OVER]
    if not living:
        raise NoSubscription
    one = by_its_plan(living[-1], plans)
    if one.status not in ("active", "trialing") or one.pending_price_id is not None:
        raise PaymentOpen
    return one


def _looked_up(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    one: Subscription,
    plan: str,
    price: str | None,
    *,
    at: datetime,
) -> Change:
    plans = plans_of(runtime.settings)
    target = plans.of(plan, _overrides(session)) if plan in plans.defined else plans.named(plan)
    if plan == plans.default_name and not plans.prices(plan):
        fits = fit(session, caller.plan, target, from_=one.period_end)
        return Change(plan, None, "cancel", at, one.period_end, (), 0, 0, one.currency, fits)
    fits = fit(session, caller.plan, target)
    wanted = price_of(plans, plan, price)
    if wanted == one.price_id:
        direction: Direction = "none" if one.cancel_at is None else "keep"
        return Change(plan, wanted, direction, at, at, (), 0, 0, one.currency, fits)
    payments = payments_of(runtime)
    told = payments.preview(Wanted(one, wanted, at))
    rank = list(plans.defined)
    is_more = told.total > 0 or (told.total == 0 and rank.index(plan) > rank.index(caller.plan.name))
    return Change(
        plan, wanted, "upgrade" if is_more else "downgrade", at, at, told.lines, told.total, told.due_now,
        told.currency, fits, one.cancel_at, payments.prices([wanted]).get(wanted),
    )  # fmt: skip


def _overrides(session: Session) -> dict[str, Any]:
    """Limits of the workspace's own stay when its plan changes."""
    return dict(session.scalars(select(Workspace.plan_overrides)).one())
