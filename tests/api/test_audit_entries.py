"""Whatever changes something leaves one entry in the log; asked of every operation of the document."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.api.networks import media, networks_of
from tests.api.operations import operations
from tests.api.test_jobs import claimed, put
from tests.api.test_projects import uploaded
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.projects.test_uploads import video
from tests.features.publishing.stage import AGREED, Stage
from tests.infra.queue.claiming import end

from cliply.features.audit.models import ActorKind, AuditEntry
from cliply.features.audit.service import Actor
from cliply.features.clips.models import ClipState
from cliply.features.identity import accounts, addresses
from cliply.features.identity.access import Principal, resolve
from cliply.features.identity.models import ApiKey, Membership, Organisation, OrganisationMember, Role, User
from cliply.features.identity.plans import BUILT_IN
from cliply.features.projects.models import ProjectState
from cliply.features.publishing.models import Publication, PublicationState, ScheduleState
from cliply.features.workspaces import export, invitations
from cliply.features.workspaces import service as workspaces
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

__all__ = ["media", "video"]

STRANGER = "somebody@example.com"
PASSWORD, NEW_PASSWORD = "analytical engine no. 1", "difference engine no. 2"
SOON = datetime.now(UTC) + timedelta(days=30)


@dataclass
class Scene:
    """Makes what an operation is asked of, anew for each."""

    client: TestClient
    world: World
    runtime: Runtime
    video: Path
    stage: Stage
    email: str = ""

    @property
    def owner(self) -> UUID:
        return self.world.people["owner"].id

    def member(self, role: Role = Role.MEMBER) -> UUID:
        with self.world.database.system() as session:
            user = User(email=f"{uuid4().hex}@example.com", name="New")
            session.add(user)
            session.flush()
            session.add(Membership(workspace_id=self.world.workspace, user_id=user.id, role=role))
            return user.id

    def workspace(self) -> UUID:
        with self.world.database.system() as session:
            return workspaces.create(session, "Another", by=Principal(self.owner)).id

    def project(self, state: ProjectState = ProjectState.READY, *, candidates: int = 0) -> UUID:
        with self.world.database.workspace(self.world.workspace) as session:
            project = ready_project(session, state=state)
            for rank in range(candidates):
                candidate(session, project, rank + 1)
            return project.id

    def clip(self, **more: Any) -> UUID:
        with self.world.database.workspace(self.world.workspace) as session:
            return ready_clip(session, ready_project(session), self.runtime.storage, **more).id

    def running_job(self, *, fails: bool = False) -> int:
        with self.world.database.system() as session:
            # The only one that waits.
            session.execute(text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'todo'"))
        job = put(self.world)
        token = claimed(self.world.database)
        if fails:
            end(self.world.database, token, "failed")
        return job

    def invitation(self, email: str = STRANGER) -> invitations.Issued:
        with self.world.database.workspace(self.world.workspace) as session:
            return invitations.invite(session, resolve(session, Principal(self.owner), BUILT_IN), email, Role.MEMBER)

    def finished_export(self) -> UUID:
        with self.world.database.workspace(self.world.workspace) as session:
            asked = export.request(session, resolve(session, Principal(self.owner), BUILT_IN))
            export.finish(session, asked.id, 1)
            return asked.id

    def organisation(self, workspace: UUID | None = None, member: UUID | None = None) -> UUID:
        with self.world.database.system() as session:
            organisation = Organisation(name="Agency")
            session.add(organisation)
            session.flush()
            people = {self.owner: Role.OWNER} | ({} if member is None else {member: Role.MEMBER})
            session.add_all(
                OrganisationMember(organisation_id=organisation.id, user_id=user_id, role=role)
                for user_id, role in people.items()
            )
            session.flush()
            session.execute(text("UPDATE workspaces SET organisation_id = :o WHERE id = :w"),
                            {"o": organisation.id, "w": workspace})  # fmt: skip
            return organisation.id

    def channel(self, network: Network = Network.YOUTUBE) -> UUID:
        return self.stage.connect(network).id

    def publication(self, **more: Any) -> UUID:
        """As one that was asked for, in another state where `more` says so."""
        self.channel()
        made = self.stage.publish(Network.YOUTUBE)
        with self.world.database.workspace(self.world.workspace) as session:
            if not more:
                return made.id
            state = {"channel_id": made.channel_id, "network": made.network, "clip_id": made.clip_id, "post": made.post}
            other = Publication(**state, **more)
            session.add(other)
            session.flush()
            return other.id

    def allowed(self) -> dict[str, str]:
        """What the network sends back with the owner's browser."""
        headers = self.world.headers("owner", workspace=self.world.workspace)
        begun = self.client.post("/api/oauth/google/start", json={"loopback_port": 8765}, headers=headers)
        sent = self.stage.allow(begun.json()["consent_url"])
        return {name: sent[name] for name in ("state", "code", "iss")}

    def account(self) -> dict[str, str]:
        """A new one with a password, in no workspace; how its owner is signed in."""
        self.email = f"{uuid4().hex}@example.com"
        made = self.client.post("/api/auth/sign-up", json={"email": self.email, "password": PASSWORD, "name": "New"})
        assert made.status_code == 201, made.text
        signed_in = self.client.post("/api/auth/sign-in", json={"email": self.email, "password": PASSWORD})
        return {"cookie": f"cliply={signed_in.cookies['cliply']}"}

    def code(self) -> str:
        """That proves the account's address."""
        with self.world.database.system() as session:
            return addresses.start(session, accounts.find(session, self.email), self.email).token

    def way_back(self) -> str:
        self.account()
        with self.world.database.system() as session:
            started = accounts.start_recovery(session, self.email, by=Actor(ActorKind.USER))
        assert started is not None
        return started.token


