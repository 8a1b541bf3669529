"""API keys: `clp_live_`, thirty random characters and a checksum, by which a scanner of leaked secrets knows one."""

import re
import secrets
import string
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from cliply.errors import Invalid, NotFound
from cliply.features.audit import service as audit
from cliply.features.identity.access import Caller, KeyGrant, Principal, Unauthenticated, plan_said
from cliply.features.identity.account_rules import checked_name
from cliply.features.identity.models import ApiKey, Workspace
from cliply.features.identity.permissions import Action
from cliply.infra.security import token_hash

PREFIX = "clp_live_"
LONGEST = timedelta(days=3650)

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECKSUM = 30, 6
_SHAPE = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_RANDOM}}})([0-9A-Za-z]{{{_CHECKSUM}}})")
_USED_EVERY = timedelta(minutes=1)
"""How exactly it is known when a key was last used; finer would be a write with every request."""
_IS_STALE = (ApiKey.last_used_at < func.now() - _USED_EVERY) | ApiKey.last_used_at.is_(None)
# Every request asks this; to put it together costs more than to ask it.
_LIVE = (
    select(
        ApiKey.id, ApiKey.workspace_id, ApiKey.user_id, ApiKey.scopes, _IS_STALE.label("is_stale"),
        Workspace.plan, Workspace.plan_overrides,
    )
    .join(Workspace, Workspace.id == ApiKey.workspace_id)
    .where(ApiKey.key_hash == bindparam("key_hash"), (ApiKey.expires_at > func.now()) | ApiKey.expires_at.is_(None))
)  # fmt: skip


class WrongKey(Unauthenticated):
    """The same whether it never was one, was revoked, or is over."""

    def __init__(self) -> None:
        super().__init__("The API key is wrong, revoked or expired. Make a new one in the workspace's settings.")


class NoSuchKey(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such API key in this workspace.")


@dataclass(frozen=True, slots=True)
class NewKey:
    """The secret is shown to its maker once, and known nowhere else."""

    key: ApiKey
    secret: str = field(repr=False)


def create(
    session: Session, caller: Caller, name: str, scopes: Collection[Action], *, lasts: timedelta | None = None
) -> NewKey:
    """A key that acts for its maker, within `scopes`: none that the caller does not have. Without `lasts`, for good."""
    caller.require(Action.MANAGE_KEYS)
    for scope in scopes:
        caller.require(scope)
    if not scopes:
        raise Invalid("A key without scopes may do nothing. Choose at least one.")
    if lasts is not None and not timedelta(0) < lasts <= LONGEST:
        raise Invalid(f"A key can last up to {LONGEST.days} days, or until it is revoked.")
    secret = _new_secret()
    key = ApiKey(
        user_id=caller.principal.user_id,
        name=checked_name(name),
        key_hash=token_hash(secret),
        ending=secret[-4:],
        scopes=sorted(set(scopes)),
        expires_at=None if lasts is None else func.now() + lasts,
    )
    session.add(key)
    session.flush()
    _record(session, caller, "api_key.created", key)
    return NewKey(key, secret)


def list_keys(session: Session, caller: Caller) -> list[ApiKey]:
    """Of the whole workspace, newest first; none of them holds its secret."""
    caller.require(Action.MANAGE_KEYS)
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))


def revoke(session: Session, caller: Caller, key_id: UUID) -> None:
    """From the end of the transaction on, the key opens nothing."""
    caller.require(Action.MANAGE_KEYS)
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).with_for_update())
    if key is None:
        raise NoSuchKey
    _record(session, caller, "api_key.revoked", key)
    session.delete(key)


def principal_of(session: Session, secret: str, *, request_id: str | None = None, ip: str | None = None) -> Principal:
    """Who acts with this key, in a session of the system. Asked anew each time, so revoking works at once.

    Raises WrongKey.
    """
    if not _is_well_formed(secret):
        raise WrongKey
    found = session.execute(_LIVE, {"key_hash": token_hash(secret)}).first()
    if found is None:
        raise WrongKey
    if found.is_stale:
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == found.id, _IS_STALE)
            .values(last_used_at=func.now())
            .execution_options(synchronize_session=False)
        )
    grant = KeyGrant(found.id, found.workspace_id, frozenset(found.scopes))
    return Principal(found.user_id, grant, request_id, ip, plan_said(found))


def _new_secret() -> str:
    random = "".join(secrets.choice(_BASE62) for _ in range(_RANDOM))
    return PREFIX + random + _checksum(random)


def _is_well_formed(secret: str) -> bool:
    """What was mistyped or cut off is refused without asking the database."""
    shape = _SHAPE.fullmatch(secret)
    return shape is not None and secrets.compare_digest(_checksum(shape[1]), shape[2])


def _checksum(random: str) -> str:
    rest, digits = zlib.crc32(random.encode()), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


def _record(session: Session, caller: Caller, action: str, key: ApiKey) -> None:
    state = {"name": key.name, "scopes": key.scopes}
    audit.record(session, action, ("api_key", key.id), by=caller.actor, after=state)
