"""Accounts over HTTP, from signing up to being signed out everywhere."""

import re
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until

from cliply.features.notifications import outbox
from cliply.infra import settings as of_settings
from cliply.runtime import Runtime

ADA = {"email": "ada@example.com", "password": "analytical engine no. 1"}


def sign_up(client: TestClient) -> None:
    assert client.post("/api/auth/sign-up", json=ADA | {"name": "Ada"}).status_code == 201


def letters(folder: Path) -> dict[str, tuple[str, str]]:
    """To whom they were sent and with which code, by subject."""
    read = [
        message_from_bytes(file.read_bytes(), policy=policy.default) for file in (folder / "mail").glob("[!.]*.eml")
    ]
    found = [(each, re.search(r"^    (\S+)$", each.get_content(), re.MULTILINE)) for each in read]
    return {each["Subject"]: (each["To"], "" if code is None else code[1]) for each, code in found}


def test_somebody_signs_up_in_and_out_again(client: TestClient) -> None:
    sign_up(client)
    assert client.get("/api/me").status_code == 401
    signed_in = client.post("/api/auth/sign-in", json=ADA)
    assert signed_in.json()["email"] == "ada@example.com"
    assert client.get("/api/me").json()["user"]["name"] == "Ada"
    assert [each["current"] for each in client.get("/api/auth/sessions").json()] == [True]
    cookie = signed_in.headers["set-cookie"]
    assert client.post("/api/auth/sign-out").status_code == 204
    assert client.get("/api/me").status_code == 401
    token = cookie.partition("=")[2].partition(";")[0]
    assert client.get("/api/me", headers={"cookie": f"cliply={token}"}).status_code == 401, (
        "the cookie is worth nothing"
    )


@pytest.mark.parametrize(
    ("url", "name", "secure"), [(None, "cliply", False), ("https://clips.example.com", "__Host-cliply", True)]
)
def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(
    runtime: Runtime, url: str | None, name: str, secure: bool
) -> None:
    now = runtime.settings.model_copy(update={"server": of_settings.Server(url=url, sign_up="open")})
    served = app_of(Runtime(now, runtime.database, runtime.storage, runtime.mailer))
    with TestClient(served, base_url=url or "http://cliply.test") as client:
        sign_up(client)
        answer = client.post("/api/auth/sign-in", json=ADA)
        told = answer.headers["set-cookie"]
        assert told.startswith(f"{name}=")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(told.split("; "))
        assert ("Secure" in told.split("; ")) is secure
        assert "Domain" not in told
        assert client.get("/api/me").status_code == 200
        assert ("strict-transport-security" in answer.headers) is secure


def test_every_sign_in_has_a_token_of_its_own_and_ends_the_browser_s_last(client: TestClient) -> None:
    sign_up(client)
    first = client.post("/api/auth/sign-in", json=ADA).cookies["cliply"]
    second = client.post("/api/auth/sign-in", json=ADA).cookies["cliply"]
    assert first != second
    assert client.get("/api/me", headers={"cookie": f"cliply={first}"}).status_code == 401


def test_attempts_to_sign_in_are_slowed_down_and_told_for_how_long(client: TestClient) -> None:
    sign_up(client)
    answers = [client.post("/api/auth/sign-in", json=ADA | {"password": "wrong"}) for _ in range(6)]
    assert [each.status_code for each in answers] == [401] * 5 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["code"] == "too_often"


def test_a_page_of_another_site_signs_nobody_in(client: TestClient) -> None:
    sign_up(client)
    answer = client.post("/api/auth/sign-in", json=ADA, headers={"origin": "http://evil.test"})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert "set-cookie" not in answer.headers


