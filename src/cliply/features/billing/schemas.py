"""Billing in requests and answers. Amounts are whole numbers of a currency's smallest unit."""

from collections.abc import Sequence

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cliply.features.billing.changing import Direction
from cliply.features.billing.standing import Standing
from cliply.features.identity.plans import Flag, Meter, Terms
from cliply.features.usage.schemas import UsedRead

_PLAN = Field(description="Plan that is wanted, as `offers` lists it.", min_length=1, max_length=40, examples=["pro"])
_PRICE = Field(
    None, description="One of its prices at Stripe; the first one if none is named.", min_length=1, max_length=255
)


class CheckoutStart(BaseModel):
    model_config = ConfigDict(extra="forbid")

    plan: str = _PLAN
    price: str | None = _PRICE


class PlanChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    plan: str = _PLAN
    price: str | None = _PRICE


class PlanChangeConfirm(PlanChange):
    previewed_at: AwareDatetime | None = Field(
        None,
        description="`as_of` of the preview: the change costs what that has told, for half an hour. Whoever asks twice "
        "with the same one pays once.",
    )


class CostRead(BaseModel):
    """What a price at Stripe is."""

    price: str = Field(examples=["price_1Q2w3E"])
    amount: int = Field(description="For each interval, before taxes and discounts.", examples=[2900])
    currency: str = Field(examples=["eur"])
    interval: str = Field(description="In Stripe's words.", examples=["month"])
    interval_count: int = Field(description="How many of them are between two payments.", examples=[1])


class PageRead(BaseModel):
    """A page of Stripe's, to be opened in a browser."""

    url: str
    expires_at: AwareDatetime | None = Field(description="Until when it is good, where that is known.")
    cost: CostRead | None = Field(None, description="What is bought there; empty where Stripe could not be asked.")


class OfferRead(BaseModel):
    plan: str = Field(examples=["pro"])
    prices: Sequence[str] = Field(description="At Stripe.", examples=[["price_1Q2w3E"]])
    costs: Sequence[CostRead] = Field(
        description="What those prices are, looked up at Stripe some minutes ago. One that Stripe does not sell, or "
        "could not be asked for, is missing."
    )


class SubscriptionRead(BaseModel):
    id: str
    status: str = Field(description="In Stripe's words.", examples=["active"])
    price: str
    amount: int = Field(description="For each period.", examples=[2900])
    currency: str = Field(examples=["eur"])
    period_start: AwareDatetime
    period_end: AwareDatetime
    trial_end: AwareDatetime | None
    cancel_at: AwareDatetime | None = Field(description="When it ends; empty where it renews.")
    changes_to: str | None = Field(description="Plan that it changes to once that is paid.")
    pay_url: str | None = Field(description="Where an invoice that is open can be paid.")


class BillingRead(BaseModel):
    enabled: bool = Field(description="Whether anything is sold on this installation.")
    plan: str = Field(description="The workspace's plan now.")
    standing: Standing
    grace_until: AwareDatetime | None = Field(description="How long the plan is kept though a payment is overdue.")
    limits: Terms
    usage: Sequence[UsedRead] = Field(description="What is used of them in this period, as `GET /api/usage` has it.")
    subscription: SubscriptionRead | None
    offers: Sequence[OfferRead]
    note: str = Field(description="What there is to do, for people.")


class LineRead(BaseModel):
    text: str
    amount: int


class AboveRead(BaseModel):
    meter: Meter
    used: int
    limit: int
    resets_at: AwareDatetime | None = Field(
        description="When it begins anew; empty where it becomes less only by what is removed."
    )


class PreviewRead(BaseModel):
    """What a change would cost and take. Nothing was done."""

    plan: str
    price: str | None
    direction: Direction = Field(description="`cancel` ends the subscription with its period, `keep` calls that off.")
    as_of: AwareDatetime = Field(description="Pass it as `previewed_at` when you change the plan.")
    takes_effect: AwareDatetime
    lines: Sequence[LineRead]
    total: int = Field(description="Less than nothing is credit for invoices to come.")
    due_now: int
    currency: str
    above: Sequence[AboveRead] = Field(
        description="Of what there is more than the plan allows. It is kept; nothing new is begun until it is less."
    )
    lost: Sequence[Flag] = Field(description="What the plan does not have.")
    planned_posts: int = Field(
        description="Posts that are planned though the plan would not allow it: they go out at their times, and cannot "
        "be moved to others."
    )
    paused_posts: int = Field(description="Posts that are paused, and could not be resumed.")
    told: str = Field(description="All of that, for people.")


class ChangeRead(BaseModel):
    preview: PreviewRead
    waits_for_payment: bool = Field(description="Whether the plan changes only once the payment has come.")
    pay_url: str | None


class InvoiceRead(BaseModel):
    id: str
    number: str | None
    status: str = Field(description="In Stripe's words.", examples=["paid"])
    total: int
    due: int
    currency: str
    created_at: AwareDatetime
    url: str | None = Field(description="Where it can be seen and paid.")


class Received(BaseModel):
    received: bool = True
