"""Local accounts: sign up, sign in, and get back in.

These open their own transactions: what was tried has to be counted although the attempt fails, and no connection is
held while a password is hashed, which takes a tenth of a second on purpose.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, false, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotAllowed, NotFound
from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import login_sessions, ways_in
from cliply.features.identity.access import Principal, Unauthenticated
from cliply.features.identity.account_rules import checked_email, checked_name, checked_password
from cliply.features.identity.codes import CodeOver, was_spent
from cliply.features.identity.login_sessions import SignedIn
from cliply.features.identity.models import Password, Recovery, User
from cliply.features.identity.ways_in import KeyOfTheirs
from cliply.infra.db import Database
from cliply.infra.rate_limits import Limit, bucket_of, give_back, place_of, spend
from cliply.infra.security import hash_password, needs_new_hash, new_token, password_matches, token_hash

RECOVERY_LASTS = timedelta(hours=1)
_IS_CONFIRMED = User.email_confirmed_at.is_not(None)

# Tight where one place tries one account; wider where many places do, so that a stranger cannot lock its owner out.
_HERE = Limit(5, timedelta(minutes=1))
_ACCOUNT = Limit(50, timedelta(seconds=30))
_PLACE = Limit(50, timedelta(seconds=10))
_RECOVERY = Limit(3, timedelta(minutes=10))
_SIGN_UP = Limit(10, timedelta(minutes=5))


class AddressTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("There is an account with this e-mail address already. Sign in, or recover your password.")


class WrongPassword(Unauthenticated):
    """The same whether the account does not exist, has no password, or has another."""

    def __init__(self) -> None:
        super().__init__("E-mail address or password is wrong. Try again, or recover your password.")


class NoAccount(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no account with this e-mail address.")


@dataclass(frozen=True, slots=True)
class StartedRecovery:
    """The token is for `email` alone: the account's own address, since one that was typed may only look like it."""

    email: str
    token: str = field(repr=False)
    keys: Sequence[KeyOfTheirs]
    """What else opens the account, until somebody revokes it."""


class RecoveryOver(CodeOver):
    def __init__(self) -> None:
        super().__init__("This way back in was used already, or is too old. Ask for a new one.")


class NoSuchRecovery(NotFound):
    def __init__(self) -> None:
        super().__init__("No way back in has this code. Type it as it stands in the mail, or ask for a new one.")


class AddressNotConfirmed(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Nobody has proved yet that this account's address is theirs. Have its owner sign in and use the code from"
            " the mail, or send them another by `cliply users recover --mail`."
        )


class OldPasswordWrong(NotAllowed):
    def __init__(self) -> None:
        super().__init__("The password until now is another one. Try again, or recover your password.")


class NoPassword(Conflict):
    def __init__(self) -> None:
        super().__init__("This account has no password yet. Ask for a way back in: it sets one.")


def count_sign_up(database: Database, *, by: Actor) -> None:
    """Raises TooOften where one place makes account after account, or tries which addresses have one."""
    with database.system() as session:
        spend(session, dict.fromkeys(_place("sign-up", by), _SIGN_UP), what="new accounts from here")


def sign_up(
    database: Database,
    *,
    email: str,
    name: str,
    password: str,
    by: Actor,
    confirmed: bool = False,
    also: Callable[[Session, UUID], None] | None = None,
) -> UUID:
    """Make an account; returns its user's id. `confirmed`: it is known that the address is theirs.

    `also` is done in the transaction in which it is made.
    """
    email, name = checked_email(email), checked_name(name)
    checked_password(password, email=email)
    kept = hash_password(password)
    try:
        with database.system() as session:
            user = User(email=email, name=name, email_confirmed_at=func.now() if confirmed else None)
            session.add(user)
            session.flush()
            session.add(Password(user_id=user.id, hash=kept))
            audit.record(session, "user.created", ("user", user.id), by=_self(by, user.id))
            if also is not None:
                also(session, user.id)
            return user.id
    except IntegrityError as taken:
        raise AddressTaken from taken


