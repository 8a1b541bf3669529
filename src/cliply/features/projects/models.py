"""A source video, what was asked of it, and what was learned from it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.tables import text_enum


class SourceKind(StrEnum):
    """Where a source comes from."""

    FILE = "file"
    LINK = "link"


class ProjectState(StrEnum):
    """Where a project is; the database knows which may follow which."""

    UPLOADING = "uploading"
    DOWNLOADING = "downloading"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    """The source is kept, and its job can be run again."""
    REFUSED = "refused"
    """The source could not be used, or never came; nothing of it is kept."""


class Project(WorkspaceOwned, Model):
    """One source and its clips."""

    __tablename__ = "projects"
    __table_args__ = (
        Index("ix_projects_workspace_id_created_at", "workspace_id", text("created_at DESC"), text("id DESC")),
        # What uploads and clips refer to, so that none lies in another workspace or outside its source.
        UniqueConstraint("id", "workspace_id"),
        UniqueConstraint("id", "workspace_id", "duration_ms"),
        Index("ix_projects_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4, server_default=func.gen_random_uuid())
    name: Mapped[str]
    source_kind: Mapped[SourceKind] = mapped_column(text_enum(SourceKind))
    link: Mapped[str | None]
    state: Mapped[ProjectState] = mapped_column(text_enum(ProjectState))
    error: Mapped[str | None]
    options: Mapped[dict[str, Any]]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    # Set by the database where the workspace keeps files for another time than before.
    expires_at: Mapped[datetime | None]
    # Empty: owners do not know yet, and until they do it stays.
    expiry_told_at: Mapped[datetime | None]
    file_name: Mapped[str | None]
    source_id: Mapped[UUID | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    duration_ms: Mapped[int | None] = mapped_column(CheckConstraint("duration_ms > 0", name="duration_ms"))
    probe: Mapped[dict[str, Any] | None]
    language: Mapped[str | None]
    words: Mapped[int | None]
    transcript_id: Mapped[UUID | None]

    def key(self, kind: str, object_id: UUID) -> ObjectKey:
        """Of something that is stored for this project."""
        return ObjectKey(self.workspace_id, self.id, kind, object_id)


class Upload(WorkspaceOwned, Model):
    """A source on its way; kept after its end, so that a late call gets the same answer."""

    __tablename__ = "uploads"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "workspace_id"], ["projects.id", "projects.workspace_id"], ondelete="CASCADE",
            name="fk_uploads_project_id_projects",
        ),
    )  # fmt: skip

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    source_id: Mapped[UUID]
    storage_id: Mapped[str]
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    part_size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.workspace_id, self.project_id, "source", self.source_id)

    @property
    def parts(self) -> int:
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Bytes of one part, counted from 1."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)


class ProjectEvent(WorkspaceOwned, Model):
    """One step of a project or of one of its clips; written by the database with the step."""

    __tablename__ = "project_events"
    __table_args__ = (Index(None, "project_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    clip_id: Mapped[UUID | None] = mapped_column()
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    state: Mapped[str]
    error: Mapped[str | None]
