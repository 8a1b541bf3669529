"""Tokens of the service that people sign in with elsewhere: any OIDC issuer, or Supabase."""

import re
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import ExpiredSignatureError, PyJWTError
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid
from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Principal, Unauthenticated
from cliply.features.identity.account_rules import LONGEST_NAME, checked_email, checked_name
from cliply.features.identity.models import Identity, User
from cliply.infra.jwks import KeySet
from cliply.infra.settings import Oidc

_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_LONGEST = 16_000
_LONGEST_SUBJECT = 255
_SKEW = 60
"""Seconds by which clocks may differ."""
_LOCK = 7_274_003
"""First number of the lock under which an identity's user is made."""


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


class AddressOfAnother(Conflict):
    """Not joined by the address: whoever made the other account may not own it."""

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


class BearerTokens:
    """Of one issuer, for one audience, signed by a key of that issuer's."""

    def __init__(self, settings: Oidc, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._algorithms = settings.allowed
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
            key = self._keys.find(kid)
            if key is None:
                raise WrongToken
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_SKEW,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except ExpiredSignatureError:
            raise TokenOver from None
        except (PyJWTError, ValueError, TypeError):
            raise WrongToken from None

    def _claims(self, told: dict[str, Any]) -> Claims:
        subject, email = told["sub"], told.get("email")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            raise WrongToken
        names = (told.get("name"), told.get("preferred_username"))
        name = next((each for each in names if isinstance(each, str) and each.strip()), None)
        return Claims(self._issuer, subject, email if isinstance(email, str) else None, name)


def open_tokens(settings: Oidc) -> BearerTokens | None:
    """None where no issuer is named."""
    if settings.issuer is None or settings.audience is None:
        return None
    return BearerTokens(settings, settings.issuer, settings.audience)


def principal_of(
    session: Session, claims: Claims, *, request_id: str | None = None, ip: str | None = None
) -> Principal:
    """The user of these claims, in a session of the system; made at the first sign-in, once however many come at once.

    Raises NoAddressInToken or AddressOfAnother.
    """
    known = select(Identity.user_id).where(Identity.issuer == claims.issuer, Identity.subject == claims.subject)
    user_id = session.scalar(known)
    if user_id is None:
        lock = text("SELECT pg_advisory_xact_lock(:lock, hashtext(:who))")
        session.execute(lock, {"lock": _LOCK, "who": f"{claims.issuer} {claims.subject}"})
        user_id = session.scalar(known) or _made(session, claims, request_id, ip)
    return Principal(user_id, request_id=request_id, ip=ip)


def _made(session: Session, claims: Claims, request_id: str | None, ip: str | None) -> Any:
    try:
        email = checked_email(claims.email or "")
    except Invalid:
        raise NoAddressInToken from None
    if session.scalar(select(User.id).where(func.lower(User.email) == func.lower(email))) is not None:
        raise AddressOfAnother
    user = User(email=email, name=_name(claims, email))
    session.add(user)
    try:
        session.flush()
    except IntegrityError:
        # Somebody signed up with it in this very moment.
        raise AddressOfAnother from None
    session.add(Identity(issuer=claims.issuer, subject=claims.subject, user_id=user.id))
    by = Actor(ActorKind.USER, user.id, request_id, ip)
    audit.record(session, "user.created", ("user", user.id), by=by)
    return user.id


def _name(claims: Claims, email: str) -> str:
    for told in (claims.name, email.partition("@")[0]):
        try:
            return checked_name((told or "")[:LONGEST_NAME])
        except Invalid:
            continue
    return "New member"
