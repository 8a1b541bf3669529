"""Who of a workspace gets a letter."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.identity.models import Membership, Role, User

OWNERS = (Role.OWNER,)
MANAGERS = (Role.OWNER, Role.ADMIN)


def addresses(
    session: Session, workspace_id: UUID, roles: Collection[Role], *, besides: Collection[UUID] = ()
) -> Sequence[str]:
    """Of its members in these roles, and of those `besides` who still are members; in order, so that each is once."""
    told = select(Membership.user_id).where(
        Membership.workspace_id == workspace_id, Membership.role.in_(roles) | Membership.user_id.in_(besides)
    )
    return session.scalars(select(User.email).where(User.id.in_(told)).order_by(User.email)).all()
