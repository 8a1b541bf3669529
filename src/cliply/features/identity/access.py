"""Who is calling, in which workspace, and what they may do there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, SQLColumnExpression, and_, bindparam, select
from sqlalchemy.orm import Session

from cliply.errors import NotAllowed, NotFound
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.models import Membership, Role, User, Workspace
from cliply.features.identity.permissions import MEANING, Action, may
from cliply.features.identity.plans import Plan, Plans

_PLAN = select(Workspace.plan, Workspace.plan_overrides)
# At once with the plan, since every request waits for it.
_PLACE = (
    select(Membership.role, Workspace.plan, Workspace.plan_overrides)
    .join(Workspace, Workspace.id == Membership.workspace_id)
    .where(Membership.user_id == bindparam("user_id"))
)


class Unauthenticated(NotAllowed):
    """Nobody has proved who they are; base of the ways in which that fails."""


class NoSuchWorkspace(NotFound):
    """Whether there is one that the caller is no member of is nobody else's business."""

    def __init__(self) -> None:
        super().__init__("There is no such workspace, or you are not a member of it.")


class RoleTooLow(NotAllowed):
    def __init__(self, role: Role, action: Action) -> None:
        does = MEANING[action].partition(".")[0]
        super().__init__(f"As {role.value} of this workspace you may not do this: {does}. Ask an owner or an admin.")


class ScopeMissing(NotAllowed):
    def __init__(self, action: Action) -> None:
        super().__init__(f"The API key has no scope “{action}”. Use a key that has it, or make one.")


class NotForKeys(NotAllowed):
    def __init__(self) -> None:
        super().__init__("An API key may not do this. Sign in, then do it yourself.")


class NotAdmin(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "This is for whoever runs this installation of Cliply. On its machine an account becomes one of them: "
            "cliply users admin ada@example.com"
        )


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """What an API key allows at most, and where."""

    id: UUID
    workspace_id: UUID
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class PlanSaid:
    """The plan of a workspace, as its row says it."""

    name: str
    overrides: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose identity is proved, themselves or by an API key of theirs, and by which request."""

    user_id: UUID
    key: KeyGrant | None = None
    request_id: str | None = None
    ip: str | None = None
    plan: PlanSaid | None = field(default=None, compare=False)
    """Of the workspace that the request names, if it is one of theirs; enough to count by, not to be let in."""

    @property
    def actor(self) -> Actor:
        if self.key is not None:
            return Actor(ActorKind.API_KEY, self.key.id, self.request_id, self.ip)
        return Actor(ActorKind.USER, self.user_id, self.request_id, self.ip)

    def require_person(self) -> None:
        """For what no scope covers. Raises NotForKeys."""
        if self.key is not None:
            raise NotForKeys


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal in one workspace; made by `resolve` only."""

    principal: Principal
    workspace_id: UUID
    role: Role
    plan: Plan

    @property
    def actor(self) -> Actor:
        return self.principal.actor

    def require(self, action: Action) -> None:
        """Raises RoleTooLow or ScopeMissing."""
        if not may(self.role, action):
            raise RoleTooLow(self.role, action)
        key = self.principal.key
        if key is not None and action not in key.scopes:
            raise ScopeMissing(action)


def with_plan(query: Select[*tuple[Any, ...]], user_id: SQLColumnExpression[UUID]) -> Select[*tuple[Any, ...]]:
    """A query that finds somebody, and with them the plan of the workspace `place`, where they are a member of it."""
    is_theirs = and_(Membership.user_id == user_id, Membership.workspace_id == bindparam("place"))
    places = query.outerjoin(Membership, is_theirs).outerjoin(Workspace, Workspace.id == Membership.workspace_id)
    return places.add_columns(Workspace.plan, Workspace.plan_overrides)


def plan_said(found: Any) -> PlanSaid | None:
    """By a row of such a query."""
    return None if found.plan is None else PlanSaid(found.plan, found.plan_overrides)


def resolve(session: Session, principal: Principal, plans: Plans) -> Caller:
    """The principal as a member of the session's workspace, read in the transaction of what is then done.

    Raises NoSuchWorkspace.
    """
    workspace_id: UUID = session.info["workspace_id"]
    if principal.key is not None and principal.key.workspace_id != workspace_id:
        raise NoSuchWorkspace
    place = session.execute(_PLACE, {"user_id": principal.user_id}).one_or_none()
    if place is None:
        raise NoSuchWorkspace
    return Caller(principal, workspace_id, place.role, plans.of(place.plan, place.plan_overrides))


def plan_of(session: Session, plans: Plans) -> Plan:
    """Of the session's workspace, for a job, which nobody calls."""
    row = session.execute(_PLAN).one()
    return plans.of(row.plan, row.plan_overrides)


def require_admin(session: Session, principal: Principal) -> None:
    """For what concerns the whole installation, in a session of the system. Raises NotForKeys or NotAdmin."""
    principal.require_person()
    if not session.scalar(select(User.is_admin).where(User.id == principal.user_id)):
        raise NotAdmin
