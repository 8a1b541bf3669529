"""Who did what; the database refuses to change or remove an entry, whoever asks."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from cliply.infra.db import Model, WorkspaceOwned


class ActorKind(StrEnum):
    """What somebody acted as."""

    USER = "user"
    API_KEY = "api_key"
    OPERATOR = "operator"
    SYSTEM = "system"


class AuditEntry(WorkspaceOwned, Model):
    """One change; of the data before and after it only a hash, which proves and does not tell."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        # By which the uploads of a day are counted: a project may be deleted, and this is not.
        Index("ix_audit_entries_begun", "workspace_id", "at", postgresql_where=text("action = 'project.created'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # Without a foreign key: what was done in a workspace is known after it is gone. Empty: the whole installation.
    workspace_id: Mapped[UUID | None] = mapped_column()  # type: ignore[assignment]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    target_kind: Mapped[str]
    target_id: Mapped[str]
    before_hash: Mapped[str | None]
    after_hash: Mapped[str | None]
    request_id: Mapped[str | None]
    ip: Mapped[str | None] = mapped_column(INET)
