"""Clips: listed with their reasons, changed, reviewed, downloaded."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, TypedDict
from uuid import UUID, uuid5

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotFound
from cliply.features.audit import service as audit
from cliply.features.clips import editing
from cliply.features.clips.framed import Framed
from cliply.features.clips.models import Clip, ClipState, Review
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.features.projects import service as projects
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Storage
from cliply.media.edit import ClipEdit
from cliply.media.slug import slug
from cliply.media.types import Highlight

LINK_LASTS = timedelta(hours=1)
ENDINGS = {"video": "mp4", "cover": "jpg", "coverwide": "wide.jpg", "srt": "srt", "vtt": "vtt", "ass": "ass"}
"""The files of a clip, by kind."""
_HIGHLIGHT: TypeAdapter[Highlight] = TypeAdapter(Highlight)


class NoSuchClip(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such clip in this workspace. It may have been deleted with its project.")


class ClipNotMade(Conflict):
    def __init__(self, clip: Clip) -> None:
        super().__init__(f"This clip is {clip.state.value}. This can be done once it has been rendered.")


class ClipChanged(Conflict):
    """Two people at once: the second one has not seen what the first one did."""

    def __init__(self, version: int) -> None:
        super().__init__(f"The clip is at version {version} by now. Load it again, then change it.")


class NoSuchFile(NotFound):
    def __init__(self, kind: str) -> None:
        super().__init__(f"This clip has no file “{kind}”, or not yet. There are: {', '.join(ENDINGS)}.")


class StoredFile(TypedDict):
    """A file of a clip, as its row names it."""

    key: str
    size: int
    sha256: str
    content_type: str


def find(session: Session, clip_id: UUID, *, locked: bool = False) -> Clip:
    """Without asking who wants it: for jobs, and below a check. Raises NoSuchClip."""
    query = select(Clip).where(Clip.id == clip_id).execution_options(populate_existing=True)
    clip = session.scalars(query.with_for_update() if locked else query).one_or_none()
    if clip is None:
        raise NoSuchClip
    return clip


def get(session: Session, caller: Caller, clip_id: UUID) -> Clip:
    caller.require(Action.READ_PROJECTS)
    return find(session, clip_id)


def of_project(session: Session, caller: Caller, project_id: UUID, *, candidates: bool = False) -> Sequence[Clip]:
    """The project's clips, best first; or with `candidates` the moments that no clip was made of."""
    projects.get(session, caller, project_id)
    wanted = Clip.state == ClipState.CANDIDATE if candidates else Clip.state != ClipState.CANDIDATE
    return session.scalars(select(Clip).where(Clip.project_id == project_id, wanted).order_by(Clip.rank, Clip.id)).all()


def rendered(session: Session, project_id: UUID) -> Sequence[Clip]:
    """Clips that have a video, be it an older one."""
    made = (Clip.project_id == project_id, Clip.rendered_from.is_not(None), Clip.state == ClipState.READY)
    return session.scalars(select(Clip).where(*made).order_by(Clip.rank, Clip.id)).all()


def has_any_to_show(session: Session, project_id: UUID) -> bool:
    """Whether a clip of the project is made, or still being made."""
    to_show = (Clip.project_id == project_id, Clip.state.in_((ClipState.READY, ClipState.RENDERING)))
    return session.scalars(select(Clip.id).where(*to_show).limit(1)).first() is not None


def highlight_of(clip: Clip) -> Highlight:
    return _HIGHLIGHT.validate_python(clip.moment["highlight"])


def title_of(clip: Clip) -> str:
    # Out of the row as it is: to check the whole edit takes longer than all else of a list of clips.
    post = {} if clip.edit is None else clip.edit.get("post", {})
    return str(post.get("title", "") or clip.moment["title"])


def made(session: Session, project_id: UUID) -> int:
    """How many moments of the project were made clips of. One that failed keeps its place: it can be tried again."""
    asked_for = (Clip.project_id == project_id, Clip.state != ClipState.CANDIDATE)
    return session.scalar(select(func.count()).select_from(Clip).where(*asked_for)) or 0


