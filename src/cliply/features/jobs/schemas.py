"""Bodies of requests and answers about jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cliply.features.jobs.operations import MOST_AT_ONCE, Steering
from cliply.infra.bodies import Answer, Body

State = Literal["queued", "running", "stopping", "succeeded", "failed", "cancelled"]
JobId = Annotated[int, Field(ge=1, lt=2**63, examples=[4711])]
KindName = Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{0,49}$", examples=["CLIP_RENDER"])]
QueueName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,49}$", examples=["media"])]


class JobEnqueue(Body):
    kind: KindName
    arguments: dict[str, Any] = Field(
        default_factory=dict, max_length=20, examples=[{"project_id": "8d8ac610-566d-4ef0-9c22-186b2a5ed793"}]
    )
    key: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="The same key gets the same job, whatever became of it."),
    ] = None
    at: Annotated[AwareDatetime | None, Field(description="Not before then.")] = None
    priority: Annotated[int, Field(ge=-100, le=0, description="Less than 0 waits for others.")] = 0


class JobRead(Answer):
    id: int = Field(examples=[4711])
    kind: str = Field(examples=["CLIP_RENDER"])
    state: State
    subject: str | None = Field(description="What it is about: mostly the project's id.")
    attempts: int = Field(examples=[1])
    progress: float = Field(description="From 0 to 1.", examples=[0.4])
    step: str | None = Field(description="What is being done.")
    error: str | None = Field(description="Why it failed, for people.")
    error_code: str | None = Field(description="The same for programs; does not change from version to version.")
    created_at: datetime
    scheduled_at: datetime | None = Field(description="When it runs next, where that is not at once.")
    started_at: datetime | None
    finished_at: datetime | None


class JobEventRead(Answer):
    """One change of a job's state."""

    at: datetime
    was: str | None
    became: str = Field(examples=["running"])
    attempt: int = Field(examples=[1])
    seconds: float | None = Field(None, description="How long the attempt lasted that ended with this.")
    actor: str | None
    note: str | None


class JobDetails(JobRead):
    events: list[JobEventRead]


class JobForOperators(JobRead):
    workspace_id: UUID | None
    queue: str = Field(examples=["media"])
    priority: int = Field(examples=[0])
    arguments: Mapping[str, Any] = Field(examples=[{"project_id": "8d8ac610-566d-4ef0-9c22-186b2a5ed793"}])
    failures: int = Field(examples=[0])
    deaths: int = Field(description="Workers that ended while they ran it.", examples=[0])
    worker_id: int | None


class JobDetailsForOperators(JobForOperators):
    events: list[JobEventRead]


class JobsSteer(Body):
    action: Steering
    ids: Annotated[list[JobId], Field(min_length=1, max_length=MOST_AT_ONCE)]


class JobSteered(Answer):
    id: int = Field(examples=[4711])
    done: bool
    error: str | None = Field(description="Why it was left alone.")
