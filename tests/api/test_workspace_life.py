import csv
import io
import json

import pytest
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until

from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.workspaces import tasks
from cliply.runtime import Runtime


def at(world: World, path: str = "") -> str:
    return f"/api/workspaces/{world.workspace}{path}"


def test_a_brand_is_changed_and_a_wrong_colour_refused(client: TestClient, world: World) -> None:
    brand = {"style": "karaoke", "colour": "#FFD400"}
    changed = client.patch(at(world), json={"brand": brand}, **world.as_("admin"))
    assert changed.json()["brand"] == brand
    assert client.get(at(world), **world.as_("viewer")).json()["brand"] == brand
    wrong = client.patch(at(world), json={"brand": {"colour": "yellow"}}, **world.as_("admin"))
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/body/brand/colour")


def test_a_workspace_is_deleted_by_its_name_and_kept_after_all(client: TestClient, world: World) -> None:
    assert client.post(at(world, "/deletion"), json={"name": "Elsewhere"}, **world.as_("owner")).status_code == 422
    assert client.post(at(world, "/deletion"), json={"name": "Engines & Co."}, **world.as_("admin")).status_code == 403
    told = client.post(at(world, "/deletion"), json={"name": "Engines & Co."}, **world.as_("owner"))
    assert told.status_code == 202
    assert told.json()["delete_at"] is not None
    assert client.delete(at(world, "/deletion"), **world.as_("owner")).json()["delete_at"] is None


def test_a_key_may_neither_delete_nor_take_out_nor_hand_over(client: TestClient, world: World) -> None:
    key = world.headers("owner", key=True)
    member = str(world.people["member"].id)
    for path, body in (
        ("/deletion", {"name": "Engines & Co."}),
        ("/exports", None),
        ("/transfer", {"user_id": member}),
    ):
        refused = client.post(at(world, path), json=body, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_for_keys")


def test_a_workspace_is_handed_over(client: TestClient, world: World) -> None:
    to = {"user_id": str(world.people["viewer"].id)}
    assert client.post(at(world, "/transfer"), json=to, **world.as_("admin")).status_code == 403
    assert client.post(at(world, "/transfer"), json=to, **world.as_("owner")).status_code == 204
    roles = {each["name"]: each["role"] for each in client.get(at(world, "/members"), **world.as_("owner")).json()}
    assert (roles["viewer"], roles["owner"]) == ("owner", "admin")


def test_everything_is_taken_out_as_a_file(client: TestClient, world: World, runtime: Runtime, migrated: str) -> None:
    asked = client.post(at(world, "/exports"), **world.as_("owner"))
    assert asked.status_code == 202
    mine = at(world, f"/exports/{asked.json()['id']}")
    assert client.post(f"{mine}/link", **world.as_("owner")).json()["code"] == "export_not_ready"
    with working(migrated, world.database, [tasks.write_export], runtime=runtime):
        until(lambda: client.get(mine, **world.as_("owner")).json()["finished_at"] is not None)
    link = client.post(f"{mine}/link", **world.as_("owner"))
    assert link.status_code == 201
    assert "signature=" in link.json()["url"]
    assert client.get(mine, **world.as_("admin")).status_code == 403
    assert client.get(mine, headers=world.headers("stranger", workspace=world.workspace)).status_code == 404


def noted(world: World, count: int) -> None:
    with world.database.workspace(world.workspace) as session:
        for number in range(count):
            audit.record(session, f"thing.done_{number}", ("thing", f"=cmd|{number}"), by=Actor(ActorKind.SYSTEM))


def test_owners_walk_through_the_audit_log(client: TestClient, world: World) -> None:
    noted(world, 25)
    seen, cursor = list[int](), None
    while True:
        page = client.get(
            at(world, "/audit"), params={"limit": 10, **({"cursor": cursor} if cursor else {})}, **world.as_("owner")
        ).json()
        seen += [entry["id"] for entry in page["items"]]
        # What is added meanwhile moves nothing.
        noted(world, 1)
        if (cursor := page["next"]) is None:
            break
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) >= 26
    found = client.get(at(world, "/audit"), params={"action": "thing.done_7"}, **world.as_("owner")).json()
    assert [entry["target_id"] for entry in found["items"]] == ["=cmd|7"]


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
def test_nobody_but_owners_reads_the_audit_log(client: TestClient, world: World, path: str) -> None:
    for who in ("admin", "member", "viewer"):
        assert client.get(at(world, path), **world.as_(who)).status_code == 403
    assert client.get(at(world, path), headers=world.headers("stranger")).status_code == 404


def test_the_whole_audit_log_is_a_file_that_no_spreadsheet_runs(client: TestClient, world: World) -> None:
    noted(world, 1500)
    lines = client.get(at(world, "/audit/export"), params={"format": "jsonl"}, **world.as_("owner"))
    entries = [json.loads(line) for line in lines.text.splitlines()]
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    assert len([entry for entry in entries if entry["target_kind"] == "thing"]) == 1500
    table = client.get(at(world, "/audit/export"), **world.as_("owner"))
    assert table.headers["content-disposition"] == 'attachment; filename="cliply-audit.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert len(rows) == len(entries)
    assert {row["target_id"][:5] for row in rows if row["target_kind"] == "thing"} == {"'=cmd"}
