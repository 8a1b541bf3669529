"""Processes that are killed before and after each commit and each outside call, one point after the other.

Whoever is killed at a point is run again and killed at the next one, until it comes through: every step begins as often
as it has points, each time on what the last try left. What is there in the end is what an undisturbed run makes.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import World, world
from tests.crashes import reconciling
from tests.crashes.conftest import MailServer
from tests.crashes.customers import SAID, SECONDS
from tests.crashes.visitor import Visitor, visiting
from tests.features.pipeline.made import SMALL, film, heard
from tests.integrations.test_downloads import file, site

from cliply.infra.db import Database

__all__ = ["world"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded everything")

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
def visitor(
    database: Database, migrated: str, world: World, mail: MailServer, link: str, tmp_path: Path
) -> Iterator[Visitor]:
    (tmp_path / "tmp").mkdir()
    with heard(SAID, SECONDS) as speech:
        environment = {
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
        with visiting(database, world.keys["owner"], tmp_path, environment) as made:
            yield made


def uploaded(visitor: Visitor, video: Path, *, killed: bool) -> str:
    """The id of a project whose source has arrived."""
    body = {"file_name": video.name, "size": video.stat().st_size, "options": {"count": 1, **SMALL}}
    plan = visitor.request("POST", "/api/upload/init", body=body, killed=killed)
    [part] = plan["missing"]
    visitor.request("PUT", part["link"], content=video.read_bytes().decode("latin-1"), killed=killed)
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
        reconciling.storage_agrees(session, tmp_path / "data" / "storage")
        twice = "select action, target_id from audit_entries group by 1, 2 having count(*) > 1"
        assert reconciling.rows(session, twice) == []


@pytest.mark.slow
def test_an_upload_that_is_killed_at_every_point_of_its_way_becomes_the_clip_of_one_that_was_not(
    visitor: Visitor, video: Path, tmp_path: Path
) -> None:
    project = uploaded(visitor, video, killed=True)
    for kind in STEPS:
        visitor.job(kind)
    points = visitor.points
    untouched = uploaded(visitor, video, killed=False)
    for kind in STEPS:
        visitor.job(kind, killed=False)
    assert made(visitor, project) == made(visitor, untouched)
    agreed(visitor, tmp_path)
    assert {"before a commit", "after a commit", "after a claim", "after a child's end"} <= set(points)
    assert {"before os.rename", "before subprocess.Popen", "before socket.connect"} <= set(points)
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


@pytest.mark.soak
def test_each_point_alone_does_no_harm(visitor: Visitor, video: Path, tmp_path: Path) -> None:
    untouched = uploaded(visitor, video, killed=False)
    for kind in STEPS:
        visitor.job(kind, killed=False)
    expected = made(visitor, untouched)
    for killed in STEPS:
        for fatal in count(1):
            before = len(visitor.points)
            project = uploaded(visitor, video, killed=False)
            for kind in STEPS:
                if kind == killed:
                    visitor.life(kind, fatal)
                visitor.job(kind, killed=False)
            assert made(visitor, project) == expected, visitor.points[-1]
            if len(visitor.points) == before:
                break
    agreed(visitor, tmp_path)
