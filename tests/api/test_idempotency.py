"""The same request gets the same answer; a dropped connection is no reason to do something twice."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.database import as_owner


def create(
    client: TestClient, world: World, key: str, body: dict[str, str], who: str = "owner"
) -> tuple[int, str, bool]:
    headers = world.headers(who) | {"idempotency-key": key}
    answer = client.post("/api/workspaces", headers=headers, json=body)
    told = answer.json().get("id") or answer.json()["code"]
    return answer.status_code, told, answer.headers.get("idempotency-replayed") == "true"


def test_a_request_that_is_sent_again_is_answered_as_before_and_not_done_again(
    client: TestClient, world: World
) -> None:
    status, made, replayed = create(client, world, "k-1", {"name": "Looms"})
    assert (status, replayed) == (201, False)
    assert create(client, world, '"k-1"', {"name": "Looms"}) == (201, made, True)
    listed = client.get("/api/workspaces", headers=world.headers("owner")).json()
    assert [each["name"] for each in listed] == ["Engines & Co.", "Looms"]


def test_another_key_or_another_person_does_it_anew(client: TestClient, world: World) -> None:
    made = [
        create(client, world, *how)
        for how in (("k-1", {"name": "A"}), ("k-2", {"name": "A"}), ("k-1", {"name": "A"}, "admin"))
    ]
    assert len({each[1] for each in made}) == 3
    assert not any(each[2] for each in made)


def test_a_key_is_good_for_one_request_only(client: TestClient, world: World) -> None:
    create(client, world, "k-1", {"name": "Looms"})
    assert create(client, world, "k-1", {"name": "Engines"})[:2] == (422, "key_used_for_another")


def test_what_failed_is_tried_again(client: TestClient, world: World) -> None:
    path = f"/api/workspaces/{world.workspace}/members/{world.people['owner'].id}"
    headers = world.headers("owner") | {"idempotency-key": "k-1"}
    assert client.patch(path, headers=headers, json={"role": "admin"}).status_code == 409
    second = {"role": "owner"}
    client.patch(
        path.replace(str(world.people["owner"].id), str(world.people["admin"].id)),
        headers=world.headers("owner"),
        json=second,
    )
    answer = client.patch(path, headers=headers, json={"role": "admin"})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")


def test_many_at_once_do_it_once(client: TestClient, world: World) -> None:
    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(lambda _: create(client, world, "k-1", {"name": "Looms"}), range(24)))
    assert {each[:2] for each in told} <= {
        (201, next(each[1] for each in told if each[0] == 201)),
        (409, "still_running"),
    }
    listed = client.get("/api/workspaces", headers=world.headers("owner")).json()
    assert len(listed) == 2


def test_a_secret_is_neither_kept_nor_shown_again(client: TestClient, world: World, migrated: str) -> None:
    path, body = f"/api/workspaces/{world.workspace}/keys", {"name": "Uploader", "scopes": ["workspace:read"]}
    headers = world.headers("owner") | {"idempotency-key": "k-1"}
    made = client.post(path, headers=headers, json=body)
    assert made.status_code == 201
    again = client.post(path, headers=headers, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "answered_once")
    with as_owner(migrated) as connection:
        rows = (
            connection.execute(text("SELECT id::text || coalesce(body::text, '') FROM idempotency_keys"))
            .scalars()
            .all()
        )
    assert len(rows) == 1
    assert made.json()["secret"].encode().hex() not in rows[0]
    assert (
        len([each for each in client.get(path, headers=world.headers("owner")).json() if each["name"] == "Uploader"])
        == 1
    )


def test_a_key_is_forgotten_after_a_day(client: TestClient, world: World, migrated: str) -> None:
    _, first, _ = create(client, world, "k-1", {"name": "Looms"})
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))
    status, second, replayed = create(client, world, "k-1", {"name": "Engines"})
    assert (status, replayed) == (201, False)
    assert first != second


def test_how_the_json_is_written_makes_no_other_request(client: TestClient, world: World) -> None:
    path = f"/api/workspaces/{world.workspace}"
    headers = world.headers("owner") | {"idempotency-key": "k-1", "content-type": "application/json"}
    first = client.patch(path, headers=headers, content=json.dumps({"name": "A", "timezone": "UTC"}))
    second = client.patch(path, headers=headers, content=json.dumps({"timezone": "UTC", "name": "A"}, indent=2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.headers["idempotency-replayed"] == "true"
    assert first.json() == second.json()


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, 'a"b', "ä", '"'])
def test_what_is_no_key_is_refused(client: TestClient, world: World, key: str) -> None:
    headers = httpx2.Headers({**world.headers("owner"), "idempotency-key": key}, encoding="utf-8")
    answer = client.post("/api/workspaces", headers=headers, json={"name": "A"})
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_key_shape")


def test_whoever_has_left_is_not_answered_from_before(client: TestClient, world: World) -> None:
    path = f"/api/workspaces/{world.workspace}"
    headers = world.headers("admin") | {"idempotency-key": "k-1"}
    assert client.patch(path, headers=headers, json={"name": "Looms"}).status_code == 200
    client.delete(f"{path}/members/{world.people['admin'].id}", headers=world.headers("owner"))
    assert client.patch(path, headers=headers, json={"name": "Looms"}).status_code == 404
