"""Who takes the money: what billing asks of a payment service, and what it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from cliply.errors import Conflict, Invalid, NotFound, Unavailable


class PaymentsAway(Unavailable):
    """Nothing is known to be done; what was asked for may be asked for again."""

    def __init__(self, why: str = "does not answer at the moment") -> None:
        super().__init__(f"Stripe {why}. Try again in a minute; nothing is charged twice.")


class PaymentsMisconfigured(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"Stripe does not do what it was asked for: {why} Whoever runs this service can put that right."
        )


class PaymentDeclined(Conflict):
    def __init__(self, why: str) -> None:
        super().__init__(f"The payment failed: {why} Nothing was changed. Use another card, then try again.")


class NotThere(NotFound):
    """Of a thing at the payment service."""


class OfOtherMode(NotThere):
    """It is there, and only for keys of the other mode: for trying out, or for real."""


class ForgedEvent(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "This is signed with none of the secrets in CLIPLY_BILLING__WEBHOOK_SECRETS, was changed on its way, or is "
            "older than five minutes."
        )


class Item(NamedTuple):
    """One of the things that a subscription is for."""

    id: str
    price_id: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """As it is at this moment."""

    id: str
    customer_id: str
    status: str
    """In Stripe's words; there may be new ones."""
    created_at: datetime
    item_id: str
    price_id: str
    amount: int
    """For a period and all items, in the currency's smallest unit."""
    currency: str
    period_start: datetime
    period_end: datetime
    anchor: datetime
    """From which its periods are counted, so that a month's last day does not wander; not over yet in a trial."""
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    overdue_since: datetime | None = None
    """When the invoice was written that is not paid yet."""
    pending_price_id: str | None = None
    """What it changes to once that is paid."""
    pay_url: str | None = None
    """Where the invoice that is not paid can be paid."""
    invoice_id: str | None = None
    """The last one."""
    others: tuple[Item, ...] = ()
    """What it is for besides, such as what somebody added in the dashboard."""


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs again and again."""

    id: str
    amount: int | None
    """For each time, in the currency's smallest unit; None where it depends on how much is used."""
    currency: str
    interval: str | None
    """`month` or `year`, for example; None: it is paid once."""
    every: int
    """How many of these are between two payments."""
    active: bool
    """Whether it can be bought."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page where somebody subscribes; good once and until it expires."""

    id: str
    url: str | None
    open: bool
    complete: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change of price."""

    subscription: Subscription
    price_id: str
    at: datetime
    """To which second the rest of the period is counted."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    amount: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change costs at once; less than nothing is credit for invoices to come."""

    lines: Sequence[Line]
    total: int
    due_now: int
    currency: str


@dataclass(frozen=True, slots=True)
class Invoice:
    id: str
    number: str | None
    status: str
    total: int
    due: int
    """What is still to be paid."""
    currency: str
    created_at: datetime
    url: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """That something happened; what is then so, has to be asked for."""

    id: str
    type: str
    created_at: datetime
    customer_id: str | None
    about: str
    """Id of the thing that it tells of."""
    charge_id: str | None = None
    """Of a dispute, which names no customer."""


class Payments(Protocol):
    """Raises PaymentsAway, PaymentsMisconfigured or NotThere, beside what is said at a method.

    What is done twice with the same `once` is done once.
    """

    def add_customer(self, workspace_id: UUID, *, name: str, email: str, once: str) -> str: ...

    def workspace_of(self, customer_id: str) -> UUID | None:
        """That a customer was made for; None where it is not ours, or is gone."""

    def customer_of_charge(self, charge_id: str) -> str | None: ...

    def price(self, price_id: str) -> Price:
        """As it is at this moment."""

    def prices(self, ids: Sequence[str]) -> Mapping[str, Price]:
        """Those that are known, to be shown: looked up some minutes ago, left out where that fails. Raises nothing."""

    def subscriptions(self, customer_id: str) -> Sequence[Subscription] | None:
        """All of them, those that have ended too; None where the customer was deleted."""

    def all_subscriptions(self) -> Sequence[Subscription]:
        """Of all customers."""

    def begin_checkout(
        self,
        customer_id: str,
        workspace_id: UUID,
        price_id: str,
        *,
        trial_days: int,
        success_url: str,
        cancel_url: str,
        once: str,
    ) -> Checkout: ...

    def checkout(self, checkout_id: str) -> Checkout: ...

    def expire_checkout(self, checkout_id: str) -> None: ...

    def portal_url(self, customer_id: str, *, return_url: str) -> str: ...

    def preview(self, wanted: Wanted) -> Preview: ...

    def change(self, wanted: Wanted, *, once: str) -> Subscription:
        """It is changed once what is due is paid: until then it tells of what it changes to."""

    def end_at_period_end(self, subscription_id: str, *, ends: bool) -> Subscription: ...

    def end_now(self, subscription_id: str) -> Subscription: ...

    def invoices(self, customer_id: str, *, after: str | None, limit: int) -> Sequence[Invoice]:
        """The newest first; `after` is the last one that is known."""

    def event(self, body: bytes, signature: str | None) -> Event:
        """Raises ForgedEvent."""
