"""The service as a client sees it: the app on the test's database, and people who have signed in."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.api.apps import app_of

from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import api_keys, login_sessions
from cliply.features.identity.access import Caller, Principal
from cliply.features.identity.models import Membership, Role, User
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import BUILT_IN
from cliply.features.workspaces import service as workspaces
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.db import Database
from cliply.infra.mail import FolderMailer
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Google, Server, Settings, TikTok
from cliply.infra.storage.opening import open_storage
from cliply.integrations.providers import build_providers
from cliply.runtime import Runtime

NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens: both networks are set up, and nothing leaves."""


@pytest.fixture
def runtime(database: Database, tmp_path: Path) -> Iterator[Runtime]:
    settings = Settings(
        data=tmp_path,
        server=Server(sign_up="open"),
        google=Google.model_validate({"client_id": "client", "client_secret": "a secret", "url": NOWHERE}),
        tiktok=TikTok.model_validate({"client_key": "client", "client_secret": "a secret", "url": NOWHERE}),
    )
    with closing(Outbound(ProcessBreakers(), pause=0.001)) as outbound:
        providers = build_providers(settings, outbound, Quotas(database))
        mailer = FolderMailer(tmp_path / "mail", settings.mail.sender)
        yield Runtime(settings, database, open_storage(settings), mailer, providers)


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    return app_of(runtime)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Nobody yet. A fault is answered as the server would, and not raised into the test."""
    with TestClient(
        app, base_url="http://cliply.test", client=("192.0.2.7", 50000), raise_server_exceptions=False
    ) as it:
        yield it


@dataclass(frozen=True)
class Person:
    """Somebody with an account; `session` is what their browser's cookie holds."""

    id: UUID
    email: str
    session: str

    @property
    def signed_in(self) -> dict[str, str]:
        return {"cookie": f"cliply={self.session}"}


@dataclass
class World:
    """One workspace with a member of each role, another one beside it with its owner, and an API key of each."""

    database: Database
    workspace: UUID
    other: UUID
    people: dict[str, Person]
    keys: dict[str, str]

    def headers(self, who: str, *, key: bool = False, workspace: UUID | None = None) -> dict[str, str]:
        proof = {"authorization": f"Bearer {self.keys[who]}"} if key else self.people[who].signed_in
        return proof | ({} if workspace is None else {"x-workspace-id": str(workspace)})

    def as_(self, who: str) -> dict[str, Any]:
        """For a call in the workspace, by somebody's browser."""
        return {"headers": self.headers(who, workspace=self.workspace)}


@pytest.fixture
def world(database: Database) -> World:
    """`stranger` owns the other workspace; `admin` is one of this workspace, and `operator` runs the installation."""
    with database.system() as session:
        people = {name: _person(session, name) for name in (*Role, "stranger", "operator")}
        session.execute(update(User).where(User.id == people["operator"].id).values(is_admin=True))
        here = workspaces.create(session, "Engines & Co.", by=Principal(people["owner"].id)).id
        there = workspaces.create(session, "Elsewhere", by=Principal(people["stranger"].id)).id
        session.add_all(
            Membership(workspace_id=here, user_id=people[role].id, role=role) for role in Role if role is not Role.OWNER
        )
    with database.workspace(here) as session:
        keys = {role.value: _key(session, here, people[role].id) for role in Role}
    with database.workspace(there) as session:
        keys["stranger"] = _key(session, there, people["stranger"].id)
    return World(database, here, there, people, keys)


def _person(session: Session, name: str) -> Person:
    email = f"{name}@example.com"
    user = User(email=email, name=name, email_confirmed_at=func.now())
    session.add(user)
    session.flush()
    signed_in = login_sessions.start(session, user.id, by=Actor(ActorKind.USER, user.id))
    return Person(user.id, email, signed_in.token)


def _key(session: Session, workspace: UUID, user_id: UUID) -> str:
    """With every scope: what it may do is its maker's role alone."""
    owner = Caller(Principal(user_id), workspace, Role.OWNER, BUILT_IN.default)
    return api_keys.create(session, owner, "Everything", list(Action)).secret
