"""A project as it goes on, as server-sent events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cliply.errors import CliplyError
from cliply.features.identity.access import Principal, resolve
from cliply.features.jobs import service as jobs
from cliply.features.jobs.models import Job
from cliply.features.projects import service as projects
from cliply.features.projects.models import ProjectState
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
    """Looks again and again, each time as the caller that it then is; no transaction lasts longer than a look."""

    runtime: Runtime
    principal: Principal
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
            with self.runtime.database.workspace(self.workspace_id) as session:
                caller = resolve(session, self.principal)
                project = projects.get(session, caller, self.project_id)
                steps = projects.events(session, caller, self.project_id, after=self.after)
                found = jobs.search(session, subject=str(self.project_id), states=projects.UNFINISHED, limit=100).jobs
        except CliplyError:
            # Deleted meanwhile, or no longer theirs.
            return [_event("gone", {})], True
        told = [
            _event("step", ProjectEventRead.model_validate(each).model_dump(mode="json"), each.id) for each in steps
        ]
        self.after = steps[-1].id if steps else self.after
        progress = _event("progress", {"work": [work(each).model_dump(mode="json") for each in reversed(found)]})
        if progress != self._shown:
            self._shown = progress
            told.append(progress)
        return told, project.state in _OVER and not found and not steps


def _event(name: str, data: dict[str, Any], number: int | None = None) -> str:
    identified = "" if number is None else f"id: {number}\n"
    return f"{identified}event: {name}\ndata: {json.dumps(data)}\n\n"
