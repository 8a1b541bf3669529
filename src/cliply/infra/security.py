"""Passwords and tokens: what is kept of them tells neither."""

import hashlib
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

_TOKEN_BYTES = 32
_hasher = PasswordHasher()
"""Argon2id at the costs that RFC 9106 recommends for a machine with little memory: 64 MiB, three passes."""


def new_token() -> str:
    """256 random bits, fit for an address or a cookie."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """What is stored instead of a token. A plain hash is enough: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def hash_password(password: str) -> str:
    return _hasher.hash(_composed(password))


def password_matches(kept: str | None, password: str) -> bool:
    """Takes as long where nothing is kept, so that the time does not tell which accounts exist."""
    try:
        matches = _hasher.verify(kept or _nobody_s(), _composed(password))
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return matches and kept is not None


def needs_new_hash(kept: str) -> bool:
    """Whether it was made at other costs than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobody_s() -> str:
    return _hasher.hash(secrets.token_urlsafe())


def _composed(password: str) -> bytes:
    """One way to write each character, since keyboards differ in how they send an “é”."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
