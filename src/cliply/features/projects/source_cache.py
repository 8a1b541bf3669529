"""Sources that jobs of this machine work on, fetched from storage once and kept while there is room.

ROOT/SOURCE_ID/NAME      the source under its own name, so that messages can tell it
ROOT/SOURCE_ID.lock      held shared by whoever reads it, exclusively by who fetches or removes it
"""

import fcntl
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cliply.errors import Unavailable
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Storage
from cliply.media.slug import slug

LARGEST = 40 * 1024**3
"""Bytes that are kept when nobody needs them."""
_SPARE = 500 * 1024**2
_ENDING = re.compile(r"\.[a-z0-9]{1,5}")
_WAIT = 0.1


class NoRoomHere(Unavailable):
    """Another machine may have room, or this one may later."""

    def __init__(self) -> None:
        super().__init__("The machine has no room left for this video at the moment. It is tried again.")


@dataclass(frozen=True, slots=True)
class SourceCache:
    """The folder of fetched sources."""

    root: Path
    largest: int = LARGEST

    @contextmanager
    def opened(
        self, storage: Storage, key: ObjectKey, name: str, *, on_wait: Callable[[], None] = lambda: None
    ) -> Iterator[Path]:
        """The source as a file of this machine, for as long as the block runs.

        `on_wait` is called a few times a second while it is fetched, and may raise to stop.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        file = self.root / str(key.id) / safe_name(name)
        while True:
            if not file.exists():
                self._fetch(storage, key, file, on_wait)
            with self._locked(key.id, fcntl.LOCK_SH, on_wait):
                # It may have been removed in between.
                if file.exists():
                    os.utime(file.parent)
                    yield file
                    return

    @contextmanager
    def alone(self, source_id: UUID, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Nobody else of this machine learns from the source meanwhile; what they learn is then there to be found."""
        self.root.mkdir(parents=True, exist_ok=True)
        with _flock(self.root / f"{source_id}.learning", fcntl.LOCK_EX, on_wait):
            yield

    def forget(self, source_id: UUID, *, for_good: bool = False) -> None:
        """Remove a source unless somebody reads it; `for_good` where nobody can fetch it any more."""
        with suppress(BlockingIOError, FileNotFoundError), _flock(self._lock(source_id), fcntl.LOCK_EX, None):
            shutil.rmtree(self.root / str(source_id), ignore_errors=True)
            if for_good:
                # Locks of a source that may come again stay: who waits for one would hold another than who comes next.
                for left in self.root.glob(f"{source_id}.*"):
                    left.unlink(missing_ok=True)

    def _fetch(self, storage: Storage, key: ObjectKey, file: Path, on_wait: Callable[[], None]) -> None:
        with self._locked(key.id, fcntl.LOCK_EX, on_wait):
            if file.exists():
                return
            self.make_room(storage.head(key).size)
            file.parent.mkdir(exist_ok=True)
            try:
                storage.download(key, file, on_progress=lambda _bytes: on_wait())
            except BaseException:
                shutil.rmtree(file.parent, ignore_errors=True)
                raise

    def make_room(self, needed: int) -> None:
        """Remove what was used longest ago, beyond what may be kept or what the disk has room for.

        Raises NoRoomHere.
        """
        folders = sorted((each for each in self.root.iterdir() if each.is_dir()), key=_used)
        kept = sum(map(_size, folders))
        for folder in folders:
            if kept + needed <= self.largest and self._free() >= needed + _SPARE:
                return
            kept -= _size(folder)
            self.forget(UUID(folder.name))
        if self._free() < needed + _SPARE:
            raise NoRoomHere

    def _free(self) -> int:
        return shutil.disk_usage(self.root).free

    def _lock(self, source_id: UUID) -> Path:
        return self.root / f"{source_id}.lock"

    @contextmanager
    def _locked(self, source_id: UUID, kind: int, on_wait: Callable[[], None]) -> Iterator[None]:
        with _flock(self._lock(source_id), kind, on_wait):
            yield


def safe_name(name: str) -> str:
    """A person's file name as one that no system takes for anything else."""
    path = Path(name)
    ending = path.suffix.lower()
    return f"{slug(path.stem)}{ending if _ENDING.fullmatch(ending) else ''}"


@contextmanager
def _flock(path: Path, kind: int, on_wait: Callable[[], None] | None) -> Iterator[None]:
    """The system lets go of it when its holder ends, for whatever reason. Without `on_wait`, nobody is waited for."""
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if on_wait is None:
                    raise
                on_wait()
                threading.Event().wait(_WAIT)
        yield


def _used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(file.stat().st_size for file in folder.iterdir())
    return 0
