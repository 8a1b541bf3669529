"""A workspace that uploads videos, as a client would: in parts, to where the plan says."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from tests.features.jobs.working import runtime_in
from tests.features.workspaces.conftest import Office

from cliply.features.clips.models import Clip, ClipState
from cliply.features.jobs import service as jobs
from cliply.features.jobs.models import Job
from cliply.features.pipeline import service as pipeline
from cliply.features.projects import service as projects
from cliply.features.projects import uploads
from cliply.features.projects.models import Project, Upload
from cliply.features.projects.options import ProjectOptions
from cliply.infra.queue.worker import Pace
from cliply.runtime import Runtime

PACE = Pace(sweep=1.0, poll=0.1, stop_poll=0.5, grace=1.0, farewell=5.0)
"""The product's patience, since models keep a process busy, and a test's haste."""
ENDED = ("ready", "failed", "refused")


@dataclass
class Studio:
    office: Office
    runtime: Runtime
    person: str = "member"
    patience: float = math.inf
    """Seconds that a completion waits for the check."""

    @classmethod
    def at(cls, folder: Path, office: Office, **settings: Any) -> "Studio":
        return cls(office, runtime_in(folder, office.database, **settings))

    def environment(self, url: str, **more: str) -> dict[str, str]:
        """Of a process that works for the same installation, whose speech service is hosted."""
        now = self.runtime.settings
        assert now.openai.key is not None
        return {
            **os.environ,
            "CLIPLY_DATABASE__URL": url,
            "CLIPLY_DATA": str(now.data),
            "CLIPLY_CACHE": str(now.cache),
            "CLIPLY_SPEECH__MODEL": "openai",
            "CLIPLY_OPENAI__KEY": now.openai.key.get_secret_value(),
            "CLIPLY_OPENAI__URL": str(now.openai.url),
            **more,
        }

    def begin(self, video: Path, *, size: int | None = None, sha256: str | None = None, **options: Any) -> Upload:
        wanted = uploads.NewUpload(
            file_name=video.name, size=size or video.stat().st_size, sha256=sha256, options=ProjectOptions(**options)
        )
        with self.office.entered(self.person) as (session, caller):
            return uploads.init(self.runtime, session, caller, wanted).upload

    def send(self, upload: Upload, video: Path) -> None:
        with video.open("rb") as file:
            for number in range(1, upload.parts + 1):
                part = file.read(upload.part_size)
                self.runtime.storage.uploads.put_part(upload.key, upload.storage_id, number, part)

    def complete(self, project_id: UUID, **more: Any) -> Project:
        principal = self.office.principal(self.person)
        until = time.monotonic() + self.patience
        examined = pipeline.examine(self.runtime, principal, self.office.id, project_id, until=until, **more)
        with self.office.entered(self.person) as (session, caller):
            return pipeline.begin(session, caller, project_id, examined)

    def upload(self, video: Path, **options: Any) -> Project:
        upload = self.begin(video, **options)
        self.send(upload, video)
        return self.complete(upload.project_id)

    def project(self, project_id: UUID) -> Project:
        with self.office.database.workspace(self.office.id) as session:
            return projects.find(session, project_id)

    def ended(self, project_id: UUID) -> Callable[[], bool]:
        return lambda: self.project(project_id).state.value in ENDED

    def clips(self, project_id: UUID, *states: ClipState) -> list[Clip]:
        with self.office.database.workspace(self.office.id) as session:
            query = select(Clip).where(Clip.project_id == project_id).order_by(Clip.rank)
            return [clip for clip in session.scalars(query) if not states or clip.state in states]

    def jobs(self, **wanted: Any) -> list[Job]:
        with self.office.database.workspace(self.office.id) as session:
            return list(jobs.search(session, **wanted).jobs)

    def idle(self) -> bool:
        return not self.jobs(states=projects.UNFINISHED)
