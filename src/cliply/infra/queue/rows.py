"""What both sides of the queue agree on: the arguments of a job's row, and the token that fences it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from cliply.infra.logging import current_context

Arguments: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """Whose turn a job is: a worker may only write for a job whose row still says the same."""

    job_id: int
    worker_id: int
    attempts: int

    def as_parameters(self) -> dict[str, int]:
        return {"job_id": self.job_id, "worker_id": self.worker_id, "attempts": self.attempts}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to queue. `arguments` are JSON and hold ids, never secrets: operators read them."""

    kind: str
    queue: str
    arguments: Arguments = field(default_factory=dict)
    workspace_id: UUID | None = None
    subject: str | None = None
    stage_id: UUID | None = None
    priority: int = 0
    request_id: str | None = field(default_factory=lambda: current_context().get("request_id"))
    """What the job's log lines belong to: the request that it comes from, however many jobs lie between."""

    def as_row_arguments(self) -> dict[str, Any]:
        """The JSON of the row; columns and row-level security are made from the first three."""
        named = {
            "workspace_id": self.workspace_id,
            "subject": self.subject,
            "stage_id": self.stage_id,
            "request_id": self.request_id,
        }
        return {name: str(value) for name, value in named.items() if value is not None} | {
            "arguments": dict(self.arguments)
        }
