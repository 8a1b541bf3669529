"""Who is calling, in which workspace, and what they may do there."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import NotAllowed, NotFound
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.models import Membership, Role
from cliply.features.identity.permissions import MEANING, Action, may


class NoSuchWorkspace(NotFound):
    """Whether there is one that the caller is no member of is nobody else's business."""

    def __init__(self) -> None:
        super().__init__("There is no such workspace, or you are not a member of it.")


class RoleTooLow(NotAllowed):
    def __init__(self, role: Role, action: Action) -> None:
        does = MEANING[action].partition(".")[0]
        super().__init__(f"As {role.value} of this workspace you may not do this: {does}. Ask an owner or an admin.")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose identity is proved, as what, and by which request."""

    user_id: UUID
    request_id: str | None = None
    ip: str | None = None

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.USER, self.user_id, self.request_id, self.ip)


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal in one workspace; made by `resolve` only."""

    principal: Principal
    workspace_id: UUID
    role: Role

    @property
    def actor(self) -> Actor:
        return self.principal.actor

    def require(self, action: Action) -> None:
        """Raises RoleTooLow."""
        if not may(self.role, action):
            raise RoleTooLow(self.role, action)


def resolve(session: Session, principal: Principal) -> Caller:
    """The principal as a member of the session's workspace, read in the transaction of what is then done.

    Raises NoSuchWorkspace.
    """
    role = session.scalar(select(Membership.role).where(Membership.user_id == principal.user_id))
    if role is None:
        raise NoSuchWorkspace
    workspace_id: UUID = session.info["workspace_id"]
    return Caller(principal, workspace_id, role)
