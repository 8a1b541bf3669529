"""The moments of a source that are worth a clip, and the clips made of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Float, ForeignKeyConstraint, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cliply.infra.db import Model, WorkspaceOwned
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.tables import text_enum
from cliply.media.edit import ClipEdit
from cliply.media.types import Span


class ClipState(StrEnum):
    """Where a clip is; the database knows which may follow which."""

    CANDIDATE = "candidate"
    """Found, and not made: somebody may ask for it."""
    RENDERING = "rendering"
    READY = "ready"
    FAILED = "failed"


class Review(StrEnum):
    """What people think of a clip."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


class Clip(WorkspaceOwned, Model):
    """A moment of a source. Its span lies within the source, which the database sees to."""

    __tablename__ = "clips"
    __table_args__ = (
        CheckConstraint("0 <= start_ms AND start_ms < end_ms AND end_ms <= source_ms", name="span"),
        ForeignKeyConstraint(
            ["project_id", "workspace_id", "source_ms"],
            ["projects.id", "projects.workspace_id", "projects.duration_ms"],
            ondelete="CASCADE", name="fk_clips_project_id_projects",
        ),
        Index(None, "project_id", "rank"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    source_ms: Mapped[int]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    rank: Mapped[int]
    score: Mapped[float] = mapped_column(Float(53))
    moment: Mapped[dict[str, Any]]
    """The highlight as it was found: what is said, and why it was chosen."""
    state: Mapped[ClipState] = mapped_column(text_enum(ClipState))
    error: Mapped[str | None]
    review: Mapped[Review] = mapped_column(text_enum(Review), default=Review.OPEN, server_default="open")
    version: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of the edit; each change of it counts one up."""
    edit: Mapped[dict[str, Any] | None]
    framed: Mapped[dict[str, Any] | None]
    """For what stretch and layout the edit's cameras were made, and where its faces are kept."""
    rendered_from: Mapped[str | None]
    rendered_version: Mapped[int | None]
    """Of the edit that the video is of."""
    covered_from: Mapped[str | None]
    covered_version: Mapped[int | None]
    files: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    findings: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)

    @property
    def clip_edit(self) -> ClipEdit | None:
        return None if self.edit is None else ClipEdit.model_validate(self.edit)

    def key(self, kind: str, object_id: UUID) -> ObjectKey:
        """Of something that is stored for this clip."""
        return ObjectKey(self.workspace_id, self.project_id, kind, object_id)
