import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from tests.database import as_owner
from tests.features.jobs.working import working
from tests.features.pipeline.studio import Studio
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until
from tests.media.clips import TONE, make

from cliply.errors import Invalid, LimitReached
from cliply.features.audit.models import AuditEntry
from cliply.features.identity.access import NoSuchWorkspace, RoleTooLow
from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline import service as pipeline
from cliply.features.projects import service as projects
from cliply.features.projects import sweeping, uploads
from cliply.features.projects.models import Upload
from cliply.features.projects.uploads import FileTooLarge, NoSuchUpload, SourceRefused
from cliply.infra.storage.failures import ObjectGone, PartsMissing, UploadGone


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "My talk.mp4"
    return make(path, "testsrc2=s=64x64:r=5", TONE.format(seconds=20), "-t", "20").path


def refused(studio: Studio, video: Path, because: str, **options: Any) -> None:
    """The project says why, the pipeline has not begun, and nothing is stored."""
    upload = studio.begin(video, **options)
    studio.send(upload, video)
    for _ in range(2):
        with pytest.raises(SourceRefused, match=because):
            studio.complete(upload.project_id)
    project = studio.project(upload.project_id)
    assert project.state == "refused"
    assert because in (project.error or "")
    with pytest.raises(ObjectGone):
        studio.runtime.storage.head(upload.key)
    assert studio.jobs(kind="TRANSCRIBE") == []


def test_a_complete_upload_is_known_and_goes_on_by_itself(studio: Studio, video: Path) -> None:
    project = studio.upload(video)
    assert (project.name, project.state, project.duration_ms) == ("My talk", "processing", 20_000)
    assert project.sha256 == hashlib.sha256(video.read_bytes()).hexdigest()
    assert (project.probe or {})["video"]["width"] == 64
    [job] = studio.jobs()
    assert (job.kind, job.state, job.subject) == ("TRANSCRIBE", "queued", str(project.id))
    actions = [action for action, _ in studio.office.entries()]
    assert actions == ["project.created", "upload.completed"]


def test_ten_completions_at_once_start_one_pipeline(studio: Studio, video: Path) -> None:
    upload = studio.begin(video)
    studio.send(upload, video)
    with ThreadPoolExecutor(10) as pool:
        found = [each.result() for each in [pool.submit(studio.complete, upload.project_id) for _ in range(10)]]
    assert {project.state for project in found} == {"processing"}
    assert [job.kind for job in studio.jobs()] == ["TRANSCRIBE"]
    assert studio.complete(upload.project_id).state == "processing", "a late call gets the same answer"


def checked(studio: Studio, migrated: str) -> None:
    """Run the check that a job is left with, and nothing after it."""
    kinds = [kind for kind in REGISTRY if kind.name in ("UPLOAD_CHECK", "OBJECTS_DELETE")]
    with working(migrated, studio.office.database, kinds, runtime=studio.runtime):
        until(lambda: not studio.jobs(states=projects.UNFINISHED, kind="UPLOAD_CHECK"))
        until(lambda: not studio.jobs(states=projects.UNFINISHED, kind="OBJECTS_DELETE"))


def test_what_takes_long_to_look_at_is_left_to_one_job(studio: Studio, video: Path, migrated: str) -> None:
    studio.patience = 0
    upload = studio.begin(video)
    studio.send(upload, video)
    with ThreadPoolExecutor(10) as pool:
        found = [each.result() for each in [pool.submit(studio.complete, upload.project_id) for _ in range(10)]]
    assert {project.state for project in found} == {"uploading"}
    assert [(job.kind, job.state) for job in studio.jobs()] == [("UPLOAD_CHECK", "queued")]
    checked(studio, migrated)
    done = studio.complete(upload.project_id)
    assert (done.state, done.sha256) == ("processing", hashlib.sha256(video.read_bytes()).hexdigest())
    assert [job.kind for job in studio.jobs(states=projects.UNFINISHED)] == ["TRANSCRIBE"]
    with studio.office.database.workspace(studio.office.id) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "upload.completed")).one()
    assert (entry.actor_kind, entry.actor_id) == ("user", studio.office.people["member"]), "whoever completed it"


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"longest": 9 * 60_000, "shortest": 30_000}])
def test_what_a_job_finds_to_be_no_use_is_refused(
    studio: Studio, video: Path, migrated: str, wrong: dict[str, Any]
) -> None:
    studio.patience = 0
    upload = studio.begin(video, **wrong)
    studio.send(upload, video)
    assert studio.complete(upload.project_id).state == "uploading"
    checked(studio, migrated)
    with pytest.raises(SourceRefused):
        studio.complete(upload.project_id)
    with pytest.raises(ObjectGone):
        studio.runtime.storage.head(upload.key)
    assert studio.jobs(states=projects.UNFINISHED) == []


