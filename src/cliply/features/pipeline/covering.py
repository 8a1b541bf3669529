"""Covers of clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cliply.features.clips.digests import cover_digest
from cliply.features.clips.framed import Framed
from cliply.features.clips.models import Clip
from cliply.features.clips.service import StoredFile, edit_of
from cliply.features.jobs.runner import JobRun
from cliply.features.pipeline.learning import Desk, desk
from cliply.features.pipeline.rendering import load_faces
from cliply.features.pipeline.storing import put_clip_file
from cliply.features.projects.models import Project
from cliply.media.edits import moved
from cliply.media.progress import Stage
from cliply.media.rendering.likeness import Look
from cliply.media.rendering.thumbnail import make_cover
from cliply.media.scratch import scratch_folder


@dataclass(frozen=True, slots=True)
class Cover:
    """The stored pictures of one clip."""

    clip_id: UUID
    version: int
    """Of the edit that they are of."""
    digest: str
    files: dict[str, StoredFile]


def is_due(clip: Clip) -> bool:
    """Whether a rendered clip has no cover, or one of what it was before."""
    edit = clip.clip_edit
    return edit is not None and clip.covered_from != cover_digest(edit)


def cover(run: JobRun, project: Project, wanted: Sequence[Clip]) -> list[Cover]:
    """Make and store the covers of these clips."""
    if not wanted:
        return []
    whole = {Stage.RENDER: (0.0, 1.0)}
    looks: list[Look] = []
    with desk(run, project, whole, step="making covers") as open_desk, scratch_folder("covers") as making:
        return [
            _covered(open_desk, clip, making / str(clip.id), number, len(wanted), looks)
            for number, clip in enumerate(wanted, 1)
        ]


def _covered(open_desk: Desk, clip: Clip, stem: Path, number: int, count: int, looks: list[Look]) -> Cover:
    """Made to look unlike those of `looks`, to which its own is added."""
    edit, storage = edit_of(clip), open_desk.run.runtime.storage
    digest = cover_digest(edit)
    here = moved(edit, open_desk.source.path)
    faces = load_faces(storage, clip, Framed.model_validate(clip.framed))
    portrait, wide = stem.with_suffix(".jpg"), stem.with_suffix(".wide.jpg")
    on_progress = open_desk.watch.progress(Stage.RENDER, number, count)
    source = open_desk.source.shown(here.span)
    chosen = make_cover(here, source, faces, portrait, wide, others=looks, on_progress=on_progress)
    looks += [chosen.look] if chosen.look is not None else []
    files = {
        kind: put_clip_file(storage, clip, kind, digest, file, lambda _bytes: on_progress(1.0))
        for kind, file in (("cover", portrait), ("coverwide", wide))
    }
    return Cover(clip.id, clip.version, digest, files)