@dataclass
class Asked:
    """What of a request is not as the document and the scene say anyway."""

    ids: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] | None = None
    who: str = "owner"


def deletion_announced(scene: Scene) -> UUID:
    workspace = scene.workspace()
    path, named = f"/api/workspaces/{workspace}/deletion", {"name": "Another"}
    assert scene.client.post(path, json=named, headers=scene.world.headers("owner")).status_code == 202
    return workspace


def with_member(scene: Scene, role: Role = Role.MEMBER) -> Asked:
    member = scene.member(role)
    return Asked({"user_id": member, "organisation_id": scene.organisation(scene.world.workspace, member)})


def key_of_viewer(scene: Scene) -> UUID:
    with scene.world.database.workspace(scene.world.workspace) as session:
        key = select(ApiKey.id).where(ApiKey.user_id == scene.world.people["viewer"].id)
        return session.scalars(key).one()


def invited(scene: Scene) -> Asked:
    token = scene.invitation("stranger@example.com").token
    return Asked(body={"token": token}, headers=scene.world.headers("stranger"))


def transferring(scene: Scene) -> Asked:
    workspace, admin = scene.workspace(), scene.world.people["admin"].id
    with scene.world.database.system() as session:
        session.add(Membership(workspace_id=workspace, user_id=admin, role=Role.MEMBER))
    return Asked({"workspace_id": workspace, "user_id": admin})


def signing_in(scene: Scene) -> Asked:
    scene.account()
    return Asked(body={"email": scene.email, "password": PASSWORD}, headers={})


def failed_project(scene: Scene) -> Asked:
    return Asked({"project_id": scene.project(ProjectState.FAILED)})


def old_clip(scene: Scene) -> Asked:
    return Asked({"clip_id": scene.clip(rendered_from="older", state=ClipState.READY)})


def publishable(scene: Scene, network: Network, **wanted: Any) -> Asked:
    scene.channel(network)
    return Asked(body={"clip_id": str(scene.stage.clip().id), **wanted})


def of_publication(scene: Scene, body: Mapping[str, Any] | None = None, **more: Any) -> Asked:
    return Asked({"publication_id": scene.publication(**more)}, body or {})


def to_be_planned(scene: Scene) -> Asked:
    asked = publishable(scene, Network.YOUTUBE, at=f"{SOON:%Y-%m-%dT%H:%M}")
    return Asked(body={**asked.body, "network": "youtube"})


def of_schedule(
    scene: Scene, body: Mapping[str, Any] | None = None, schedule: ScheduleState = ScheduleState.PLANNED
) -> Asked:
    local = {"schedule": schedule, "local_at": SOON.replace(tzinfo=None), "zone": "UTC", "run_at": SOON}
    return Asked({"schedule_id": scene.publication(**local)}, body or {})


