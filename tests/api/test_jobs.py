"""Jobs over HTTP: members see and cancel their own, operators steer all of them, and each act is written down."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.features.clips.rows import ready_clip, ready_project
from tests.features.jobs.working import working
from tests.infra.queue.claiming import claim, end, register
from tests.infra.queue.fleet import until

from cliply.features.audit.models import AuditEntry
from cliply.features.identity.access import Principal, resolve
from cliply.features.identity.models import User
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN
from cliply.features.jobs import operations
from cliply.features.jobs.kinds import Registry
from cliply.features.jobs.operations import KindNotOpen, WrongArguments
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun
from cliply.infra.db import Database
from cliply.infra.queue.rows import NewJob, Token
from cliply.infra.queue.transactions import enqueue
from cliply.runtime import Runtime


def put(world: World, workspace: UUID | None = None, subject: str | None = None, kind: str = "CLIP_RENDER") -> int:
    inside = workspace or world.workspace
    with world.database.workspace(inside) as session:
        return enqueue(session, NewJob(kind=kind, queue="media", workspace_id=inside, subject=subject))


def entries(world: World) -> list[tuple[str, str, UUID | None, UUID | None]]:
    with world.database.system() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.target_kind.in_(("job", "queue"))).order_by(AuditEntry.id)
        )
        return [(row.action, row.target_id, row.actor_id, row.workspace_id) for row in rows]


def test_a_member_sees_a_job_and_all_that_became_of_it(client: TestClient, world: World) -> None:
    job = put(world)
    end(world.database, claimed(world.database), "failed")
    answer = client.get(f"/api/jobs/{job}", **world.as_("viewer")).json()
    assert (answer["id"], answer["kind"], answer["state"]) == (job, "CLIP_RENDER", "failed")
    assert [each["became"] for each in answer["events"]] == ["queued", "running", "failed"]


def test_an_attempt_tells_how_long_it_lasted_and_a_failure_its_code(
    client: TestClient, world: World, runtime: Runtime, migrated: str
) -> None:
    registry = Registry()

    @registry.job("TRY", queue="media", timeout=timedelta(minutes=1), retries=Retries(times=0))
    def handler(run: JobRun) -> None:
        """Fail for a reason."""
        raise KindNotOpen([])

    with world.database.workspace(world.workspace) as session:
        job = handler.start(session)
    with working(migrated, world.database, registry, runtime=runtime):
        until(lambda: client.get(f"/api/jobs/{job}", **world.as_("viewer")).json()["state"] == "failed")
    told = client.get(f"/api/jobs/{job}", **world.as_("viewer")).json()
    assert told["error_code"] == "kind_not_open"
    assert [each["seconds"] is None for each in told["events"]] == [True, True, False]
    assert 0 <= told["events"][-1]["seconds"] < 30


def claimed(database: Database) -> Token:
    token = claim(database, register(database))
    assert token is not None
    return token


def test_a_walk_through_the_pages_misses_and_repeats_nothing_while_jobs_are_added(
    client: TestClient, world: World
) -> None:
    ids = [put(world) for _ in range(7)]
    put(world, world.other)
    seen: list[int] = []
    query = {"limit": "3"}
    while True:
        page = client.get("/api/jobs/search", params=query, **world.as_("viewer")).json()
        seen += [each["id"] for each in page["items"]]
        put(world)
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == ids[::-1]


def test_jobs_are_found_by_kind_state_and_project(client: TestClient, world: World) -> None:
    project = uuid4()
    first, second = put(world, subject=str(project)), put(world, kind="TRANSCRIBE")
    client.post(f"/api/jobs/{second}/cancel", **world.as_("member"))

    def found(**query: str) -> list[int]:
        answer = client.get("/api/jobs/search", params=query, **world.as_("viewer"))
        return [each["id"] for each in answer.json()["items"]]

    assert found(kind="TRANSCRIBE") == [second]
    assert found(project=str(project)) == [first]
    assert found(state="cancelled") == [second]
    assert found(since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=bm9uZQ", "cursor=WyJqb2JzIiwtMV0", "cursor=WyJqb2JzIix0cnVlXQ", "limit=0", "limit=101",
     "since=2020-01-01T00:00:00", "state=gone", "kind=a", "project=1"],
)  # fmt: skip
def test_a_search_that_means_nothing_is_refused(client: TestClient, world: World, query: str) -> None:
    assert client.get(f"/api/jobs/search?{query}", **world.as_("viewer")).status_code == 422


def test_a_job_of_another_workspace_is_not_there(client: TestClient, world: World) -> None:
    job = put(world, world.other)
    assert client.get(f"/api/jobs/{job}", **world.as_("owner")).status_code == 404
    assert client.post(f"/api/jobs/{job}/cancel", **world.as_("owner")).status_code == 404
    assert entries(world) == []


def test_a_member_cancels_and_a_viewer_may_not(client: TestClient, world: World) -> None:
    job = put(world)
    assert client.post(f"/api/jobs/{job}/cancel", **world.as_("viewer")).status_code == 403
    assert client.post(f"/api/jobs/{job}/cancel", **world.as_("member")).json()["state"] == "cancelled"
    assert client.post(f"/api/jobs/{job}/cancel", **world.as_("member")).json()["code"] == "job_has_ended"
    assert entries(world) == [("job.cancelled", str(job), world.people["member"].id, world.workspace)]


def test_a_kind_that_is_not_open_is_not_started(client: TestClient, world: World) -> None:
    answer = client.post("/api/jobs/enqueue", json={"kind": "JOB_HISTORY_CLEAN"}, **world.as_("owner"))
    assert (answer.status_code, answer.json()["code"]) == (422, "kind_not_open")


def test_an_open_kind_is_started_once_for_a_key_by_who_may(world: World) -> None:
    registry = Registry()

    @registry.job("TRY", queue="media", timeout=timedelta(minutes=1), on_request=Action.CHANGE_JOBS)
    def handler(run: JobRun, project_id: UUID) -> None:
        """Nothing."""

    with world.database.workspace(world.workspace) as session:
        caller = resolve(session, Principal(world.people["member"].id), BUILT_IN)
        arguments = {"project_id": str(uuid4())}
        first = operations.enqueue(session, caller, "TRY", arguments, key="a", registry=registry)
        second = operations.enqueue(session, caller, "TRY", arguments, key="a", registry=registry)
        assert (first.id, first.subject) == (second.id, arguments["project_id"])
        for wrong in ({}, {"project_id": "x"}, {**arguments, "more": 1}):
            with pytest.raises(WrongArguments, match="TRY"):
                operations.enqueue(session, caller, "TRY", wrong, registry=registry)
        with pytest.raises(KindNotOpen, match="You may start: TRY"):
            operations.enqueue(session, caller, "OTHER", {}, registry=registry)


def test_an_operator_steers_the_jobs_of_all_workspaces(client: TestClient, world: World) -> None:
    job = put(world)
    headers = world.headers("operator")

    def steer(action: str) -> str:
        return str(client.post(f"/api/admin/jobs/{job}/{action}", headers=headers).json()["state"])

    claimed(world.database)
    assert [steer("unlock"), steer("cancel"), steer("retry")] == ["queued", "cancelled", "queued"]
    me = world.people["operator"].id
    assert entries(world) == [
        (action, str(job), me, world.workspace) for action in ("job.unlocked", "job.cancelled", "job.retried")
    ]


def test_many_are_steered_at_once_and_what_cannot_be_is_named(client: TestClient, world: World) -> None:
    jobs = [put(world), put(world, world.other)]
    body = {"action": "cancel", "ids": [*jobs, 999_999, jobs[0]]}
    answer = client.post("/api/admin/jobs/bulk", headers=world.headers("operator"), json=body).json()
    assert [(each["id"], each["done"]) for each in answer] == [(jobs[0], True), (jobs[1], True), (999_999, False)]
    assert "no job 999999" in answer[2]["error"]


def test_dead_letters_are_listed_and_a_queue_is_paused(client: TestClient, world: World) -> None:
    headers = world.headers("operator")
    dead, waiting = put(world), put(world)
    end(world.database, claimed(world.database), "failed")
    listed = client.get("/api/admin/jobs/dead", headers=headers).json()
    assert [each["id"] for each in listed["items"]] == [dead]
    assert [each["id"] for each in client.get("/api/admin/jobs", headers=headers).json()["items"]] == [waiting, dead]
    worker = register(world.database)
    assert client.post("/api/admin/queues/media/pause", headers=headers).status_code == 204
    assert claim(world.database, worker) is None
    assert client.post("/api/admin/queues/media/resume", headers=headers).status_code == 204
    assert claim(world.database, worker) is not None
    assert [each[0] for each in entries(world)] == ["queue.paused", "queue.resumed"]


@pytest.mark.parametrize("change", ["pause", "resume"])
def test_a_queue_that_there_is_not_is_refused_with_those_that_there_are(
    client: TestClient, world: World, change: str
) -> None:
    answer = client.post(f"/api/admin/queues/meida/{change}", headers=world.headers("operator"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_queue")
    assert (
        answer.json()["detail"]
        == "There is no queue meida. There are: billing, mail, maintenance, media, publish, schedules."
    )
    assert entries(world) == []
    with world.database.system() as session:
        assert session.execute(text("select * from queue_pauses")).all() == []


def test_an_operator_sees_any_job_with_what_it_was_started_with_and_its_history(
    client: TestClient, world: World
) -> None:
    for job, workspace in ((put(world), world.workspace), (put(world, world.other), world.other)):
        told = client.get(f"/api/admin/jobs/{job}", headers=world.headers("operator")).json()
        assert (told["id"], told["workspace_id"], told["queue"]) == (job, str(workspace), "media")
        assert told["arguments"] is not None
        assert [each["became"] for each in told["events"]] == ["queued"]
    missing = client.get("/api/admin/jobs/999999", headers=world.headers("operator"))
    assert (missing.status_code, missing.json()["code"]) == (404, "job_not_found")
    assert client.get(f"/api/admin/jobs/{job}", headers=world.headers("owner")).status_code == 403


@pytest.mark.parametrize("who", ["owner", "viewer", "stranger"])
def test_who_does_not_run_the_installation_steers_nothing(client: TestClient, world: World, who: str) -> None:
    job = put(world)
    for key in (False, True):
        headers = world.headers(who, key=key)
        assert client.post(f"/api/admin/jobs/{job}/cancel", headers=headers).status_code == 403
        assert client.get("/api/admin/jobs", headers=headers).status_code == 403
    assert entries(world) == []


def test_an_operator_who_is_none_any_more_is_not_answered_from_before(client: TestClient, world: World) -> None:
    job = put(world)
    headers = world.headers("operator") | {"idempotency-key": "k-1"}
    assert client.post(f"/api/admin/jobs/{job}/cancel", headers=headers).status_code == 200
    with world.database.system() as session:
        session.execute(update(User).values(is_admin=False))
    assert client.post(f"/api/admin/jobs/{job}/cancel", headers=headers).status_code == 403


def test_a_member_has_a_clip_rendered_at_a_later_time_once(client: TestClient, world: World) -> None:
    with world.database.workspace(world.workspace) as session:
        clip = ready_clip(session, ready_project(session))
        arguments = {"project_id": str(clip.project_id), "clip_id": str(clip.id)}
    body = {"kind": "CLIP_RENDER", "arguments": arguments, "key": "tonight", "at": "2100-01-01T00:00:00Z"}
    assert client.post("/api/jobs/enqueue", json=body, **world.as_("viewer")).status_code == 403
    first, second = (client.post("/api/jobs/enqueue", json=body, **world.as_("member")) for _ in range(2))
    assert (first.status_code, second.json()["id"]) == (202, first.json()["id"])
    assert (first.json()["subject"], first.json()["scheduled_at"]) == (arguments["project_id"], "2100-01-01T00:00:00Z")


def test_a_job_about_a_clip_that_is_not_there_is_not_queued(client: TestClient, world: World) -> None:
    with world.database.workspace(world.other) as session:
        foreign = ready_clip(session, ready_project(session))
        elsewhere = {"project_id": str(foreign.project_id), "clip_id": str(foreign.id)}
    with world.database.workspace(world.workspace) as session:
        own, project = ready_clip(session, ready_project(session)), ready_project(session)
        mixed = {"project_id": str(project.id), "clip_id": str(own.id)}
    for arguments in (elsewhere, mixed):
        body = {"kind": "CLIP_RENDER", "arguments": arguments}
        answer = client.post("/api/jobs/enqueue", json=body, **world.as_("owner"))
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_clip")
    assert client.get("/api/jobs/search", **world.as_("owner")).json()["items"] == []
