"""Clips after they are made: changed, rendered again as far as that is due, and more of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.features.jobs.working import working
from tests.features.pipeline.made import SMALL, film, heard
from tests.features.pipeline.studio import PACE, Studio
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.clips import service as clips
from cliply.features.clips.editing import CaptionWord, ClipChange
from cliply.features.clips.models import Clip, ClipState
from cliply.features.clips.service import ClipChanged
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline import service as pipeline
from cliply.features.pipeline.tasks import detect_highlights, make_covers, render_clip, transcribe
from cliply.infra.storage.keys import ObjectKey
from cliply.media.probe import probe

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Iterator[Studio]:
    with heard() as settings:
        yield Studio.at(tmp_path, office, **settings)


def made(studio: Studio, migrated: str, tmp_path: Path, count: int = 1) -> UUID:
    project = studio.upload(film(tmp_path / "film.mp4"), count=count, **SMALL)
    with working(migrated, studio.office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
        until(studio.ended(project.id), within=120)
        until(studio.idle)
    done = studio.project(project.id)
    assert (done.state, done.error) == ("ready", None)
    return project.id


def worked_off(studio: Studio, migrated: str) -> None:
    with working(migrated, studio.office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
        until(studio.idle, within=120)


def change(studio: Studio, clip: Clip, **wanted: object) -> Clip:
    with studio.office.entered("member") as (session, caller):
        return clips.edit(session, caller, clip.id, ClipChange.model_validate(wanted), version=clip.version)


def render(studio: Studio, clip: Clip) -> None:
    with studio.office.entered("member") as (session, caller):
        pipeline.render(session, caller, clip.id)


def content(studio: Studio, clip: Clip, kind: str) -> bytes:
    return b"".join(studio.runtime.storage.read(ObjectKey.parse(clip.files[kind]["key"])))


def test_only_what_was_changed_is_made_again(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project_id = made(studio, migrated, tmp_path)
    [clip] = studio.clips(project_id, ClipState.READY)
    first = dict(clip.files)
    jobs = len(studio.jobs())

    change(studio, clip, description="About bees.")
    render(studio, clip)
    assert len(studio.jobs()) == jobs, "what is written beside a post is in no file"

    [clip] = studio.clips(project_id, ClipState.READY)
    clip = change(studio, clip, cover_title="BEES")
    render(studio, clip)
    assert {job.kind for job in studio.jobs(states=("queued",))} == {"THUMBNAIL_GEN"}
    worked_off(studio, migrated)
    [clip] = studio.clips(project_id, ClipState.READY)
    assert clip.files["video"] == first["video"]
    assert clip.files["cover"] != first["cover"]

    with pytest.raises(ClipChanged), studio.office.entered("member") as (session, caller):
        clips.edit(session, caller, clip.id, ClipChange(title="Late"), version=clip.version - 1)

    edit = clips.edit_of(clip)
    words = tuple(CaptionWord(text="bees", start=word.start, end=word.end) for word in edit.words)
    start = edit.span.start + 1_000
    clip = change(studio, clip, words=[word.model_dump() for word in words], start=start)
    render(studio, clip)
    worked_off(studio, migrated)
    [clip] = studio.clips(project_id, ClipState.READY)
    assert b"bees" in content(studio, clip, "srt").lower()
    assert set(content(studio, clip, "srt").decode().lower().split()) & {"strangers", "founders", "customer"} == set()
    video = tmp_path / "again.mp4"
    video.write_bytes(content(studio, clip, "video"))
    assert abs(probe(video).duration - (edit.duration - 1_000)) < 150
    for kind in ("video", "srt"):
        key = ObjectKey.parse(first[kind]["key"])
        assert key not in stored(studio), "files that were replaced are removed"


def told(studio: Studio, project_id: UUID) -> list[tuple[UUID, int, str, str]]:
    return [
        (clip.id, clip.rank, clip.state, json.dumps(clip.files, sort_keys=True)) for clip in studio.clips(project_id)
    ]


def stored(studio: Studio) -> set[ObjectKey]:
    root = studio.runtime.settings.data / "storage" / "objects"
    return {ObjectKey.parse(str(path.relative_to(root).with_suffix(""))) for path in root.rglob("*.json")}


def test_a_clip_that_is_made_longer_is_framed_and_captioned_anew(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project_id = made(studio, migrated, tmp_path)
    [clip] = studio.clips(project_id, ClipState.READY)
    before = clips.edit_of(clip)
    clip = change(studio, clip, end=before.span.end + 6_000, layout="fit")
    render(studio, clip)
    worked_off(studio, migrated)
    [clip] = studio.clips(project_id, ClipState.READY)
    after = clips.edit_of(clip)
    assert clip.error is None
    assert len(after.words) > len(before.words)
    assert {each.layout for each in after.layouts} == {"fit"}
    assert after.span.end == before.span.end + 6_000


def test_more_clips_come_from_what_was_found(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project_id = made(studio, migrated, tmp_path)
    transcripts = len(studio.jobs(kind="TRANSCRIBE"))
    candidates = studio.clips(project_id, ClipState.CANDIDATE)
    with studio.office.entered("member") as (session, caller):
        pipeline.more(session, caller, project_id, candidates=[candidates[-1].id])
    worked_off(studio, migrated)
    [_, added] = studio.clips(project_id, ClipState.READY)
    assert added.id == candidates[-1].id
    assert {"video", "cover"} <= added.files.keys()
    assert len(studio.jobs(kind="TRANSCRIBE")) == transcripts


def test_a_step_that_runs_again_gives_the_same_rows_and_objects(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project_id = made(studio, migrated, tmp_path)
    objects = stored(studio)
    rows = [
        (clip.id, clip.rank, clip.state, json.dumps(clip.files, sort_keys=True)) for clip in studio.clips(project_id)
    ]
    [clip] = studio.clips(project_id, ClipState.READY)
    with studio.office.entered("member") as (session, _caller):
        for again in (transcribe, detect_highlights, make_covers):
            again.options(subject=project_id).start(session, project_id=project_id)
        render_clip.options(subject=project_id).start(session, project_id=project_id, clip_id=clip.id)
    worked_off(studio, migrated)
    assert not studio.jobs(states=("failed",))
    assert stored(studio) == objects
    now = [
        (clip.id, clip.rank, clip.state, json.dumps(clip.files, sort_keys=True)) for clip in studio.clips(project_id)
    ]
    assert now == rows