def save_found(
    session: Session,
    project_id: UUID,
    source_ms: int,
    found: Iterable[tuple[Highlight, str]],
    *,
    most: int | None = None,
) -> list[Clip]:
    """Keep the moments that were found with their titles, best first; returns those to make clips of, `most` at most.

    A moment has its id from its project and its place, so finding it again changes nothing.
    """
    moments = {
        uuid5(project_id, f"{each.span.start}-{each.span.end}"): (rank, each, title)
        for rank, (each, title) in enumerate(found, 1)
    }
    session.execute(
        delete(Clip).where(
            Clip.project_id == project_id, Clip.state == ClipState.CANDIDATE, Clip.id.not_in(list(moments))
        )
    )
    known = {clip.id: clip for clip in session.scalars(select(Clip).where(Clip.project_id == project_id))}
    wanted = []
    left = math.inf if most is None else most - sum(clip.state is not ClipState.CANDIDATE for clip in known.values())
    for clip_id, (rank, highlight, title) in moments.items():
        clip = known.get(clip_id) or Clip(
            id=clip_id,
            project_id=project_id,
            source_ms=source_ms,
            start_ms=max(0, highlight.span.start),
            end_ms=min(highlight.span.end, source_ms),
            state=ClipState.CANDIDATE,
        )
        is_more = clip.state is ClipState.CANDIDATE
        chosen = highlight.chosen and (left > 0 or not is_more)
        left -= chosen and is_more
        clip.rank, clip.score = rank, highlight.score
        clip.moment = {"highlight": asdict(replace(highlight, chosen=chosen)), "title": title}
        session.add(clip)
        if chosen and clip.state is not ClipState.READY:
            clip.state = ClipState.RENDERING
            wanted.append(clip)
    session.flush()
    return wanted


def edit(session: Session, caller: Caller, clip_id: UUID, change: editing.ClipChange, *, version: int) -> Clip:
    """Change the clip's edit; nothing is rendered yet. Raises ClipChanged unless the edit is still at `version`."""
    caller.require(Action.EDIT_CLIPS)
    clip = find(session, clip_id, locked=True)
    was = clip.clip_edit
    if was is None or clip.framed is None:
        raise ClipNotMade(clip)
    if clip.version != version:
        raise ClipChanged(clip.version)
    now, framed = editing.changed(was, Framed.model_validate(clip.framed), change)
    if (now, framed) != (was, Framed.model_validate(clip.framed)):
        clip.edit, clip.framed = now.model_dump(mode="json"), framed.model_dump(mode="json")
        clip.start_ms, clip.end_ms = now.span.start, now.span.end
        clip.version += 1
        session.flush()
        before, after = was.model_dump(mode="json"), clip.edit
        audit.record(session, "clip.changed", ("clip", clip.id), by=caller.actor, before=before, after=after)
    return clip


def review(session: Session, caller: Caller, clip_id: UUID, verdict: Review) -> Clip:
    caller.require(Action.EDIT_CLIPS)
    clip = find(session, clip_id, locked=True)
    before, clip.review = state_of(clip), verdict
    session.flush()
    audit.record(
        session,
        "clip.reviewed",
        ("clip", clip.id),
        by=caller.actor,
        before=before,
        after=state_of(clip),
    )
    return clip


def download_links(storage: Storage, clip: Clip) -> dict[str, str]:
    """A link for each file that the clip has; a browser saves it under the clip's title."""
    return {kind: download_link(storage, clip, kind) for kind in ENDINGS if kind in clip.files}


def download_link(storage: Storage, clip: Clip, kind: str) -> str:
    """Raises NoSuchFile."""
    if kind not in ENDINGS or kind not in clip.files:
        raise NoSuchFile(kind)
    key = ObjectKey.parse(clip.files[kind]["key"])
    name = f"{clip.rank:02d}-{slug(title_of(clip))}.{ENDINGS[kind]}"
    return storage.download_link(key, expires_in=LINK_LASTS, file_name=name)


def edit_of(clip: Clip) -> ClipEdit:
    """Raises ClipNotMade."""
    made = clip.clip_edit
    if made is None:
        raise ClipNotMade(clip)
    return made


def replace_files(clip: Clip, made: dict[str, StoredFile]) -> list[str]:
    """Let the clip have these files; returns the keys of those that they replace."""
    replaced = [clip.files[kind]["key"] for kind in made if kind in clip.files]
    kept = {file["key"] for file in made.values()}
    clip.files = {**clip.files, **made}
    return [key for key in replaced if key not in kept]


def unnamed(clip: Clip, made: dict[str, StoredFile]) -> list[str]:
    """The keys of those that the clip does not have: another job may have made the same ones."""
    named = {file["key"] for file in clip.files.values()}
    return [file["key"] for file in made.values() if file["key"] not in named]


def state_of(clip: Clip) -> dict[str, Any]:
    """What the audit log proves of a clip."""
    return {"state": clip.state, "version": clip.version, "review": clip.review}
