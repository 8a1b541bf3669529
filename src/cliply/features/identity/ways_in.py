"""What opens an account beside its password: browsers that are signed in, and API keys, in whatever workspace.

In sessions of the system; who calls this writes down what was done to the account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.models import ApiKey, LoginSession, Workspace
from cliply.infra.security import token_hash


@dataclass(frozen=True, slots=True)
class KeyOfTheirs:
    """As its owner knows it."""

    name: str
    ending: str
    workspace: str


def keys_of(session: Session, user_id: UUID) -> Sequence[KeyOfTheirs]:
    """Oldest first."""
    asked = select(ApiKey.name, ApiKey.ending, Workspace.name.label("workspace"))
    asked = asked.join(Workspace, Workspace.id == ApiKey.workspace_id).where(ApiKey.user_id == user_id)
    return [KeyOfTheirs(*row) for row in session.execute(asked.order_by(ApiKey.created_at, ApiKey.id))]


def revoke_keys(session: Session, user_id: UUID, *, by: Actor) -> int:
    """All of them, each written down in the log of its workspace; returns how many there were."""
    gone = session.execute(
        delete(ApiKey).where(ApiKey.user_id == user_id).returning(ApiKey.id, ApiKey.workspace_id, ApiKey.name)
    ).all()
    for key in gone:
        target, state = ("api_key", key.id), {"name": key.name}
        audit.record(session, "api_key.revoked", target, by=by, before=state, workspace_id=key.workspace_id)
    return len(gone)


def end_sessions(session: Session, user_id: UUID, *, keep: str | None = None) -> int:
    """All but the one whose token is `keep`; returns how many browsers were signed in."""
    ended = delete(LoginSession).where(LoginSession.user_id == user_id)
    if keep is not None:
        ended = ended.where(LoginSession.token_hash != token_hash(keep))
    return len(session.scalars(ended.returning(LoginSession.token_hash)).all())
