"""An installation on a bucket: machines that share it and a database, and no disk."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.api.apps import app_of
from tests.api.conftest import World, world
from tests.features.jobs.working import runtime_in, working
from tests.features.pipeline.made import SMALL, heard
from tests.features.pipeline.studio import ENDED, PACE
from tests.infra.queue.fleet import until
from tests.infra.storage.conftest import s3
from tests.infra.storage.seaweed import BUCKET, client
from tests.media.clips import TONE, make

from cliply.dev_providers.serve import serving
from cliply.features.jobs.kinds import REGISTRY
from cliply.infra import settings
from cliply.infra.db import Database
from cliply.media.probe import probe

__all__ = ["s3", "world"]


@dataclass(frozen=True)
class Installation:
    """Each machine of it has a folder of its own."""

    folder: Path
    url: str
    database: Database
    settings: dict[str, Any]

    @contextmanager
    def api(self, world: World) -> Iterator[httpx2.Client]:
        runtime = runtime_in(self.folder / "api", self.database, **self.settings)
        headers = world.headers("admin", workspace=world.workspace)
        with serving(app_of(runtime)) as url, httpx2.Client(base_url=url, headers=headers, timeout=60) as asked:
            yield asked

    @contextmanager
    def worker(self, name: str) -> Iterator[None]:
        runtime = runtime_in(self.folder / name, self.database, **self.settings)
        with working(self.url, self.database, REGISTRY, runtime=runtime, concurrency=2, pace=PACE):
            yield

    def keys(self, of: UUID) -> set[str]:
        """What a workspace has in the bucket, seen past the product."""
        seen = client(self.settings["storage"].endpoint).list_objects_v2(Bucket=BUCKET, Prefix=f"{of}/")
        return {each["Key"] for each in seen.get("Contents", [])}


@pytest.fixture
def installation(tmp_path: Path, migrated: str, database: Database, s3: settings.Storage) -> Iterator[Installation]:
    with ExitStack() as opened:
        speech = opened.enter_context(heard())
        yield Installation(tmp_path, migrated, database, {"storage": s3, **speech})


def recorded(path: Path) -> Path:
    """With sound as it comes from a camera, so that it takes more than one part."""
    sound = ("-c:a", "pcm_s32le", "-ac", "2")
    return make(path, "testsrc2=s=160x160:r=10", TONE.format(seconds=75), "-t", "75", *sound).path


def answer(response: httpx2.Response) -> Any:
    assert response.is_success, response.text
    return response.json() if response.content else None


def sent(api: httpx2.Client, video: Path) -> str:
    """The project of a video whose parts went straight to the bucket."""
    body = {"file_name": video.name, "size": video.stat().st_size, "options": {**SMALL, "count": 1}}
    plan = answer(api.post("/api/upload/init", json=body))
    assert plan["parts"] > 1, "one part alone would show little"
    content = video.read_bytes()
    for part in plan["missing"]:
        start = (part["number"] - 1) * plan["part_size"]
        assert not part["link"].startswith(str(api.base_url))
        assert httpx2.put(part["link"], content=content[start : start + part["size"]]).status_code == 200
    return str(plan["project_id"])


def ended(api: httpx2.Client, project: str) -> bool:
    seen = answer(api.get(f"/api/projects/{project}"))
    return seen["state"] in ENDED and not seen["work"]


@pytest.mark.slow
def test_a_video_becomes_a_clip_that_is_changed_and_deleted_with_no_disk_in_common(
    installation: Installation, world: World, tmp_path: Path
) -> None:
    film = recorded(tmp_path / "film.mov")
    with installation.api(world) as api:
        project = sent(api, film)
        completed = answer(api.post("/api/upload/complete", json={"project_id": project}))
        assert (completed["state"], completed["duration_ms"]) == ("processing", 75_000)
        with installation.worker("first"):
            until(lambda: ended(api, project), within=120)
        [clip] = answer(api.get(f"/api/projects/{project}/clips"))
        assert (clip["state"], clip["changed"]) == ("ready", False)
        first = downloaded(api, clip, tmp_path / "first.mp4")

        path = f"/api/clips/{clip['id']}"
        change = {"start": clip["start"] + 1_000, "title": "Shorter"}
        answer(api.patch(path, json=change, headers={"if-match": f'"{clip["version"]}"'}))
        assert answer(api.post(f"{path}/render"))["state"] == "rendering"
        # Another machine than the one that knows the source.
        with installation.worker("second"):
            until(lambda: ended(api, project), within=120)
        changed = answer(api.get(path))
        assert (changed["state"], changed["changed"], changed["title"]) == ("ready", False, "Shorter")
        second = downloaded(api, changed, tmp_path / "second.mp4")
        assert 500 < probe(first).duration - probe(second).duration < 1_500

        assert [key.split("/")[2] for key in installation.keys(world.workspace)].count("video") == 1, "one is replaced"
        answer(api.delete(f"/api/projects/{project}"))
        with installation.worker("third"):
            until(lambda: not installation.keys(world.workspace), within=60)
        assert api.get(path).status_code == 404
    assert list(tmp_path.glob("*/data/storage")) == [], "nothing was kept on a machine"


@pytest.mark.slow
def test_an_upload_that_the_api_has_no_time_for_is_looked_at_by_a_worker(
    installation: Installation, world: World, tmp_path: Path
) -> None:
    installation.settings["uploads"] = {"patience": 0}
    film = recorded(tmp_path / "film.mov")
    with installation.api(world) as api:
        project = sent(api, film)

        def completed() -> Any:
            return answer(api.post("/api/upload/complete", json={"project_id": project}))

        assert completed()["state"] == "uploading"
        with installation.worker("first"):
            until(lambda: completed()["state"] == "processing", within=60)
        assert completed()["sha256"] == hashlib.sha256(film.read_bytes()).hexdigest()
    assert list(tmp_path.glob("*/cache/service/sources/*/film.mov")) == [
        *tmp_path.glob("first/cache/service/sources/*/film.mov")
    ], "the API fetched nothing"


def downloaded(api: httpx2.Client, clip: Any, target: Path) -> Path:
    """The clip's video; each of its files can be had from its link, with no proof but that."""
    links = answer(api.get(f"/api/clips/{clip['id']}/files"))["links"]
    assert links.keys() == clip["files"].keys() >= {"video", "cover", "srt", "vtt", "ass"}
    for kind, link in links.items():
        got = httpx2.get(link)
        assert (got.status_code, len(got.content)) == (200, clip["files"][kind]["size"])
        if kind == "video":
            target.write_bytes(got.content)
    return target
