"""What Stripe's answers have to look like, as far as they are read; whatever else is in them is passed over."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from cliply.integrations.payments import Checkout, Event, Invoice, Item, Line, Preview, Price, Subscription

_Id = Annotated[str, Field(min_length=1, max_length=255)]
# A thing may be told by its id, or whole where it was asked for.
_Named = Annotated[_Id, BeforeValidator(lambda told: told.get("id") if isinstance(told, dict) else told)]


class _Price(BaseModel):
    id: _Id
    unit_amount: int | None = None
    currency: str


class _Recurring(BaseModel):
    interval: Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]
    interval_count: Annotated[int, Field(ge=1)] = 1


class PriceTold(BaseModel):
    id: _Id
    active: bool
    unit_amount: int | None = None
    currency: str
    recurring: _Recurring | None = None

    def read(self) -> Price:
        again = self.recurring
        interval, every = (None, 1) if again is None else (again.interval, again.interval_count)
        return Price(self.id, self.unit_amount, self.currency, interval, every, self.active)


class _Item(BaseModel):
    id: _Id
    price: _Price
    quantity: int | None = None
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None


class _Items(BaseModel):
    data: Annotated[list[_Item], Field(min_length=1)]


class _InvoiceNow(BaseModel):
    id: _Id
    status: str | None = None
    created: datetime
    hosted_invoice_url: str | None = None


class _PendingItem(BaseModel):
    price: _Price


class _Pending(BaseModel):
    subscription_items: list[_PendingItem] | None = None


class SubscriptionTold(BaseModel):
    id: _Id
    customer: _Named
    status: str
    created: datetime
    billing_cycle_anchor: datetime
    items: _Items
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    latest_invoice: _InvoiceNow | _Id | None = None
    pending_update: _Pending | None = None
    # Where they were until the version of March 2025.
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None

    def read(self) -> Subscription:
        items, last = self.items.data, self.latest_invoice
        item = items[0]
        start, end = (
            item.current_period_start or self.current_period_start,
            item.current_period_end or self.current_period_end,
        )
        if start is None or end is None:
            raise ValueError("a subscription without a period")
        invoice = last if isinstance(last, _InvoiceNow) else None
        unpaid = invoice is not None and invoice.status == "open"
        pending = self.pending_update.subscription_items if self.pending_update is not None else None
        return Subscription(
            id=self.id,
            customer_id=self.customer,
            status=self.status,
            created_at=self.created,
            item_id=item.id,
            price_id=item.price.id,
            amount=sum((each.price.unit_amount or 0) * (each.quantity or 1) for each in items),
            currency=item.price.currency,
            period_start=start,
            period_end=end,
            anchor=self.billing_cycle_anchor,
            trial_end=self.trial_end,
            cancel_at=self.cancel_at,
            ended_at=self.ended_at,
            overdue_since=(invoice.created if unpaid and invoice else start) if self.status == "past_due" else None,
            pending_price_id=_becoming(pending, items) if pending else None,
            pay_url=invoice.hosted_invoice_url if unpaid and invoice else None,
            invoice_id=invoice.id if invoice else last if isinstance(last, str) else None,
            others=tuple(Item(each.id, each.price.id) for each in items[1:]),
        )


def _becoming(pending: list[_PendingItem], items: list[_Item]) -> str:
    """The price that is new: a change tells the items that stay as well."""
    has = {each.price.id for each in items}
    return next((each.price.id for each in pending if each.price.id not in has), pending[0].price.id)


class CheckoutTold(BaseModel):
    id: _Id
    url: str | None = None
    status: str
    expires_at: datetime

    def read(self) -> Checkout:
        return Checkout(self.id, self.url, self.status == "open", self.status == "complete", self.expires_at)


class _LineTold(BaseModel):
    description: str | None = None
    amount: int


class _Lines(BaseModel):
    data: list[_LineTold]


class PreviewTold(BaseModel):
    lines: _Lines
    total: int
    amount_due: int
    currency: str

    def read(self) -> Preview:
        lines = [Line(each.description or "", each.amount) for each in self.lines.data]
        return Preview(lines, self.total, self.amount_due, self.currency)


class InvoiceTold(BaseModel):
    id: _Id
    number: str | None = None
    status: str | None = None
    total: int
    amount_remaining: int
    currency: str
    created: datetime
    hosted_invoice_url: str | None = None

    def read(self) -> Invoice:
        return Invoice(
            self.id, self.number, self.status or "draft", self.total, self.amount_remaining, self.currency,
            self.created, self.hosted_invoice_url,
        )  # fmt: skip


class CustomerTold(BaseModel):
    id: _Id
    deleted: bool = False
    metadata: dict[str, str] = {}


class ChargeTold(BaseModel):
    customer: _Named | None = None


class _Data(BaseModel):
    object: dict[str, Any]


class EventTold(BaseModel):
    id: Annotated[str, Field(pattern=r"^evt_[A-Za-z0-9_]{1,250}$")]
    type: Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,100}$")]
    created: datetime
    data: _Data

    def read(self) -> Event:
        told = self.data.object
        about = str(told.get("id", ""))[:255]
        customer = about if told.get("object") == "customer" else told.get("customer")
        if isinstance(customer, dict):
            customer = customer.get("id")
        charge = told.get("charge")
        return Event(
            self.id,
            self.type,
            self.created,
            customer[:255] if isinstance(customer, str) else None,
            about,
            charge[:255] if isinstance(charge, str) else None,
        )
