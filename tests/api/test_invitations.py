import re
from email import message_from_bytes, policy

from sqlalchemy import func, select, update
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until

from cliply.features.identity.models import User
from cliply.features.notifications import outbox
from cliply.features.notifications.models import Mail
from cliply.runtime import Runtime


def at(world: World, path: str = "") -> str:
    return f"/api/workspaces/{world.workspace}/invitations{path}"


def codes(world: World, runtime: Runtime, migrated: str, count: int) -> list[str]:
    """What the letters hold, oldest first; they are sent by the worker."""
    folder = runtime.settings.data / "mail"
    with working(migrated, world.database, [outbox.send_mail], runtime=runtime):
        until(lambda: len(list(folder.glob("[!.]*.eml"))) == count)
    written = sorted(folder.glob("[!.]*.eml"), key=lambda file: file.stat().st_mtime_ns)
    texts = [message_from_bytes(file.read_bytes(), policy=policy.default).get_content() for file in written]
    assert all("owner invites you to join the workspace “Engines & Co.”" in text for text in texts)
    return [found[1] for text in texts if (found := re.search(r"^ {4}(\S{43})$", text, re.MULTILINE))]


def test_somebody_is_invited_by_mail_and_joins_once(
    client: TestClient, world: World, runtime: Runtime, migrated: str
) -> None:
    body = {"email": "stranger@example.com", "role": "member"}
    made = client.post(at(world), json=body, **world.as_("owner"))
    assert made.status_code == 201
    (code,) = codes(world, runtime, migrated, 1)
    assert code not in made.text
    assert [each["email"] for each in client.get(at(world), **world.as_("admin")).json()] == [body["email"]]
    wrong = client.post("/api/invitations/accept", json={"token": code}, headers=world.headers("operator"))
    assert (wrong.status_code, wrong.json()["code"]) == (403, "for_somebody_else")
    joined = client.post("/api/invitations/accept", json={"token": code}, headers=world.headers("stranger"))
    assert joined.json() == {"workspace_id": str(world.workspace)}
    again = client.post("/api/invitations/accept", json={"token": code}, headers=world.headers("stranger"))
    assert (again.status_code, again.json()["code"]) == (410, "invitation_over")
    guessed = client.post("/api/invitations/accept", json={"token": "guessed"}, headers=world.headers("stranger"))
    assert (guessed.status_code, guessed.json()["code"]) == (404, "no_such_invitation")
    assert client.get(at(world), **world.as_("admin")).json() == []


def test_an_invitation_that_is_sent_again_has_a_new_code_and_one_taken_back_has_none(
    client: TestClient, world: World, runtime: Runtime, migrated: str
) -> None:
    made = client.post(at(world), json={"email": "stranger@example.com", "role": "viewer"}, **world.as_("owner")).json()
    (first,) = codes(world, runtime, migrated, 1)
    assert client.post(at(world, f"/{made['id']}/resend"), **world.as_("owner")).status_code == 200
    old, new = codes(world, runtime, migrated, 2)
    assert (old, first == new) == (first, False)
    stale = client.post("/api/invitations/accept", json={"token": old}, headers=world.headers("stranger"))
    assert stale.status_code == 410
    assert client.delete(at(world, f"/{made['id']}"), **world.as_("owner")).status_code == 204
    gone = client.post("/api/invitations/accept", json={"token": new}, headers=world.headers("stranger"))
    assert gone.status_code == 410


def test_members_invite_nobody(client: TestClient, world: World) -> None:
    for who in ("member", "viewer"):
        told = client.post(at(world), json={"email": "a@example.com", "role": "viewer"}, **world.as_(who))
        assert told.status_code == 403


def test_who_has_not_proved_their_own_address_invites_nobody(client: TestClient, world: World) -> None:
    made = client.post(at(world), json={"email": "ada@example.com", "role": "viewer"}, **world.as_("owner")).json()
    with world.database.system() as session:
        session.execute(update(User).values(email_confirmed_at=None))
    body = {"email": "eve@example.com", "role": "viewer"}
    for path, key in ((at(world), False), (at(world, f"/{made['id']}/resend"), False), (at(world), True)):
        answer = client.post(path, json=body, headers=world.headers("owner", key=key, workspace=world.workspace))
        assert (answer.status_code, answer.json()["code"]) == (403, "prove_yourself_first")


def test_a_member_is_added_with_their_consent_only(client: TestClient, world: World) -> None:
    path = f"/api/workspaces/{world.workspace}/members"
    body = {"email": "stranger@example.com", "role": "member"}
    assert client.post(path, json=body, **world.as_("member")).status_code == 403
    asked = client.post(path, json=body, **world.as_("admin"))
    assert (asked.status_code, asked.json()["email"]) == (202, "stranger@example.com")
    assert "stranger@example.com" not in client.get(path, **world.as_("viewer")).text
    assert [each["id"] for each in client.get(at(world), **world.as_("admin")).json()] == [asked.json()["id"]]


def test_nobody_s_mailbox_is_filled_by_an_invitation(client: TestClient, world: World) -> None:
    made = client.post(at(world), json={"email": "ada@example.com", "role": "viewer"}, **world.as_("owner")).json()
    answers = [client.post(at(world, f"/{made['id']}/resend"), **world.as_("owner")) for _ in range(40)]
    assert sorted({each.status_code for each in answers}) == [200, 429]
    assert sum(each.status_code == 200 for each in answers) == 4
    assert answers[-1].json()["code"] == "too_often"
    assert int(answers[-1].headers["retry-after"]) > 600
    with world.database.system() as session:
        assert session.scalar(select(func.count()).select_from(Mail)) == 5
    # Nor from another workspace, by another way, or beside it.
    theirs = world.headers("stranger", workspace=world.other)
    for path, email in (("invitations", "ADA@example.com"), ("members", "ada+prize@example.com")):
        body = {"email": email, "role": "viewer"}
        assert client.post(f"/api/workspaces/{world.other}/{path}", json=body, headers=theirs).status_code == 429


def test_nobody_writes_to_many_addresses_at_once(client: TestClient, world: World) -> None:
    def invited(number: int) -> int:
        body = {"email": f"{number}@example.com", "role": "viewer"}
        return client.post(at(world), json=body, **world.as_("admin")).status_code

    assert [invited(number) for number in range(51)] == [201] * 50 + [429]


def test_a_workspace_s_name_leads_nowhere(client: TestClient, world: World, runtime: Runtime, migrated: str) -> None:
    named = {"name": "Claim at https://evil.example/now " + "!" * 60}
    assert client.patch(f"/api/workspaces/{world.workspace}", json=named, **world.as_("owner")).status_code == 200
    client.post(at(world), json={"email": "ada@example.com", "role": "viewer"}, **world.as_("owner"))
    folder = runtime.settings.data / "mail"
    with working(migrated, world.database, [outbox.send_mail], runtime=runtime):
        until(lambda: list(folder.glob("[!.]*.eml")))
    (written,) = folder.glob("[!.]*.eml")
    letter = message_from_bytes(written.read_bytes(), policy=policy.default)
    for told in (letter["Subject"], letter.get_content()):
        assert "Claim at https evil example now !" in told
        assert "!" * 40 not in told
