"""Who pays for a workspace and what for, and what the payment service said that happened."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.tables import text_enum


class BillingCustomer(WorkspaceOwned, Model):
    """A workspace's account at the payment service, from the first time that somebody wants to subscribe."""

    __tablename__ = "billing_customers"
    __table_args__ = (CheckConstraint("used <= asked", name="used"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    # Empty: there is none yet, or it was deleted there.
    customer_id: Mapped[str | None] = mapped_column(unique=True)
    generation: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of customers that it had; part of the keys by which one thing is not made twice."""
    asked: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was looked up how things stand there. Who asks takes the next number before asking."""
    used: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number whose answer is what we know: a lower one is older, and is not used any more."""
    granted: Mapped[str | None]
    """The plan that was given for a subscription; empty where the plan is somebody else's wish."""
    checkout_id: Mapped[str | None]
    """Of the page where somebody may be subscribing at this moment."""
    checkout_price: Mapped[str | None]
    checkouts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many pages there were."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BillingSubscription(WorkspaceOwned, Model):
    """A subscription, as it was when it was looked up last."""

    __tablename__ = "billing_subscriptions"

    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    status: Mapped[str]
    price_id: Mapped[str]
    item_id: Mapped[str]
    amount: Mapped[int]
    """For a period and all items, in the currency's smallest unit."""
    currency: Mapped[str]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    anchor: Mapped[datetime]
    """From which its periods are counted."""
    trial_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    overdue_since: Mapped[datetime | None]
    pending_price_id: Mapped[str | None]
    pay_url: Mapped[str | None]
    invoice_id: Mapped[str | None]
    others: Mapped[list[tuple[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Id and price of each item but the first."""
    created_at: Mapped[datetime]
    """At the payment service."""
    read_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class BillingEvent(Model):
    """That something happened, as the payment service sent it; once for each id. What it told is not kept."""

    __tablename__ = "billing_events"
    __table_args__ = (Index("ix_billing_events_waiting", "received_at", postgresql_where=text("applied_at IS NULL")),)

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    customer_id: Mapped[str | None]
    about: Mapped[str]
    charge_id: Mapped[str | None]
    created_at: Mapped[datetime]
    """At the payment service."""
    received_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    applied_at: Mapped[datetime | None]


class NoticeKind(StrEnum):
    """What owners are told by mail, once for each thing that it is about."""

    PAYMENT_FAILED = "payment_failed"
    PAYMENT_PENDING = "payment_pending"
    """A change waits for a payment."""
    TRIAL_ENDING = "trial_ending"
    ENDED = "ended"
    DISPUTED = "disputed"
    REFUNDED = "refunded"


class BillingNotice(WorkspaceOwned, Model):
    """Told, and not to be told again."""

    __tablename__ = "billing_notices"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[NoticeKind] = mapped_column(text_enum(NoticeKind), primary_key=True)
    about: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
