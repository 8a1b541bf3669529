"""What people are told, and whether they were."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from cliply.infra.db import Model, WorkspaceOwned


class Mail(WorkspaceOwned, Model):
    """A letter that is to be sent; once it was, nothing is left of what it said."""

    __tablename__ = "mails"
    __table_args__ = (CheckConstraint("(sent_at IS NULL) = (sealed IS NOT NULL)", name="sent"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # Empty: it concerns no workspace.
    workspace_id: Mapped[UUID | None] = mapped_column(  # type: ignore[assignment]
        ForeignKey("workspaces.id", ondelete="CASCADE"), index=True
    )
    sealed: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    sent_at: Mapped[datetime | None]