def sign_in(database: Database, email: str, password: str, *, by: Actor, replacing: str | None = None) -> SignedIn:
    """Check the password and start a session; `replacing` is the token that the browser had before, if any.

    Raises WrongPassword, or TooOften.
    """
    here = bucket_of("sign-in", email, by.ip or "")
    limits = {here: _HERE, bucket_of("sign-in-account", email): _ACCOUNT, **_place("sign-in-from", by)}
    with database.system() as session:
        spend(session, limits, what="attempts to sign in")
    with database.system() as session:
        found = session.execute(select(User.id, Password.hash).join(Password).where(_has(email))).one_or_none()
    if not password_matches(found.hash if found else None, password) or found is None:
        raise WrongPassword
    renewed = hash_password(password) if needs_new_hash(found.hash) else None
    with database.system() as session:
        # Whoever changed the password meanwhile has shut out the old one.
        still = select(Password).where(Password.user_id == found.id, Password.hash == found.hash).with_for_update()
        if (kept := session.scalar(still)) is None:
            raise WrongPassword
        kept.hash = renewed or kept.hash
        give_back(session, here)
        return login_sessions.start(session, found.id, by=_self(by, found.id), replacing=replacing)


def count_recovery(database: Database, email: str, *, by: Actor) -> None:
    """Raises TooOften where somebody asks for the way back in again and again."""
    with database.system() as session:
        limits = {bucket_of("recover", email): _RECOVERY, **_place("recover-from", by)}
        spend(session, limits, what="requests to get back in")


def start_recovery(session: Session, email: str, *, by: Actor) -> StartedRecovery | None:
    """A token that opens the account once within the hour; None without an account.

    Whoever asks must not learn which of the two it was. An earlier token of the account is worth nothing from now on.
    """
    found = session.execute(select(User.id, User.email).where(_has(email))).one_or_none()
    if found is None:
        return None
    token = new_token()
    written = {"token_hash": token_hash(token), "expires_at": func.now() + RECOVERY_LASTS}
    session.execute(
        insert(Recovery)
        .values(user_id=found.id, **written)
        .on_conflict_do_update(index_elements=["user_id"], set_=written)
    )
    audit.record(session, "recovery.started", ("user", found.id), by=by)
    return StartedRecovery(found.email, token, ways_in.keys_of(session, found.id))


def recover(database: Database, token: str, password: str, *, by: Actor, revoke_keys: bool = True) -> UUID:
    """Set a new password and shut out everybody else; the token is used up.

    Browsers are signed out, and keys revoked unless it is known that nobody else has them. Raises RecoveryOver or
    NoSuchRecovery.
    """
    with database.system() as session:
        email = session.scalar(select(User.email).join(Recovery).where(*_open(token)))
        if email is None:
            late = session.scalar(select(Recovery.user_id).where(Recovery.token_hash == token_hash(token)))
            raise RecoveryOver if late is not None or was_spent(session, token) else NoSuchRecovery
    checked_password(password, email=email)
    kept = hash_password(password)
    with database.system() as session:
        used = delete(Recovery).where(*_open(token)).returning(Recovery.user_id)
        if (user_id := session.scalar(used)) is None:
            raise RecoveryOver
        _set_password(session, user_id, kept)
        # The code was sent to the address, or given to its owner by an operator.
        session.execute(update(User).where(User.id == user_id, ~_IS_CONFIRMED).values(email_confirmed_at=func.now()))
        by = _self(by, user_id)
        done = {
            "sessions_ended": ways_in.end_sessions(session, user_id),
            "keys_revoked": ways_in.revoke_keys(session, user_id, by=by) if revoke_keys else 0,
        }
        audit.record(session, "password.recovered", ("user", user_id), by=by, after=done)
        return user_id


