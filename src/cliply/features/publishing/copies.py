"""A publication's own copies of a clip's files: what becomes of the clip while it is sent changes nothing of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.clips import service as clips
from cliply.features.clips.models import Clip
from cliply.features.clips.service import StoredFile
from cliply.features.jobs import service as jobs
from cliply.features.jobs.runner import JobRun
from cliply.features.publishing.composing import Said
from cliply.features.publishing.models import UNFINISHED, Publication
from cliply.features.publishing.steps import Superseded, wanted
from cliply.features.usage import stored
from cliply.infra.queue.worker import Stopped
from cliply.infra.storage.keys import ObjectKey
from cliply.integrations.publisher import Rejected
from cliply.media.probe import probe

FILES = {"video": "video.mp4", "cover": "cover.jpg"}
"""What is copied, by kind, and what it is called on this machine."""
_LOOK_AGAIN = timedelta(seconds=20)
_MAKING = ("running", "stopping")


def make(run: JobRun, publication: Publication, folder: Path) -> dict[str, Any]:
    """Copy them and keep their keys, with what the video is like; they are in `folder` then as well.

    Raises Rejected where the clip is no longer there, or is another one than was asked for.
    """
    with run.session() as session:
        clip = _asked_for(session, publication)
    made: dict[str, StoredFile] = {}
    try:
        for kind, name in FILES.items():
            if kind in clip.files:
                made[kind] = _copy(run, publication, kind, clip.files[kind], folder / name)
        files = {**made, **_facts(folder / FILES["video"])}
        _keep(run, publication, files)
    except (Stopped, Superseded):
        # Another job is at it, or none any more: these are nobody's.
        for each in made.values():
            run.runtime.storage.delete(ObjectKey.parse(each["key"]))
        raise
    return files


def remove(run: JobRun, publication_id: UUID) -> None:
    """What is stored for a publication that is over. Waits for jobs that may still write for it."""
    storage = run.runtime.storage
    with run.session() as session:
        found = jobs.search(session, subject=str(publication_id), states=_MAKING).jobs
    if any(each.id != run.id for each in found):
        run.snooze(datetime.now(UTC) + _LOOK_AGAIN)
        return
    # Listed before it is asked whether it is over: what a retry copies after that is not among them.
    keys = storage.keys(run.workspace_id, publication_id)
    with run.session() as session:
        if not _is_over(session, publication_id):
            # It was tried again, and its end has all of them removed.
            return
    for key in keys:
        run.progress(0)
        storage.delete(key)
    with run.finish() as session:
        if _is_over(session, publication_id):
            # Those as well that somebody removed who died before this.
            stored.forget_project(session, run.workspace_id, publication_id)
        else:
            stored.forget(session, keys)


def _is_over(session: Session, publication_id: UUID) -> bool:
    """It stays so until the transaction ends."""
    query = select(Publication.state).where(Publication.id == publication_id)
    return session.scalars(query.with_for_update()).one_or_none() not in UNFINISHED


def _copy(run: JobRun, publication: Publication, kind: str, file: StoredFile, path: Path) -> StoredFile:
    storage = run.runtime.storage
    storage.download(ObjectKey.parse(file["key"]), path, on_progress=lambda _done: run.progress(0.0))
    copied = storage.put_file(
        key := publication.key(kind, uuid4()),
        path,
        content_type=file["content_type"],
        sha256=file["sha256"],
        on_progress=lambda _done: run.progress(0.05),
    )
    return StoredFile(key=str(key), size=copied.size, sha256=copied.sha256, content_type=copied.content_type)


def _keep(run: JobRun, publication: Publication, files: dict[str, Any]) -> None:
    """Raises Superseded or Stopped."""
    with run.held() as session:
        now = wanted(session, publication.id, publication.version)
        if now is None or now.files is not None:
            raise Superseded
        now.files = files
        session.flush()
        copied = [files[kind] for kind in FILES if kind in files]
        stored.keep(session, ((ObjectKey.parse(each["key"]), each["size"]) for each in copied))


def _facts(video: Path) -> dict[str, Any]:
    source = probe(video)
    if source.video is None:
        raise Rejected("The clip's file has no picture. Render it again.", "clip_unfit", field="clip_id")
    return {
        "seconds": source.duration / 1000,
        "width": source.video.size.width,
        "height": source.video.size.height,
        "frame_rate": float(source.video.rate),
    }


def _asked_for(session: Session, publication: Publication) -> Clip:
    """The clip, with the video that it had when it was asked for. Raises Rejected."""
    gone = Rejected("The clip was deleted before it was published.", "clip_gone", field="clip_id")
    if publication.clip_id is None:
        raise gone
    try:
        clip = clips.find(session, publication.clip_id)
    except clips.NoSuchClip:
        raise gone from None
    if clip.files.get("video", {}).get("sha256") != Said.model_validate(publication.post).video_sha256:
        raise Rejected(
            "The clip was rendered again after this was asked for. Look at it, then try again to publish it as it is "
            "now.",
            "clip_changed",
            field="clip_id",
        )
    return clip
