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
    percentile: int = Field(examples=[92])
    reason: str = Field(examples=["It opens with a question that the next sentence answers."])


class FileRead(Answer):
    size: int = Field(description="Bytes.", examples=[4_194_304])
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    content_type: str = Field(examples=["video/mp4"])


class CandidateRead(Answer):
    """A moment of the source. Times are milliseconds of the source."""

    id: UUID
    project_id: UUID
    rank: int = Field(description="1 is the best of all candidates.", examples=[1])
    score: float = Field(description="Percentile within this source; not a prediction of views.", examples=[97.5])
    title: str = Field(examples=["Why bees dance"])
    text: str = Field(description="What is said.", examples=["Do you know why bees dance? They draw a map."])
    reason: str = Field(examples=["It asks a question and answers it within ten seconds."])
    dimensions: list[DimensionRead]
    start: int = Field(examples=[62_400])
    end: int = Field(examples=[91_250])


class ClipRead(CandidateRead):
    """A clip, made or to be made."""

    state: ClipState
    error: str | None = Field(description="Why it could not be made; of a clip that is ready, what it lacks.")
    review: Review
    version: int = Field(description="Of the edit; counts up with each change.", examples=[3])
    changed: bool = Field(description="It was changed since it was rendered.")
    files: dict[FileKind, FileRead] = Field(
        examples=[{"video": {"size": 4_194_304, "sha256": "9f86…", "content_type": "video/mp4"}}]
    )
    findings: list[dict[str, Any]] = Field(description="What the check of the finished clip found.", examples=[[]])
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

    links: dict[FileKind, str] = Field(examples=[{"video": "/files/…", "cover": "/files/…"}])
