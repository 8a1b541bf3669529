"""A finished clip without the work: rows and stored files as a render leaves them."""

import io
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session
from tests.media.clips import follow

from cliply.features.clips.digests import cover_digest, video_digest
from cliply.features.clips.framed import Framed
from cliply.features.clips.models import Clip, ClipState
from cliply.features.pipeline.storing import CONTENT_TYPES
from cliply.features.projects.models import Project, ProjectState, SourceKind
from cliply.infra.storage.protocol import Storage
from cliply.media.edit import Captions, EditWord, PostText
from cliply.media.probe import Sound, Source, Video
from cliply.media.types import Size, Span

SPAN = Span(2_000, 12_000)


def ready_project(session: Session, *, duration: int = 60_000, state: ProjectState = ProjectState.READY) -> Project:
    project = Project(
        id=uuid4(), name="Bees", source_kind=SourceKind.FILE, state=state, options={},
        file_name="bees.mp4", source_id=uuid4(), size=10, sha256="0" * 64, duration_ms=duration,
        probe={"container": "mp4"},
    )  # fmt: skip
    session.add(project)
    session.flush()
    return project


def ready_clip(session: Session, project: Project, storage: Storage | None = None, **more: Any) -> Clip:
    words = tuple(EditWord(text=f"word{at}", start=at, end=at + 400) for at in range(2_000, 12_000, 500))
    post = PostText(title="How bees talk", description="They dance.", hashtags=("#bees",))
    edit = follow(_source(project), [SPAN], words=words, captions=Captions(), post=post)
    highlight = {"span": {"start": 2_000, "end": 12_000}, "score": 90.0, "text": "They dance.", "reason": "A surprise."}
    wanted: dict[str, Any] = {
        "id": uuid4(), "project_id": project.id, "source_ms": project.duration_ms, "start_ms": SPAN.start,
        "end_ms": SPAN.end, "rank": 1, "score": 90.0, "state": ClipState.READY, "version": 1,
        "moment": {"highlight": highlight, "title": "How bees talk"}, "edit": edit.model_dump(mode="json"),
        "framed": Framed(
            span=Span(0, 20_000), layout="auto", aspect="1:1", faces=uuid4(), wanted_span=SPAN, wanted_layout="auto"
        ).model_dump(mode="json"),
        "rendered_from": video_digest(edit), "covered_from": cover_digest(edit),
    }  # fmt: skip
    clip = Clip(**(wanted | more))
    session.add(clip)
    session.flush()
    if storage is not None:
        clip.files = {kind: _stored(storage, clip, kind) for kind in CONTENT_TYPES}
    return clip


def candidate(session: Session, project: Project, rank: int) -> UUID:
    clip = ready_clip(
        session, project, rank=rank, state=ClipState.CANDIDATE, version=0, edit=None, framed=None, rendered_from=None,
        covered_from=None,
    )  # fmt: skip
    return clip.id


def _stored(storage: Storage, clip: Clip, kind: str) -> dict[str, Any]:
    key = clip.key(kind, uuid4())
    stored = storage.put_stream(key, io.BytesIO(kind.encode()), content_type=CONTENT_TYPES[kind])
    told = {"size": stored.size, "sha256": stored.sha256, "content_type": stored.content_type}
    return {"key": str(key), **told}


def _source(project: Project) -> Source:
    size = Size(720, 720)
    shown = Video(
        codec="h264", size=size, coded=size, rate=30, constant_rate=True, rotation=0, pixel_aspect=1,  # type: ignore[arg-type]  # whole numbers are fractions
        pixel_format="yuv420p", colour_transfer="", colour_space="", colour_range="", start=0, reorders=False,
        last=59_900, end=60_000,
    )  # fmt: skip
    sound = Sound(codec="aac", index=0, rate=48_000, channels=2, start=0)
    return Source(Path("/source/bees.mp4"), "mp4", project.duration_ms or 0, 10, shown, sound)
