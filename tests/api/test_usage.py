"""Usage over HTTP: what is told of it, and what a refusal says."""

from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.api.test_plans import assign, begin
from tests.features.workspaces.planned import at_noon

from cliply.features.identity.models import Workspace
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric


@pytest.fixture(autouse=True)
def noon(world: World) -> None:
    """No month ends between what is counted and what is told."""
    at_noon(world.database, world.workspace)


def used(client: TestClient, world: World, who: str = "viewer", **query: Any) -> Any:
    return client.get("/api/usage", params=query, **world.as_(who)).json()


def metric(told: Any, name: str) -> Any:
    return next(each for each in told["metrics"] if each["metric"] == name)


def counted(world: World, name: Metric, source: str, amount: int, moment: datetime | None = None) -> None:
    with world.database.workspace(world.workspace) as session:
        ledger.commit(session, name, source, amount, now=ledger.now_in(session, moment))


def test_usage_is_what_the_ledger_says_and_as_documented(client: TestClient, app: FastAPI, world: World) -> None:
    assign(client, world, plan="basic")
    counted(world, Metric.SOURCE_MINUTES, "talk", 120)
    begin(client, world, duration_ms=29 * 60_000 + 1)
    told = used(client, world)
    jsonschema.validate(told, {**app.openapi(), "$ref": "#/components/schemas/UsageRead"})
    minutes = metric(told, "source_minutes")
    assert {name: minutes[name] for name in ("used", "reserved", "limit", "percent", "alerts")} == {
        "used": 120, "reserved": 30, "limit": 300, "percent": 50.0, "alerts": [],
    }  # fmt: skip
    assert (told["plan"], told["period"]["anchor"]) == ("basic", "calendar")
    assert told["period"]["timezone"].startswith("Etc/GMT"), "the workspace's"
    assert metric(told, "projects")["reserved"] == 1
    assert [each["metric"] for each in told["metrics"]] == list(Metric)


def test_without_a_plan_s_limits_all_is_counted_and_nothing_is_out_of_a_hundred(
    client: TestClient, world: World
) -> None:
    counted(world, Metric.CLIPS, "one", 1)
    clips = metric(used(client, world), "clips")
    assert (clips["used"], clips["limit"], clips["percent"]) == (1, None, None)


def test_the_months_before_are_told_newest_first(client: TestClient, world: World) -> None:
    with world.database.system() as session:
        # Every moment here is named, so it is no matter where it is noon.
        session.get_one(Workspace, world.workspace).timezone = "Etc/UTC"
    for month in range(1, 7):
        counted(world, Metric.CLIPS, f"in {month}", month, datetime(2025, month, 10, tzinfo=UTC))
    counted(world, Metric.SOURCE_MINUTES, "talk", 9, datetime(2025, 6, 30, 23, 59, tzinfo=UTC))
    counted(world, Metric.STORAGE_BYTES, "object", 5)
    history = used(client, world, periods=3)["history"]
    assert [each["begins"][:10] for each in history] == ["2025-06-01", "2025-05-01", "2025-04-01"]
    assert [each["used"] for each in history] == [{"clips": 6, "source_minutes": 9}, {"clips": 5}, {"clips": 4}]
    assert used(client, world, periods=0)["history"] == []


def test_a_file_there_are_no_minutes_for_is_refused_before_anything_is_sent(client: TestClient, world: World) -> None:
    assign(client, world, plan="basic")
    assert begin(client, world, duration_ms=300 * 60_000).status_code == 201
    refused = begin(client, world, duration_ms=1)
    assert refused.status_code == 402
    told = refused.json()
    assert {name: told[name] for name in ("code", "exceeded", "limit", "used", "wanted", "lifts")} == {
        "code": "plan_limit", "exceeded": "source_minutes_per_month", "limit": 300, "used": 300, "wanted": 1,
        "lifts": ["pro", "premium"],
    }  # fmt: skip
    assert datetime.fromisoformat(told["resets_at"]) == datetime.fromisoformat(used(client, world)["period"]["ends"])
    assert metric(used(client, world), "projects")["reserved"] == 1, "what is refused is not even begun"


def test_an_operator_lifts_a_limit_of_one_workspace(client: TestClient, world: World) -> None:
    assign(client, world, plan="basic", overrides={"source_minutes_per_month": 1})
    assert begin(client, world, duration_ms=60_001).status_code == 402
    assign(client, world, overrides={"source_minutes_per_month": None})
    assert begin(client, world, duration_ms=60_001).status_code == 201
    assert metric(used(client, world), "source_minutes")["limit"] is None


def test_calls_by_keys_count_and_those_of_people_do_not(client: TestClient, app: FastAPI, world: World) -> None:
    assign(client, world, plan="basic", overrides={"api_calls_per_month": 2})
    by_key = world.headers("owner", key=True)
    answers = [client.get("/api/projects", headers=by_key) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 402]
    assert answers[2].json()["exceeded"] == "api_calls_per_month"
    assert client.get("/api/usage", headers=by_key).status_code == 200, "to see why is always possible"
    assert client.get("/api/projects", **world.as_("owner")).status_code == 200
    app.state.calls.write()
    assert metric(used(client, world), "api_calls")["used"] == 2
