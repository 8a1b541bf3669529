"""One clip: framed where that is due, rendered, checked, and stored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from cliply.features.clips.digests import video_digest
from cliply.features.clips.framed import Framed
from cliply.features.clips.models import Clip
from cliply.features.clips.service import StoredFile, highlight_of
from cliply.features.jobs.runner import JobRun
from cliply.features.pipeline.learning import Desk, desk
from cliply.features.pipeline.storing import put_clip_file, put_text
from cliply.features.projects.models import Project
from cliply.infra.storage.protocol import Storage
from cliply.media.assemble import Assembled, assemble, placed, reframed
from cliply.media.deliver import file_names, make_video, write_subtitles
from cliply.media.documents import Finding
from cliply.media.edit import ClipEdit
from cliply.media.edits import moved
from cliply.media.progress import Stage
from cliply.media.scratch import scratch_folder
from cliply.media.types import FaceAt

ANYWHERE = Path("/source")
"""What stored edits name as their source: each machine has it somewhere else."""
_FACES: TypeAdapter[tuple[FaceAt, ...]] = TypeAdapter(tuple[FaceAt, ...])
_STAGES = {Stage.SOUND: (0.0, 0.02), Stage.FRAMING: (0.02, 0.3), Stage.RENDER: (0.3, 0.95)}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip as it was made; its source is named as nowhere in particular."""

    edit: ClipEdit
    framed: Framed
    findings: tuple[Finding, ...]
    files: dict[str, StoredFile]


def is_due(clip: Clip) -> bool:
    """Whether the clip has no video, or one of what it was before."""
    edit = clip.clip_edit
    fresh = clip.framed is not None and not Framed.model_validate(clip.framed).stale
    return edit is None or not fresh or clip.rendered_from != video_digest(edit)


def render(run: JobRun, project: Project, clip: Clip) -> Rendered | None:
    """Make and store the clip's video and subtitles; None where it has those of its edit already."""
    edit = clip.clip_edit
    framed = None if clip.framed is None else Framed.model_validate(clip.framed)
    if not is_due(clip):
        return None
    with desk(run, project, _STAGES) as open_desk:
        assembled, framed = _prepared(open_desk, clip, edit, framed)
        with scratch_folder("render") as making:
            return _made(open_desk, clip, assembled, framed, making)


def load_faces(storage: Storage, clip: Clip, framed: Framed) -> tuple[FaceAt, ...]:
    """Where faces were seen when the clip was framed."""
    with scratch_folder("faces") as folder:
        file = folder / "faces.json"
        storage.download(clip.key("faces", framed.faces), file)
        return _FACES.validate_json(file.read_bytes())


def _prepared(open_desk: Desk, clip: Clip, edit: ClipEdit | None, framed: Framed | None) -> tuple[Assembled, Framed]:
    """The edit as it is to be rendered, with its faces; its cameras are made where they are missing or out of date."""
    on_progress = open_desk.watch.progress(Stage.FRAMING)
    path = open_desk.source.path
    if edit is None or framed is None:
        assembled = assemble(open_desk.analysis(), highlight_of(clip), open_desk.options, on_progress)
        return assembled, _framed(open_desk, clip, assembled, None)
    edit = moved(edit, path)
    if framed.stale:
        analysis, layout = open_desk.analysis(), framed.wanted_layout
        assembled = reframed(analysis, edit, layout, known=framed.span, on_progress=on_progress)
        framed = _framed(open_desk, clip, assembled, framed)
    else:
        assembled = Assembled(edit=edit, faces=load_faces(open_desk.run.runtime.storage, clip, framed))
    if not framed.own_position:
        assembled = assembled.model_copy(update={"edit": placed(assembled.edit, assembled.faces)})
    return assembled, framed


def _framed(open_desk: Desk, clip: Clip, assembled: Assembled, before: Framed | None) -> Framed:
    """Keep what framing saw, for later renders."""
    written = _FACES.dump_json(assembled.faces).decode()
    faces: UUID = uuid5(clip.id, f"faces-{written}")
    put_text(open_desk.run.runtime.storage, clip.key("faces", faces), written, "application/json")
    edit, layout = assembled.edit, before.wanted_layout if before is not None else open_desk.options.layout
    span = edit.span if before is not None else highlight_of(clip).span
    return Framed(
        span=span,
        layout=layout,
        aspect=edit.output.aspect,
        faces=faces,
        wanted_span=edit.span,
        wanted_layout=layout,
        own_position=before is not None and before.own_position,
    )


def _made(open_desk: Desk, clip: Clip, assembled: Assembled, framed: Framed, making: Path) -> Rendered:
    names, source = file_names("clip"), open_desk.source
    edit, findings = make_video(
        assembled.edit,
        source.shown(assembled.edit.span),
        making / str(names.video),
        faces=assembled.faces,
        threads=max(1, (os.cpu_count() or 1) // 2),
        on_progress=open_desk.watch.progress(Stage.RENDER),
        # A person's own edit is made as it is; what is wrong with it is told.
        repairing=clip.version == 0,
    )
    write_subtitles(edit, making, names)
    # The place of the source is this machine's, and nobody else's business.
    edit = moved(edit, ANYWHERE)
    files = _stored(open_desk.run, clip, edit, {kind: making / str(getattr(names, kind)) for kind in _KINDS})
    return Rendered(edit, framed.wanting(edit.span, None), findings, files)


_KINDS: Sequence[str] = ("video", "srt", "vtt", "ass")


def _stored(run: JobRun, clip: Clip, edit: ClipEdit, made: dict[str, Path]) -> dict[str, StoredFile]:
    digest = video_digest(edit)
    return {
        kind: put_clip_file(run.runtime.storage, clip, kind, digest, file, lambda _bytes: run.progress(0.97, "storing"))
        for kind, file in made.items()
    }