READY: Mapping[str, Callable[[Scene], Asked]] = {
    "sign_in": signing_in,
    "sign_out": lambda scene: Asked(headers=scene.account()),
    "end_sessions": lambda scene: Asked(headers=scene.account()),
    "change_me": lambda scene: Asked(headers=scene.account()),
    "sign_up": lambda _: Asked(body={"email": "new@example.com", "name": "New", "password": PASSWORD}, headers={}),
    "send_confirmation": lambda scene: Asked(headers=scene.account()),
    "finish_confirmation": lambda scene: Asked(headers=scene.account(), body={"token": scene.code()}),
    "change_address": lambda scene: Asked(
        headers=scene.account(), body={"email": "new@example.com", "password": PASSWORD}
    ),
    "change_password": lambda scene: Asked(
        headers=scene.account(), body={"password": PASSWORD, "new_password": NEW_PASSWORD}
    ),
    "delete_me": lambda scene: Asked(headers=scene.account()),
    "start_recovery": lambda scene: Asked(body={"email": signing_in(scene).body["email"]}, headers={}),
    "finish_recovery": lambda scene: Asked(headers={}, body={"token": scene.way_back(), "password": NEW_PASSWORD}),
    "revoke_key": lambda scene: Asked({"key_id": key_of_viewer(scene)}),
    "change_workspace": lambda _: Asked(
        body={"name": "Looms", "timezone": "Europe/Berlin", "retention_days": 9, "brand": {"style": "karaoke"}}
    ),
    "change_workspace_plan": lambda scene: Asked({"workspace_id": scene.workspace()}, {"plan": "pro"}, who="operator"),
    "transfer_workspace": transferring,
    "delete_workspace": lambda scene: Asked({"workspace_id": scene.workspace()}, {"name": "Another"}),
    "keep_workspace": lambda scene: Asked({"workspace_id": deletion_announced(scene)}),
    "link_export": lambda scene: Asked({"export_id": scene.finished_export()}),
    "add_member": lambda _: Asked(body={"email": "one@example.com", "role": "member"}),
    "invite_member": lambda _: Asked(body={"email": "two@example.com", "role": "member"}),
    "change_member": lambda scene: Asked({"user_id": scene.member()}, {"role": "viewer"}),
    "remove_member": lambda scene: Asked({"user_id": scene.member()}),
    "resend_invitation": lambda scene: Asked({"invitation_id": scene.invitation("three@example.com").invitation.id}),
    "revoke_invitation": lambda scene: Asked({"invitation_id": scene.invitation("four@example.com").invitation.id}),
    "accept_invitation": invited,
    "rename_organisation": lambda scene: Asked({"organisation_id": scene.organisation()}),
    "delete_organisation": lambda scene: Asked({"organisation_id": scene.organisation()}),
    "put_organisation_member": lambda scene: Asked(
        {"user_id": scene.member(), "organisation_id": scene.organisation(scene.world.workspace)}, {"role": "viewer"}
    ),
    "remove_organisation_member": with_member,
    "create_organisation_workspace": lambda scene: Asked({"organisation_id": scene.organisation()}),
    "take_in_workspace": lambda scene: Asked(
        {"organisation_id": scene.organisation(), "workspace_id": scene.workspace()}
    ),
    "release_workspace": lambda scene: Asked(
        {"organisation_id": scene.organisation(space := scene.workspace()), "workspace_id": space}
    ),
    "rename_project": lambda scene: Asked({"project_id": scene.project()}),
    "delete_project": lambda scene: Asked({"project_id": scene.project()}),
    "complete_upload": lambda scene: Asked({"project_id": uploaded(scene.client, scene.world, scene.video)}),
    "make_more_clips": lambda scene: Asked({"project_id": scene.project(candidates=1)}, {"count": 1}),
    "retry_project": failed_project,
    "render_clip": old_clip,
    "change_clip": lambda scene: Asked({"clip_id": scene.clip()}, {"title": "Another title"}),
    "review_clip": lambda scene: Asked({"clip_id": scene.clip()}, {"review": "approved"}),
    "connect_account": lambda _: Asked(body={"network": "tiktok", "loopback_port": 8765}),
    "start_oauth": lambda _: Asked({"provider": "google"}, {"loopback_port": 8765}),
    "complete_oauth": lambda scene: Asked({"provider": "google"}, scene.allowed()),
    "change_account": lambda scene: Asked({"account_id": scene.channel()}, {"name": "Ours"}),
    "reconnect_account": lambda scene: Asked({"account_id": scene.channel()}, {"loopback_port": 8765}),
    "disconnect_account": lambda scene: Asked({"account_id": scene.channel()}),
    "set_up_account": lambda scene: Asked(body={"account_id": str(scene.channel()), "settings": {"daily_cap": 3}}),
    "publish_on_youtube": lambda scene: publishable(scene, Network.YOUTUBE),
    "publish_on_tiktok": lambda scene: publishable(scene, Network.TIKTOK, privacy="PUBLIC_TO_EVERYONE", options=AGREED),
    "move_publication": lambda scene: of_publication(scene, {"run_at": None}),
    "cancel_publication": of_publication,
    "retry_publication": lambda scene: of_publication(scene, state=PublicationState.REJECTED, error="Refused."),
    "settle_publication": lambda scene: of_publication(
        scene, {"verdict": "look"}, state=PublicationState.UNKNOWN, handle_sealed=b"sealed", begun_at=func.now()
    ),
    "create_schedule": to_be_planned,
    "move_schedule": lambda scene: of_schedule(scene, {"at": f"{SOON:%Y-%m-%dT%H:%M}"}),
    "pause_schedule": of_schedule,
    "resume_schedule": lambda scene: of_schedule(scene, schedule=ScheduleState.PAUSED),
    "cancel_schedule": of_schedule,
    "cancel_job": lambda scene: Asked({"job_id": put(scene.world)}),
    "steer_jobs": lambda scene: Asked(body={"action": "cancel", "ids": [put(scene.world)]}, who="operator"),
    "retry_any_job": lambda scene: Asked({"job_id": scene.running_job(fails=True)}, who="operator"),
    "cancel_any_job": lambda scene: Asked({"job_id": put(scene.world)}, who="operator"),
    "unlock_any_job": lambda scene: Asked({"job_id": scene.running_job()}, who="operator"),
    "pause_queue": lambda _: Asked({"queue": "media"}, who="operator"),
    "resume_queue": lambda _: Asked({"queue": "media"}, who="operator"),
}
SAYS_SO_ITSELF = {
    # A signed link's: the upload that gave it out has the entry.
    "put_part",
    # Nobody's: what fires was planned by somebody.
    "scan_schedules",
    # Changes nothing, though its question is too long for an address.
    "preview_change",
    # Has an entry where the plan follows.
    "receive_event",
    # Need Stripe: tests/features/billing/test_entries.py.
    "start_checkout",
    "open_portal",
    "change_plan",
}