def test_the_checksum_that_a_completion_names_goes_with_its_job(studio: Studio, video: Path, migrated: str) -> None:
    studio.patience = 0
    upload = studio.begin(video)
    studio.send(upload, video)
    studio.complete(upload.project_id, sha256="0" * 64)
    checked(studio, migrated)
    with pytest.raises(SourceRefused, match="did not arrive as it was sent"):
        studio.complete(upload.project_id)


def test_a_check_that_failed_is_begun_again_by_the_next_completion(studio: Studio, video: Path) -> None:
    studio.patience = 0
    upload = studio.begin(video)
    studio.send(upload, video)
    studio.complete(upload.project_id)
    [job] = studio.jobs()
    with studio.office.entered("member") as (session, _):
        jobs.cancel(session, job.id, actor="tester")
    assert studio.complete(upload.project_id).state == "uploading"
    assert sorted(job.state for job in studio.jobs(kind="UPLOAD_CHECK")) == ["cancelled", "queued"]


def test_an_upload_that_waits_for_its_check_is_not_given_up(studio: Studio, video: Path, migrated: str) -> None:
    studio.patience = 0
    upload = studio.begin(video)
    studio.send(upload, video)
    with as_owner(migrated) as owner:
        owner.execute(text("update uploads set expires_at = now() - interval '1 second'"))
    studio.complete(upload.project_id)
    with studio.office.database.system() as session:
        sweeping.sweep_uploads.start(session)
    kinds = [kind for kind in REGISTRY if kind.name == "UPLOADS_SWEEP"]
    with working(migrated, studio.office.database, kinds, runtime=studio.runtime):
        until(lambda: [job.kind for job in studio.jobs(states=projects.UNFINISHED)] == ["UPLOAD_CHECK"])
    assert studio.project(upload.project_id).state == "uploading"


def test_a_video_that_this_machine_has_no_room_for_is_left_to_another(
    studio: Studio, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = studio.begin(video)
    studio.send(upload, video)
    # What the system says of the disk.
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, 0))
    assert studio.complete(upload.project_id).state == "uploading"
    assert [job.kind for job in studio.jobs()] == ["UPLOAD_CHECK"]
    assert uploads_parts(studio, upload) == [1], "nothing was read or joined"


def uploads_parts(studio: Studio, upload: Upload) -> list[int]:
    return [part.number for part in studio.runtime.storage.uploads.parts(upload.key, upload.storage_id)]


def test_missing_parts_are_told_at_once_however_long_the_check_takes(studio: Studio, video: Path) -> None:
    studio.patience = 0
    with pytest.raises(PartsMissing):
        studio.complete(studio.begin(video).project_id)
    assert studio.jobs() == []


def test_an_upload_goes_on_where_it_was_dropped(studio: Studio, video: Path) -> None:
    upload = studio.begin(video, size=uploads.PART * 2 + 10)
    first = bytes(uploads.PART)
    studio.runtime.storage.uploads.put_part(upload.key, upload.storage_id, 1, first)
    studio.runtime.storage.uploads.put_part(upload.key, upload.storage_id, 3, b"cut")
    with pytest.raises(PartsMissing, match="Part 2 has"):
        studio.complete(upload.project_id)
    with studio.office.entered("member") as (session, caller):
        plan = uploads.plan(studio.runtime, uploads.get(session, caller, upload.project_id))
    assert [part.number for part in plan.arrived] == [1]
    assert [(part.number, part.size) for part in plan.missing] == [(2, uploads.PART), (3, 10)]
    assert studio.project(upload.project_id).state == "uploading"


def test_a_file_with_another_checksum_is_refused(studio: Studio, video: Path) -> None:
    refused(studio, video, "did not arrive as it was sent", sha256="0" * 64)


def test_a_file_of_another_size_is_refused(studio: Studio, video: Path) -> None:
    refused(studio, video, "did not arrive as it was sent", size=video.stat().st_size + 5)