def check_password(database: Database, password: str | None, *, by: Principal) -> str | None:
    """Whoever is signed in proves to be who signed in; returns what is kept of the password, None where there is none.

    Raises NotForKeys, OldPasswordWrong or TooOften.
    """
    by.require_person()
    with database.system() as session:
        kept = session.scalar(select(Password.hash).where(Password.user_id == by.user_id))
        if kept is not None:
            spend(session, {bucket_of("password", str(by.user_id)): _HERE}, what="wrong passwords")
    if kept is None:
        return None
    if not password_matches(kept, password or ""):
        raise OldPasswordWrong
    with database.system() as session:
        give_back(session, bucket_of("password", str(by.user_id)))
    return kept


def change_password(
    database: Database, old: str, new: str, *, by: Principal, keep: str, also: Callable[[Session, str], None]
) -> None:
    """Sign out every browser but the one whose token is `keep`. `also` is done with it, and is told the address.

    Raises NotForKeys, OldPasswordWrong, NoPassword or TooOften.
    """
    before = check_password(database, old, by=by)
    if before is None:
        raise NoPassword
    with database.system() as session:
        email = get(session, by.user_id).email
    kept = hash_password(checked_password(new, email=email))
    with database.system() as session:
        still = select(Password.hash).where(Password.user_id == by.user_id).with_for_update()
        # Whoever changed it meanwhile has shut out the old one.
        if session.scalar(still) != before:
            raise OldPasswordWrong
        _set_password(session, by.user_id, kept)
        session.execute(delete(Recovery).where(Recovery.user_id == by.user_id))
        done = {"sessions_ended": ways_in.end_sessions(session, by.user_id, keep=keep)}
        audit.record(session, "password.changed", ("user", by.user_id), by=by.actor, after=done)
        also(session, email)


def rename(session: Session, name: str, *, by: Principal) -> User:
    """Change the name that others see."""
    by.require_person()
    user = session.scalars(select(User).where(User.id == by.user_id).with_for_update()).one()
    before, user.name = {"name": user.name}, checked_name(name)
    audit.record(session, "user.renamed", ("user", user.id), by=by.actor, before=before, after={"name": user.name})
    return user


def set_admin(session: Session, user_id: UUID, is_admin: bool, *, by: Actor) -> None:
    """Let an account run the installation, or not any more; from the end of the transaction on.

    Raises AddressNotConfirmed: whoever signed up with the address first need not be who it belongs to.
    """
    user = session.scalars(select(User).where(User.id == user_id).with_for_update()).one()
    if is_admin and not user.email_confirmed:
        raise AddressNotConfirmed
    before, user.is_admin = {"is_admin": user.is_admin}, is_admin
    audit.record(session, "user.admin_changed", ("user", user_id), by=by, before=before, after={"is_admin": is_admin})


def get(session: Session, user_id: UUID) -> User:
    """The account of somebody who has proved to be its user."""
    return session.get_one(User, user_id)


def find(session: Session, email: str) -> UUID:
    """The user with this address. Raises NoAccount."""
    found = session.scalar(select(User.id).where(_has(email)))
    if found is None:
        raise NoAccount
    return found


def _set_password(session: Session, user_id: UUID, kept: str) -> None:
    written = {"hash": kept, "changed_at": func.now()}
    session.execute(
        insert(Password)
        .values(user_id=user_id, **written)
        .on_conflict_do_update(index_elements=["user_id"], set_=written)
    )


def _open(token: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Recovery.token_hash == token_hash(token), Recovery.expires_at > func.now()


def _has(email: str) -> ColumnElement[bool]:
    """The address as it was written down at sign-up, whatever its case."""
    typed = unicodedata.normalize("NFC", email.strip())
    # The rest cannot be asked of a database at all.
    return func.lower(User.email) == func.lower(typed) if typed.isprintable() else false()


def _place(what: str, by: Actor) -> dict[str, Limit]:
    """Where somebody is, as far as that is known; an operator is on the machine itself."""
    if by.ip is None:
        return {}
    return {bucket_of(what, place_of(by.ip)): _PLACE}


def _self(by: Actor, user_id: UUID) -> Actor:
    """Whoever proves to be the user acts as the user; an operator stays one."""
    if by.kind is ActorKind.USER:
        return Actor(ActorKind.USER, user_id, by.request_id, by.ip)
    return by
