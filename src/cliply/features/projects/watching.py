"""A project as it goes on, as server-sent events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.errors import CliplyError
from cliply.features.identity.access import Caller, Principal, resolve
from cliply.features.identity.plans import plans_of
from cliply.features.jobs import service as jobs
from cliply.features.jobs.models import Job
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project, ProjectEvent, ProjectState
from cliply.features.projects.schemas import ProjectEventRead, WorkRead
from cliply.runtime import Runtime

_LOOKS = 1.0
"""Seconds between two looks."""
_BREATHES = 15.0
"""Seconds after which something is said, so that nobody between takes the stream for dead."""
_LASTS = 300.0
"""Seconds; whoever watches comes back by itself, and a server that is to stop need not wait for longer."""
_OVER = (ProjectState.READY, ProjectState.FAILED, ProjectState.REFUSED)


def work(job: Job) -> WorkRead:
    clip_id = job.arguments.get("clip_id")
    return WorkRead(
        id=job.id, kind=job.kind, state=job.state, progress=round(job.progress, 3), step=job.step, clip_id=clip_id
    )


@dataclass(slots=True)
class Watch:
    """Looks again and again, each time as the caller that it then is; no transaction lasts longer than a look.

    `prove` raises as soon as the key or session by which they came is worth nothing any more.
    """

    runtime: Runtime
    prove: Callable[[], Principal]
    workspace_id: UUID
    project_id: UUID
    after: int
    _shown: str = field(default="", init=False)

    async def events(self, gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        """Until nothing is left to be done, nobody is there any more, or it has lasted long enough."""
        begun = said = time.monotonic()
        yield "retry: 2000\n\n"
        loop = asyncio.get_running_loop()
        while time.monotonic() - begun < _LASTS and not await gone():
            told, over = await loop.run_in_executor(None, self.look)
            for each in told:
                said = time.monotonic()
                yield each
            if over:
                return
            if time.monotonic() - said > _BREATHES:
                said = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(_LOOKS)

    def look(self) -> tuple[list[str], bool]:
        """What is new, and whether that was all."""
        try:
            principal = self.prove()
            with self.runtime.database.workspace(self.workspace_id) as session:
                caller = resolve(session, principal, plans_of(self.runtime.settings))
                project, steps, found = _new(session, caller, self.project_id, self.after)
        except CliplyError:
            # Deleted meanwhile, no longer theirs, or they are no longer who they were.
            return [_event("gone", {})], True
        told = [
            _event("step", ProjectEventRead.model_validate(each).model_dump(mode="json"), each.id) for each in steps
        ]
        self.after = steps[-1].id if steps else self.after
        progress = _event("progress", {"work": [work(each).model_dump(mode="json") for each in reversed(found)]})
        if progress != self._shown:
            self._shown = progress
            told.append(progress)
        return told, _is_over(project, steps, found)


def is_over(session: Session, caller: Caller, project_id: UUID, *, after: int) -> bool:
    """Whether nothing is to come after this event. Raises NoSuchProject."""
    return _is_over(*_new(session, caller, project_id, after))


_New: TypeAlias = tuple[Project, Sequence[ProjectEvent], Sequence[Job]]


def _new(session: Session, caller: Caller, project_id: UUID, after: int) -> _New:
    project = projects.get(session, caller, project_id)
    steps = projects.events(session, caller, project_id, after=after)
    found = jobs.search(session, subject=str(project_id), states=projects.UNFINISHED, limit=100).jobs
    return project, steps, found


def _is_over(project: Project, steps: Sequence[ProjectEvent], found: Sequence[Job]) -> bool:
    return project.state in _OVER and not steps and not found


def _event(name: str, data: dict[str, Any], number: int | None = None) -> str:
    identified = "" if number is None else f"id: {number}\n"
    return f"{identified}event: {name}\ndata: {json.dumps(data)}\n\n"
