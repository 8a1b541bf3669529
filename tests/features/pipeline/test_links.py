"""A project whose source is fetched from a link; the server that it comes from runs on this machine."""

import http.server
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.features.jobs.working import working
from tests.features.pipeline.made import SMALL, film, heard
from tests.features.pipeline.studio import PACE, Studio
from tests.features.projects.test_uploads import video
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until
from tests.integrations.test_downloads import allowing, file, site

from cliply.features.clips.models import ClipState
from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline import service as pipeline
from cliply.features.projects.local_copies import local_copies
from cliply.features.projects.models import Project
from cliply.features.projects.options import ProjectOptions
from cliply.integrations.downloads import LinksNotAllowed

__all__ = ["video"]


def begin(studio: Studio, link: str, **options: Any) -> Project:
    wanted = ProjectOptions(**options)
    with studio.office.entered("member") as (session, caller):
        return pipeline.begin_link(studio.runtime, session, caller, link, name=None, options=wanted)


def test_links_are_off_where_nobody_answers_for_them(office: Office, tmp_path: Path) -> None:
    studio = Studio.at(tmp_path, office)
    with pytest.raises(LinksNotAllowed):
        begin(studio, "https://www.youtube.com/watch?v=aaaaaaaaaaa")
    assert studio.jobs() == []


@pytest.mark.slow
def test_a_link_becomes_clips(office: Office, migrated: str, tmp_path: Path) -> None:
    shot = film(tmp_path / "film.mp4")
    with site() as found, heard() as settings:
        found.pages["/bees.mp4"] = file(shot.read_bytes())
        studio = Studio.at(tmp_path, office, downloads=allowing(found), **settings)
        project = begin(studio, f"{found.url}/bees.mp4", count=1, **SMALL)
        assert project.state == "downloading"
        with working(migrated, office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
            until(studio.ended(project.id), within=120)
    done = studio.project(project.id)
    assert (done.state, done.error, done.name, done.size) == ("ready", None, "bees", shot.stat().st_size)
    assert studio.clips(project.id, ClipState.READY)


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "told"), [({"largest": 1000}, "larger or longer"), ({"longest": 0.001}, "at most")])
def test_a_link_to_too_much_fails_with_the_reason(
    office: Office, migrated: str, video: Path, tmp_path: Path, limit: dict[str, Any], told: str
) -> None:
    kinds = [kind for kind in REGISTRY if kind.name == "YOUTUBE_DOWNLOAD"]
    with site() as found:
        found.pages["/bees.mp4"] = file(video.read_bytes())
        studio = Studio.at(tmp_path, office, downloads=allowing(found), uploads=limit)
        project = begin(studio, f"{found.url}/bees.mp4")
        with working(migrated, office.database, kinds, runtime=studio.runtime, pace=PACE):
            until(studio.ended(project.id))
    failed = studio.project(project.id)
    assert failed.state == "failed"
    assert told in (failed.error or "")
    assert not local_copies(studio.runtime.settings).download(project.id).exists()


@pytest.mark.slow
def test_a_download_that_is_cancelled_leaves_nothing_behind(
    office: Office, migrated: str, video: Path, tmp_path: Path
) -> None:
    kinds = [kind for kind in REGISTRY if kind.name == "YOUTUBE_DOWNLOAD"]
    goes_on = threading.Event()

    def halfway(handler: http.server.BaseHTTPRequestHandler) -> None:
        content = video.read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(content[: len(content) // 2])
            handler.wfile.flush()
            goes_on.wait(60)

    with site() as found:
        found.pages["/bees.mp4"] = halfway
        studio = Studio.at(tmp_path, office, downloads=allowing(found))
        project = begin(studio, f"{found.url}/bees.mp4")
        folder = local_copies(studio.runtime.settings).download(project.id)
        with working(migrated, office.database, kinds, runtime=studio.runtime, pace=PACE):
            until(lambda: folder.is_dir() and any(each.stat().st_size for each in folder.iterdir()), within=60)
            [job] = studio.jobs()
            with office.entered("member") as (session, _caller):
                jobs.cancel(session, job.id, actor="Ada")
            until(lambda: studio.jobs(states=("cancelled",)))
        goes_on.set()
    assert not folder.exists()
    assert studio.project(project.id).state == "failed"
