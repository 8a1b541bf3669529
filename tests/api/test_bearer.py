from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World
from tests.servers.issuer import AUDIENCE, issuing

from cliply.infra.settings import Oidc, Settings
from cliply.runtime import Runtime


def test_a_token_a_key_and_a_cookie_get_the_same_answer(runtime: Runtime, world: World) -> None:
    with issuing() as issuer:
        settings = Settings(data=runtime.settings.data, oidc=Oidc(issuer=issuer.url, audience=AUDIENCE))
        client = TestClient(app_of(Runtime(settings, runtime.database, runtime.storage, runtime.mailer)))
        mine = {"authorization": f"Bearer {issuer.token()}"}
        made = client.post("/api/workspaces", json={"name": "Looms"}, headers=mine)
        assert made.status_code == 201
        listed = client.get("/api/workspaces", headers=mine).json()
        assert [each["name"] for each in listed] == ["Looms"]
        assert client.get(f"/api/workspaces/{world.workspace}", headers=mine).status_code == 404
        refused = client.get("/api/workspaces", headers={"authorization": f"Bearer {issuer.forged()}"})
        assert (refused.status_code, refused.json()["code"]) == (401, "wrong_token")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        for proof in (world.headers("owner"), world.headers("owner", key=True)):
            assert client.get(f"/api/workspaces/{world.workspace}", headers=proof).status_code == 200


def test_without_an_issuer_a_token_is_no_key(client: TestClient, world: World) -> None:
    with issuing() as issuer:
        refused = client.get("/api/workspaces", headers={"authorization": f"Bearer {issuer.token()}"})
    assert refused.status_code == 401
    assert issuer.asked == []
