"""A workspace subscribes, on the payment service's page; and the page where its owners look after that themselves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid, NotFound
from cliply.features.audit import service as audit
from cliply.features.billing import customers
from cliply.features.billing.models import BillingCustomer
from cliply.features.billing.standing import OVER
from cliply.features.billing.syncing import payments_of
from cliply.features.identity.access import Caller
from cliply.features.identity.models import User, Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Plans, plans_of
from cliply.integrations.payments import Checkout, NotThere, Payments
from cliply.runtime import Runtime


class PlanNotSold(Invalid):
    def __init__(self, plan: str, plans: Plans) -> None:
        sold = ", ".join(dict.fromkeys(plans.sold_as.values())) or "none"
        super().__init__(f"The plan “{plan}” cannot be bought here. Plans that can: {sold}.")


class PriceNotOfPlan(Invalid):
    def __init__(self, plan: str, prices: tuple[str, ...]) -> None:
        super().__init__(f"This is no price of the plan “{plan}”. Its prices: {', '.join(prices)}.")


class AlreadySubscribed(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "This workspace has a subscription. Change its plan instead (`cliply billing change`), or pay what is open "
            "(`cliply billing portal`)."
        )


class NeverSubscribed(NotFound):
    def __init__(self) -> None:
        super().__init__("This workspace has never subscribed, so there is nothing to look after yet.")


@dataclass(frozen=True, slots=True)
class Page:
    """Where somebody has to go with a browser."""

    url: str
    expires_at: datetime
    price_id: str
    """What is bought there."""


def price_of(plans: Plans, plan: str, price: str | None) -> str:
    """The plan's first price, unless one is named. Raises PlanNotSold or PriceNotOfPlan."""
    prices = plans.prices(plan)
    if not prices:
        raise PlanNotSold(plan, plans)
    if price is None:
        return prices[0]
    if price not in prices:
        raise PriceNotOfPlan(plan, prices)
    return price


def begin(runtime: Runtime, session: Session, caller: Caller, plan: str, price: str | None, *, back_to: str) -> Page:
    """The page where this plan is paid; the same one for whoever asks twice.

    `back_to` is the address below which people come back. Raises BillingOff, PlanNotSold, PriceNotOfPlan or
    AlreadySubscribed.
    """
    caller.require(Action.MANAGE_BILLING)
    payments = payments_of(runtime)
    wanted = price_of(plans_of(runtime.settings), plan, price)
    # Whoever asks at the same moment waits here, and finds the page that was made.
    row = customers.held(session, caller.workspace_id)
    if any(each.status not in OVER for each in customers.subscriptions(session, caller.workspace_id)):
        raise AlreadySubscribed
    if row.checkout_id is not None:
        page = _open_page(payments, row.checkout_id, wanted, same=row.checkout_price == wanted)
        if page is not None:
            return page
    made = _checkout(runtime, payments, session, caller, row, wanted, back_to)
    row.checkout_id, row.checkout_price, row.checkouts = made.id, wanted, row.checkouts + 1
    session.flush()
    audit.record(session, "billing.checkout_begun", ("price", wanted), by=caller.actor)
    if made.url is None:
        raise AlreadySubscribed
    return Page(made.url, made.expires_at, wanted)


def _open_page(payments: Payments, checkout_id: str, wanted: str, *, same: bool) -> Page | None:
    """The one that is open, for the same price; one for another is closed, so that nobody pays for both."""
    try:
        known = payments.checkout(checkout_id)
        if known.complete:
            # Paid a moment ago, and not told yet.
            raise AlreadySubscribed
        if known.open and not same:
            payments.expire_checkout(checkout_id)
    except NotThere:
        return None
    return Page(known.url, known.expires_at, wanted) if known.open and same and known.url is not None else None


def _new_customer(payments: Payments, session: Session, caller: Caller, row: BillingCustomer) -> str:
    workspace = session.scalars(select(Workspace)).one()
    email = session.scalars(select(User.email).where(User.id == caller.principal.user_id)).one()
    once = f"customer-{caller.workspace_id}-{row.generation}"
    return payments.add_customer(caller.workspace_id, name=workspace.name, email=email, once=once)


def _checkout(
    runtime: Runtime,
    payments: Payments,
    session: Session,
    caller: Caller,
    row: BillingCustomer,
    price: str,
    back_to: str,
) -> Checkout:
    """With a new customer where the one that we know was deleted there."""
    first = not customers.subscriptions(session, caller.workspace_id)

    def begun(customer_id: str) -> Checkout:
        return payments.begin_checkout(
            customer_id,
            caller.workspace_id,
            price,
            trial_days=runtime.settings.billing.trial_days if first else 0,
            success_url=f"{back_to}/done?plan={plans_of(runtime.settings).sold_as[price]}",
            cancel_url=f"{back_to}/cancelled",
            once=f"checkout-{caller.workspace_id}-{row.generation}-{row.checkouts}-{price}",
        )

    if row.customer_id is not None:
        try:
            return begun(row.customer_id)
        except NotThere:
            row.generation += 1
    row.customer_id = _new_customer(payments, session, caller, row)
    return begun(row.customer_id)


def portal(runtime: Runtime, session: Session, caller: Caller, *, back_to: str) -> str:
    """Where owners change their card, see invoices and cancel. Raises BillingOff or NeverSubscribed."""
    caller.require(Action.MANAGE_BILLING)
    payments = payments_of(runtime)
    row = customers.known(session, caller.workspace_id)
    if row is None or row.customer_id is None:
        raise NeverSubscribed
    url = payments.portal_url(row.customer_id, return_url=f"{back_to}/back")
    audit.record(session, "billing.portal_opened", ("workspace", caller.workspace_id), by=caller.actor)
    return url
