"""Browsers that are signed in: for twelve hours unseen, for thirty days at most."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Unauthenticated
from cliply.features.identity.models import LoginSession
from cliply.infra.security import new_token, token_hash

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=30)
_SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a browser was last there; finer would be a write with every request."""


class SignedOut(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("You are not signed in, or not any more. Sign in, then try again.")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The token goes to the browser and is known nowhere else."""

    user_id: UUID
    token: str = field(repr=False)


def start(session: Session, user_id: UUID, *, by: Actor, replacing: str | None = None) -> SignedIn:
    """A new token with each sign-in, so that one that somebody slipped to the browser before is worth nothing."""
    session.execute(delete(LoginSession).where(_is_over()))
    if replacing is not None:
        session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(replacing)))
    token = new_token()
    session.add(LoginSession(token_hash=token_hash(token), user_id=user_id, ip=by.ip))
    audit.record(session, "session.started", ("user", user_id), by=by)
    return SignedIn(user_id, token)


def user_of(session: Session, token: str) -> UUID:
    """Who is signed in with the token. Raises SignedOut."""
    live = LoginSession.token_hash == token_hash(token), ~_is_over()
    is_stale = LoginSession.seen_at < func.now() - _SEEN_EVERY
    found = session.execute(select(LoginSession.user_id, is_stale.label("is_stale")).where(*live)).first()
    if found is None:
        raise SignedOut
    if found.is_stale:
        session.execute(
            update(LoginSession)
            .where(*live, is_stale)
            .values(seen_at=func.now())
            .execution_options(synchronize_session=False)
        )
    user_id: UUID = found.user_id
    return user_id


def list_live(session: Session, user_id: UUID) -> list[LoginSession]:
    """The user's browsers, the one that was there last first."""
    live = LoginSession.user_id == user_id, ~_is_over()
    return list(session.scalars(select(LoginSession).where(*live).order_by(LoginSession.seen_at.desc())))


def end(session: Session, token: str, *, by: Actor) -> None:
    """Sign out here; what is over already stays over."""
    ended = delete(LoginSession).where(LoginSession.token_hash == token_hash(token)).returning(LoginSession.user_id)
    if (user_id := session.scalar(ended)) is not None:
        audit.record(session, "session.ended", ("user", user_id), by=by)


def end_all(session: Session, user_id: UUID, *, by: Actor) -> int:
    """Sign out everywhere; returns how many browsers were signed in."""
    ended = session.scalars(
        delete(LoginSession).where(LoginSession.user_id == user_id).returning(LoginSession.token_hash)
    ).all()
    audit.record(session, "sessions.ended", ("user", user_id), by=by)
    return len(ended)


def _is_over() -> ColumnElement[bool]:
    return (LoginSession.seen_at <= func.now() - IDLE) | (LoginSession.created_at <= func.now() - ABSOLUTE)
