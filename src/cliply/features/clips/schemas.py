"""Bodies of requests and answers about clips."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from cliply.features.clips.editing import ClipChange
from cliply.features.clips.models import ClipState, Review
from cliply.infra.bodies import Answer, Body

ExportFormat = Literal["otio", "fcpxml", "edl", "srt", "vtt", "ass"]
FileKind = Literal["video", "cover", "coverwide", "srt", "vtt", "ass"]


class DimensionRead(Answer):
    """One reason for the rank, compared with the other candidates of the source."""

    name: str = Field(examples=["hook"])
    percentile: int
    reason: str


class FileRead(Answer):
    size: int
    sha256: str
    content_type: str


class CandidateRead(Answer):
    """A moment of the source. Times are milliseconds of the source."""

    id: UUID
    project_id: UUID
    rank: int = Field(description="1 is the best of all candidates.")
    score: float = Field(description="Percentile within this source; not a prediction of views.")
    title: str
    text: str = Field(description="What is said.")
    reason: str
    dimensions: list[DimensionRead]
    start: int
    end: int


class ClipRead(CandidateRead):
    """A clip, made or to be made."""

    state: ClipState
    error: str | None
    review: Review
    version: int = Field(description="Of the edit; counts up with each change.")
    changed: bool = Field(description="It was changed since it was rendered.")
    files: dict[FileKind, FileRead]
    findings: list[dict[str, Any]] = Field(description="What the check of the finished clip found.")
    created_at: datetime
    updated_at: datetime


class ClipDetails(ClipRead):
    edit: dict[str, Any] | None = Field(description="Everything that makes the clip; null before it is first rendered.")


class ClipUpdate(Body, ClipChange):
    """What is to be different; whatever is left out stays. Times are milliseconds of the source."""


class ReviewUpdate(Body):
    review: Review


class ClipsMore(Body):
    """Which further clips to make."""

    candidates: list[UUID] = Field(
        default_factory=list, max_length=20, description="By their ids; the next best, if empty."
    )
    count: Annotated[int, Field(ge=1, le=20, description="How many of the next best.")] = 3


class FileLinks(Answer):
    """For an hour, each link reads its file without signing in."""

    links: dict[FileKind, str]
