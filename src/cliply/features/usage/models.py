"""What a workspace has used: the ledger, its sums by period, and what was said when a limit came near."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from cliply.features.identity.plans import Meter
from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.tables import text_enum


class Metric(StrEnum):
    """What is counted."""

    PROJECTS = "projects"
    CLIPS = "clips"
    SOURCE_MINUTES = "source_minutes"
    STORAGE_BYTES = "storage_bytes"
    RENDER_SECONDS = "render_seconds"
    PUBLICATIONS = "publications"
    API_CALLS = "api_calls"

    @property
    def is_standing(self) -> bool:
        """Whether it is what there is, and not what was used in a month."""
        return self is Metric.STORAGE_BYTES

    @property
    def meter(self) -> Meter:
        """By which plans limit it."""
        return _METERS[self]


_METERS: Mapping[Metric, Meter] = {
    Metric.PROJECTS: Meter.PROJECTS_PER_MONTH,
    Metric.CLIPS: Meter.CLIPS_PER_MONTH,
    Metric.SOURCE_MINUTES: Meter.SOURCE_MINUTES_PER_MONTH,
    Metric.STORAGE_BYTES: Meter.STORAGE_BYTES,
    Metric.RENDER_SECONDS: Meter.RENDER_SECONDS_PER_MONTH,
    Metric.PUBLICATIONS: Meter.PUBLICATIONS_PER_MONTH,
    Metric.API_CALLS: Meter.API_CALLS_PER_MONTH,
}


class EntryState(StrEnum):
    """Where an entry of the ledger is."""

    RESERVED = "reserved"
    """Set aside for work that is being done."""
    COMMITTED = "committed"
    RELEASED = "released"
    """Given back: it came to nothing, or is there no more."""


class UsageCounter(WorkspaceOwned, Model):
    """The sum of a metric's entries in a period; kept by the database, with every entry."""

    __tablename__ = "usage_counters"
    __table_args__ = (
        CheckConstraint("used >= 0", name="used"),
        CheckConstraint("reserved >= 0", name="reserved"),
        Index("ix_usage_counters_grown", "workspace_id", postgresql_where=text("not looked_at")),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    metric: Mapped[Metric] = mapped_column(text_enum(Metric), primary_key=True)
    period: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    """Sooner than the month does where a subscription began or ended in it."""
    used: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reserved: Mapped[int] = mapped_column(BigInteger, server_default="0")
    looked_at: Mapped[bool] = mapped_column(server_default=true())
    """Whether somebody has looked since it grew if that is worth a word."""


class UsageEntry(WorkspaceOwned, Model):
    """What one source has used: a project, a clip, a stored object. Written by functions of the database only."""

    __tablename__ = "usage_entries"
    __table_args__ = (
        UniqueConstraint("workspace_id", "metric", "source"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("(state = 'reserved') = (settled_at IS NULL)", name="settled"),
        ForeignKeyConstraint(
            ["workspace_id", "metric", "period"],
            ["usage_counters.workspace_id", "usage_counters.metric", "usage_counters.period"],
            ondelete="CASCADE",
        ),
        Index(None, "workspace_id", "metric", "period"),
        Index("ix_usage_entries_expires_at", "expires_at", postgresql_where=text("state = 'reserved'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    metric: Mapped[Metric] = mapped_column(text_enum(Metric))
    source: Mapped[str] = mapped_column(Text(collation="C"))
    period: Mapped[str] = mapped_column(Text(collation="C"))
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[EntryState] = mapped_column(text_enum(EntryState))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    """Of what is reserved: it is given back then."""


class UsageAlert(WorkspaceOwned, Model):
    """That a share of a limit was reached, told once in a period; with another plan the limit is another one."""

    __tablename__ = "usage_alerts"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    metric: Mapped[Metric] = mapped_column(text_enum(Metric), primary_key=True)
    period: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    threshold: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """Per cent."""
    most: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    """The limit."""
    used: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
