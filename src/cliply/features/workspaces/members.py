"""Who belongs to a workspace, and as what; never without an owner."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotFound
from cliply.features.audit import service as audit
from cliply.features.identity.access import Caller, NoSuchWorkspace, RoleTooLow
from cliply.features.identity.models import Membership, Role, User, Workspace
from cliply.features.identity.permissions import Action, may


class NoSuchMember(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such member in this workspace.")


class LastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("A workspace needs an owner. Make somebody else an owner first.")


class MemberByOrganisation(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "They belong to this workspace by its organisation. Remove them there, or give them another role here."
        )


@dataclass(frozen=True, slots=True)
class Member:
    user_id: UUID
    email: str
    name: str
    role: Role
    since: datetime
    organisation_id: UUID | None
    """Set where it is by the organisation that they belong to the workspace."""


def list_members(session: Session, caller: Caller) -> list[Member]:
    """All of them, longest first."""
    caller.require(Action.READ_MEMBERS)
    rows = session.execute(
        select(User.id, User.email, User.name, Membership.role, Membership.created_at, Membership.organisation_id)
        .join(Membership, Membership.user_id == User.id)
        .order_by(Membership.created_at, User.id)
    )
    return [Member(*row) for row in rows]


def get(session: Session, caller: Caller, user_id: UUID) -> Member:
    found = next((each for each in list_members(session, caller) if each.user_id == user_id), None)
    if found is None:
        raise NoSuchMember
    return found


def change_role(session: Session, caller: Caller, user_id: UUID, role: Role) -> None:
    """Raises RoleTooLow, NoSuchMember or LastOwner."""
    roles = _locked_roles(session)
    _require(roles, caller, Action.CHANGE_MEMBERS)
    before = _role_to_change(roles, caller, user_id)
    if role is Role.OWNER:
        _require(roles, caller, Action.CHANGE_OWNERS)
    if role is before:
        return
    _keep_an_owner({**roles, user_id: role})
    session.execute(update(Membership).where(Membership.user_id == user_id).values(role=role))
    _record(session, caller, "member.role_changed", user_id, before={"role": before}, after={"role": role})


def transfer(session: Session, caller: Caller, user_id: UUID) -> None:
    """Make another member the owner in the caller's place, who stays as an admin.

    Raises RoleTooLow, NotForKeys or NoSuchMember.
    """
    caller.principal.require_person()
    roles = _locked_roles(session)
    _require(roles, caller, Action.CHANGE_OWNERS)
    me = caller.principal.user_id
    if user_id not in roles or user_id == me:
        raise NoSuchMember
    for each, role in ((user_id, Role.OWNER), (me, Role.ADMIN)):
        session.execute(update(Membership).where(Membership.user_id == each).values(role=role))
    _record(session, caller, "workspace.transferred", user_id, before={"owner": roles[me]}, after={"owner": Role.OWNER})


def remove(session: Session, caller: Caller, user_id: UUID) -> None:
    """Others by who may; oneself always. Raises RoleTooLow, NotForKeys, NoSuchMember or LastOwner."""
    roles = _locked_roles(session)
    if user_id == caller.principal.user_id:
        caller.principal.require_person()
    else:
        _require(roles, caller, Action.CHANGE_MEMBERS)
    before = _role_to_change(roles, caller, user_id)
    _keep_an_owner({each: role for each, role in roles.items() if each != user_id})
    ended = delete(Membership).where(Membership.user_id == user_id, Membership.organisation_id.is_(None))
    if session.scalar(ended.returning(Membership.user_id)) is None:
        raise MemberByOrganisation
    _record(session, caller, "member.removed", user_id, before={"role": before}, after=None)


def _locked_roles(session: Session) -> dict[UUID, Role]:
    """As they are when nobody else can change them any more: two owners who leave at once do so one after the other."""
    session.execute(select(Workspace.id).with_for_update(key_share=True))
    return {row.user_id: row.role for row in session.execute(select(Membership.user_id, Membership.role))}


def _role_to_change(roles: dict[UUID, Role], caller: Caller, user_id: UUID) -> Role:
    if user_id not in roles:
        raise NoSuchMember
    if roles[user_id] is Role.OWNER and user_id != caller.principal.user_id:
        _require(roles, caller, Action.CHANGE_OWNERS)
    return roles[user_id]


def _require(roles: dict[UUID, Role], caller: Caller, action: Action) -> None:
    """By the caller's role under the lock too: it may have been taken since they were let in."""
    caller.require(action)
    role = roles.get(caller.principal.user_id)
    if role is None:
        raise NoSuchWorkspace
    if not may(role, action):
        raise RoleTooLow(role, action)


def _keep_an_owner(roles: dict[UUID, Role]) -> None:
    if Role.OWNER not in roles.values():
        raise LastOwner


def _record(
    session: Session,
    caller: Caller,
    action: str,
    user_id: UUID,
    *,
    before: dict[str, Role],
    after: dict[str, Role] | None,
) -> None:
    audit.record(session, action, ("user", user_id), by=caller.actor, before=before, after=after)
