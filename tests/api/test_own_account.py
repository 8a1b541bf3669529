"""One's own account over HTTP: proved, changed, and left."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World
from tests.api.test_accounts import ADA, letters, sign_up
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until

from cliply.features.audit.models import AuditEntry
from cliply.features.notifications import outbox
from cliply.infra import settings as of_settings
from cliply.runtime import Runtime

PROVE = "Confirm your address for Cliply"
TOLD = "Your Cliply account has another address now"


@pytest.fixture
def sent(runtime: Runtime, migrated: str, tmp_path: Path) -> Any:
    """Have a letter of this subject sent; to whom it went, and its code."""

    def sent(subject: str) -> tuple[str, str]:
        with working(migrated, runtime.database, [outbox.send_mail], runtime=runtime):
            until(lambda: subject in letters(tmp_path))
        found = letters(tmp_path)[subject]
        for file in (tmp_path / "mail").iterdir():
            file.unlink()
        return found

    return sent


@pytest.fixture
def ada(client: TestClient) -> TestClient:
    """Her browser."""
    sign_up(client)
    assert client.post("/api/auth/sign-in", json=ADA).status_code == 200
    return client


def elsewhere(app: FastAPI) -> TestClient:
    """Another browser of hers."""
    browser = TestClient(app, base_url="http://cliply.test")
    assert browser.post("/api/auth/sign-in", json=ADA).status_code == 200
    return browser


def test_an_address_is_proved_by_the_code_that_was_sent_there(ada: TestClient, sent: Any) -> None:
    assert ada.get("/api/me").json()["user"]["email_confirmed"] is False
    to, code = sent(PROVE)
    assert to == ADA["email"]
    assert ada.post("/api/me/confirmation").status_code == 202
    stale = ada.post("/api/me/confirmation/finish", json={"token": code})
    assert (stale.status_code, stale.json()["code"]) == (410, "confirmation_over")
    guessed = ada.post("/api/me/confirmation/finish", json={"token": "guessed"})
    assert (guessed.status_code, guessed.json()["code"]) == (404, "no_such_confirmation")
    done = ada.post("/api/me/confirmation/finish", json={"token": sent(PROVE)[1]})
    assert (done.status_code, done.json()["email_confirmed"]) == (200, True)
    assert ada.post("/api/me/confirmation").json()["code"] == "confirmed_already"


def test_nobody_else_confirms_an_account_with_its_code(ada: TestClient, world: World, sent: Any) -> None:
    body = {"token": sent(PROVE)[1]}
    answer = ada.post("/api/me/confirmation/finish", json=body, headers=world.headers("stranger"))
    assert answer.status_code == 404


def test_a_code_too_late_confirms_nothing(ada: TestClient, world: World, sent: Any) -> None:
    code = sent(PROVE)[1]
    with world.database.system() as session:
        session.execute(text("UPDATE confirmations SET expires_at = now()"))
    assert ada.post("/api/me/confirmation/finish", json={"token": code}).status_code == 410


def test_asking_for_the_code_again_and_again_is_slowed_down(ada: TestClient) -> None:
    answers = [ada.post("/api/me/confirmation").status_code for _ in range(6)]
    assert answers == [202] * 4 + [429] * 2, "the one of signing up counts"


def test_an_account_gets_another_name(ada: TestClient) -> None:
    assert ada.patch("/api/me", json={"name": " Ada   King "}).json()["name"] == "Ada King"
    assert ada.patch("/api/me", json={"name": "\n"}).status_code == 422


def test_another_address_counts_once_it_is_proved_and_the_old_one_is_told(ada: TestClient, sent: Any) -> None:
    sent(PROVE)
    asked = {"email": "king@example.com", "password": "wrong password"}
    refused = ada.post("/api/me/address", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (403, "old_password_wrong")
    assert ada.post("/api/me/address", json=asked | {"password": ADA["password"]}).status_code == 202
    assert ada.get("/api/me").json()["user"]["email"] == ADA["email"]
    to, code = sent(PROVE)
    assert to == "king@example.com"
    done = ada.post("/api/me/confirmation/finish", json={"token": code}).json()
    assert (done["email"], done["email_confirmed"]) == ("king@example.com", True)
    assert sent(TOLD) == (ADA["email"], "")


def test_an_address_that_another_account_has_is_told_to_its_reader_only(
    ada: TestClient, world: World, sent: Any
) -> None:
    sent(PROVE)
    body = {"email": "owner@example.com", "password": ADA["password"]}
    assert ada.post("/api/me/address", json=body).status_code == 202
    to, code = sent(PROVE)
    assert to == "owner@example.com"
    taken = ada.post("/api/me/confirmation/finish", json={"token": code})
    assert (taken.status_code, taken.json()["code"]) == (409, "address_taken")


def test_another_password_needs_the_old_one_and_signs_out_elsewhere(app: FastAPI, ada: TestClient, sent: Any) -> None:
    other = elsewhere(app)
    body = {"password": "wrong password", "new_password": "difference engine no. 2"}
    assert ada.post("/api/me/password", json=body).json()["code"] == "old_password_wrong"
    assert other.get("/api/me").status_code == 200
    assert ada.post("/api/me/password", json=body | {"password": ADA["password"]}).status_code == 204
    assert ada.get("/api/me").status_code == 200
    assert other.get("/api/me").status_code == 401
    assert other.post("/api/auth/sign-in", json=ADA).status_code == 401
    assert other.post("/api/auth/sign-in", json=ADA | {"password": body["new_password"]}).status_code == 200
    assert sent("Your Cliply password was changed")[0] == ADA["email"]


def test_trying_old_passwords_is_slowed_down(ada: TestClient) -> None:
    body = {"password": "wrong password", "new_password": "difference engine no. 2"}
    assert [ada.post("/api/me/password", json=body).status_code for _ in range(6)] == [403] * 5 + [429]


def test_an_account_without_a_password_is_told_how_to_get_one(client: TestClient, world: World) -> None:
    body = {"password": "none", "new_password": "difference engine no. 2"}
    refused = client.post("/api/me/password", json=body, headers=world.headers("viewer"))
    assert (refused.status_code, refused.json()["code"]) == (409, "no_password")


def test_who_alone_owns_what_others_work_in_stays_until_it_is_handed_over(client: TestClient, world: World) -> None:
    refused = client.delete("/api/me", headers=world.headers("owner"))
    assert (refused.status_code, refused.json()["code"]) == (409, "others_need_an_owner")
    assert "Engines & Co." in refused.json()["detail"]
    handed = {"user_id": str(world.people["admin"].id)}
    client.post(f"/api/workspaces/{world.workspace}/transfer", json=handed, **world.as_("owner"))
    assert client.delete("/api/me", headers=world.headers("owner")).status_code == 204
    assert client.get("/api/me", headers=world.headers("owner")).status_code == 401
    assert client.get("/api/me", headers=world.headers("owner", key=True)).status_code == 401
    left = client.get(f"/api/workspaces/{world.workspace}/members", **world.as_("viewer")).json()
    assert {each["role"] for each in left} == {"owner", "member", "viewer"}
    log = client.get(f"/api/workspaces/{world.workspace}/audit", **world.as_("admin")).json()["items"]
    assert (log[0]["action"], log[0]["target_id"]) == ("member.removed", str(world.people["owner"].id))


def test_of_two_owners_who_leave_at_once_one_stays(client: TestClient, world: World) -> None:
    with world.database.system() as session:
        session.execute(text("UPDATE memberships SET role = 'owner' WHERE role = 'admin'"))
    with ThreadPoolExecutor(2) as pool:
        leaving = [pool.submit(client.delete, "/api/me", headers=world.headers(who)) for who in ("owner", "admin")]
    assert sorted(each.result().status_code for each in leaving) == [204, 409]
    left = client.get(f"/api/workspaces/{world.workspace}/members", **world.as_("viewer")).json()
    assert [each["role"] for each in left].count("owner") == 1


def test_who_alone_owns_an_organisation_of_others_stays_too(client: TestClient, world: World) -> None:
    owner = world.headers("owner")
    organisation = client.post("/api/organisations", json={"name": "Agency"}, headers=owner).json()["id"]
    client.put(f"/api/organisations/{organisation}/workspaces/{world.workspace}", headers=owner)
    member = f"/api/organisations/{organisation}/members/{world.people['admin'].id}"
    assert client.put(member, json={"role": "member"}, headers=owner).status_code in (200, 204)
    handed = {"user_id": str(world.people["viewer"].id)}
    client.post(f"/api/workspaces/{world.workspace}/transfer", json=handed, **world.as_("owner"))
    refused = client.delete("/api/me", headers=owner)
    assert refused.status_code == 409
    assert "“Agency”" in refused.json()["detail"]
    assert client.put(member, json={"role": "owner"}, headers=owner).status_code in (200, 204)
    assert client.delete("/api/me", headers=owner).status_code == 204


def test_what_is_theirs_alone_goes_with_them_and_the_log_keeps_who_it_was(client: TestClient, world: World) -> None:
    mine = world.headers("stranger")
    organisation = client.post("/api/organisations", json={"name": "Alone"}, headers=mine).json()["id"]
    client.put(f"/api/organisations/{organisation}/workspaces/{world.other}", headers=mine)
    assert client.delete("/api/me", headers=world.headers("stranger", key=True)).status_code == 403
    assert client.delete("/api/me", headers=mine).status_code == 204
    with world.database.system() as session:
        due = session.execute(text("SELECT id FROM workspaces WHERE delete_at <= now()")).scalars().all()
        assert due == [world.other]
        assert session.execute(text("SELECT count(*) FROM organisations")).scalar_one() == 0
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None
    assert (last.action, last.actor_id) == ("user.deleted", world.people["stranger"].id)
    assert "stranger@example.com" not in str(last.__dict__)


def test_only_who_is_invited_signs_up_unless_it_is_said_otherwise(
    runtime: Runtime, world: World, migrated: str, tmp_path: Path
) -> None:
    def served(**server: Any) -> TestClient:
        now = runtime.settings.model_copy(update={"server": of_settings.Server(**server)})
        return TestClient(app_of(Runtime(now, runtime.database, runtime.storage, runtime.mailer)))

    usual, body = served(), ADA | {"name": "Ada"}
    refused = usual.post("/api/auth/sign-up", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "invitation_needed")
    invited = {"email": ADA["email"], "role": "member"}
    usual.post(f"/api/workspaces/{world.workspace}/invitations", json=invited, headers=world.headers("owner"))
    with working(migrated, runtime.database, [outbox.send_mail], runtime=runtime):
        until(lambda: letters(tmp_path))
    ((_, code),) = letters(tmp_path).values()
    for changed, status in (({"email": "eve@example.com"}, 403), ({"invitation": "guessed"}, 404)):
        assert usual.post("/api/auth/sign-up", json=body | {"invitation": code} | changed).status_code == status
    closed = served(sign_up="closed").post("/api/auth/sign-up", json=body | {"invitation": code})
    assert (closed.status_code, closed.json()["code"]) == (403, "sign_up_closed")
    made = usual.post("/api/auth/sign-up", json=body | {"invitation": code})
    assert (made.status_code, made.json()["email_confirmed"]) == (201, True)
    usual.post("/api/auth/sign-in", json=ADA)
    assert usual.post("/api/invitations/accept", json={"token": code}).status_code == 200


def test_an_accepted_invitation_proves_the_address_and_so_does_a_recovery(
    ada: TestClient, world: World, sent: Any
) -> None:
    sent(PROVE)
    invited = {"email": ADA["email"], "role": "member"}
    ada.post(f"/api/workspaces/{world.workspace}/invitations", json=invited, headers=world.headers("owner"))
    code = sent("Join “Engines & Co.” on Cliply")[1]
    assert ada.post("/api/invitations/accept", json={"token": code}).status_code == 200
    assert ada.get("/api/me").json()["user"]["email_confirmed"] is True
    with world.database.system() as session:
        session.execute(text("UPDATE users SET email_confirmed_at = NULL"))
    ada.post("/api/auth/recover", json={"email": "viewer@example.com"})
    body = {"token": sent("Get back into your Cliply account")[1], "password": ADA["password"]}
    assert ada.post("/api/auth/recover/finish", json=body).status_code == 204
    theirs = ada.post("/api/auth/sign-in", json=ADA | {"email": "viewer@example.com"}).json()
    assert theirs["email_confirmed"] is True
