from starlette.testclient import TestClient
from tests.api.conftest import World


def test_an_agency_runs_its_workspaces_together(client: TestClient, world: World) -> None:
    owner = world.headers("owner")
    made = client.post("/api/organisations", json={"name": "Agency"}, headers=owner)
    assert (made.status_code, made.json()["role"]) == (201, "owner")
    here = f"/api/organisations/{made.json()['id']}"
    assert (
        client.put(f"{here}/workspaces/{world.workspace}", headers=owner).json()["organisation_id"] == made.json()["id"]
    )
    member = str(world.people["member"].id)
    assert client.put(f"{here}/members/{member}", json={"role": "admin"}, headers=owner).status_code == 204
    second = client.post(f"{here}/workspaces", json={"name": "Second"}, headers=world.headers("member"))
    assert second.status_code == 201
    listed = client.get("/api/workspaces", headers=world.headers("member")).json()
    assert [(each["name"], each["role"]) for each in listed] == [("Engines & Co.", "member"), ("Second", "admin")]
    assert [each["name"] for each in client.get(f"{here}/workspaces", headers=owner).json()] == [
        "Engines & Co.",
        "Second",
    ]
    assert client.delete(here, headers=owner).json()["code"] == "still_has_workspaces"
    assert client.patch(here, json={"name": "Clip Agency"}, headers=owner).json()["name"] == "Clip Agency"
    assert client.delete(f"{here}/members/{member}", headers=world.headers("member")).status_code == 204
    assert [each["name"] for each in client.get("/api/workspaces", headers=world.headers("member")).json()] == [
        "Engines & Co."
    ]


def test_an_organisation_is_not_there_for_others(client: TestClient, world: World) -> None:
    made = client.post("/api/organisations", json={"name": "Agency"}, headers=world.headers("owner")).json()
    here = f"/api/organisations/{made['id']}"
    for who in ("admin", "stranger", "operator"):
        headers = world.headers(who)
        assert client.get("/api/organisations", headers=headers).json() == []
        for path in ("", "/members", "/workspaces"):
            assert client.get(here + path, headers=headers).status_code == 404
        assert client.put(f"{here}/workspaces/{world.other}", headers=headers).status_code == 404
    assert client.get(here, headers=world.headers("owner", key=True)).status_code == 403
