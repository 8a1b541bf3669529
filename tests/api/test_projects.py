"""A video over HTTP: uploaded in parts, followed, and what is refused."""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.features.projects.test_uploads import video

from cliply.dev_providers.serve import serving
from cliply.features.projects.models import Upload
from cliply.features.projects.sources import source_cache
from cliply.runtime import Runtime

__all__ = ["video"]


def begin(client: TestClient, world: World, video: Path, who: str = "member", **more: Any) -> Any:
    body = {"file_name": video.name, "size": video.stat().st_size, **more}
    return client.post("/api/upload/init", json=body, **world.as_(who))


def uploaded(client: TestClient, world: World, video: Path) -> str:
    """The id of a project whose parts are sent."""
    plan = begin(client, world, video).json()
    for part in plan["missing"]:
        assert client.put(part["link"], content=video.read_bytes()).status_code in (200, 201, 204)
    return str(plan["project_id"])


def complete(client: TestClient, world: World, project: str, who: str = "member", **more: Any) -> Any:
    return client.post("/api/upload/complete", json={"project_id": project, **more}, **world.as_(who))


def test_a_video_is_uploaded_in_parts_and_goes_on_by_itself(client: TestClient, world: World, video: Path) -> None:
    project = uploaded(client, world, video)
    arrived = client.get(f"/api/upload/{project}", **world.as_("member")).json()
    assert ([part["number"] for part in arrived["arrived"]], arrived["missing"]) == ([1], [])
    checksum = hashlib.sha256(video.read_bytes()).hexdigest()
    answers = [complete(client, world, project, sha256=checksum) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["state"] for answer in answers] == ["processing", "processing"]
    seen = client.get(f"/api/projects/{project}", **world.as_("viewer"))
    assert [(job["kind"], job["state"]) for job in seen.json()["work"]] == [("TRANSCRIBE", "queued")]
    headers = world.headers("viewer", workspace=world.workspace) | {"if-none-match": seen.headers["etag"]}
    assert client.get(f"/api/projects/{project}", headers=headers).status_code == 304


def test_a_project_whose_step_failed_is_started_again_once(client: TestClient, world: World, video: Path) -> None:
    project = uploaded(client, world, video)
    complete(client, world, project)
    [job] = client.get(f"/api/projects/{project}", **world.as_("viewer")).json()["work"]
    client.post(f"/api/jobs/{job['id']}/cancel", **world.as_("member"))
    assert client.get(f"/api/projects/{project}", **world.as_("viewer")).json()["state"] == "failed"
    assert client.post(f"/api/projects/{project}/retry", **world.as_("viewer")).status_code == 403
    answer = client.post(f"/api/projects/{project}/retry", **world.as_("member"))
    assert (answer.status_code, answer.json()["state"], answer.json()["error"]) == (202, "processing", None)
    [work] = client.get(f"/api/projects/{project}", **world.as_("viewer")).json()["work"]
    assert (work["kind"], work["state"]) == ("TRANSCRIBE", "queued")
    refused = client.post(f"/api/projects/{project}/retry", **world.as_("member"))
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_failed")


def test_a_file_that_is_no_video_is_refused_with_the_reason(client: TestClient, world: World, tmp_path: Path) -> None:
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(b"no video" * 1000)
    project = uploaded(client, world, fake)
    answer = complete(client, world, project)
    assert (answer.status_code, answer.json()["code"]) == (422, "source_refused")
    assert client.get(f"/api/projects/{project}", **world.as_("viewer")).json()["state"] == "refused"


def test_an_upload_that_is_looked_at_keeps_nobody_else_from_being_answered(
    app: FastAPI, client: TestClient, world: World, runtime: Runtime, video: Path
) -> None:
    project = uploaded(client, world, video)
    with world.database.workspace(world.workspace) as session:
        source_id = session.get_one(Upload, UUID(project)).source_id
    many = runtime.database.connections + 5
    with serving(app) as url, ThreadPoolExecutor(many) as pool, ExitStack() as held:
        # Somebody of this machine looks at it, and does not end.
        held.enter_context(source_cache(runtime).alone(source_id))

        def ask(method: str, path: str, **more: Any) -> httpx2.Response:
            return httpx2.request(method, f"{url}{path}", timeout=30, **more, **world.as_("member"))

        asked = [pool.submit(ask, "POST", "/api/upload/complete", json={"project_id": project}) for _ in range(many)]
        for _ in range(20):
            assert ask("GET", f"/api/projects/{project}").json()["state"] == "uploading"
        assert not any(each.done() for each in asked)
        held.close()
        assert {each.result().json()["state"] for each in asked} == {"processing"}


def test_a_check_that_takes_long_is_answered_before_its_end(
    app: FastAPI, client: TestClient, world: World, runtime: Runtime, video: Path
) -> None:
    runtime.settings.uploads.patience = 0
    project = uploaded(client, world, video)
    answers = [complete(client, world, project) for _ in range(2)]
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(202, "uploading")] * 2
    seen = client.get(f"/api/projects/{project}", **world.as_("viewer")).json()
    assert [(job["kind"], job["state"]) for job in seen["work"]] == [("UPLOAD_CHECK", "queued")]


