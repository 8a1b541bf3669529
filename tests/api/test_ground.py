"""What holds for every route: who may, which workspace, one answer for one request, and how errors look."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World

from cliply.api.limits import MOST_BODY, MOST_DEPTH, MOST_HEADERS, depth
from cliply.features.identity.dependencies import WorkspaceSession
from cliply.infra.db import Database
from cliply.runtime import Runtime


def path(world: World, rest: str = "") -> str:
    return f"/api/workspaces/{world.workspace}{rest}"


def test_a_browser_and_a_key_get_the_same_answer(client: TestClient, world: World) -> None:
    by_cookie = client.get(path(world), headers=world.headers("viewer"))
    by_key = client.get(path(world), headers=world.headers("viewer", key=True))
    assert by_cookie.status_code == 200
    assert by_cookie.json() == by_key.json()
    assert by_cookie.json()["name"] == "Engines & Co."


@pytest.mark.parametrize(
    "headers",
    [{}, {"cookie": "cliply=wrong"}, {"authorization": "Bearer clp_live_no"}, {"authorization": "Basic YTpi"}],
    ids=["nothing", "cookie", "key", "scheme"],
)
def test_who_proves_nothing_is_told_to_sign_in(client: TestClient, world: World, headers: dict[str, str]) -> None:
    answer = client.get(path(world), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_foreign_workspace_is_not_there_by_path_header_or_key(client: TestClient, world: World) -> None:
    foreign = [
        client.get(path(world), headers=world.headers("stranger")),
        client.get(path(world), headers=world.headers("stranger", key=True)),
        client.get(path(world), headers=world.headers("owner", workspace=world.other)),
        client.get(path(world), headers=world.headers("owner", key=True, workspace=world.other)),
        client.get(f"/api/workspaces/{uuid4()}", headers=world.headers("owner")),
        client.get("/api/workspaces/none", headers=world.headers("owner")),
    ]
    assert [(each.status_code, each.json()["code"]) for each in foreign] == [(404, "no_such_workspace")] * 6


def test_a_problem_names_its_kind_and_the_request(client: TestClient, world: World) -> None:
    answer = client.patch(path(world), headers=world.as_("viewer")["headers"] | {"x-request-id": "abc-1"}, json={})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.json() == {
        "type": "urn:cliply:problem:role_too_low",
        "title": "Forbidden",
        "status": 403,
        "detail": "As viewer of this workspace you may not do this: Rename the workspace and change its settings. "
        "Ask an owner or an admin.",
        "code": "role_too_low",
        "request_id": "abc-1",
        "errors": [],
        "choices": [],
    }


@pytest.mark.parametrize("told", ["", "x" * 65, "a b", "ä", "a\tb"])
def test_a_request_id_that_is_none_is_replaced(client: TestClient, told: str) -> None:
    answer = client.get("/api/health", headers=httpx2.Headers({"x-request-id": told}, encoding="utf-8"))
    assert answer.status_code == 200
    assert len(answer.headers["x-request-id"]) == 32


def test_wrong_values_are_named_and_not_repeated(client: TestClient) -> None:
    answer = client.post("/api/auth/sign-up", json={"email": "a@b", "password": "geheim", "role": "owner"})
    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json()["errors"]} == {"/body/name", "/body/password", "/body/role"}
    assert "geheim" not in answer.text


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "no_such_address"),
        ("DELETE", "/api/health", 405, "method_not_allowed"),
        ("GET", "/api/health/", 404, "no_such_address"),
    ],
)
def test_an_address_that_is_none_is_a_problem_too(
    client: TestClient, method: str, address: str, status: int, code: str
) -> None:
    answer = client.request(method, address)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_is_no_json_is_said_so(client: TestClient) -> None:
    answer = client.post("/api/auth/sign-in", content=b'{"email":', headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_text_that_no_database_holds_is_refused(client: TestClient, world: World, name: str) -> None:
    body = json.dumps({"name": name})
    headers = world.headers("owner") | {"content-type": "application/json"}
    assert client.patch(path(world), content=body, headers=headers).status_code == 422


def test_one_byte_over_the_limit_is_refused(client: TestClient) -> None:
    def sent(size: int, *, in_chunks: bool) -> int:
        body = b'{"email": "' + b"x" * (size - 13) + b'"}'
        content = (body[start : start + 65536] for start in range(0, size, 65536)) if in_chunks else body
        headers = {"content-type": "application/json"}
        return client.post("/api/auth/recover", content=content, headers=headers).status_code

    assert [sent(MOST_BODY, in_chunks=chunks) for chunks in (False, True)] == [422, 422]
    assert [sent(MOST_BODY + 1, in_chunks=chunks) for chunks in (False, True)] == [413, 413]


def test_one_level_too_deep_is_refused(client: TestClient) -> None:
    def sent(levels: int) -> int:
        body = "[" * levels + "]" * levels
        return client.post("/api/auth/recover", content=body, headers={"content-type": "application/json"}).status_code

    assert (sent(MOST_DEPTH), sent(MOST_DEPTH + 1)) == (422, 413)


@pytest.mark.parametrize(
    ("body", "levels"),
    [
        (b"", 0),
        (b"{}", 1),
        (b'{"a": [1, {"b": []}]}', 4),
        (b'{"a[[[": "{{{\\"[["}', 1),
        (b'["\\\\", []]', 2),
        (b'"[[', 0),
    ],
)
def test_brackets_inside_of_text_are_no_levels(body: bytes, levels: int) -> None:
    assert depth(body) == levels


def test_head_is_answered_as_get_without_its_body(client: TestClient, world: World) -> None:
    for path, headers in (("/api/health", {}), (f"/api/workspaces/{world.workspace}", world.headers("viewer"))):
        read, head = client.get(path, headers=headers), client.head(path, headers=headers)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("etag", "content-type", "content-length"):
            assert head.headers[name] == read.headers[name]


def test_all_methods_of_an_address_are_named_where_one_is_not_taken(client: TestClient) -> None:
    answer = client.put("/api/workspaces")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_headers_and_addresses_have_limits(client: TestClient) -> None:
    sent = client.build_request("GET", "/api/health", headers={"x-long": ""}).headers.raw
    left = MOST_HEADERS - sum(len(name) + len(value) + 4 for name, value in sent)
    assert client.get("/api/health", headers={"x-long": "x" * left}).status_code == 200
    over = client.get("/api/health", headers={"x-long": "x" * (left + 1)})
    assert (over.status_code, over.json()["code"]) == (413, "headers_too_large")
    assert client.get("/api/health?" + "x" * 9000).status_code == 414


def test_every_answer_has_the_headers_that_browsers_obey(client: TestClient) -> None:
    for answer in (client.get("/api/health"), client.get("/api/nothing"), client.get("/api/me")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "http://cliply.test"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://cliply.test"}, 403),
        ({"origin": "http://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://cliply.test.evil.test"}, 403),
        ({"origin": "http://cliply.test:8080"}, 403),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    client: TestClient, world: World, headers: dict[str, str], status: int
) -> None:
    answer = client.patch(path(world), headers=world.headers("owner") | headers, json={"name": "Looms"})
    assert answer.status_code == status
    assert client.get(path(world), headers=world.headers("owner")).json()["name"] == (
        "Looms" if status == 200 else "Engines & Co."
    )


def test_what_was_read_is_not_sent_again_until_it_changes(client: TestClient, world: World) -> None:
    headers = world.headers("owner")
    tag = client.get(path(world), headers=headers).headers["etag"]
    again = client.get(path(world), headers=headers | {"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    client.patch(path(world), headers=headers, json={"name": "Looms"})
    assert client.get(path(world), headers=headers | {"if-none-match": tag}).status_code == 200


def test_a_commit_that_fails_is_not_answered_as_done(app: FastAPI, client: TestClient, world: World) -> None:
    @app.post("/broken/{workspace_id}", status_code=201)
    def broken(session: WorkspaceSession) -> None:
        # A constraint that is checked at the commit and not before.
        session.execute(text("CREATE TEMP TABLE held (id int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"))
        session.execute(text("INSERT INTO held VALUES (1), (1)"))

    answer = client.post(f"/broken/{world.workspace}", headers=world.headers("owner"))
    assert (answer.status_code, answer.json()["code"]) == (500, "fault")
    assert "held" not in answer.text


def test_many_more_requests_than_connections_are_all_answered(migrated: str, runtime: Runtime, world: World) -> None:
    """Those who wait for a connection must not take the threads of those who have one."""
    few = Database(migrated, connections=2)
    served = app_of(Runtime(runtime.settings, few, runtime.storage, runtime.mailer))
    with TestClient(served, base_url="http://cliply.test") as client, ThreadPoolExecutor(120) as pool:
        asked = [pool.submit(client.get, path(world), headers=world.headers("viewer")) for _ in range(120)]
        assert {each.result(timeout=25).status_code for each in asked} == {200}
    few.close()
