"""Folders for work in progress that do not outlive us, not even after a `kill -9`.

Each holds a locked file. The system lets go of the lock when its owner ends for whatever reason, and whoever makes the
next folder removes those whose lock is free.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "cliply-work-"
_LOCK = ".in-use"


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A private folder, removed when the block ends; `purpose` becomes part of its name."""
    _remove_abandoned()
    made = Path(tempfile.mkdtemp(prefix=".cliply-new-"))
    lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    folder = made
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only under its final name can it be taken for an abandoned one, and by then it is locked.
        folder = made.rename(made.with_name(f"{_PREFIX}{purpose}-{made.name.rpartition('-')[2]}"))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        # Somebody else's folder, or one that is just being removed, is none of our business.
        with suppress(OSError):
            handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(handle)
