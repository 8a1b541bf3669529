"""Bytes that are stored: counted where objects come and go, limited, and compared with the storage."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.jobs.working import working
from tests.features.pipeline.made import SMALL, film
from tests.features.pipeline.studio import Studio
from tests.features.usage.books import agree, commit, counted, entries, reserve
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import LIMITED, admitted_at_once, is_admitted, limit_of, on_plan
from tests.infra.queue.fleet import until

from cliply.features.clips.models import Clip
from cliply.features.clips.service import StoredFile
from cliply.features.identity.plans import Meter
from cliply.features.pipeline import service as pipeline
from cliply.features.pipeline.covering import Cover
from cliply.features.pipeline.tasks import _keep_cover
from cliply.features.projects import service as projects
from cliply.features.projects import uploads
from cliply.features.projects.tasks import delete_objects
from cliply.features.usage import stored
from cliply.features.usage.models import Metric
from cliply.features.usage.tasks import start_inventories, take_inventory
from cliply.infra.storage.keys import ObjectKey

BYTES = Metric.STORAGE_BYTES


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "film.mp4")


def begin(studio: Studio, size: int) -> UUID:
    with studio.office.entered("member") as (session, caller):
        wanted = uploads.NewUpload(file_name="talk.mp4", size=size)
        return uploads.init(studio.runtime, session, caller, wanted).upload.project_id


def put(studio: Studio, size: int, kind: str = "video", project: UUID | None = None) -> ObjectKey:
    key = ObjectKey(studio.office.id, project or uuid4(), kind, uuid4())
    studio.runtime.storage.put_stream(key, io.BytesIO(b"x" * size), content_type="video/mp4")
    return key


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize(("beside", "fits"), [(-1, True), (0, True), (1, False)])
def test_an_upload_finds_room_or_is_not_begun(studio: Studio, plan: str, beside: int, fits: bool) -> None:
    on_plan(studio.office, plan)
    commit(studio.office, BYTES, "before", limit_of(plan, Meter.STORAGE_BYTES) - 1_000)
    assert is_admitted(lambda: begin(studio, 1_000 + beside)) is fits


def test_of_twenty_uploads_at_once_one_gets_the_last_room(studio: Studio) -> None:
    on_plan(studio.office, storage_bytes=100, uploads_per_day=None)
    assert admitted_at_once([lambda: begin(studio, 60)] * 20) == 1
    assert counted(studio.office, BYTES) == (0, 60)


def test_a_source_counts_once_it_is_there_and_no_more_once_its_project_is_gone(
    studio: Studio, video: Path, migrated: str
) -> None:
    office, size = studio.office, video.stat().st_size
    project = studio.upload(video, **SMALL)
    assert counted(office, BYTES) == (size, 0)
    with office.entered("member") as (session, caller):
        projects.delete(session, caller, project.id)
    assert counted(office, BYTES) == (size, 0), "it is still there"
    with working(migrated, office.database, [delete_objects], runtime=studio.runtime):
        until(lambda: counted(office, BYTES) == (0, 0))
    assert list(studio.runtime.storage.sizes(office.id)) == []
    agree(office.database)


def test_an_upload_that_never_came_gives_its_room_back(studio: Studio) -> None:
    project = begin(studio, 5_000)
    assert counted(studio.office, BYTES) == (0, 5_000)
    with studio.office.entered("member") as (session, caller):
        uploads.refuse(session, caller.actor, project, "It never came.")
    assert counted(studio.office, BYTES) == (0, 0)


def test_the_files_of_a_clip_count_and_those_that_they_replace_go(studio: Studio, migrated: str) -> None:
    office = studio.office
    with office.database.workspace(office.id) as session:
        clip = ready_clip(session, ready_project(session))
    for version, size in ((1, 700), (2, 900)):
        key = put(studio, size, "cover", project=clip.project_id)
        file = StoredFile(key=str(key), size=size, sha256="0" * 64, content_type="image/jpeg")
        with office.database.workspace(office.id) as session:
            _keep_cover(session, session.get_one(Clip, clip.id), Cover(clip.id, version, "new", {"cover": file}))
    assert counted(office, BYTES) == (1_600, 0)
    with working(migrated, office.database, [delete_objects], runtime=studio.runtime):
        until(lambda: counted(office, BYTES) == (900, 0))
    agree(office.database)


def test_nothing_more_is_rendered_where_no_room_is_left(studio: Studio) -> None:
    office = studio.office
    with office.database.workspace(office.id) as session:
        project = ready_project(session)
        candidate(session, project, 1)

    def more() -> None:
        with office.entered("member") as (session, caller):
            pipeline.more(session, caller, project.id, count=1)

    on_plan(office, "pro", storage_bytes=10)
    commit(office, BYTES, "full", 10)
    assert not is_admitted(more)
    on_plan(office, "pro", storage_bytes=11)
    more()


def look(studio: Studio, *, since: datetime | None = None) -> stored.Drift:
    there = dict(stored.of_interest(studio.runtime.storage.sizes(studio.office.id)))
    with studio.office.database.workspace(studio.office.id) as session:
        return stored.agree(session, there, since=since or datetime.now(UTC) + timedelta(minutes=1))


def test_what_is_stored_and_what_is_counted_are_made_to_agree(studio: Studio) -> None:
    office = studio.office
    here, unknown = put(studio, 100), put(studio, 30, "source")
    put(studio, 5, "transcript")
    with office.database.workspace(office.id) as session:
        stored.keep(session, [(here, 100), (ObjectKey(office.id, uuid4(), "video", uuid4()), 7)])
    assert look(studio) == stored.Drift(missing=1, gone=1, bytes=23)
    assert counted(office, BYTES) == (130, 0)
    assert entries(office, BYTES)[str(unknown)] == ("committed", 30)
    assert look(studio) == stored.Drift(0, 0, 0)
    agree(office.database)


def test_what_came_while_somebody_looked_is_left_alone(studio: Studio) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=1)
    with studio.office.database.workspace(studio.office.id) as session:
        stored.keep(session, [(ObjectKey(studio.office.id, uuid4(), "video", uuid4()), 7)])
    assert look(studio, since=begun) == stored.Drift(0, 0, 0)
    assert counted(studio.office, BYTES) == (7, 0)


def test_every_workspace_is_looked_through_once_a_day(studio: Studio, migrated: str) -> None:
    office = studio.office
    put(studio, 40)
    with office.database.system() as session:
        for _ in range(2):
            start_inventories.start(session)
    with working(migrated, office.database, [start_inventories, take_inventory], runtime=studio.runtime):
        until(lambda: counted(office, BYTES) == (40, 0))
        until(studio.idle)
    with office.database.system() as session:
        done = "SELECT count(*) FROM jobs WHERE kind = 'STORAGE_INVENTORY'"
        assert session.execute(text(done)).scalar_one() == 2


def test_a_reservation_is_of_one_key_and_its_object_takes_its_place(studio: Studio) -> None:
    key = put(studio, 50)
    reserve(studio.office, BYTES, str(key), 60)
    with studio.office.database.workspace(studio.office.id) as session:
        stored.keep(session, [(key, 50)])
    assert counted(studio.office, BYTES) == (50, 0)
