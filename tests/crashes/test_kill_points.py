"""Processes that are killed before and after each commit and each outside call, one point after the other.

Whoever is killed at a point is run again and killed at the next one, until it comes through: every step begins as often
as it has points, each time on what the last try left. What is there in the end is what an undisturbed run makes.
"""

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.api.conftest import World, world
from tests.crashes import reconciling
from tests.crashes.conftest import MailServer
from tests.crashes.customers import SAID, SECONDS
from tests.crashes.visitor import Visitor, visiting
from tests.features.pipeline.made import SMALL, film, heard
from tests.infra.storage.seaweed import BUCKET, KEY, SECRET, client, seaweed
from tests.integrations.test_downloads import file, site

from cliply.infra.db import Database
from cliply.infra.settings import Settings, Storage
from cliply.infra.storage.opening import open_storage

__all__ = ["world"]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded everything"),
    # More than a hundred lives: on a busy machine those of the longest take more than the ten minutes of others.
    pytest.mark.timeout(1800),
]

STEPS = ("TRANSCRIBE", "HIGHLIGHT_DETECT", "CLIP_RENDER", "THUMBNAIL_GEN")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return film(tmp_path / "film.mp4", SECONDS)


@pytest.fixture
def link(video: Path) -> Iterator[str]:
    with site() as found:
        found.pages["/bees.mp4"] = file(video.read_bytes())
        yield f"{found.url}/bees.mp4"


@pytest.fixture
def environment(migrated: str, mail: MailServer, link: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "tmp").mkdir()
    with heard(SAID, SECONDS) as speech:
        yield {
            **os.environ,
            **mail.settings,
            "CLIPLY_DATABASE__URL": migrated,
            "CLIPLY_DATA": str(tmp_path / "data"),
            "CLIPLY_CACHE": str(tmp_path / "cache"),
            "TMPDIR": str(tmp_path / "tmp"),
            "CLIPLY_SPEECH__MODEL": "openai",
            "CLIPLY_OPENAI__KEY": speech["openai"]["key"],
            "CLIPLY_OPENAI__URL": speech["openai"]["url"],
            "CLIPLY_DOWNLOADS__RIGHTS_CONFIRMED": "1",
            "CLIPLY_DOWNLOADS__HOSTS": json.dumps([link.rpartition("/")[0]]),
            "CLIPLY_DOWNLOADS__EXTRACTORS": '["generic"]',
            "CLIPLY_DOWNLOADS__NETWORKS": '["127.0.0.1/32"]',
        }


@pytest.fixture
def visitor(database: Database, world: World, environment: dict[str, str], tmp_path: Path) -> Iterator[Visitor]:
    with visiting(database, world.keys["owner"], tmp_path, environment) as made:
        yield made


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Storage]:
    (tmp_path / "seaweed").mkdir()
    with seaweed(tmp_path / "seaweed") as found:
        yield found


def uploaded(visitor: Visitor, video: Path, *, killed: bool) -> str:
    """The id of a project whose source has arrived."""
    body = {"file_name": video.name, "size": video.stat().st_size, "options": {"count": 1, **SMALL}}
    plan = visitor.request("POST", "/api/upload/init", body=body, killed=killed)
    [part] = plan["missing"]
    if part["link"].startswith("/"):
        visitor.request("PUT", part["link"], content=video.read_bytes().decode("latin-1"), killed=killed)
    else:
        assert httpx2.put(part["link"], content=video.read_bytes()).is_success
    project = visitor.request("POST", "/api/upload/complete", body={"project_id": plan["project_id"]}, killed=killed)
    return str(project["id"])


def made(visitor: Visitor, project: str) -> dict[str, Any]:
    """The project's clip, by what does not depend on ids."""
    with visitor.database.system() as session:
        [state] = reconciling.rows(session, "select state, error, words from projects where id = :id", id=project)
        found = reconciling.rows(session, "select * from clips where project_id = :id order by rank", id=project)
        jobs = reconciling.rows(session, "select kind, state from jobs where subject = :id order by id", id=project)
        steps = "select state from project_events where project_id = :id order by id"
        events = reconciling.rows(session, steps, id=project)
    return {
        "project": tuple(state),
        "clips": [(clip.rank, clip.state, clip.start_ms, clip.end_ms, clip.score, clip.version) for clip in found],
        "files": [{kind: each["sha256"] for kind, each in clip.files.items()} for clip in found],
        "jobs": [tuple(job) for job in jobs],
        "events": [event.state for event in events],
    }


def agreed(visitor: Visitor, tmp_path: Path) -> None:
    with visitor.database.system() as session:
        reconciling.ended_well(session)
        reconciling.history_agrees(session)
        reconciling.usage_is_what_came_of_it(session)
        reconciling.storage_agrees(session, tmp_path / "data" / "storage")
        twice = "select action, target_id from audit_entries group by 1, 2 having count(*) > 1"
        assert reconciling.rows(session, twice) == []


