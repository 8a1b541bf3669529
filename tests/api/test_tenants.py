"""Nobody reaches into another workspace, and nobody does more than their role may; asked of every operation."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import event, select, text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.api.operations import Operation, operations
from tests.database import as_owner
from tests.servers.issuer import AUDIENCE, Issuer, issuing

from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.models import ApiKey, Identity, Role
from cliply.features.identity.permissions import Action, may
from cliply.features.projects.models import Project, ProjectState, SourceKind
from cliply.features.publishing.models import Channel, ChannelState, Publication
from cliply.features.workspaces.models import WorkspaceExport
from cliply.infra import workspace_guard
from cliply.infra.db import APP_ROLE, ScopedSession
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue
from cliply.infra.settings import Oidc, Server
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

Callers: TypeAlias = list[tuple[Role, str, dict[str, str]]]

HIDDEN = "Hidden Elsewhere"
"""Stands in what the other workspace has and nowhere else."""
WORDS = {"queue": "work", "form": "srt", "provider": "google", "outcome": "done"}
"""In paths, and nobody's."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def runtime(runtime: Runtime, issuer: Issuer) -> Runtime:
    """With an issuer, so that a token is a third kind of proof."""
    server = Server(url="http://cliply.test", sign_up="open")
    changed = {"oidc": Oidc(issuer=issuer.url, audience=AUDIENCE), "server": server}
    settings = runtime.settings.model_copy(update=changed)
    return replace(runtime, settings=settings)


@pytest.fixture
def callers(world: World, issuer: Issuer) -> Callers:
    """A member of each role, by each kind of proof."""
    with world.database.system() as session:
        session.add_all(Identity(issuer=issuer.url, subject=role, user_id=world.people[role].id) for role in Role)
    found = []
    for role in Role:
        found += [(role, "cookie", world.headers(role)), (role, "key", world.headers(role, key=True))]
        found.append((role, "token", {"authorization": f"Bearer {issuer.token(sub=role.value)}"}))
    return found


@pytest.fixture
def foreign(client: TestClient, app: FastAPI, world: World) -> dict[str, Any]:
    """Something of each kind in the other workspace, by the names that paths and bodies have for them."""
    ids: dict[str, Any] = {"workspace_id": world.other, "user_id": world.people["stranger"].id}
    headers = world.headers("stranger", workspace=world.other)
    there = f"/api/workspaces/{world.other}"
    client.patch(there, headers=headers, json={"name": HIDDEN})
    invited = {"email": "hidden@example.com", "role": "member"}
    ids["invitation_id"] = client.post(f"{there}/invitations", headers=headers, json=invited).json()["id"]
    with world.database.workspace(world.other) as session:
        ids["key_id"] = session.scalars(select(ApiKey.id)).one()
        project = Project(
            name=HIDDEN, source_kind=SourceKind.FILE, state=ProjectState.PROCESSING, options={}, source_id=uuid4(),
            file_name=HIDDEN, size=1, sha256="0" * 64, duration_ms=60_000, probe={},
        )  # fmt: skip
        export = WorkspaceExport(requested_by=ids["user_id"])
        session.add_all([project, export])
        session.flush()
        clip = Clip(
            id=uuid4(), project_id=project.id, source_ms=60_000, start_ms=0, end_ms=9_000, rank=1, score=1.0,
            moment={"title": HIDDEN}, state=ClipState.CANDIDATE,
        )  # fmt: skip
        session.add(clip)
        channel = Channel(network=Network.YOUTUBE, external_id=HIDDEN, name=HIDDEN, state=ChannelState.DISCONNECTED)
        session.add(channel)
        session.flush()
        now = datetime.now(UTC)
        publication = Publication(
            channel_id=channel.id, network=Network.YOUTUBE, clip_id=clip.id, post={"title": HIDDEN},
            schedule="planned", local_at=now.replace(tzinfo=None), zone="UTC", run_at=now,
        )  # fmt: skip
        session.add(publication)
        session.flush()
        job = NewJob(kind="CLIP_RENDER", queue="work", workspace_id=world.other, subject=str(project.id))
        ids |= {"project_id": project.id, "project": project.id, "clip_id": clip.id, "export_id": export.id}
        ids |= {"account_id": channel.id, "publication_id": publication.id, "schedule_id": publication.id}
        ids["job_id"] = enqueue(session, job)
    ids["ids"] = ids["job_id"]
    ids |= WORDS
    made = client.post("/api/organisations", headers=headers, json={"name": HIDDEN})
    if made.status_code == 201:
        ids["organisation_id"] = made.json()["id"]
    return ids


def rows_of(migrated: str, workspace: UUID) -> list[tuple[str, str]]:
    """Everything that the database holds of a workspace."""
    named = text("SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id' ORDER BY 1")
    found = []
    with as_owner(migrated) as connection:
        for table in connection.execute(named).scalars().all():
            rows = connection.execute(
                text(f"SELECT t::text FROM {table} t WHERE workspace_id = :id ORDER BY 1"), {"id": workspace}
            )
            found += [(table, row) for row in rows.scalars()]
        found += [
            ("workspaces", row)
            for row in connection.execute(
                text("SELECT w::text FROM workspaces w WHERE id = :id"), {"id": workspace}
            ).scalars()
        ]
    return found


