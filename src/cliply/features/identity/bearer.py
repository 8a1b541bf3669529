"""Tokens of the service that people sign in with elsewhere: any OIDC issuer, or Supabase."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from jwt.exceptions import ExpiredSignatureError, PyJWTError
from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid
from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import ways_in
from cliply.features.identity.access import Principal, Unauthenticated, plan_said, with_plan
from cliply.features.identity.account_rules import LONGEST_NAME, checked_email, checked_name, same_address
from cliply.features.identity.models import Confirmation, Identity, Password, Recovery, User
from cliply.infra.jwks import KeySet
from cliply.infra.settings import Oidc

_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_LONGEST = 16_000
_LONGEST_SUBJECT = 255
_KINDS = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""`typ` of tokens that say who calls. An issuer signs other things with the same keys: who signs out, answers about
tokens, requests of clients (RFC 8725, 3.11)."""
_SKEW = 60
"""Seconds by which clocks may differ."""
_LOCK = 7_274_003
"""First number of the lock under which an identity's user is made."""
_KNOWN = with_plan(
    select(Identity.user_id).where(Identity.issuer == bindparam("issuer"), Identity.subject == bindparam("subject")),
    Identity.user_id,
)


class WrongToken(Unauthenticated):
    """The same whatever is wrong with it but its age: who forges learns nothing."""

    def __init__(self) -> None:
        super().__init__("The token cannot be used here. Sign in again.")


class TokenOver(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The token is over. Sign in again.")


class NoAddressInToken(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("The token names no e-mail address. Ask for one with the scope “email” when signing in.")


class AddressNotVerified(Unauthenticated):
    def __init__(self) -> None:
        super().__init__(
            "The service that you sign in with has not verified your e-mail address. Confirm it there, then sign"
            " in again."
        )


class AddressOfAnother(Conflict):
    """Not joined by the address: both were proved, so nobody is shut out of theirs."""

    def __init__(self) -> None:
        super().__init__(
            "There is an account with your e-mail address already, and it was made another way. Sign in to it that way."
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """Who the issuer says it is."""

    issuer: str
    subject: str
    email: str | None
    name: str | None
    email_verified: bool
    """Whether the address is theirs; never so by what they could have written themselves."""


class BearerTokens:
    """Of one issuer, for one audience, signed by a key of that issuer's."""

    def __init__(self, settings: Oidc, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._algorithms = settings.allowed
        self._addresses_verified = settings.addresses_verified
        self._keys = KeySet(issuer, settings.keys_url)

    def claims(self, authorization: str | None) -> Claims | None:
        """None where the header holds no such token. May ask the issuer, so nothing may be open meanwhile.

        Raises WrongToken, TokenOver or IssuerSilent.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not _SHAPE.fullmatch(token):
            return None
        if len(token) > _LONGEST:
            raise WrongToken
        return self._claims(self._verified(token))

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            # Before anybody is asked for a key: what it says of itself decides nothing but which key is tried.
            if algorithm not in self._algorithms or not isinstance(kid, str):
                raise WrongToken
            if str(header.get("typ", "")).lower() not in _KINDS:
                raise WrongToken
            key = self._keys.find(kid, algorithm)
            if key is None:
                raise WrongToken
            told: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_SKEW,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
            return told
        except ExpiredSignatureError:
            raise TokenOver from None
        except (PyJWTError, ValueError, TypeError):
            raise WrongToken from None

    def _claims(self, told: dict[str, Any]) -> Claims:
        # One that is bound to a key is worth nothing without a proof of that key (RFC 9449, RFC 8705), which nobody
        # sends here: whoever brings it may have stolen it. And `events` are news about somebody, not from them.
        if "cnf" in told or "events" in told:
            raise WrongToken
        subject, email = told["sub"], told.get("email")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            raise WrongToken
        names = (told.get("name"), told.get("preferred_username"))
        name = next((each for each in names if isinstance(each, str) and each.strip()), None)
        verified = told.get("email_verified", self._addresses_verified) is True
        return Claims(self._issuer, subject, email if isinstance(email, str) else None, name, verified)


def open_tokens(settings: Oidc) -> BearerTokens | None:
    """None where no issuer is named."""
    if settings.issuer is None or settings.audience is None:
        return None
    return BearerTokens(settings, settings.issuer, settings.audience)


def principal_of(
    session: Session,
    claims: Claims,
    *,
    place: UUID | None = None,
    request_id: str | None = None,
    ip: str | None = None,
) -> Principal:
    """The user of these claims, in a session of the system; made at the first sign-in, once however many come at once.

    Raises NoAddressInToken, AddressNotVerified or AddressOfAnother.
    """
    known = {"issuer": claims.issuer, "subject": claims.subject, "place": place}
    found = session.execute(_KNOWN, known).one_or_none()
    if found is None:
        lock = text("SELECT pg_advisory_xact_lock(:lock, hashtext(:who))")
        session.execute(lock, {"lock": _LOCK, "who": f"{claims.issuer} {claims.subject}"})
        found = session.execute(_KNOWN, known).one_or_none()
    if found is None:
        return Principal(_made(session, claims, request_id, ip), request_id=request_id, ip=ip)
    return Principal(found.user_id, request_id=request_id, ip=ip, plan=plan_said(found))


def _made(session: Session, claims: Claims, request_id: str | None, ip: str | None) -> Any:
    try:
        email = checked_email(claims.email or "")
    except Invalid:
        raise NoAddressInToken from None
    if not claims.email_verified:
        raise AddressNotVerified
    there = session.scalar(select(User).where(func.lower(User.email) == func.lower(email)).with_for_update())
    user, action = (_added(session, claims, email), "user.created") if there is None else (there, "user.taken_over")
    by = Actor(ActorKind.USER, user.id, request_id, ip)
    done = None if there is None else _shut_out(session, there, email, by)
    session.add(Identity(issuer=claims.issuer, subject=claims.subject, user_id=user.id))
    audit.record(session, action, ("user", user.id), by=by, after=done)
    return user.id


def _added(session: Session, claims: Claims, email: str) -> User:
    user = User(email=email, name=_name(claims, email), email_confirmed_at=func.now())
    session.add(user)
    try:
        session.flush()
    except IntegrityError:
        # Somebody signed up with it in this very moment.
        raise AddressOfAnother from None
    return user


def _shut_out(session: Session, user: User, email: str, by: Actor) -> dict[str, int]:
    """Whoever signed up with the address and never proved it: it is somebody else's, who just did.

    Raises AddressOfAnother where it was proved before.
    """
    if user.email_confirmed or not same_address(user.email, email):
        raise AddressOfAnother
    for way_in in (Password, Recovery, Confirmation, Identity):
        session.execute(delete(way_in).where(way_in.user_id == user.id))
    user.email_confirmed_at = func.now()
    return {
        "sessions_ended": ways_in.end_sessions(session, user.id),
        "keys_revoked": ways_in.revoke_keys(session, user.id, by=by),
    }


def _name(claims: Claims, email: str) -> str:
    for told in (claims.name, email.partition("@")[0]):
        try:
            return checked_name((told or "")[:LONGEST_NAME])
        except Invalid:
            continue
    return "New member"
