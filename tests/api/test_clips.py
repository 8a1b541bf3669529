"""Clips over HTTP: seen, changed by one at a time, reviewed, downloaded, handed on."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.infra.queue.claiming import claim, register

from cliply.features.clips.models import Clip
from cliply.features.jobs import service as jobs
from cliply.features.projects import service as projects
from cliply.runtime import Runtime


@pytest.fixture
def clip(world: World, runtime: Runtime) -> Clip:
    with world.database.workspace(world.workspace) as session:
        return ready_clip(session, ready_project(session), runtime.storage)


def headers(world: World, tag: str, who: str = "member") -> dict[str, str]:
    return world.headers(who, workspace=world.workspace) | {"if-match": tag}


def change(client: TestClient, world: World, clip: Clip, tag: str, **wanted: Any) -> Any:
    return client.patch(f"/api/clips/{clip.id}", json=wanted, headers=headers(world, tag))


def queued(world: World) -> list[str]:
    with world.database.workspace(world.workspace) as session:
        return [job.kind for job in jobs.search(session).jobs]


def test_clips_are_listed_with_their_scores_and_reasons(client: TestClient, world: World, clip: Clip) -> None:
    [seen] = client.get(f"/api/projects/{clip.project_id}/clips", **world.as_("viewer")).json()
    assert (seen["title"], seen["score"], seen["reason"]) == ("How bees talk", 90, "A surprise.")
    assert (seen["start"], seen["end"], seen["changed"], seen["review"]) == (2_000, 12_000, False, "open")
    assert set(seen["files"]) == {"video", "cover", "coverwide", "srt", "vtt", "ass"}


def test_of_two_who_change_a_clip_at_once_the_second_is_told(client: TestClient, world: World, clip: Clip) -> None:
    tag = client.get(f"/api/clips/{clip.id}", **world.as_("viewer")).headers["etag"]
    first = change(client, world, clip, tag, title="Bees dance")
    assert (first.status_code, first.json()["version"], first.json()["title"]) == (200, 2, "Bees dance")
    second = change(client, world, clip, tag, title="Bees sing")
    assert (second.status_code, second.json()["code"]) == (412, "clip_changed")
    assert change(client, world, clip, first.headers["etag"], title="Bees sing").status_code == 200
    assert change(client, world, clip, '"3"', hook="Listen").status_code == 200
    for wrong in ("*", "W/abc", '""', "nonsense"):
        assert change(client, world, clip, wrong, title="x").status_code == 422
    missing = client.patch(f"/api/clips/{clip.id}", json={"title": "x"}, **world.as_("member"))
    assert missing.status_code == 422


def test_a_clip_that_is_known_is_not_sent_again(client: TestClient, world: World, clip: Clip) -> None:
    tag = client.get(f"/api/clips/{clip.id}", **world.as_("viewer")).headers["etag"]
    known = world.headers("viewer", workspace=world.workspace) | {"if-none-match": tag}
    assert client.get(f"/api/clips/{clip.id}", headers=known).status_code == 304
    change(client, world, clip, tag, title="Another")
    assert client.get(f"/api/clips/{clip.id}", headers=known).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ({"title": "Other", "description": "Other.", "hashtags": ["#other"]}, []),
        ({"cover_title": "OTHER"}, ["THUMBNAIL_GEN"]),
        ({"start": 3_000}, ["CLIP_RENDER"]),
        ({"style": "neon"}, ["CLIP_RENDER"]),
        ({"words": [{"text": "bee", "start": 2_000, "end": 2_400}]}, ["CLIP_RENDER"]),
        ({"hook": "Listen"}, ["CLIP_RENDER"]),
        ({"layout": "fit"}, ["CLIP_RENDER"]),
        ({"quality": "high"}, ["CLIP_RENDER"]),
    ],
)
def test_a_render_makes_only_what_a_change_concerns(
    client: TestClient, world: World, clip: Clip, wanted: dict[str, Any], made: list[str]
) -> None:
    assert change(client, world, clip, '"1"', **wanted).status_code == 200
    answer = client.post(f"/api/clips/{clip.id}/render", **world.as_("member"))
    assert answer.status_code == 202
    assert queued(world) == made
    assert answer.json()["state"] == ("rendering" if made == ["CLIP_RENDER"] else "ready")


def renders(world: World) -> list[tuple[str, int]]:
    with world.database.workspace(world.workspace) as session:
        found = jobs.search(session, kind="CLIP_RENDER").jobs
        return [(job.state, job.arguments["version"]) for job in reversed(found)]


def test_who_asks_for_a_render_again_gets_the_one_that_is_at_work(client: TestClient, world: World, clip: Clip) -> None:
    change(client, world, clip, '"1"', style="neon")
    for _ in range(3):
        assert client.post(f"/api/clips/{clip.id}/render", **world.as_("member")).status_code == 202
    assert renders(world) == [("queued", 2)]
    assert claim(world.database, register(world.database)) is not None
    body = {"kind": "CLIP_RENDER", "arguments": {"project_id": str(clip.project_id), "clip_id": str(clip.id)}}
    client.post(f"/api/clips/{clip.id}/render", **world.as_("member"))
    one, other = (
        client.post("/api/jobs/enqueue", json=body | {"key": "again"}, **world.as_("member")).json() for _ in range(2)
    )
    assert one["id"] == other["id"]
    assert renders(world) == [("running", 2)]


@pytest.mark.parametrize("ask", ["render", "enqueue"])
def test_a_render_of_an_older_edit_makes_way_for_that_of_a_newer(
    client: TestClient, world: World, clip: Clip, ask: str
) -> None:
    def wanted() -> None:
        arguments = {"project_id": str(clip.project_id), "clip_id": str(clip.id)}
        if ask == "render":
            client.post(f"/api/clips/{clip.id}/render", **world.as_("member"))
        else:
            client.post(
                "/api/jobs/enqueue", json={"kind": "CLIP_RENDER", "arguments": arguments}, **world.as_("member")
            )

    for number, style in enumerate(("neon", "karaoke", "minimal"), 1):
        assert change(client, world, clip, f'"{number}"', style=style).status_code == 200
        wanted()
        if number == 1:
            assert claim(world.database, register(world.database)) is not None
    assert renders(world) == [("stopping", 2), ("cancelled", 3), ("queued", 4)]
    seen = client.get(f"/api/clips/{clip.id}", **world.as_("viewer")).json()
    assert (seen["state"], seen["error"]) == ("rendering", None)


def test_who_asks_for_a_cover_again_waits_for_the_same_one(client: TestClient, world: World, clip: Clip) -> None:
    change(client, world, clip, '"1"', cover_title="OTHER")
    for _ in range(3):
        client.post(f"/api/clips/{clip.id}/render", **world.as_("member"))
    assert queued(world) == ["THUMBNAIL_GEN"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"style": "/etc/passwd"}, {"style": "nothing"}, {"end": 60_001}, {"start": 11_500}, {"start": -1},
        {"words": [{"text": "a", "start": 500, "end": 400}]}, {"cover_at": 50_000}, {"caption_position": 2},
        {"words": [{"text": "a", "start": 0, "end": 400}, {"text": "b", "start": 300, "end": 500}]},
        {"brand": {"logo": "/etc/passwd"}}, {"source": {"path": "/etc/passwd"}}, {"title": "x" * 101},
        {"layout": "round"}, {"words": [{"text": "zero \0", "start": 0, "end": 400}]},
        {"title": "zero \0"},
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_made_is_refused_and_changes_nothing(
    client: TestClient, world: World, clip: Clip, wanted: dict[str, Any]
) -> None:
    before = client.get(f"/api/clips/{clip.id}", **world.as_("viewer")).json()
    assert change(client, world, clip, '"1"', **wanted).status_code in (400, 422)
    assert client.get(f"/api/clips/{clip.id}", **world.as_("viewer")).json() == before


def test_a_clip_is_reviewed_downloaded_and_handed_on(client: TestClient, world: World, clip: Clip) -> None:
    path = f"/api/clips/{clip.id}"
    assert (
        client.post(f"{path}/review", json={"review": "approved"}, **world.as_("member")).json()["review"] == "approved"
    )
    links = client.get(f"{path}/files", **world.as_("viewer")).json()["links"]
    assert client.get(links["video"]).content == b"video"
    assert "01-how-bees-talk.mp4" in client.get(links["video"]).headers["content-disposition"]
    for form, part in (("srt", b"word2000"), ("otio", b"OTIO_SCHEMA"), ("fcpxml", b"<fcpxml"), ("edl", b"TITLE")):
        answer = client.get(f"{path}/exports/{form}", **world.as_("viewer"))
        assert (answer.status_code, part in answer.content) == (200, True)
        assert f"01-how-bees-talk.{form}" in answer.headers["content-disposition"]
    assert client.get(f"{path}/exports/exe", **world.as_("viewer")).status_code == 422


def test_more_clips_are_made_of_candidates(client: TestClient, world: World, clip: Clip) -> None:
    with world.database.workspace(world.workspace) as session:
        project = session.scalars(select(Clip).where(Clip.id == clip.id)).one().project_id
        found = [candidate(session, projects.find(session, project), rank) for rank in (3, 2)]
    path = f"/api/projects/{project}"
    assert [each["rank"] for each in client.get(f"{path}/candidates", **world.as_("viewer")).json()] == [2, 3]
    [best] = client.post(f"{path}/clips", json={"count": 1}, **world.as_("member")).json()
    assert (UUID(best["id"]), best["state"]) == (found[1], "rendering")
    again = client.post(f"{path}/clips", json={"candidates": [str(found[1])]}, **world.as_("member"))
    assert again.status_code == 404
    assert client.post(f"/api/clips/{found[0]}/render", **world.as_("member")).status_code == 409


def test_a_viewer_changes_nothing_and_others_see_nothing(client: TestClient, world: World, clip: Clip) -> None:
    path = f"/api/clips/{clip.id}"
    assert client.patch(path, json={"title": "x"}, headers=headers(world, '"1"', "viewer")).status_code == 403
    for post in (f"{path}/render", f"{path}/review"):
        assert client.post(post, json={"review": "approved"}, **world.as_("viewer")).status_code == 403
    stranger = world.headers("stranger", workspace=world.other)
    for read in (path, f"{path}/files", f"{path}/exports/srt", f"/api/projects/{clip.project_id}/clips"):
        assert client.get(read, headers=stranger).status_code == 404
    assert client.get(f"/api/clips/{uuid4()}", **world.as_("viewer")).status_code == 404
