"""From an upload to finished clips in storage, with real jobs, a real model and a real video."""

from pathlib import Path

import pytest
from tests.features.jobs.working import working
from tests.features.pipeline.studio import PACE, Studio
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.clips.models import ClipState
from cliply.features.jobs.kinds import REGISTRY
from cliply.infra.storage.keys import ObjectKey
from cliply.media.probe import probe


@pytest.mark.slow
def test_an_uploaded_video_becomes_clips_with_all_their_files(
    office: Office, migrated: str, talk: Path, tmp_path: Path
) -> None:
    studio = Studio.at(tmp_path, office)
    project = studio.upload(talk, quality="draft", shortest=8_000, longest=20_000, count=1)
    assert project.state == "processing"
    with working(migrated, office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
        until(studio.ended(project.id), within=240)
    done = studio.project(project.id)
    assert (done.state, done.error, done.language) == ("ready", None, "en")
    assert (done.words or 0) > 50
    made = studio.clips(project.id, ClipState.READY)
    assert len(made) == 1
    assert studio.clips(project.id, ClipState.CANDIDATE)
    for clip in made:
        assert {"video", "srt", "vtt", "ass", "cover", "coverwide"} <= clip.files.keys()
        assert clip.moment["highlight"]["reason"]
        video = tmp_path / f"{clip.id}.mp4"
        studio.runtime.storage.download(ObjectKey.parse(clip.files["video"]["key"]), video)
        edit = clip.clip_edit
        assert edit is not None
        assert abs(probe(video).duration - edit.duration) < 100