@contextmanager
def only_the_database() -> Iterator[None]:
    """As if the session narrowed nothing and checked nothing."""
    listeners = (("do_orm_execute", workspace_guard.narrow), ("before_flush", workspace_guard.keep_inside))
    for name, listener in listeners:
        event.remove(ScopedSession, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.listen(ScopedSession, name, listener)


@contextmanager
def only_the_session(migrated: str) -> Iterator[None]:
    """As if no table had a policy."""
    with as_owner(migrated) as connection:
        connection.execute(text(f"ALTER ROLE {APP_ROLE} BYPASSRLS"))
    try:
        yield
    finally:
        with as_owner(migrated) as connection:
            connection.execute(text(f"ALTER ROLE {APP_ROLE} NOBYPASSRLS"))


def test_every_name_in_a_path_is_known_to_this_test(app: FastAPI, foreign: dict[str, Any]) -> None:
    assert {name for each in operations(app) for name in each.path_names} <= set(foreign)


@pytest.mark.slow
@pytest.mark.parametrize("guards", ["both", "only the database", "only the session"])
def test_nothing_of_another_workspace_is_reached_by_its_ids(
    app: FastAPI,
    client: TestClient,
    world: World,
    foreign: dict[str, Any],
    callers: Callers,
    migrated: str,
    guards: str,
) -> None:
    mine = foreign | {"workspace_id": world.workspace}
    asked = [each for each in operations(app) if each.is_secured and each.mentions(mine)]
    asked = [each for each in asked if each.names_workspace or "/admin/" in each.path or "organisation" in each.path]
    before = rows_of(migrated, world.other)
    wrong = []
    guard = {"only the database": only_the_database(), "only the session": only_the_session(migrated)}.get(guards)
    with guard or nullcontext():
        for operation in asked:
            for role, proof, headers in callers:
                answer = client.request(**operation.request(mine, headers | {"x-workspace-id": str(world.workspace)}))
                if not is_refused(operation, answer.status_code) or HIDDEN in answer.text:
                    wrong.append((operation.id, role, proof, answer.status_code, answer.text[:200]))
    assert wrong == [], wrong
    assert rows_of(migrated, world.other) == before
    assert len(asked) > 25


def is_refused(operation: Operation, status: int) -> bool:
    # A list that is asked for somebody else's is empty; what it may not show is looked for in its text.
    found_nothing = operation.method == "get" and not set(operation.path_names) - {"workspace_id"} and status == 200
    return status in (403, 404) or found_nothing


@pytest.mark.slow
def test_another_workspace_is_not_there_whatever_is_asked_of_it(
    app: FastAPI, client: TestClient, world: World, foreign: dict[str, Any], callers: Callers, migrated: str
) -> None:
    before = rows_of(migrated, world.other)
    asked = [each for each in operations(app) if each.names_workspace and "organisation" not in each.path]
    # Operators see all of them.
    asked = [each for each in asked if "/admin/" not in each.path]
    wrong = []
    for operation in asked:
        for role, proof, headers in callers:
            answer = client.request(**operation.request(foreign, headers | {"x-workspace-id": str(world.other)}))
            if (answer.status_code, answer.json()["code"]) != (404, "no_such_workspace"):
                wrong.append((operation.id, role, proof, answer.status_code, answer.text[:200]))
    assert wrong == [], wrong
    assert rows_of(migrated, world.other) == before
    assert len(asked) > 40


@pytest.mark.slow
def test_each_role_may_do_what_the_table_says_and_nothing_else(
    app: FastAPI, client: TestClient, world: World, foreign: dict[str, Any], callers: Callers
) -> None:
    """With ids of nothing, so that what is allowed is allowed and does little."""
    nothing = {name: uuid4() for name in foreign} | {"job_id": 999_999, "ids": 999_999} | WORDS
    nothing["workspace_id"] = world.workspace
    wrong = []
    named = [(each, Action(each.action)) for each in operations(app) if each.action is not None]
    # What is refused changes nothing, so it comes first.
    for allowed in (False, True):
        for operation, action in named:
            for role, proof, headers in callers:
                if may(role, action) is not allowed:
                    continue
                here = headers | {"x-workspace-id": str(world.workspace)}
                answer = client.request(**operation.request(nothing, here))
                refused = answer.status_code == 403 and answer.json()["code"] in ("role_too_low", "scope_missing")
                if refused is allowed or answer.status_code in (401, 500):
                    wrong.append((operation.id, role, proof, answer.status_code, answer.text[:200]))
    assert wrong == [], wrong
    assert len(named) > 30


def test_nobody_gets_anything_without_proof(app: FastAPI, client: TestClient, foreign: dict[str, Any]) -> None:
    asked = [each for each in operations(app) if each.is_secured]
    statuses = {each.id: client.request(**each.request(foreign)).status_code for each in asked}
    assert {name: status for name, status in statuses.items() if status != 401} == {}


def test_only_operators_get_what_concerns_all(
    app: FastAPI, client: TestClient, foreign: dict[str, Any], callers: Callers
) -> None:
    for operation in operations(app):
        if "/api/admin/" in operation.path:
            for role, proof, headers in callers:
                answer = client.request(**operation.request(foreign, headers))
                assert answer.status_code == 403, (operation.id, role, proof)