@pytest.mark.parametrize(
    "finely", [pytest.param(False, marks=pytest.mark.slow), pytest.param(True, marks=pytest.mark.soak)]
)
def test_an_upload_that_is_killed_at_every_point_of_its_way_becomes_the_clip_of_one_that_was_not(
    visitor: Visitor, video: Path, tmp_path: Path, finely: bool
) -> None:
    visitor.finely = finely
    project = uploaded(visitor, video, killed=True)
    for kind in STEPS:
        visitor.job(kind)
    points = visitor.points
    untouched = uploaded(visitor, video, killed=False)
    for kind in STEPS:
        visitor.job(kind, killed=False)
    assert made(visitor, project) == made(visitor, untouched)
    agreed(visitor, tmp_path)
    reached = {point.partition(" in ")[0].partition(" ")[2] for point in points}
    assert {"before a commit", "after a commit", "after a claim", "before a child's end"} <= reached
    assert {"before os.rename", "before subprocess.Popen", "before socket.connect"} <= reached
    print(len(points), "points")  # noqa: T201 - how many there are is worth knowing


@pytest.mark.slow
def test_a_link_is_fetched_once_though_it_is_killed_at_every_point(visitor: Visitor, link: str, tmp_path: Path) -> None:
    body = {"kind": "link", "link": link, "options": {"count": 1, **SMALL}}
    project = visitor.request("POST", "/api/upload/init", body=body)["project_id"]
    visitor.job("YOUTUBE_DOWNLOAD")
    for kind in STEPS:
        visitor.job(kind, killed=False)
    assert made(visitor, project)["project"][:2] == ("ready", None)
    agreed(visitor, tmp_path)


@pytest.mark.slow
def test_a_change_a_letter_and_a_deletion_come_through_every_point(
    visitor: Visitor, world: World, mail: MailServer, video: Path, tmp_path: Path
) -> None:
    project = uploaded(visitor, video, killed=False)
    for kind in STEPS:
        visitor.job(kind, killed=False)
    [clip] = visitor.request("GET", f"/api/projects/{project}/clips", killed=False)["body"]
    path = f"/api/clips/{clip['id']}"
    version = visitor.request("GET", path, killed=False)["etag"]
    visitor.request("PATCH", path, body={"cover_title": "BEES"}, headers={"if-match": version})
    visitor.request("POST", f"{path}/render")
    visitor.job("THUMBNAIL_GEN")
    visitor.job("OBJECTS_DELETE")
    agreed(visitor, tmp_path)
    assert [job for job, _ in made(visitor, project)["jobs"]] == [*STEPS, "THUMBNAIL_GEN", "OBJECTS_DELETE"]

    invitation = {"email": "bo@example.com", "role": "viewer"}
    visitor.request("POST", f"/api/workspaces/{world.workspace}/members", body=invitation)
    visitor.job("MAIL_SEND")
    # A server whose yes nobody wrote down gets the letter again; by its id it is the same.
    assert len({letter["Message-ID"] for letter in mail.letters}) == 1
    assert {letter["To"] for letter in mail.letters} == {"bo@example.com"}

    visitor.request("DELETE", f"/api/projects/{project}", killed=False)
    visitor.job("OBJECTS_DELETE")
    agreed(visitor, tmp_path)
    assert not list((tmp_path / "data" / "storage" / "objects").rglob("*.json"))


@pytest.mark.slow
def test_a_bucket_holds_no_more_and_no_less_after_every_point(
    database: Database, world: World, environment: dict[str, str], bucket: Storage, video: Path, tmp_path: Path
) -> None:
    endpoint = str(bucket.endpoint)
    storage = {
        "CLIPLY_STORAGE__BUCKET": BUCKET,
        "CLIPLY_STORAGE__ENDPOINT": endpoint,
        "CLIPLY_STORAGE__KEY": KEY,
        "CLIPLY_STORAGE__SECRET": SECRET,
    }
    with visiting(database, world.keys["owner"], tmp_path, {**environment, **storage}) as visitor:
        visitor.only = "a call of the bucket"
        project = uploaded(visitor, video, killed=True)
        for kind in STEPS:
            visitor.job(kind)
        assert made(visitor, project)["project"][:2] == ("ready", None)
        assert len(visitor.points) > 2 * len(STEPS)
        with database.system() as session:
            reconciling.ended_well(session)
            reconciling.history_agrees(session)
            expected = reconciling.named(session)
    open_storage(Settings(data=tmp_path / "data", storage=bucket)).sweep(timedelta(0))
    there = client(endpoint)
    objects = there.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {each["Key"] for each in objects} == expected
    assert all(there.head_object(Bucket=BUCKET, Key=each)["Metadata"]["sha256"] for each in expected)
    assert "Uploads" not in there.list_multipart_uploads(Bucket=BUCKET)


@pytest.mark.soak
def test_each_point_alone_does_no_harm(visitor: Visitor, video: Path, tmp_path: Path) -> None:
    untouched = uploaded(visitor, video, killed=False)
    for kind in STEPS:
        visitor.job(kind, killed=False)
    expected = made(visitor, untouched)
    visitor.finely = True
    for last in STEPS:
        before = -1
        while before < (now := len(visitor.points)):
            before = now
            project = uploaded(visitor, video, killed=False)
            for kind in STEPS:
                if kind == last:
                    visitor.life(kind, killed=True)
                visitor.job(kind, killed=False)
            assert made(visitor, project) == expected, visitor.points[-1]
    agreed(visitor, tmp_path)