def test_a_way_back_in_is_mailed_and_signs_out_everywhere(
    client: TestClient, runtime: Runtime, migrated: str, tmp_path: Path
) -> None:
    sign_up(client)
    client.post("/api/auth/sign-in", json=ADA)
    known, unknown = (
        client.post("/api/auth/recover", json={"email": email}) for email in ("Ada@example.com", "eve@example.com")
    )
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"null")
    with working(migrated, runtime.database, [outbox.send_mail], runtime=runtime):
        until(lambda: "Get back into your Cliply account" in letters(tmp_path))
    code = letters(tmp_path)["Get back into your Cliply account"][1]
    body = {"token": code, "password": "difference engine no. 2"}
    assert client.post("/api/auth/recover/finish", json=body).status_code == 204
    again = client.post("/api/auth/recover/finish", json=body)
    assert (again.status_code, again.json()["code"]) == (410, "recovery_over")
    unknown = client.post("/api/auth/recover/finish", json=body | {"token": "never given out"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_recovery")
    assert client.get("/api/me").status_code == 401
    assert client.post("/api/auth/sign-in", json=ADA | {"password": body["password"]}).status_code == 200


@pytest.mark.parametrize(("body", "status"), [({}, 401), ({"revoke_keys": False}, 200)])
def test_a_recovery_revokes_the_keys_that_the_letter_names_unless_told_otherwise(
    client: TestClient, world: World, runtime: Runtime, migrated: str, body: dict[str, bool], status: int
) -> None:
    assert client.post("/api/auth/recover", json={"email": "admin@example.com"}).status_code == 202
    folder = runtime.settings.data / "mail"
    with working(migrated, runtime.database, [outbox.send_mail], runtime=runtime):
        until(lambda: list(folder.glob("[!.]*.eml")))
    (mail,) = folder.glob("*.eml")
    letter = message_from_bytes(mail.read_bytes(), policy=policy.default).get_content()
    assert f"- Everything (…{world.keys['admin'][-4:]}) in Engines & Co." in letter
    code = re.search(r"^    (\S+)$", letter, re.MULTILINE)
    assert code is not None
    used = {"token": code[1], "password": "difference engine no. 2", **body}
    assert client.post("/api/auth/recover/finish", json=used).status_code == 204
    assert client.get("/api/me", headers=world.headers("admin", key=True)).status_code == status
    assert client.get("/api/me", headers=world.headers("owner", key=True)).status_code == 200, "those of others stay"
    log = client.get(f"/api/workspaces/{world.workspace}/audit", **world.as_("owner")).json()["items"]
    revoked = [each for each in log if each["action"] == "api_key.revoked"]
    assert [each["actor_id"] for each in revoked] == [str(world.people["admin"].id)] * (status == 401)


def test_signing_out_everywhere_reaches_other_browsers(app: FastAPI, client: TestClient) -> None:
    sign_up(client)
    client.post("/api/auth/sign-in", json=ADA)
    other = TestClient(app, base_url="http://cliply.test")
    other.post("/api/auth/sign-in", json=ADA)
    assert len(client.get("/api/auth/sessions").json()) == 2
    assert other.delete("/api/auth/sessions").status_code == 204
    assert client.get("/api/me").status_code == 401


def test_a_key_is_shown_once_and_opens_nothing_once_revoked(client: TestClient, world: World) -> None:
    path = f"/api/workspaces/{world.workspace}/keys"
    headers = world.headers("admin")
    made = client.post(path, headers=headers, json={"name": "Uploader", "scopes": ["workspace:read"]}).json()
    listed = client.get(path, headers=headers)
    assert made["secret"] not in listed.text
    assert made["secret"].endswith(next(each["ending"] for each in listed.json() if each["id"] == made["id"]))
    by_key = {"authorization": f"Bearer {made['secret']}"}
    assert client.get("/api/me", headers=by_key).json()["key_id"] == made["id"]
    refused = client.patch(f"/api/workspaces/{world.workspace}", headers=by_key, json={"name": "Mine"})
    assert refused.json()["code"] == "scope_missing"
    assert client.delete(f"{path}/{made['id']}", headers=headers).status_code == 204
    assert client.get("/api/me", headers=by_key).status_code == 401


def test_a_key_may_not_do_what_concerns_its_maker_s_account(client: TestClient, world: World) -> None:
    headers = world.headers("owner", key=True)
    asked = [
        client.post("/api/auth/sign-out", headers=headers),
        client.get("/api/auth/sessions", headers=headers),
        client.delete("/api/auth/sessions", headers=headers),
        client.post("/api/workspaces", headers=headers, json={"name": "More"}),
    ]
    assert [each.json()["code"] for each in asked] == ["not_for_keys"] * 4
