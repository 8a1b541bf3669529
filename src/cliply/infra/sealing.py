"""Secrets that have to be read again: encrypted, and bound to the row that holds them.

AES-256-GCM. What is sealed for one row does not open for another, so that nobody who can write into the database moves
a secret to where they may read it.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cliply.errors import Unavailable
from cliply.infra.settings import Settings

_KEY_BYTES = 32
_NONCE_BYTES = 12
_MARK_BYTES = 4


class WrongSealKey(Unavailable):
    """Also where it was damaged, or sealed for another row: that cannot be told apart, and must not."""

    def __init__(self) -> None:
        super().__init__(
            "A secret in the database was sealed with another key. Set CLIPLY_SECRET_KEY to the same value for every "
            "process of the service."
        )


class Sealer:
    def __init__(self, key: bytes) -> None:
        self._mark = hashlib.sha256(b"mark\0" + key).digest()[:_MARK_BYTES]
        self._cipher = AESGCM(hashlib.sha256(b"seal\0" + key).digest())

    def seal(self, secret: str, *, row: str) -> bytes:
        """`row` names what holds it: a table, an id, and what else must not change."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._mark + nonce + self._cipher.encrypt(nonce, secret.encode(), row.encode())

    def open(self, sealed: bytes, *, row: str) -> str:
        """Raises WrongSealKey."""
        mark, nonce = sealed[:_MARK_BYTES], sealed[_MARK_BYTES : _MARK_BYTES + _NONCE_BYTES]
        if mark != self._mark:
            raise WrongSealKey
        try:
            return self._cipher.decrypt(nonce, sealed[_MARK_BYTES + _NONCE_BYTES :], row.encode()).decode()
        except (InvalidTag, ValueError):
            raise WrongSealKey from None


def open_sealer(settings: Settings) -> Sealer:
    """By the key in the settings, or one that is made and kept in `CLIPLY_DATA`: enough for one machine."""
    if settings.secret_key is not None:
        return Sealer(settings.secret_key.get_secret_value().encode())
    return Sealer(_kept_key(settings.data / "secret.key"))


def _kept_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        made = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        # Of two processes that make one at once, the first one's counts.
        with suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
    return path.read_bytes()
