"""Plans over HTTP: what a refusal says, what a workspace shows of its plan, and what an operator changes."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World
from tests.database import as_owner
from tests.features.workspaces.planned import at_noon

from cliply.api.problems import of_error
from cliply.features.identity.plans import BUILT_IN, Flag, Meter, NotInPlan, WrongPlans
from cliply.runtime import Runtime


def assign(client: TestClient, world: World, who: str = "operator", **body: Any) -> Any:
    return client.patch(f"/api/admin/workspaces/{world.workspace}", json=body, headers=world.headers(who))


def begin(client: TestClient, world: World, **more: Any) -> Any:
    body = {"file_name": "talk.mp4", "size": 100, **more}
    return client.post("/api/upload/init", json=body, **world.as_("member"))


def test_a_refusal_says_what_is_limited_and_what_would_lift_it(
    client: TestClient, app: FastAPI, world: World, migrated: str
) -> None:
    at_noon(world.database, world.workspace)
    assert assign(client, world, plan="basic").status_code == 200
    assert [begin(client, world).status_code for _ in range(5)] == [201] * 5
    refused = begin(client, world)
    assert refused.status_code == 402
    assert refused.headers["content-type"] == "application/problem+json"
    told = refused.json()
    jsonschema.validate(told, {**app.openapi(), "$ref": "#/components/schemas/PlanProblem"})
    with as_owner(migrated) as connection:
        query = "SELECT date_trunc('day', now(), timezone) + interval '1 day' FROM workspaces WHERE id = :id"
        midnight = connection.execute(text(query), {"id": world.workspace}).scalar_one()
    assert {name: told[name] for name in ("code", "plan", "exceeded", "limit", "used", "wanted", "lifts")} == {
        "code": "plan_limit", "plan": "basic", "exceeded": "uploads_per_day", "limit": 5, "used": 5, "wanted": 1,
        "lifts": ["pro", "premium"],
    }  # fmt: skip
    assert datetime.fromisoformat(told["resets_at"]) == midnight
    assert "5 uploads a day" in told["detail"]
    assert assign(client, world, plan="pro").json()["plan"]["uploads_per_day"] == 30
    assert begin(client, world).status_code == 201, "a larger plan counts at once"


@pytest.mark.parametrize(
    ("body", "exceeded"), [({"size": 2_000_000_001}, "largest_file"), ({"options": {"count": 4}}, "clips_per_project")]
)
def test_what_never_comes_back_has_no_time_at_which_it_does(
    client: TestClient, world: World, body: dict[str, Any], exceeded: str
) -> None:
    assign(client, world, plan="basic")
    told = begin(client, world, **body).json()
    assert (told["status"], told["exceeded"], told["resets_at"]) == (402, exceeded, None)


def test_an_api_key_is_refused_in_the_same_way(client: TestClient, world: World) -> None:
    assign(client, world, plan="basic", overrides={"uploads_per_day": 0})
    answer = client.post(
        "/api/upload/init", json={"file_name": "a.mp4", "size": 1}, headers=world.headers("owner", key=True)
    )
    assert (answer.status_code, answer.json()["limit"], answer.json()["lifts"]) == (402, 0, ["pro", "premium"])


def test_members_are_refused_with_the_places_that_are_taken(client: TestClient, world: World) -> None:
    assign(client, world, plan="basic")
    for path in ("members", "invitations"):
        body = {"email": "new@example.com", "role": "viewer"}
        answer = client.post(f"/api/workspaces/{world.workspace}/{path}", json=body, headers=world.headers("owner"))
        assert (answer.status_code, answer.json()["exceeded"], answer.json()["used"]) == (402, "members", 4)


def test_what_a_plan_has_not_at_all_is_a_403_of_the_same_shape(app: FastAPI) -> None:
    answer = of_error("r-1", NotInPlan(Flag.SCHEDULING, plan=BUILT_IN.named("basic")))
    assert answer.status_code == 403
    body = bytes(answer.body).decode()
    assert '"code":"not_in_plan"' in body
    assert '"exceeded":"scheduling"' in body
    assert '"lifts":["pro","premium"]' in body


def test_members_see_what_the_plan_allows(client: TestClient, world: World) -> None:
    shown = client.get(f"/api/workspaces/{world.workspace}", headers=world.headers("viewer")).json()["plan"]
    assert shown.pop("rates")["publish"]["workspace"] == "60/minute"
    assert shown == {
        **dict.fromkeys((*Meter, "jobs_at_once")), "name": "unlimited", "scheduling": True,
    }  # fmt: skip
    assign(client, world, plan="basic", overrides={"members": 20, "clips_per_project": None})
    shown = client.get(f"/api/workspaces/{world.workspace}", headers=world.headers("viewer")).json()["plan"]
    assert (shown["name"], shown["members"], shown["clips_per_project"], shown["scheduling"]) == (
        "basic",
        20,
        None,
        False,
    )


def test_an_operator_changes_the_plan_and_the_owner_reads_who_did(client: TestClient, world: World) -> None:
    first = assign(client, world, plan="pro", overrides={"members": 20})
    assert (first.status_code, first.json()["overrides"]) == (200, {"members": 20})
    second = assign(client, world, plan="basic").json()
    assert (second["plan"]["name"], second["plan"]["members"]) == ("basic", 20), "what is left out stays"
    assert assign(client, world, overrides={}).json()["plan"]["members"] == 3
    assert assign(client, world).json()["plan"]["name"] == "basic"
    log = client.get(
        f"/api/workspaces/{world.workspace}/audit?action=workspace.plan_changed", headers=world.headers("owner")
    ).json()["items"]
    assert [entry["actor_id"] for entry in log] == [str(world.people["operator"].id)] * 3


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"plan": "gold"}, 404, "no_such_plan"),
        ({"overrides": {"colour": 1}}, 422, "validation_failed"),
        ({"overrides": {"members": 0}}, 422, "validation_failed"),
        ({"overrides": {"members": "many"}}, 422, "validation_failed"),
        ({"overrides": {"rates": {"read": {"user": "often"}}}}, 422, "validation_failed"),
        ({"name": "Mine"}, 422, "validation_failed"),
    ],
)
def test_an_operator_is_told_what_is_wrong(
    client: TestClient, world: World, body: dict[str, Any], status: int, code: str
) -> None:
    answer = assign(client, world, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_nobody_else_gives_a_plan(client: TestClient, world: World, who: str) -> None:
    assert assign(client, world, who, plan="premium").status_code == 403
    own = client.patch(f"/api/workspaces/{world.workspace}", json={"plan": "premium"}, headers=world.headers("owner"))
    assert own.status_code == 422


def test_new_workspaces_have_the_plan_that_the_settings_name(runtime: Runtime, world: World) -> None:
    settings = runtime.settings.model_copy(update={"plan": "basic"})
    with TestClient(app_of(replace(runtime, settings=settings)), base_url="http://cliply.test") as client:
        made = client.post("/api/workspaces", json={"name": "Looms"}, headers=world.headers("owner")).json()["id"]
        shown = client.get(f"/api/workspaces/{made}", headers=world.headers("owner")).json()
    assert shown["plan"]["name"] == "basic"


def test_the_service_does_not_start_with_plans_that_are_wrong(runtime: Runtime, tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_text("[basic]\nuploads = 3\n")
    with pytest.raises(WrongPlans, match=r"basic\.uploads: there is no such limit"):
        app_of(replace(runtime, settings=runtime.settings.model_copy(update={"plans": file})))


def test_an_operator_hears_of_a_plan_that_is_gone(client: TestClient, world: World, migrated: str) -> None:
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE workspaces SET plan = 'gold' WHERE id = :id"), {"id": world.workspace})
    shown = client.get(f"/api/workspaces/{world.workspace}", headers=world.headers("owner"))
    assert (shown.status_code, shown.json()["plan"]["name"]) == (200, "unlimited")
    audit = client.get("/api/health/audit", headers=world.headers("operator")).json()
    assert [each["severity"] for each in audit["findings"] if each["about"] == "plans"] == ["error"]
