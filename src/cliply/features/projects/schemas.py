"""Bodies of requests and answers about uploads and projects."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from cliply.features.projects.models import ProjectState, SourceKind
from cliply.features.projects.options import ProjectOptions
from cliply.features.projects.service import LONGEST_NAME
from cliply.infra.bodies import Answer, Body

_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, examples=["Interview with Ada"])]
_Sha256 = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the whole file; what arrives is checked against it.")
]


class UploadInit(Body):
    """A file that is to be uploaded."""

    kind: Literal["file"] = "file"
    file_name: Annotated[str, Field(min_length=1, max_length=1000, examples=["interview.mp4"])]
    size: Annotated[int, Field(ge=1, lt=2**50, description="Bytes.", examples=[104857600])]
    sha256: _Sha256 | None = None
    content_type: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}$", examples=["video/mp4"])
    ] = "application/octet-stream"
    duration_ms: Annotated[
        int | None,
        Field(
            ge=1,
            lt=2**31,
            description="How long it is, in milliseconds, where that is known. What the plan has no minutes left for "
            "is refused then before anything is sent; the length that the file has counts in the end.",
            examples=[3_600_000],
        ),
    ] = None
    name: Annotated[_Name | None, Field(description="Of the project; the file's where it is left out.")] = None
    options: ProjectOptions = Field(default_factory=ProjectOptions)


class LinkInit(Body):
    """A link to a video that is to be fetched."""

    kind: Literal["link"]
    link: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://www.youtube.com/watch?v=jNQXAC9IVRw"])]
    name: Annotated[_Name | None, Field(description="Of the project; the video's title where it is left out.")] = None
    options: ProjectOptions = Field(default_factory=ProjectOptions)


class UploadComplete(Body):
    project_id: UUID
    sha256: _Sha256 | None = None


class PartSend(Answer):
    """A part that is to be sent."""

    number: int = Field(description="Counted from 1.", examples=[2])
    size: int = Field(description="Bytes; exactly as many are taken.", examples=[16_777_216])
    link: str = Field(
        description="Where they go, with PUT, within twelve hours; ask for the upload again for new links. Begins with "
        "a slash where Cliply itself takes them.",
        examples=["/files/…"],
    )


class PartArrived(Answer):
    number: int = Field(examples=[1])
    size: int = Field(examples=[16_777_216])


class UploadRead(Answer):
    """What of an upload has arrived, and where the rest goes."""

    kind: Literal["file"] = "file"
    project_id: UUID
    size: int = Field(description="Bytes of the file.", examples=[20_000_000])
    part_size: int = Field(description="Bytes of every part but the last.", examples=[16_777_216])
    parts: int = Field(description="How many there are.", examples=[2])
    expires_at: datetime = Field(description="Until then it has to be complete.")
    arrived: list[PartArrived]
    missing: list[PartSend] = Field(description="The next ones to send. Ask again when they are sent.")


class LinkAccepted(Answer):
    """The link is being fetched; nothing has to be sent."""

    kind: Literal["link"] = "link"
    project_id: UUID


class ProjectRead(Answer):
    id: UUID
    name: str = Field(examples=["Interview with Ada"])
    source_kind: SourceKind
    state: ProjectState
    error: str | None = Field(description="Why it failed or was refused, for people.")
    options: ProjectOptions
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(
        description="It is deleted then, as the workspace keeps its files for a time only; its owners are told by mail "
        "some days before. Null keeps it."
    )
    file_name: str | None
    size: int | None = Field(description="Bytes of the source.")
    sha256: str | None
    duration_ms: int | None
    probe: dict[str, Any] | None = Field(description="What the source is: container, picture, sound.")
    language: str | None
    words: int | None = Field(description="How many were heard.")


class WorkRead(Answer):
    """A job that waits or runs for the project."""

    id: int = Field(examples=[4711])
    kind: str = Field(examples=["CLIP_RENDER"])
    state: str = Field(examples=["running"])
    progress: float = Field(description="From 0 to 1.", examples=[0.4])
    step: str | None
    clip_id: UUID | None


class ProjectDetails(ProjectRead):
    work: list[WorkRead] = Field(description="What is being done for it now.")


class ProjectUpdate(Body):
    name: _Name


class ProjectEventRead(Answer):
    """One step of the project, or of one of its clips."""

    id: int = Field(examples=[1024])
    at: datetime
    clip_id: UUID | None
    state: str = Field(examples=["ready"])
    error: str | None
