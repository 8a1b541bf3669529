"""Jobs as customers and operators see them; the rows are the queue engine's own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, MetaData
from sqlalchemy.orm import Mapped, mapped_column

from cliply.infra.db import Model, WorkspaceOwned


class _Read(Model):
    """Made by SQL of the revisions and written by the queue only, so not compared with them table by table."""

    __abstract__ = True
    metadata = MetaData()


class Job(WorkspaceOwned, _Read):
    """A view: written through the queue only. `workspace_id` is empty for the installation's own jobs."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    workspace_id: Mapped[UUID | None] = mapped_column()  # type: ignore[assignment]
    kind: Mapped[str]
    queue: Mapped[str]
    priority: Mapped[int]
    subject: Mapped[str | None]
    stage_id: Mapped[UUID | None]
    arguments: Mapped[dict[str, Any]]
    state: Mapped[str]
    """queued, running, stopping, succeeded, failed or cancelled."""
    attempts: Mapped[int]
    failures: Mapped[int]
    deaths: Mapped[int]
    progress: Mapped[float]
    step: Mapped[str | None]
    error: Mapped[str | None]
    error_code: Mapped[str | None]
    """Of the last failure, for programs; as the API's problems have it."""
    created_at: Mapped[datetime]
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    worker_id: Mapped[int | None] = mapped_column(BigInteger)


class JobEvent(WorkspaceOwned, _Read):
    """One change of a job's state; written by a trigger, whoever changed it."""

    __tablename__ = "job_events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[int] = mapped_column(BigInteger)
    workspace_id: Mapped[UUID | None] = mapped_column()  # type: ignore[assignment]
    at: Mapped[datetime]
    was: Mapped[str | None]
    became: Mapped[str]
    attempt: Mapped[int]
    worker_id: Mapped[int | None] = mapped_column(BigInteger)
    actor: Mapped[str | None]
    note: Mapped[str | None]


class Stage(WorkspaceOwned, _Read):
    """Jobs that run side by side, and the one that follows when all of them have ended."""

    __tablename__ = "stages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID | None] = mapped_column()  # type: ignore[assignment]
    pending: Mapped[int]
    failed: Mapped[int]
    next_kind: Mapped[str]
    next_job_id: Mapped[int | None] = mapped_column(BigInteger)