def test_parts_that_are_missing_are_named(client: TestClient, world: World, video: Path) -> None:
    project = begin(client, world, video).json()["project_id"]
    answer = complete(client, world, project)
    assert (answer.status_code, answer.json()["code"]) == (409, "parts_missing")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"style": "/etc/passwd"}, "no style of this name"),
        ({"shortest": 50_000, "longest": 20_000}, "longer than the longest"),
        ({"brand": {"logo": "/etc/passwd"}}, "not permitted"),
        ({"transcript": "/etc/passwd"}, "not permitted"),
    ],
)
def test_options_that_are_none_are_refused(
    client: TestClient, world: World, video: Path, options: dict[str, Any], told: str
) -> None:
    answer = begin(client, world, video, options=options)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_viewer_only_looks_and_a_stranger_sees_nothing(client: TestClient, world: World, video: Path) -> None:
    project = uploaded(client, world, video)
    assert begin(client, world, video, who="viewer").status_code == 403
    assert complete(client, world, project, who="viewer").status_code == 403
    assert client.delete(f"/api/projects/{project}", **world.as_("viewer")).status_code == 403
    for path in ("", "/clips", "/candidates", "/timeline", "/events"):
        theirs = world.headers("stranger", workspace=world.other)
        assert client.get(f"/api/projects/{project}{path}", headers=theirs).status_code == 404
        assert client.get(f"/api/projects/{project}{path}", **world.as_("stranger")).status_code == 404


def test_projects_are_listed_renamed_and_deleted(client: TestClient, world: World, video: Path) -> None:
    made = [begin(client, world, video).json()["project_id"] for _ in range(3)]
    page = client.get("/api/projects?limit=2", **world.as_("viewer")).json()
    rest = client.get(f"/api/projects?limit=2&cursor={page['next']}", **world.as_("viewer")).json()
    assert [each["id"] for each in page["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    assert client.get("/api/projects?cursor=abc", **world.as_("viewer")).status_code == 422
    renamed = client.patch(f"/api/projects/{made[0]}", json={"name": "Bees"}, **world.as_("member"))
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Bees")
    assert client.delete(f"/api/projects/{made[0]}", **world.as_("member")).status_code == 204
    assert client.get(f"/api/projects/{made[0]}", **world.as_("member")).status_code == 404


def events(body: str) -> list[tuple[str, str | None, Any]]:
    """Name, id and data of each event of a stream."""
    found = []
    for block in body.split("\n\n"):
        told = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in told:
            found.append((told["event"], told.get("id"), json.loads(told["data"])))
    return found


def test_a_project_is_followed_live_and_again_from_where_it_was_left(
    client: TestClient, world: World, tmp_path: Path
) -> None:
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(b"no video" * 1000)
    project = uploaded(client, world, fake)
    complete(client, world, project)
    with world.database.workspace(world.workspace) as session:
        # The job that removes the file has no worker here.
        session.execute(text("update procrastinate_jobs set status = 'succeeded' where status = 'todo'"))
    path = f"/api/projects/{project}/events"
    whole = events(client.get(path, **world.as_("viewer")).text)
    steps = [(data["state"], number) for name, number, data in whole if name == "step"]
    assert [state for state, _ in steps] == ["uploading", "refused"]
    headers = world.headers("viewer", workspace=world.workspace) | {"last-event-id": str(steps[0][1])}
    rest = events(client.get(path, headers=headers).text)
    assert [data["state"] for name, _, data in rest if name == "step"] == ["refused"]
    timeline = client.get(f"/api/projects/{project}/timeline", **world.as_("viewer")).json()
    assert [each["state"] for each in timeline["items"]] == ["uploading", "refused"]


@pytest.mark.parametrize("key", [True, False])
def test_a_stream_ends_with_the_key_or_session_that_opened_it(
    app: FastAPI, client: TestClient, world: World, video: Path, key: bool
) -> None:
    project = begin(client, world, video).json()["project_id"]
    proof = world.headers("member", key=key, workspace=world.workspace)
    with serving(app) as url, httpx2.stream("GET", f"{url}/api/projects/{project}/events", headers=proof) as stream:
        lines = stream.iter_lines()
        assert "event: step" in lines
        with world.database.system() as session:
            for table in ("api_keys", "login_sessions"):
                theirs = {"user": world.people["member"].id}
                session.execute(text(f"DELETE FROM {table} WHERE user_id = :user"), theirs)
        ended = time.monotonic()
        assert [line for line in lines if line.startswith("event: ")][-1] == "event: gone"
        assert time.monotonic() - ended < 3, "one look later; none is told anything in between"


def test_a_browser_that_has_seen_all_of_a_finished_project_asks_no_more(
    client: TestClient, world: World, tmp_path: Path
) -> None:
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(b"no video" * 1000)
    project = uploaded(client, world, fake)
    complete(client, world, project)
    path, headers = f"/api/projects/{project}/events", world.headers("viewer", workspace=world.workspace)
    with world.database.workspace(world.workspace) as session:
        last = session.execute(text("select max(id) from project_events")).scalar_one()
        session.execute(text("update procrastinate_jobs set status = 'succeeded' where status = 'todo'"))
    ended = client.get(path, headers=headers | {"last-event-id": str(last)})
    assert (ended.status_code, ended.content) == (204, b"")
    assert client.get(path, headers=headers | {"last-event-id": str(last - 1)}).status_code == 200


def test_a_server_that_is_to_stop_ends_its_streams(app: FastAPI, client: TestClient, world: World, video: Path) -> None:
    project = begin(client, world, video).json()["project_id"]
    app.state.stopping.set()
    # It would go on for as long as the upload is not finished.
    assert events(client.get(f"/api/projects/{project}/events", **world.as_("viewer")).text) == []


def test_a_link_is_refused_where_links_are_off_and_what_is_neither_is_no_source(
    client: TestClient, world: World
) -> None:
    body = {"kind": "link", "link": "https://www.youtube.com/watch?v=aaaaaaaaaaa"}
    answer = client.post("/api/upload/init", json=body, **world.as_("member"))
    assert (answer.status_code, answer.json()["code"]) == (403, "links_not_allowed")
    assert client.post("/api/upload/init", json={"kind": "fax"}, **world.as_("member")).status_code == 422
