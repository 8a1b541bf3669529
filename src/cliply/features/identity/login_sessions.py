"""Browsers that are signed in: for twelve hours unseen, for thirty days at most."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.access import PlanSaid, Unauthenticated, plan_said, with_plan
from cliply.features.identity.models import LoginSession
from cliply.infra.security import new_token, token_hash

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=30)
_SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a browser was last there; finer would be a write with every request."""
_IS_OVER = (LoginSession.seen_at <= func.now() - IDLE) | (LoginSession.created_at <= func.now() - ABSOLUTE)
_IS_STALE = LoginSession.seen_at < func.now() - _SEEN_EVERY
# Every request asks this; to put it together costs more than to ask it.
_LIVE = with_plan(
    select(LoginSession.user_id, _IS_STALE.label("is_stale")).where(
        LoginSession.token_hash == bindparam("token_hash"), ~_IS_OVER
    ),
    LoginSession.user_id,
)


class SignedOut(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("You are not signed in, or not any more. Sign in, then try again.")


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is signed in, and the plan of the workspace that was asked about, if it is one of theirs."""

    user_id: UUID
    plan: PlanSaid | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The token goes to the browser and is known nowhere else."""

    user_id: UUID
    token: str = field(repr=False)


def start(session: Session, user_id: UUID, *, by: Actor, replacing: str | None = None) -> SignedIn:
    """A new token with each sign-in, so that one that somebody slipped to the browser before is worth nothing."""
    session.execute(delete(LoginSession).where(_IS_OVER))
    if replacing is not None:
        session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(replacing)))
    token = new_token()
    session.add(LoginSession(token_hash=token_hash(token), user_id=user_id, ip=by.ip))
    audit.record(session, "session.started", ("user", user_id), by=by)
    return SignedIn(user_id, token)


def user_of(session: Session, token: str, *, place: UUID | None = None) -> Seen:
    """Who is signed in with the token, and about the workspace `place`. Raises SignedOut."""
    found = session.execute(_LIVE, {"token_hash": token_hash(token), "place": place}).first()
    if found is None:
        raise SignedOut
    if found.is_stale:
        session.execute(
            update(LoginSession)
            .where(LoginSession.token_hash == token_hash(token), ~_IS_OVER, _IS_STALE)
            .values(seen_at=func.now())
            .execution_options(synchronize_session=False)
        )
    return Seen(found.user_id, plan_said(found))


def list_live(session: Session, user_id: UUID) -> list[LoginSession]:
    """The user's browsers, the one that was there last first."""
    live = LoginSession.user_id == user_id, ~_IS_OVER
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
    if ended:
        audit.record(session, "sessions.ended", ("user", user_id), by=by)
    return len(ended)
