"""A workspace with a member of each role, and another one beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cliply.features.audit.models import AuditEntry
from cliply.features.identity.access import Caller, Principal, resolve
from cliply.features.identity.models import Membership, Role, User
from cliply.features.identity.plans import BUILT_IN, Plans
from cliply.features.workspaces import service as workspaces
from cliply.infra.db import Database


@dataclass
class Office:
    database: Database
    id: UUID
    people: dict[str, UUID] = field(default_factory=dict)
    plans: Plans = BUILT_IN

    def principal(self, name: str) -> Principal:
        return Principal(self.people[name], request_id="r-1", ip="192.0.2.7")

    @contextmanager
    def entered(self, name: str) -> Iterator[tuple[Session, Caller]]:
        """One transaction in the workspace, as the person of this name."""
        with self.database.workspace(self.id) as session:
            yield session, resolve(session, self.principal(name), self.plans)

    def roles(self) -> dict[str, str]:
        names = {user_id: name for name, user_id in self.people.items()}
        with self.database.workspace(self.id) as session:
            rows = session.execute(select(Membership.user_id, Membership.role)).all()
        return {names[row.user_id]: row.role.value for row in rows}

    def entries(self) -> list[tuple[str, str]]:
        """What was written down in the workspace since it was made."""
        with self.database.workspace(self.id) as session:
            rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert all((row.request_id, row.ip) == ("r-1", "192.0.2.7") for row in rows)
        return [(row.action, row.target_id) for row in rows][1:]


@pytest.fixture
def office(database: Database) -> Office:
    """Its people are called what they are: owner, admin, member, viewer; `stranger` owns another workspace."""
    people = {name: UUID(int=100 + number) for number, name in enumerate((*Role, "stranger"))}
    with database.system() as session:
        session.add_all(
            User(id=user_id, email=f"{name}@example.com", name=name, email_confirmed_at=func.now())
            for name, user_id in people.items()
        )
        session.flush()
        owner = Principal(people["owner"], request_id="r-1", ip="192.0.2.7")
        made = workspaces.create(session, "Engines & Co.", by=owner)
        workspaces.create(session, "Elsewhere", by=Principal(people["stranger"]))
        session.add_all(
            Membership(workspace_id=made.id, user_id=people[role], role=role) for role in Role if role is not Role.OWNER
        )
    return Office(database, made.id, dict(people))
