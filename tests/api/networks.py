"""The service beside networks of this machine, and browsers and programs that connect accounts over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World
from tests.features.publishing.stage import Stage
from tests.features.publishing.stage import stage as staged
from tests.features.workspaces.conftest import Office

from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import api_keys, login_sessions
from cliply.features.identity.access import Caller, Principal
from cliply.features.identity.models import Membership, Role, User
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN
from cliply.features.publishing.models import Channel
from cliply.infra.settings import Server
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

URL = "https://cliply.test"
PROVIDERS = {"google": Network.YOUTUBE, "tiktok": Network.TIKTOK}


@contextmanager
def networks_of(world: World, folder: Path, media: Path) -> Iterator[Stage]:
    """Both networks know the service by its address, and programs by a port of this machine."""
    office = Office(world.database, world.workspace, {name: each.id for name, each in world.people.items()})
    with staged(office, folder, media) as stage:
        app = stage.google.apps[0]
        app.redirect_uris += tuple(f"{URL}/api/oauth/{provider}/callback" for provider in PROVIDERS)
        yield stage


def served_at(stage: Stage, url: str | None = URL) -> Runtime:
    settings = stage.runtime.settings.model_copy(update={"server": Server(url=url, sign_up="open")})
    return replace(stage.runtime, settings=settings)


def browser_of(app: FastAPI, url: str = URL) -> TestClient:
    return TestClient(app, base_url=url, client=("192.0.2.7", 50000), raise_server_exceptions=False)


@dataclass
class Scene:
    """Who comes and goes between the service and the networks. `proof` is a browser's cookie or a program's key."""

    stage: Stage
    world: World
    client: TestClient

    # Proofs

    def cookie(self, who: str = "owner") -> dict[str, str]:
        return {"cookie": f"__Host-cliply={self.world.people[who].session}"}

    def another_browser(self, who: str = "owner") -> dict[str, str]:
        """Of the same person, who has signed in there as well."""
        user_id = self.world.people[who].id
        with self.world.database.system() as session:
            token = login_sessions.start(session, user_id, by=Actor(ActorKind.USER, user_id)).token
        return {"cookie": f"__Host-cliply={token}"}

    def key(self, who: str = "owner") -> dict[str, str]:
        return {"authorization": f"Bearer {self.world.keys[who]}"}

    def another_key(self, who: str = "owner") -> dict[str, str]:
        user_id, workspace = self.world.people[who].id, self.world.workspace
        with self.world.database.workspace(workspace) as session:
            owner = Caller(Principal(user_id), workspace, Role.OWNER, BUILT_IN.default)
            return {"authorization": f"Bearer {api_keys.create(session, owner, 'Other', list(Action)).secret}"}

    def newcomer(self, role: Role = Role.ADMIN) -> tuple[UUID, dict[str, str]]:
        """A new member of the workspace, and their browser."""
        with self.world.database.system() as session:
            user = User(email=f"{uuid4().hex}@example.com", name="New")
            session.add(user)
            session.flush()
            session.add(Membership(workspace_id=self.world.workspace, user_id=user.id, role=role))
            token = login_sessions.start(session, user.id, by=Actor(ActorKind.USER, user.id)).token
        return user.id, {"cookie": f"__Host-cliply={token}"}

    # There and back

    def start(self, provider: str, proof: dict[str, str], *, workspace: UUID | None = None, **body: Any) -> Any:
        headers = {**proof, "x-workspace-id": str(workspace or self.world.workspace)}
        return self.client.post(f"/api/oauth/{provider}/start", json=body, headers=headers)

    def begin(self, provider: str, proof: dict[str, str] | None = None, **body: Any) -> str:
        """Where the browser has to go."""
        begun = self.start(provider, proof or self.cookie(), **body)
        assert begun.status_code == 201, begun.text
        return str(begun.json()["consent_url"])

    def allowed(self, provider: str, proof: dict[str, str] | None = None, **more: Any) -> dict[str, str]:
        """Begin and allow; what the network sends back with the browser."""
        account = more.pop("account", None)
        return self.stage.allow(self.begin(provider, proof, **more), account=account)

    def back(self, provider: str, sent: Any, proof: dict[str, str] | None = None) -> Any:
        headers = self.cookie() if proof is None else proof
        return self.client.get(f"/api/oauth/{provider}/callback", params=sent, headers=headers)

    def finish(self, provider: str, sent: dict[str, Any], proof: dict[str, str] | None = None, **more: str) -> Any:
        """As a program does it."""
        body = {name: value for name, value in sent.items() if name in ("state", "code", "error", "iss")}
        headers = {**(self.key() if proof is None else proof), **more}
        return self.client.post(f"/api/oauth/{provider}/finish", json=body, headers=headers)

    def connect(self, provider: str, **more: Any) -> UUID:
        """All of it; the account's id."""
        sent = self.allowed(provider, loopback_port=8765, **more)
        done = self.finish(provider, sent, self.cookie())
        assert done.status_code == 200, done.text
        return UUID(done.json()["id"])

    # What there is

    def kept(self) -> list[tuple[str, str, bytes | None, str]]:
        """Of all channels, of all workspaces."""
        query = select(Channel.external_id, Channel.workspace_id, Channel.grant_sealed, Channel.state)
        with self.world.database.system() as session:
            rows = session.execute(query.order_by(Channel.created_at, Channel.id)).all()
        return [(row[0], str(row[1]), row[2], row[3].value) for row in rows]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def scene(world: World, tmp_path: Path, media: Path) -> Iterator[Scene]:
    with networks_of(world, tmp_path, media) as stage, browser_of(app_of(served_at(stage))) as client:
        yield Scene(stage, world, client)
