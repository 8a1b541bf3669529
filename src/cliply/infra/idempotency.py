"""The same request gets the same answer, for a day: what was answered is kept in the transaction of what was done."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
LONGEST_KEY = 255

_KEY = re.compile(rf'("?)([!#-\[\]-~]{{1,{LONGEST_KEY}}})\1')
_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
_FIND = text("""
    SELECT fingerprint, status, headers, body FROM idempotency_keys
    WHERE id = :id AND created_at > now() - CAST(:kept AS interval)
""")
_KEEP = text("""
    INSERT INTO idempotency_keys (id, workspace_id, fingerprint, status, headers, body)
    VALUES (:id, current_workspace(), :fingerprint, :status, CAST(:headers AS jsonb), :body)
    ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
        headers = excluded.headers, body = excluded.body, created_at = now()
""")
_FORGET = text("""
    DELETE FROM idempotency_keys WHERE id IN (
        SELECT id FROM idempotency_keys WHERE created_at <= now() - CAST(:kept AS interval)
        LIMIT 2 FOR UPDATE SKIP LOCKED)
""")


class WrongKeyShape(Invalid):
    def __init__(self) -> None:
        super().__init__(f"An Idempotency-Key is 1 to {LONGEST_KEY} printable characters without spaces or quotes.")


class KeyUsedForAnother(Invalid):
    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Make a new key for each new request.")


class StillRunning(Conflict):
    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being carried out. Ask again in a moment.")


class AnsweredOnce(Conflict):
    """Its answer held a secret, which is kept nowhere."""

    def __init__(self) -> None:
        super().__init__("This was done already, and its answer is shown only once. Nothing was done again.")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Answered(Exception):
    """Raised instead of doing it again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that names a key: `scope` is who asks for what, `fingerprint` what exactly."""

    key: str
    scope: tuple[str, ...]
    fingerprint: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256("\0".join((*self.scope, self.key)).encode()).digest()


def parse_key(header: str) -> str:
    """Bare or in double quotes. Raises WrongKeyShape."""
    shape = _KEY.fullmatch(header.strip())
    if shape is None:
        raise WrongKeyShape
    return shape[2]


def begin(session: Session, asked: Asked) -> None:
    """Return where it has to be done now; from here on nobody else does it until the transaction ends.

    Raises Answered, AnsweredOnce, KeyUsedForAnother or StillRunning.
    """
    # Not waited for: whoever asks twice at once has a reason, and a connection is dear.
    lock = int.from_bytes(asked.id[:8], signed=True)
    if not session.execute(_LOCK, {"lock": lock}).scalar_one():
        raise StillRunning
    found = session.execute(_FIND, {"id": asked.id, "kept": KEPT}).one_or_none()
    if found is None:
        return
    if bytes(found.fingerprint) != asked.fingerprint:
        raise KeyUsedForAnother
    if found.body is None:
        raise AnsweredOnce
    raise Answered(Answer(found.status, found.headers, bytes(found.body)))


def keep(session: Session, asked: Asked, answer: Answer, *, secret: bool) -> None:
    """Kept if the transaction is; the answer's body is not where it is `secret`."""
    session.execute(
        _KEEP,
        {
            "id": asked.id,
            "fingerprint": asked.fingerprint,
            "status": answer.status,
            "headers": json.dumps(dict(answer.headers)),
            "body": None if secret else answer.body,
        },
    )
    # As many as can have been added, so the table stays as small as what is in use.
    session.execute(_FORGET, {"kept": KEPT})
