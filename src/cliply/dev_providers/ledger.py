"""What a provider has done: every effect in the order in which they came about, so that tests compare ledgers.

Secrets are never written here: of a token its first hash characters, of bytes their length and SHA-256.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cliply.dev_providers.clock import Clock


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    """From 1 on."""
    at: datetime
    provider: str
    """`google` or `tiktok`."""
    who: str
    """The person, channel or app that it was done for; empty where nobody is known."""
    what: str
    """`token_issued`, `video_published`: the effect, or the request that was refused."""
    details: Mapping[str, object] = field(default_factory=dict)


class Ledger:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def add(self, provider: str, what: str, *, who: str = "", **details: object) -> Entry:
        with self._lock:
            entry = Entry(len(self._entries) + 1, self._clock.now(), provider, who, what, details)
            self._entries.append(entry)
        return entry

    def entries(self, what: str | None = None, *, who: str | None = None) -> Sequence[Entry]:
        """All of them, or those of one kind or person, oldest first."""
        with self._lock:
            return [
                entry
                for entry in self._entries
                if (what is None or entry.what == what) and (who is None or entry.who == who)
            ]

    def count(self, what: str, *, who: str | None = None) -> int:
        return len(self.entries(what, who=who))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def mark_of(secret: str) -> str:
    """What a token is called in the ledger: tells two apart and opens nothing."""
    return sha256(secret.encode())[:12]


PUBLISHED = "video_published"
"""What the entry of a post is called, whichever network it is on."""