@pytest.mark.parametrize("name", ["talk.mp4", "page.html"])
def test_what_is_no_video_is_refused(studio: Studio, tmp_path: Path, name: str) -> None:
    fake = tmp_path / name
    fake.write_bytes(b"<script>alert(1)</script>" * 100)
    refused(studio, fake, "“")


def test_a_video_that_is_shorter_than_the_shortest_clip_is_refused(studio: Studio, video: Path) -> None:
    refused(studio, video, "Allow shorter clips", shortest=30_000, longest=60_000)


def test_a_video_without_sound_is_refused(studio: Studio, tmp_path: Path) -> None:
    refused(studio, make(tmp_path / "mute.mp4", "testsrc2=s=64x64:r=5", None, "-t", "20").path, "has no sound")


def test_a_video_that_is_longer_than_allowed_is_refused(office: Office, video: Path, tmp_path: Path) -> None:
    studio = Studio.at(tmp_path, office, uploads={"longest": 19 / 3600})
    refused(studio, video, "at most")


def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(
    office: Office, video: Path, tmp_path: Path
) -> None:
    size = video.stat().st_size
    with pytest.raises(FileTooLarge):
        Studio.at(tmp_path, office, uploads={"largest": size - 1}).begin(video)
    assert Studio.at(tmp_path, office, uploads={"largest": size}).begin(video).size == size


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\videos\\a.mp4", "a\0b.mp4", "x" * 5000 + ".mp4", "\u202egnp.mp4"]
)
def test_a_person_s_file_name_names_nothing_in_storage(studio: Studio, name: str) -> None:
    wanted = uploads.NewUpload(file_name=name, size=10)
    with studio.office.entered("member") as (session, caller):
        upload = uploads.init(studio.runtime, session, caller, wanted).upload
    assert str(upload.key).startswith(f"{studio.office.id}/{upload.project_id}/source/")
    assert "/" not in upload.file_name
    assert "\\" not in upload.file_name


def test_a_viewer_uploads_nothing_and_a_stranger_finds_nothing(studio: Studio, video: Path) -> None:
    upload = studio.begin(video)
    studio.person = "viewer"
    with pytest.raises(RoleTooLow):
        studio.begin(video)
    with pytest.raises(RoleTooLow):
        studio.complete(upload.project_id)
    with pytest.raises(NoSuchWorkspace):
        pipeline.examine(studio.runtime, studio.office.principal("stranger"), studio.office.id, upload.project_id)


def test_an_upload_of_another_workspace_is_not_there(studio: Studio, video: Path) -> None:
    upload = studio.begin(video)
    with studio.office.database.system() as session:
        other = session.execute(text("select id from workspaces where name = 'Elsewhere'")).scalar_one()
    with pytest.raises(NoSuchUpload):
        pipeline.examine(studio.runtime, studio.office.principal("stranger"), other, upload.project_id)


def test_an_upload_that_was_never_finished_is_given_up(studio: Studio, video: Path, migrated: str) -> None:
    late, going = studio.begin(video), studio.begin(video)
    studio.send(late, video)
    with as_owner(migrated) as owner:
        owner.execute(
            text("update uploads set expires_at = now() - interval '1 second' where project_id = :id"),
            {"id": late.project_id},
        )
    with studio.office.database.system() as session:
        sweeping.sweep_uploads.start(session)
    kinds = [kind for kind in REGISTRY if kind.name in ("UPLOADS_SWEEP", "OBJECTS_DELETE")]
    with working(migrated, studio.office.database, kinds, runtime=studio.runtime):
        until(lambda: studio.project(late.project_id).state == "refused" and studio.idle())
    assert studio.project(going.project_id).state == "uploading"
    with pytest.raises(UploadGone):
        studio.runtime.storage.uploads.parts(late.key, late.storage_id)


def test_a_deleted_project_takes_its_files_and_jobs_along(studio: Studio, video: Path, migrated: str) -> None:
    project = studio.upload(video)
    assert project.source_id is not None
    with studio.office.entered("member") as (session, caller):
        projects.delete(session, caller, project.id)
    assert [job.kind for job in studio.jobs(states=("cancelled",))] == ["TRANSCRIBE"]
    kinds = [kind for kind in REGISTRY if kind.name == "OBJECTS_DELETE"]
    with working(migrated, studio.office.database, kinds, runtime=studio.runtime):
        until(studio.idle)
    with pytest.raises(ObjectGone):
        studio.runtime.storage.head(project.key("source", project.source_id))
    assert issubclass(FileTooLarge, LimitReached)
    assert issubclass(SourceRefused, Invalid)
