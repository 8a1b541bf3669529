"""Invitations: a token for one address, good once, within seven days."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from cliply.errors import Conflict, LimitReached, NotAllowed, NotFound
from cliply.features.audit import service as audit
from cliply.features.identity import addresses
from cliply.features.identity.access import Caller, Principal
from cliply.features.identity.account_rules import checked_email, mailbox, same_address
from cliply.features.identity.codes import CodeOver, was_spent
from cliply.features.identity.models import Membership, Role, User, Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Meter, Plans
from cliply.features.workspaces import own_plan
from cliply.features.workspaces.models import Invitation
from cliply.infra.rate_limits import Limit, bucket_of, spend
from cliply.infra.security import new_token, token_hash

LASTS = timedelta(days=7)
MOST_OPEN = 100

# Each is a letter to somebody who did not ask for it: few to one address, whoever sends them.
_ADDRESS = Limit(5, timedelta(hours=4))
_MEMBER = Limit(50, timedelta(minutes=1))
_WORKSPACE = Limit(50, timedelta(minutes=1))


_PLACES = select(
    select(func.count()).select_from(Membership).scalar_subquery(),
    select(func.count()).select_from(Invitation).scalar_subquery(),
)
"""Those that are taken in the session's workspace, by members and by who may still become one."""


class NoSuchInvitation(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such invitation. Type its code as it stands in the mail, or ask for a new one.")


class InvitationOver(CodeOver):
    def __init__(self) -> None:
        super().__init__("This invitation was accepted, taken back or sent again, or is too old. Ask for a new one.")


class ForSomebodyElse(NotAllowed):
    def __init__(self) -> None:
        super().__init__("This invitation is for another e-mail address. Sign in with the account that it was sent to.")


class ProveYourselfFirst(NotAllowed):
    """Else who signed up with somebody's address could wait, beside others of theirs, for its owner to work there."""

    def __init__(self) -> None:
        super().__init__(
            "Confirm your own e-mail address before you invite others: use the code that was sent there, or ask for"
            " another one."
        )


class MemberAlready(Conflict):
    def __init__(self) -> None:
        super().__init__("Whoever has this address is a member of the workspace already.")


class TooManyInvitations(LimitReached):
    def __init__(self) -> None:
        super().__init__(f"{MOST_OPEN} invitations are open. Take some back, or wait until they are accepted.")


@dataclass(frozen=True, slots=True)
class Issued:
    """An invitation to be sent; the token goes to its address and is known nowhere else."""

    invitation: Invitation
    token: str = field(repr=False)


def invite(session: Session, caller: Caller, email: str, role: Role) -> Issued:
    """Who is invited again gets a new token and the new role; the old token is worth nothing then.

    Raises RoleTooLow, ProveYourselfFirst, MemberAlready, PlanLimit, TooManyInvitations or TooOften.
    """
    _require(session, caller, role)
    email = checked_email(email)
    # One after the other, so that the count holds.
    session.execute(select(Workspace.id).with_for_update(key_share=True))
    if session.scalar(
        select(Membership.user_id).join(User, User.id == Membership.user_id).where(_is(User.email, email))
    ):
        raise MemberAlready
    session.execute(delete(Invitation).where((Invitation.expires_at <= func.now()) | _is(Invitation.email, email)))
    members, invited = session.execute(_PLACES).one()
    caller.plan.admit(Meter.MEMBERS, used=members + invited)
    if invited >= MOST_OPEN:
        raise TooManyInvitations
    _spend(session, caller, email)
    token = new_token()
    invitation = Invitation(email=email, role=role, token_hash=token_hash(token), expires_at=func.now() + LASTS)
    session.add(invitation)
    session.flush()
    _record(session, caller, "invitation.created", invitation)
    return Issued(invitation, token)


def list_open(session: Session, caller: Caller) -> list[Invitation]:
    """Newest first."""
    caller.require(Action.INVITE_MEMBERS)
    wanted = select(Invitation).where(Invitation.expires_at > func.now())
    return list(session.scalars(wanted.order_by(Invitation.created_at.desc(), Invitation.id)))


def resend(session: Session, caller: Caller, invitation_id: UUID) -> Issued:
    """With a new token and seven days from now; the old token is worth nothing then. Raises TooOften."""
    invitation = _get(session, caller, invitation_id)
    _require(session, caller, invitation.role)
    _spend(session, caller, invitation.email)
    token = new_token()
    invitation.token_hash, invitation.expires_at = token_hash(token), func.now() + LASTS
    session.flush()
    session.refresh(invitation)
    _record(session, caller, "invitation.resent", invitation)
    return Issued(invitation, token)


def revoke(session: Session, caller: Caller, invitation_id: UUID) -> None:
    invitation = _get(session, caller, invitation_id)
    _record(session, caller, "invitation.revoked", invitation)
    session.delete(invitation)


def accept(session: Session, token: str, *, by: Principal, plans: Plans) -> UUID:
    """Make the principal a member, in a session of the system; returns the workspace.

    Raises NoSuchInvitation, InvitationOver, ForSomebodyElse or PlanLimit.
    """
    by.require_person()
    # The workspace first, as everybody does who changes its members: else two could wait for each other.
    leads_to = session.scalar(select(Invitation.workspace_id).where(Invitation.token_hash == token_hash(token)))
    plan = None if leads_to is None else own_plan.find(session, leads_to, plans, locked=True).plan
    invitation = _opened(session, token)
    email = session.scalar(select(User.email).where(User.id == by.user_id, _is(User.email, invitation.email)))
    if email is None:
        raise ForSomebodyElse
    if same_address(email, invitation.email):
        addresses.mark_confirmed(session, by.user_id)
    membership = {"workspace_id": invitation.workspace_id, "user_id": by.user_id, "role": invitation.role}
    joined = insert(Membership).values(**membership).on_conflict_do_nothing().returning(Membership.user_id)
    if session.scalar(joined) is not None and plan is not None:
        others = Membership.workspace_id == invitation.workspace_id, Membership.user_id != by.user_id
        plan.admit(Meter.MEMBERS, used=session.scalar(select(func.count()).select_from(Membership).where(*others)) or 0)
    session.delete(invitation)
    audit.record(
        session,
        "member.joined",
        ("user", by.user_id),
        by=by.actor,
        after={"role": invitation.role},
        workspace_id=invitation.workspace_id,
    )
    return invitation.workspace_id


def check(session: Session, token: str, *, email: str) -> None:
    """Whether it is open, and was sent to this address; in a session of the system.

    Raises NoSuchInvitation, InvitationOver or ForSomebodyElse.
    """
    if not same_address(email, _opened(session, token).email):
        raise ForSomebodyElse


def _opened(session: Session, token: str) -> Invitation:
    """Under lock: of two who accept at once, the second finds nothing any more."""
    opened = select(Invitation, Invitation.expires_at <= func.now()).where(Invitation.token_hash == token_hash(token))
    found = session.execute(opened.with_for_update()).one_or_none()
    if found is None:
        raise InvitationOver if was_spent(session, token) else NoSuchInvitation
    invitation, is_late = found
    if is_late:
        raise InvitationOver
    return invitation


def _require(session: Session, caller: Caller, role: Role) -> None:
    caller.require(Action.INVITE_MEMBERS)
    if role is Role.OWNER:
        caller.require(Action.CHANGE_OWNERS)
    proved = select(User.email_confirmed_at).where(User.id == caller.principal.user_id)
    if session.scalar(proved) is None:
        raise ProveYourselfFirst


def _spend(session: Session, caller: Caller, email: str) -> None:
    limits = {
        bucket_of("invite-address", mailbox(email)): _ADDRESS,
        bucket_of("invite-member", str(caller.principal.user_id)): _MEMBER,
        bucket_of("invite-workspace", str(caller.workspace_id)): _WORKSPACE,
    }
    spend(session, limits, what="invitations")


def _get(session: Session, caller: Caller, invitation_id: UUID) -> Invitation:
    caller.require(Action.INVITE_MEMBERS)
    invitation = session.scalar(select(Invitation).where(Invitation.id == invitation_id).with_for_update())
    if invitation is None:
        raise NoSuchInvitation
    return invitation


def _is(column: InstrumentedAttribute[str], email: str) -> ColumnElement[bool]:
    return func.lower(column) == func.lower(email)


def _record(session: Session, caller: Caller, action: str, invitation: Invitation) -> None:
    state = {"email": invitation.email, "role": invitation.role}
    audit.record(session, action, ("invitation", invitation.id), by=caller.actor, after=state)
