"""The end of an account: what is its user's alone goes with it, what is others' too stays theirs."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.orm import Session, aliased

from cliply.errors import Conflict
from cliply.features.audit import service as audit
from cliply.features.identity.access import Principal
from cliply.features.identity.models import Membership, Organisation, OrganisationMember, User, Workspace

_OWNED_ALONE = text("""
    SELECT w.name FROM workspaces w JOIN memberships mine ON mine.workspace_id = w.id
    WHERE mine.user_id = :me AND mine.role = 'owner'
        AND EXISTS (SELECT FROM memberships o WHERE o.workspace_id = w.id AND o.user_id <> :me)
        AND NOT EXISTS (
            SELECT FROM memberships o WHERE o.workspace_id = w.id AND o.user_id <> :me AND o.role = 'owner')
    UNION ALL
    SELECT n.name FROM organisations n JOIN organisation_members mine ON mine.organisation_id = n.id
    WHERE mine.user_id = :me AND mine.role = 'owner'
        AND EXISTS (SELECT FROM organisation_members o WHERE o.organisation_id = n.id AND o.user_id <> :me)
        AND NOT EXISTS (
            SELECT FROM organisation_members o
            WHERE o.organisation_id = n.id AND o.user_id <> :me AND o.role = 'owner')
""")


class OthersNeedAnOwner(Conflict):
    def __init__(self, names: Collection[str]) -> None:
        named = ", ".join(f"“{name}”" for name in sorted(names))
        super().__init__(
            f"You alone own what others work in: {named}. Hand it over to one of them, or delete it, then try again."
        )


def leave(session: Session, by: Principal) -> None:
    """Delete the principal's account, in a session of the system. The audit log keeps its id and nothing else of it.

    Workspaces where nobody else is a member are deleted within the hour. Raises OthersNeedAnOwner or NotForKeys.
    """
    by.require_person()
    me = by.user_id
    if session.scalar(select(User.id).where(User.id == me).with_for_update()) is None:
        # Another request of theirs was quicker.
        return
    workspaces, organisations = _places(session, me)
    _refuse_to_orphan(session, me)
    other = aliased(Membership)
    shared = exists().where(other.workspace_id == Workspace.id, other.user_id != me)
    alone = session.scalars(select(Workspace.id).where(Workspace.id.in_(workspaces), ~shared)).all()
    for workspace_id in set(workspaces) - set(alone):
        audit.record(session, "member.removed", ("user", me), by=by.actor, workspace_id=workspace_id)
    session.execute(update(Workspace).where(Workspace.id.in_(alone)).values(delete_at=func.now()))
    _dissolve(session, me, organisations)
    session.execute(delete(User).where(User.id == me))
    audit.record(session, "user.deleted", ("user", me), by=by.actor, before={"workspaces_deleted": sorted(alone)})


def _places(session: Session, me: UUID) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Under the locks by which members change: two owners who leave at once do so one after the other."""
    of_me = select(OrganisationMember.organisation_id).where(OrganisationMember.user_id == me)
    locked = select(Organisation.id).where(Organisation.id.in_(of_me)).order_by(Organisation.id).with_for_update()
    organisations = session.scalars(locked).all()
    mine = select(Membership.workspace_id).where(Membership.user_id == me)
    held = select(Workspace.id).where(Workspace.id.in_(mine)).order_by(Workspace.id)
    return session.scalars(held.with_for_update(key_share=True)).all(), organisations


def _refuse_to_orphan(session: Session, me: UUID) -> None:
    names = session.scalars(_OWNED_ALONE, {"me": me}).all()
    if names:
        raise OthersNeedAnOwner(names)


def _dissolve(session: Session, me: UUID, organisations: Sequence[UUID]) -> None:
    """Those of them in which nobody else is; their workspaces belong to their own members then."""
    other = aliased(OrganisationMember)
    shared = exists().where(other.organisation_id == Organisation.id, other.user_id != me)
    alone = session.scalars(select(Organisation.id).where(Organisation.id.in_(organisations), ~shared)).all()
    session.execute(update(Workspace).where(Workspace.organisation_id.in_(alone)).values(organisation_id=None))
    session.execute(delete(Organisation).where(Organisation.id.in_(alone)))
