"""Channels, which are accounts on networks, and what is published on them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.tables import text_enum
from cliply.integrations.publisher import Network, Standing


class ChannelState(StrEnum):
    """Whether its owner lets us in."""

    CONNECTED = "connected"
    NEEDS_RECONNECT = "needs_reconnect"
    """The network takes our tokens no more; its owner has to allow it again."""
    DISCONNECTED = "disconnected"
    """By somebody's wish; no token of it is left."""


class Channel(WorkspaceOwned, Model):
    """An account on a network that clips are published on. Its tokens are sealed, and bound to this row."""

    __tablename__ = "channels"
    __table_args__ = (
        UniqueConstraint("id", "workspace_id"),
        UniqueConstraint("workspace_id", "network", "external_id"),
        Index(
            "uq_channels_default", "workspace_id", "network", unique=True, postgresql_where=text("is_default"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    network: Mapped[Network] = mapped_column(text_enum(Network))
    external_id: Mapped[str]
    """What the network knows it by."""
    name: Mapped[str]
    """As people of the workspace call it; the network's name for it until they change that."""
    handle: Mapped[str | None]
    picture: Mapped[str | None]
    state: Mapped[ChannelState] = mapped_column(text_enum(ChannelState))
    problem: Mapped[str | None]
    """Why it has to be connected again, for people."""
    grant_sealed: Mapped[bytes | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    expires_at: Mapped[datetime | None]
    """Of the access token, which is renewed by itself."""
    refresh_expires_at: Mapped[datetime | None]
    """After this its owner has to allow it again; empty where the network names no such time."""
    is_default: Mapped[bool] = mapped_column(default=False, server_default="false")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    paused_until: Mapped[datetime | None]
    """Until when the network takes nothing more of this account, by its own word."""
    paused_why: Mapped[str | None]
    connected_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class OAuthAttempt(WorkspaceOwned, Model):
    """Somebody on their way to a network's consent page and back; good once, for a few minutes."""

    __tablename__ = "oauth_attempts"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    network: Mapped[Network] = mapped_column(text_enum(Network))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    bound_to: Mapped[bytes]
    """A hash of what proved who began it: whoever comes back has to bring the same."""
    verifier_sealed: Mapped[bytes]
    redirect_uri: Mapped[str]
    channel_id: Mapped[UUID | None]
    """The channel that is to be connected again; no other may come back then."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Revocation(WorkspaceOwned, Model):
    """A permission that is to be taken back at its network; gone as soon as that is done or given up."""

    __tablename__ = "revocations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["channel_id", "workspace_id"], ["channels.id", "channels.workspace_id"], ondelete="CASCADE"
        ),
        Index(None, "channel_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID]
    connected_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PublicationState(StrEnum):
    """Where a publication is; the database knows which may follow which."""

    INTENT = "intent"
    """Wanted, and nothing of it has left the house."""
    PREPARING = "preparing"
    UPLOADING = "uploading"
    """The network has begun it and told its handle, which is kept."""
    PROCESSING = "processing"
    """The network has all of it."""
    PENDING = "pending"
    """It waits for a decision there: of a moderator, or of its owner in the app."""
    PUBLISHED = "published"
    PARKED = "parked"
    """Until a time: a quota, a cap, quiet hours, or a network that does not answer."""
    NEEDS_RECONNECT = "needs_reconnect"
    UNKNOWN = "unknown"
    """It may be there or not. Nothing is sent again before somebody or something has looked."""
    REJECTED = "rejected"
    CANCELLED = "cancelled"


UNFINISHED = frozenset(PublicationState) - {
    PublicationState.PUBLISHED,
    PublicationState.REJECTED,
    PublicationState.CANCELLED,
}


class ScheduleState(StrEnum):
    """Where a publication is that was asked for at a time, until it is sent as any other."""

    PLANNED = "planned"
    """It fires when its time has come; no job can send it before, the database sees to that."""
    PAUSED = "paused"
    """By somebody's wish; it keeps its time and its place."""
    MISSED = "missed"
    """Nothing ran when it was due, and it is too late to send it without asking."""
    FIRED = "fired"
    """Its time has come; all else is told by the state of the publication."""


class Publication(WorkspaceOwned, Model):
    """One clip on one channel, once. With a time it is a schedule as well."""

    __tablename__ = "publications"
    __table_args__ = (
        ForeignKeyConstraint(
            ["channel_id", "workspace_id"], ["channels.id", "channels.workspace_id"], ondelete="RESTRICT"
        ),
        Index("ix_publications_workspace_id_created_at", "workspace_id", text("created_at DESC"), text("id DESC")),
        Index("ix_publications_channel_id", "channel_id", "begun_at"),
        Index(
            "ix_publications_published_at",
            "workspace_id",
            "published_at",
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        Index(
            "ix_publications_planned", "run_at", postgresql_where=text("schedule = 'planned' AND state <> 'cancelled'")
        ),
        Index(
            "ix_publications_workspace_id_run_at", "workspace_id", "run_at", "id",
            postgresql_where=text("run_at IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    channel_id: Mapped[UUID]
    network: Mapped[Network] = mapped_column(text_enum(Network))
    clip_id: Mapped[UUID | None] = mapped_column(ForeignKey("clips.id", ondelete="SET NULL"), index=True)
    state: Mapped[PublicationState] = mapped_column(
        text_enum(PublicationState), default=PublicationState.INTENT, server_default="intent"
    )
    post: Mapped[dict[str, Any]]
    """Title, description and all else that was asked for."""
    schedule: Mapped[ScheduleState | None] = mapped_column(text_enum(ScheduleState))
    """Empty where it was asked to go at once."""
    local_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    """When it goes by the clock of `zone`, as it was chosen; whatever becomes of the zone's rules, this stays."""
    zone: Mapped[str | None]
    fold: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """1: the second of two moments at which that clock shows this."""
    run_at: Mapped[datetime | None]
    """The moment of that, by the rules that are known now; empty for at once."""
    fired_at: Mapped[datetime | None]
    failure_told_at: Mapped[datetime | None]
    """When people were written to that it came to nothing, or may have; of what was planned only."""
    next_at: Mapped[datetime | None]
    """When something is to happen next, where it waits."""
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Counted up by everything that makes a job of before pointless: a change, a cancellation, a retry."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often in a row it was put off since it last got further."""
    files: Mapped[dict[str, Any] | None]
    """Its own copies, by kind, and what the video is like: nothing that is rendered later changes what is sent."""
    handle_sealed: Mapped[bytes | None]
    begun_at: Mapped[datetime | None]
    """When the network began it, which is what daily caps count."""
    bytes_sent: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    external_id: Mapped[str | None]
    url: Mapped[str | None]
    note: Mapped[str | None]
    error: Mapped[str | None]
    error_code: Mapped[str | None]
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    published_at: Mapped[datetime | None]

    def key(self, kind: str, object_id: UUID) -> ObjectKey:
        """Of something that is stored for this publication, and outlives its project."""
        return ObjectKey(self.workspace_id, self.id, kind, object_id)


class PublicationEvent(WorkspaceOwned, Model):
    """What became of a publication, written by the database."""

    __tablename__ = "publication_events"
    __table_args__ = (Index(None, "publication_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    publication_id: Mapped[UUID] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    state: Mapped[PublicationState] = mapped_column(text_enum(PublicationState))
    said: Mapped[str | None]
    next_at: Mapped[datetime | None]


class Performance(WorkspaceOwned, Model):
    """How something that was published does, and when its network is asked again."""

    __tablename__ = "performances"
    __table_args__ = (Index(None, "next_at", postgresql_where=text("next_at IS NOT NULL")),)

    publication_id: Mapped[UUID] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True)
    counts_from: Mapped[datetime]
    """When it was published, or is made public by its network: ages count from here."""
    next_at: Mapped[datetime | None]
    """Empty where nothing is asked any more."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often in a row nothing was told."""
    standing: Mapped[Standing | None] = mapped_column(text_enum(Standing))
    """Empty until its network has told it."""
    gone_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    """Why there were no figures when they were last asked for, for people."""


class Snapshot(WorkspaceOwned, Model):
    """What a network counted of a post until `taken_at`; empty where it does not tell."""

    __tablename__ = "snapshots"

    publication_id: Mapped[UUID] = mapped_column(ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True)
    age_hours: Mapped[int] = mapped_column(primary_key=True)
    """The age that it is for; `taken_at` says how old the post really was."""
    taken_at: Mapped[datetime]
    views: Mapped[int | None] = mapped_column(BigInteger)
    likes: Mapped[int | None] = mapped_column(BigInteger)
    comments: Mapped[int | None] = mapped_column(BigInteger)
    shares: Mapped[int | None] = mapped_column(BigInteger)
    watched_seconds: Mapped[float | None]
    average_share_watched: Mapped[float | None]
