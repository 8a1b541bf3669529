"""Organisations: who is in one is in each of its workspaces, as what they are in it.

All in sessions of the system, since an organisation belongs to no workspace. Memberships follow by the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotAllowed, NotFound
from cliply.features.audit import service as audit
from cliply.features.identity.access import Principal
from cliply.features.identity.account_rules import checked_name
from cliply.features.identity.models import Membership, Organisation, OrganisationMember, Role, User, Workspace
from cliply.features.identity.plans import Plans
from cliply.features.workspaces import own_plan
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.members import LastOwner, NoSuchMember

_MANAGERS = (Role.OWNER, Role.ADMIN)


class NoSuchOrganisation(NotFound):
    """Whether there is one that the caller is not in is nobody else's business."""

    def __init__(self) -> None:
        super().__init__("There is no such organisation, or you are not in it.")


class NoSuchWorkspaceHere(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such workspace in this organisation, or you do not own it.")


class RoleInOrganisationTooLow(NotAllowed):
    def __init__(self, role: Role) -> None:
        super().__init__(f"As {role.value} of this organisation you may not do this. Ask an owner of it.")


class OrganisationLastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("An organisation needs an owner. Make somebody else an owner first.")


class StillHasWorkspaces(Conflict):
    def __init__(self) -> None:
        super().__init__("The organisation still owns workspaces. Release or delete them first.")


class OwnedAlready(Conflict):
    def __init__(self) -> None:
        super().__init__("The workspace belongs to an organisation already. Have it released there first.")


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation that somebody is in, and as what."""

    organisation: Organisation
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    user_id: UUID
    email: str
    name: str
    role: Role
    since: datetime


def create(session: Session, name: str, *, by: Principal) -> Organisation:
    """Make one, and its maker the owner."""
    by.require_person()
    organisation = Organisation(name=checked_name(name))
    session.add(organisation)
    session.flush()
    session.add(OrganisationMember(organisation_id=organisation.id, user_id=by.user_id, role=Role.OWNER))
    _record(session, by, "organisation.created", organisation.id, after={"name": organisation.name})
    return organisation


def list_for(session: Session, by: Principal) -> list[Place]:
    """Those that the principal is in, by name."""
    by.require_person()
    mine = select(Organisation, OrganisationMember.role).join(
        OrganisationMember, OrganisationMember.organisation_id == Organisation.id
    )
    mine = mine.where(OrganisationMember.user_id == by.user_id).order_by(Organisation.name, Organisation.id)
    return [Place(*row) for row in session.execute(mine)]


def get(session: Session, organisation_id: UUID, *, by: Principal) -> Place:
    """Raises NoSuchOrganisation."""
    return _entered(session, organisation_id, by)


def rename(session: Session, organisation_id: UUID, name: str, *, by: Principal) -> Place:
    place = _managed(session, organisation_id, by)
    before, place.organisation.name = place.organisation.name, checked_name(name)
    _record(session, by, "organisation.renamed", organisation_id, before={"name": before}, after={"name": name.strip()})
    return place


def remove(session: Session, organisation_id: UUID, *, by: Principal) -> None:
    """Raises StillHasWorkspaces: what belongs to it is never deleted with it."""
    _require(_managed(session, organisation_id, by), Role.OWNER)
    if session.scalar(select(exists().where(Workspace.organisation_id == organisation_id))):
        raise StillHasWorkspaces
    session.execute(delete(Organisation).where(Organisation.id == organisation_id))
    _record(session, by, "organisation.deleted", organisation_id)


def list_members(session: Session, organisation_id: UUID, *, by: Principal) -> list[Member]:
    """All of them, longest first."""
    _entered(session, organisation_id, by)
    rows = session.execute(
        select(User.id, User.email, User.name, OrganisationMember.role, OrganisationMember.created_at)
        .join(OrganisationMember, OrganisationMember.user_id == User.id)
        .where(OrganisationMember.organisation_id == organisation_id)
        .order_by(OrganisationMember.created_at, User.id)
    )
    return [Member(*row) for row in rows]


def put_member(
    session: Session, organisation_id: UUID, user_id: UUID, role: Role, *, by: Principal, plans: Plans
) -> None:
    """Take a member of one of its workspaces into the organisation, or change what somebody is in it.

    Nobody else, so that it cannot be tried who has an account. Raises NoSuchMember, OrganisationLastOwner or PlanLimit.
    """
    place = _managed(session, organisation_id, by)
    before = _role(session, organisation_id, user_id)
    if Role.OWNER in (role, before):
        _require(place, Role.OWNER)
    if before is None and not _works_here(session, organisation_id, user_id):
        raise NoSuchMember
    if before is role:
        return
    _hold_workspaces(session, organisation_id)
    with own_plan.members_admitted(session, plans, Workspace.organisation_id == organisation_id):
        session.execute(
            insert(OrganisationMember)
            .values(organisation_id=organisation_id, user_id=user_id, role=role)
            .on_conflict_do_update(index_elements=["organisation_id", "user_id"], set_={"role": role})
        )
    _keep_owners(session, organisation_id)
    _record(
        session,
        by,
        "organisation.member_set",
        organisation_id,
        before=None if before is None else {"user": str(user_id), "role": before},
        after={"user": str(user_id), "role": role},
    )


def remove_member(session: Session, organisation_id: UUID, user_id: UUID, *, by: Principal) -> None:
    """Others by who may, oneself always; roles that were given in a workspace itself stay.

    Raises NoSuchMember, OrganisationLastOwner or LastOwner.
    """
    place = _locked(session, organisation_id, by)
    before = _role(session, organisation_id, user_id)
    if user_id != by.user_id:
        _require(place, *_MANAGERS)
        if before is Role.OWNER:
            _require(place, Role.OWNER)
    if before is None:
        raise NoSuchMember
    _hold_workspaces(session, organisation_id)
    mine = OrganisationMember.organisation_id == organisation_id, OrganisationMember.user_id == user_id
    session.execute(delete(OrganisationMember).where(*mine))
    _keep_owners(session, organisation_id)
    state = {"user": str(user_id), "role": before}
    _record(session, by, "organisation.member_removed", organisation_id, before=state)


def list_workspaces(session: Session, organisation_id: UUID, *, by: Principal) -> Sequence[Workspace]:
    """All of them, by name."""
    _entered(session, organisation_id, by)
    owned = select(Workspace).where(Workspace.organisation_id == organisation_id)
    return session.scalars(owned.order_by(Workspace.name, Workspace.id)).all()


def create_workspace(session: Session, organisation_id: UUID, name: str, *, by: Principal, plans: Plans) -> Workspace:
    """With the plan of new workspaces. Raises PlanLimit where the organisation has more people than that allows."""
    _managed(session, organisation_id, by)
    with own_plan.members_admitted(session, plans, Workspace.organisation_id == organisation_id):
        return workspaces.create_in(session, organisation_id, name, by=by, plan=plans.default)


def take_in(session: Session, organisation_id: UUID, workspace_id: UUID, *, by: Principal, plans: Plans) -> Workspace:
    """A workspace that the principal owns becomes the organisation's; its own members stay what they are.

    Raises NoSuchWorkspaceHere, OwnedAlready or PlanLimit.
    """
    _managed(session, organisation_id, by)
    workspace = _workspace(session, workspace_id, by)
    if workspace.organisation_id == organisation_id:
        return workspace
    if workspace.organisation_id is not None:
        raise OwnedAlready
    with own_plan.members_admitted(session, plans, Workspace.id == workspace_id):
        _hand(session, workspace, organisation_id, by, "workspace.taken_in")
    return workspace


def release(session: Session, organisation_id: UUID, workspace_id: UUID, *, by: Principal) -> Workspace:
    """The workspace belongs to the principal then, and to those who have a role of their own in it."""
    _require(_managed(session, organisation_id, by), Role.OWNER)
    workspace = session.scalar(
        select(Workspace)
        .where(Workspace.id == workspace_id, Workspace.organisation_id == organisation_id)
        .with_for_update()
    )
    if workspace is None:
        raise NoSuchWorkspaceHere
    own = {"workspace_id": workspace_id, "user_id": by.user_id, "role": Role.OWNER, "organisation_id": None}
    kept = {"role": Role.OWNER, "organisation_id": None}
    session.execute(
        insert(Membership).values(**own).on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=kept)
    )
    _hand(session, workspace, None, by, "workspace.released")
    return workspace


def _hand(session: Session, workspace: Workspace, organisation_id: UUID | None, by: Principal, action: str) -> None:
    before, workspace.organisation_id = workspace.organisation_id, organisation_id
    session.flush()
    audit.record(
        session,
        action,
        ("workspace", workspace.id),
        by=by.actor,
        before={"organisation": before},
        after={"organisation": organisation_id},
        workspace_id=workspace.id,
    )


def _workspace(session: Session, workspace_id: UUID, by: Principal) -> Workspace:
    """One that the principal owns."""
    owned = (
        select(Workspace)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Workspace.id == workspace_id, Membership.user_id == by.user_id, Membership.role == Role.OWNER)
    )
    workspace = session.scalar(owned.with_for_update(of=Workspace))
    if workspace is None:
        raise NoSuchWorkspaceHere
    return workspace


def _works_here(session: Session, organisation_id: UUID, user_id: UUID) -> bool:
    of_it = select(Workspace.id).where(Workspace.organisation_id == organisation_id)
    member = exists().where(Membership.user_id == user_id, Membership.workspace_id.in_(of_it))
    return bool(session.scalar(select(member)))


def _entered(session: Session, organisation_id: UUID, by: Principal) -> Place:
    by.require_person()
    organisation = session.scalar(select(Organisation).where(Organisation.id == organisation_id))
    role = _role(session, organisation_id, by.user_id)
    if organisation is None or role is None:
        raise NoSuchOrganisation
    return Place(organisation, role)


def _locked(session: Session, organisation_id: UUID, by: Principal) -> Place:
    """As it is when nobody else can change it any more: two owners who leave at once do so one after the other."""
    session.execute(select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())
    return _entered(session, organisation_id, by)


def _managed(session: Session, organisation_id: UUID, by: Principal) -> Place:
    place = _locked(session, organisation_id, by)
    _require(place, *_MANAGERS)
    return place


def _require(place: Place, *roles: Role) -> None:
    if place.role not in roles:
        raise RoleInOrganisationTooLow(place.role)


def _role(session: Session, organisation_id: UUID, user_id: UUID) -> Role | None:
    mine = OrganisationMember.organisation_id == organisation_id, OrganisationMember.user_id == user_id
    return session.scalar(select(OrganisationMember.role).where(*mine))


def _hold_workspaces(session: Session, organisation_id: UUID) -> None:
    """Under the lock by which their members change too: an owner who leaves one at this moment is seen, or waits."""
    owned = select(Workspace.id).where(Workspace.organisation_id == organisation_id).order_by(Workspace.id)
    session.execute(owned.with_for_update(key_share=True))


def _keep_owners(session: Session, organisation_id: UUID) -> None:
    """Of the organisation and of each of its workspaces, where somebody may have had another role."""
    owners = select(func.count()).where(
        OrganisationMember.organisation_id == organisation_id, OrganisationMember.role == Role.OWNER
    )
    if not session.scalar(owners):
        raise OrganisationLastOwner
    owned = exists().where(Membership.workspace_id == Workspace.id, Membership.role == Role.OWNER)
    if session.scalar(select(exists().where(Workspace.organisation_id == organisation_id, ~owned))):
        raise LastOwner


def _record(
    session: Session,
    by: Principal,
    action: str,
    organisation_id: UUID,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    audit.record(session, action, ("organisation", organisation_id), by=by.actor, before=before, after=after)
