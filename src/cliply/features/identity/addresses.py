"""Proof that an account's address is its user's: a code that was sent there. In sessions of the system."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotFound
from cliply.features.audit import service as audit
from cliply.features.identity.access import Principal
from cliply.features.identity.account_rules import mailbox
from cliply.features.identity.accounts import AddressTaken
from cliply.features.identity.codes import CodeOver, was_spent
from cliply.features.identity.models import Confirmation, User
from cliply.infra.rate_limits import Limit, bucket_of, spend
from cliply.infra.security import new_token, token_hash

LASTS = timedelta(days=1)

# Each is a letter, which nobody may have sent to somebody else again and again.
_ADDRESS = Limit(5, timedelta(hours=4))
_USER = Limit(5, timedelta(minutes=15))


class NoSuchConfirmation(NotFound):
    def __init__(self) -> None:
        super().__init__("Your account waits for no such code. Type it as it stands in the mail, or ask for a new one.")


class ConfirmationOver(CodeOver):
    def __init__(self) -> None:
        super().__init__("This code was used already, or is too old. Ask for a new one.")


class ConfirmedAlready(Conflict):
    def __init__(self) -> None:
        super().__init__("Your e-mail address is confirmed already. There is nothing to do.")


@dataclass(frozen=True, slots=True)
class StartedConfirmation:
    """The token is for `email` alone."""

    email: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Confirmed:
    user: User
    before: str
    """The address until now; the same where it only was not proved."""


def start(session: Session, user_id: UUID, email: str) -> StartedConfirmation:
    """A code that proves the address once within a day; an earlier one is worth nothing from now on.

    It becomes the account's when the code is used. Who calls this writes down why. Raises TooOften.
    """
    limits = {bucket_of("confirm-address", mailbox(email)): _ADDRESS, bucket_of("confirm-user", str(user_id)): _USER}
    spend(session, limits, what="codes to confirm an address")
    token = new_token()
    written = {"email": email, "token_hash": token_hash(token), "expires_at": func.now() + LASTS}
    session.execute(
        insert(Confirmation)
        .values(user_id=user_id, **written)
        .on_conflict_do_update(index_elements=["user_id"], set_=written)
    )
    return StartedConfirmation(email, token)


def start_again(session: Session, by: Principal) -> StartedConfirmation:
    """For the account's own address. Raises ConfirmedAlready or TooOften."""
    user = _locked(session, by)
    if user.email_confirmed_at is not None:
        raise ConfirmedAlready
    audit.record(session, "address.confirmation_sent", ("user", user.id), by=by.actor, after={"email": user.email})
    return start(session, user.id, user.email)


def start_change(session: Session, email: str, by: Principal) -> StartedConfirmation:
    """For an address that is to become the account's. Whether another account has it is told to its reader only."""
    user = _locked(session, by)
    states = {"email": user.email}, {"email": email}
    audit.record(session, "address.change_asked", ("user", user.id), by=by.actor, before=states[0], after=states[1])
    return start(session, user.id, email)


def finish(session: Session, token: str, by: Principal) -> Confirmed:
    """By the account itself, so that nobody confirms a stranger's with a letter that came unasked.

    Raises NoSuchConfirmation, ConfirmationOver or AddressTaken.
    """
    user = _locked(session, by)
    mine = Confirmation.user_id == user.id, Confirmation.token_hash == token_hash(token)
    found = session.execute(select(Confirmation, Confirmation.expires_at <= func.now()).where(*mine)).one_or_none()
    if found is None:
        raise ConfirmationOver if was_spent(session, token) else NoSuchConfirmation
    confirmation, is_late = found
    if is_late:
        raise ConfirmationOver
    before, user.email, user.email_confirmed_at = user.email, confirmation.email, func.now()
    session.delete(confirmation)
    try:
        session.flush()
    except IntegrityError as taken:
        raise AddressTaken from taken
    action = "address.confirmed" if before == user.email else "address.changed"
    states = {"email": before}, {"email": user.email}
    audit.record(session, action, ("user", user.id), by=by.actor, before=states[0], after=states[1])
    return Confirmed(user, before)


def mark_confirmed(session: Session, user_id: UUID) -> None:
    """A code that was sent to the address came back from the account's user."""
    unproved = User.id == user_id, User.email_confirmed_at.is_(None)
    session.execute(update(User).where(*unproved).values(email_confirmed_at=func.now()))


def _locked(session: Session, by: Principal) -> User:
    by.require_person()
    return session.scalars(select(User).where(User.id == by.user_id).with_for_update()).one()
