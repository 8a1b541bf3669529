"""Secrets that have to be read again: encrypted, and bound to the row that holds them.

AES-256-GCM. What is sealed for one row does not open for another, so that nobody who can write into the database moves
a secret to where they may read it.

What is sealed begins with the id of its key. A key is replaced while work goes on: the new one seals from then on, and
the ones before it open until everything that `needs_resealing` is sealed anew.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable
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
            "process of the service, and name keys that it has replaced in CLIPLY_SECRET_KEYS_BEFORE."
        )


class Sealer:
    """Seals with `key`; opens with it and with those `before` it."""

    def __init__(self, key: bytes, *, before: Iterable[bytes] = ()) -> None:
        self._mark = _mark(key)
        self._cipher = _cipher(key)
        self._ciphers = {**{_mark(each): _cipher(each) for each in before}, self._mark: self._cipher}

    def seal(self, secret: str, *, row: str) -> bytes:
        """`row` names what holds it: a table, an id, and what else must not change."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._mark + nonce + self._cipher.encrypt(nonce, secret.encode(), row.encode())

    def open(self, sealed: bytes, *, row: str) -> str:
        """Raises WrongSealKey."""
        mark, nonce = sealed[:_MARK_BYTES], sealed[_MARK_BYTES : _MARK_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(mark)
        if cipher is None:
            raise WrongSealKey
        try:
            return cipher.decrypt(nonce, sealed[_MARK_BYTES + _NONCE_BYTES :], row.encode()).decode()
        except (InvalidTag, ValueError):
            raise WrongSealKey from None

    @property
    def mark(self) -> bytes:
        """What begins everything that this key seals; rows that begin otherwise are those to seal anew."""
        return self._mark

    def knows(self, sealed: bytes) -> bool:
        """Whether a key of this has sealed it, as far as its beginning tells."""
        return sealed[:_MARK_BYTES] in self._ciphers

    def needs_resealing(self, sealed: bytes) -> bool:
        """Whether another key than the present one has sealed it."""
        return sealed[:_MARK_BYTES] != self._mark

    def reseal(self, sealed: bytes, *, row: str) -> bytes:
        """The same secret of the same row, sealed with the present key. Raises WrongSealKey.

        Put it where the old one still is, and nowhere else: `UPDATE ... WHERE sealed = :old`.
        """
        return self.seal(self.open(sealed, row=row), row=row)


def open_sealer(settings: Settings) -> Sealer:
    """By the key in the settings, or one that is made and kept in `CLIPLY_DATA`: enough for one machine.

    An installation that outgrows one machine names a key; what the kept one has sealed opens all the same.
    """
    kept = _kept_file(settings)
    before = [each.get_secret_value().encode() for each in settings.secret_keys_before]
    if settings.secret_key is None:
        return Sealer(_kept_key(kept), before=before)
    with suppress(FileNotFoundError):
        before.append(kept.read_bytes())
    return Sealer(settings.secret_key.get_secret_value().encode(), before=before)


def has_key(settings: Settings) -> bool:
    """Whether there is one, or `open_sealer` would make it."""
    return settings.secret_key is not None or _kept_file(settings).exists()


def _kept_file(settings: Settings) -> Path:
    return settings.data / "secret.key"


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"mark\0" + key).digest()[:_MARK_BYTES]


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(hashlib.sha256(b"seal\0" + key).digest())


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