def enqueued(scene: Scene) -> Asked:
    clip = scene.clip()
    with scene.world.database.workspace(scene.world.workspace) as session:
        project = session.execute(text("SELECT project_id FROM clips WHERE id = :id"), {"id": clip}).scalar_one()
    arguments = {"project_id": str(project), "clip_id": str(clip)}
    return Asked(body={"kind": "CLIP_RENDER", "arguments": arguments, "key": "once"})


@pytest.fixture
def stage(world: World, tmp_path: Path, media: Path) -> Iterator[Stage]:
    with networks_of(world, tmp_path / "networks", media) as stage:
        yield stage


@pytest.fixture
def runtime(runtime: Runtime, stage: Stage) -> Runtime:
    """Beside networks of this machine, which share its files and its key."""
    stage.runtime = replace(runtime, providers=stage.runtime.providers)
    return stage.runtime


def count(world: World) -> int:
    with world.database.system() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def forget_tries(world: World) -> None:
    with world.database.system() as session:
        session.execute(text("DELETE FROM rate_limits"))


def call(scene: Scene, operation: Any, asked: Asked) -> Any:
    return scene.client.request(**request_of(scene, operation, asked))


def request_of(scene: Scene, operation: Any, asked: Asked) -> dict[str, Any]:
    ids = {"workspace_id": scene.world.workspace, "user_id": scene.world.people["admin"].id} | dict(asked.ids)
    headers = scene.world.headers(asked.who) if asked.headers is None else dict(asked.headers)
    if operation.names_workspace and "/organisations/" not in operation.path:
        headers["x-workspace-id"] = str(ids["workspace_id"])
    arguments: dict[str, Any] = operation.request(ids, headers)
    if asked.body:
        arguments["json"] = dict(asked.body)
    return arguments


def ready(scene: Scene, operation: Any) -> Asked:
    """What is asked of it, of things that are made for it."""
    make = enqueued if operation.id == "enqueue_job" else READY.get(operation.id, lambda _: Asked())
    return make(scene)


@pytest.mark.slow
def test_every_call_that_changes_something_has_one_entry(
    app: FastAPI, client: TestClient, world: World, runtime: Runtime, video: Path, stage: Stage
) -> None:
    scene = Scene(client, world, runtime, video, stage)
    changing = [each for each in operations(app) if each.method != "get" and each.id not in SAYS_SO_ITSELF]
    wrong = []
    for operation in changing:
        forget_tries(world)
        asked = ready(scene, operation)
        client.cookies.clear()
        before = count(world)
        answer = call(scene, operation, asked)
        written = count(world) - before
        if not answer.is_success or written != 1:
            wrong.append((operation.id, answer.status_code, written, answer.text[:300]))
    assert wrong == [], "\n".join(map(str, wrong))
    assert len(changing) > 50


def test_the_same_job_asked_for_again_has_no_second_entry(
    app: FastAPI, client: TestClient, world: World, runtime: Runtime, video: Path, stage: Stage
) -> None:
    scene = Scene(client, world, runtime, video, stage)
    (enqueue,) = [each for each in operations(app) if each.id == "enqueue_job"]
    asked = enqueued(scene)
    first = call(scene, enqueue, asked)
    before = count(world)
    assert call(scene, enqueue, asked).json()["id"] == first.json()["id"]
    assert count(world) == before
