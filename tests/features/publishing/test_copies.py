"""What becomes of the clip while its publication waits or is sent: what was asked for goes out, or is refused."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete
from tests.features.publishing.meetings import meeting
from tests.features.publishing.mortal import Fate, Killed, attempted, bury, taken
from tests.features.publishing.stage import Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.clips.models import Clip, ClipState
from cliply.features.projects import service as projects
from cliply.features.publishing import publications
from cliply.features.publishing.models import Publication
from cliply.features.publishing.publications import NotAsItIs
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric
from cliply.infra.storage.keys import ObjectKey
from cliply.integrations.publisher import Network

LATER = timedelta(minutes=2)
Happens: TypeAlias = Callable[[Stage, Clip], object]


def rendered_again(stage: Stage, clip_id: UUID, folder: Path) -> str:
    """The clip has another video, and the one of before is gone, as after a change; its hash."""
    video = folder / "again.mp4"
    video.write_bytes(stage.media[0].read_bytes()[:-1] + b"!")
    with stage.office.entered("owner") as (session, _caller):
        clip = session.get_one(Clip, clip_id)
        before = ObjectKey.parse(clip.files["video"]["key"])
        stored = stage.runtime.storage.put_file(key := clip.key("video", uuid4()), video, content_type="video/mp4")
        told = {"size": stored.size, "sha256": stored.sha256, "content_type": stored.content_type}
        clip.files = {**clip.files, "video": {"key": str(key), **told}}
        clip.version = clip.rendered_version = 2
    stage.runtime.storage.delete(before)
    return hashlib.sha256(video.read_bytes()).hexdigest()


def project_deleted(stage: Stage, clip: Clip) -> None:
    with stage.office.entered("owner") as (session, caller):
        projects.delete(session, caller, clip.project_id)
    while stage.run_one():
        pass


def clip_deleted(stage: Stage, clip: Clip) -> None:
    with stage.office.entered("owner") as (session, _caller):
        session.execute(delete(Clip).where(Clip.id == clip.id))
    stage.runtime.storage.delete_all(stage.office.id, clip.project_id)


def half_way(stage: Stage, clip: Clip) -> Publication:
    """One that is prepared, and waits for a network that is out of order."""
    publication = stage.publish(Network.YOUTUBE, clip)
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload"))
    assert stage.run_one()
    assert stage.publication(publication.id).state == "parked"
    assert len(stage.copies(publication.id)) > 0
    return publication


def retried(stage: Stage, publication_id: UUID) -> None:
    with stage.office.entered("owner") as (session, caller):
        publications.retry(session, caller, publication_id)


@pytest.mark.parametrize("happens", [clip_deleted, project_deleted])
def test_a_clip_that_is_deleted_before_its_publication_begins_is_not_sent(stage: Stage, happens: Happens) -> None:
    stage.connect(Network.YOUTUBE)
    clip = stage.clip()
    publication = stage.publish(Network.YOUTUBE, clip)
    with stage.office.database.system() as session:
        session.connection().exec_driver_sql("update procrastinate_jobs set scheduled_at = now() + interval '1 hour'")
    happens(stage, clip)
    stage.run(passing=LATER)
    now = stage.publication(publication.id)
    assert (now.state, now.error_code) == ("rejected", "clip_gone")
    assert "was deleted" in (now.error or "")
    assert stage.posts() == []
    assert stage.copies(publication.id) == []
    with pytest.raises(NotAsItIs, match="was deleted"):
        retried(stage, publication.id)


@pytest.mark.parametrize("happens", [clip_deleted, project_deleted])
def test_a_clip_that_is_deleted_afterwards_goes_out_all_the_same(stage: Stage, happens: Happens) -> None:
    stage.connect(Network.YOUTUBE)
    clip = stage.clip()
    publication = half_way(stage, clip)
    happens(stage, clip)
    stage.run(passing=LATER)
    now = stage.publication(publication.id)
    assert (now.state, now.clip_id) == ("published", None)
    assert [post.details["sha256"] for post in stage.posts()] == [stage.digest]
    assert stage.copies(publication.id) == []


def test_a_clip_that_was_rendered_again_is_sent_when_that_is_asked_for(stage: Stage, tmp_path: Path) -> None:
    stage.connect(Network.YOUTUBE)
    clip = stage.clip()
    publication = stage.publish(Network.YOUTUBE, clip)
    present = rendered_again(stage, clip.id, tmp_path)
    stage.run(passing=LATER)
    now = stage.publication(publication.id)
    assert (now.state, now.error_code) == ("rejected", "clip_changed")
    assert "rendered again" in (now.error or "")
    assert stage.ledger.count("upload_begun") == 0
    retried(stage, publication.id)
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"
    assert [post.details["sha256"] for post in stage.posts()] == [present]


def test_a_clip_that_is_rendered_again_while_it_is_sent_goes_out_as_it_was(stage: Stage, tmp_path: Path) -> None:
    stage.connect(Network.YOUTUBE)
    clip = stage.clip()
    publication = half_way(stage, clip)
    rendered_again(stage, clip.id, tmp_path)
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"
    assert [post.details["sha256"] for post in stage.posts()] == [stage.digest]


def test_a_clip_that_is_being_rendered_again_is_sent_as_it_was_asked_for(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    clip = stage.clip()
    publication = stage.publish(Network.YOUTUBE, clip)
    with stage.office.entered("owner") as (session, _caller):
        session.get_one(Clip, clip.id).state = ClipState.RENDERING
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"
    assert [post.details["sha256"] for post in stage.posts()] == [stage.digest]


def test_what_is_called_off_or_refused_leaves_no_copies(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    called_off, refused = half_way(stage, stage.clip()), half_way(stage, stage.clip())
    with stage.office.entered("owner") as (session, caller):
        publications.cancel(session, caller, called_off.id)
    body = b'{"error": {"code": 400, "message": "No.", "errors": [{"reason": "invalidTitle"}]}}'
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload", status=400, body=body))
    stage.run(passing=LATER)
    assert [stage.publication(each.id).state for each in (called_off, refused)] == ["cancelled", "rejected"]
    assert stage.posts() == []
    assert [stage.copies(each.id) for each in (called_off, refused)] == [[], []]


@pytest.mark.parametrize("step", ["before storage.keys", "after storage.keys", "before storage.delete"])
def test_whoever_tries_again_while_copies_are_removed_keeps_the_new_ones(stage: Stage, step: str) -> None:
    stage.connect(Network.YOUTUBE)
    publication = refused(stage)
    assert meeting(stage, step, partial(prepared_again, stage, publication.id))
    assert len(stage.copies(publication.id)) > 0
    assert counted(stage) >= sum(each.stat().st_size for each in stage.media)
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"
    assert (stage.copies(publication.id), len(stage.posts()), counted(stage)) == ([], 1, 0)


def test_copies_that_a_worker_removed_and_died_are_counted_no_more(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    publication = refused(stage)
    token = taken(stage)
    assert token is not None
    with pytest.raises(Killed):
        attempted(stage, token, dies_after("after storage.delete"))
    assert counted(stage) > 0
    bury(stage)
    stage.run()
    assert (stage.copies(publication.id), counted(stage)) == ([], 0)


def dies_after(step: str) -> Fate:
    def strikes(_number: int, name: str) -> None:
        if name == step:
            raise Killed

    return Fate(strikes)


def counted(stage: Stage) -> int:
    """Bytes that the workspace is said to store, without those of clips, which are put there by hand."""
    with stage.office.database.workspace(stage.office.id) as session:
        return ledger.taken(session, Metric.STORAGE_BYTES)


def refused(stage: Stage) -> Publication:
    """With its copies, which the next job removes."""
    publication = half_way(stage, stage.clip())
    body = b'{"error": {"code": 400, "message": "No.", "errors": [{"reason": "invalidTitle"}]}}'
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload", status=400, body=body))
    stage._let_time_pass()
    assert stage.run_one()
    assert stage.publication(publication.id).state == "rejected"
    assert len(stage.copies(publication.id)) > 0
    return publication


def prepared_again(stage: Stage, publication_id: UUID) -> None:
    """It has new copies, and waits for a network that is out of order."""
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload"))
    retried(stage, publication_id)
    assert stage.run_one()
    assert stage.publication(publication_id).state == "parked"
