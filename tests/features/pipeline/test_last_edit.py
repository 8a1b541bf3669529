"""Two renders of one clip at work at once: whichever ends last, the clip is as it was last edited."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.features.jobs.working import working
from tests.features.pipeline.made import heard
from tests.features.pipeline.studio import PACE, Studio
from tests.features.pipeline.test_steps import change, made, stored, worked_off
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.clips.digests import video_digest
from cliply.features.clips.models import Clip, ClipState
from cliply.features.clips.service import edit_of
from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline.tasks import render_clip
from cliply.infra.storage.keys import ObjectKey

pytestmark = pytest.mark.slow


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Iterator[Studio]:
    with heard() as settings:
        yield Studio.at(tmp_path, office, **settings)


def begin(studio: Studio, clip: Clip) -> int:
    """Without looking for one that is at work already, as those that were planned for later begin."""
    with studio.office.entered("member") as (session, _caller):
        return render_clip.options(subject=clip.project_id).start(session, project_id=clip.project_id, clip_id=clip.id)


def test_an_older_render_that_ends_last_changes_nothing(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project_id = made(studio, migrated, tmp_path)
    [clip] = studio.clips(project_id, ClipState.READY)
    clip = change(studio, clip, style="neon")
    with working(migrated, studio.office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
        older = begin(studio, clip)
        until(lambda: studio.jobs(kind="CLIP_RENDER")[0].step == "rendering", within=60)
        with studio.office.entered("member") as (session, _caller):
            # It cannot end for as long as somebody else holds its row.
            jobs.hold(session, [older])
            clip = change(studio, clip, style="minimal")
            newer = begin(studio, clip)
            until(
                lambda: newer in [job.id for job in studio.jobs(kind="CLIP_RENDER", states=("succeeded",))], within=60
            )
            [winner] = studio.clips(project_id, ClipState.READY)
            files = {kind: winner.files[kind] for kind in ("video", "srt", "vtt", "ass")}
        until(studio.idle, within=60)
    worked_off(studio, migrated)
    [clip] = studio.clips(project_id, ClipState.READY)
    assert clip.rendered_from == video_digest(edit_of(clip))
    assert clip.rendered_version == clip.version == 3
    assert {kind: clip.files[kind] for kind in files} == files
    here = {key for key in stored(studio) if key.kind in clip.files}
    assert here == {ObjectKey.parse(file["key"]) for file in clip.files.values()}, "what is there is what is named"
