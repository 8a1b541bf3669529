"""Ask for what is to be made of a clip: the job that does it already is found, and one of an older edit makes way."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.features.clips import charging
from cliply.features.clips import service as clips
from cliply.features.clips.models import Clip, ClipState
from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import Kind
from cliply.features.jobs.models import Job


def held(session: Session, clip_id: UUID, render: str) -> Clip:
    """The clip, locked after the jobs of the kind `render` that are open for it: who ends one of them locks the clip
    second. Raises NoSuchClip."""
    clip = clips.find(session, clip_id)
    jobs.hold(session, [job.id for job in _open(session, clip, render)])
    return clips.find(session, clip_id, locked=True)


def ask_for_render(session: Session, clip: Clip, render: Kind[Any]) -> int:
    """The job that renders the clip as it is now; the clip is `held`."""
    clip.state, clip.error = ClipState.RENDERING, None
    session.flush()
    others = _open(session, clip, render.name)
    same = next((job for job in others if job.arguments.get("version") == clip.version), None)
    if same is not None:
        return render.join(session, same.id)
    wanted = {"project_id": clip.project_id, "clip_id": clip.id, "version": clip.version}
    job_id = render.start(session, **wanted)
    for job in others:
        jobs.cancel(session, job.id, actor="newer edit")
        charging.give_back(session, clip, job.arguments.get("version"))
    return job_id


def ask_for_cover(session: Session, clip: Clip, cover: Kind[Any]) -> int:
    """The job that makes the clip's cover as it is now. One that runs may have looked at the clip before it changed."""
    waiting = next((job for job in _open(session, clip, cover.name) if job.state == "queued"), None)
    return waiting.id if waiting else cover.start(session, project_id=clip.project_id, clip_id=clip.id)


def _open(session: Session, clip: Clip, kind: str) -> Sequence[Job]:
    """Those that run or are due; not what somebody has planned for later."""
    now = datetime.now(UTC)
    found = jobs.search(session, kind=kind, subject=str(clip.project_id), states=("queued", "running"), limit=1000).jobs
    return [
        job
        for job in found
        if job.arguments.get("clip_id") == str(clip.id)
        and (job.attempts or job.scheduled_at is None or job.scheduled_at <= now)
    ]
