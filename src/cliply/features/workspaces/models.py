"""What leads into a workspace."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from cliply.features.identity.models import Role
from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.tables import text_enum


class Invitation(WorkspaceOwned, Model):
    """One that is open; gone when it is accepted or taken back. Of its token only the hash is known."""

    __tablename__ = "invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    email: Mapped[str]
    role: Mapped[Role] = mapped_column(text_enum(Role))
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class WorkspaceExport(WorkspaceOwned, Model):
    """A file with all that the workspace holds; the file is there once it is finished."""

    __tablename__ = "workspace_exports"
    __table_args__ = (
        CheckConstraint(
            "(finished_at IS NULL) = (size IS NULL) AND (finished_at IS NULL) = (expires_at IS NULL)", name="finished"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    requested_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    size: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


# Who is invited twice has one invitation, however the address is written.
Index("uq_invitations_workspace_id_email", Invitation.workspace_id, func.lower(Invitation.email), unique=True)
