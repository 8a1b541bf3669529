"""Files that last: on the disk with their names before anybody is told, and errors of the disk in plain words."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from cliply.errors import NotFound
from cliply.infra.storage.failures import DamagedInStorage, StorageDown, StorageFull, StorageRefused
from cliply.infra.storage.protocol import Chunks, Progress

CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def disk_errors(place: str = "the storage folder") -> Iterator[None]:
    """Turns what the disk says into errors of Cliply."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(place) from error
        reason = f"{os.strerror(error.errno) if error.errno else 'the disk failed'}, in {place}."
        if error.errno in _REFUSED:
            raise StorageRefused(f"{reason} Give that folder to the account that runs Cliply.") from error
        raise StorageDown(reason) from error


@contextmanager
def opened_source(path: Path) -> Iterator[BinaryIO]:
    """A file that is to be stored; that it cannot be opened is no fault of the storage."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"“{path.name}” cannot be read. Check that the file is there and may be read.") from error
    with file:
        yield file


def sync_folder(folder: Path) -> None:
    """A new or renamed file outlasts a power cut only when its folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, private: bool = True) -> None:
    """Make it with all that it lies in, each kept by the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent, private=private)
    folder.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
    sync_folder(folder.parent)


@contextmanager
def unfinished_file(folder: Path, prefix: str = "") -> Iterator[tuple[Path, BinaryIO]]:
    """A new file with a name of its own, and its path; it is gone after the block unless it was renamed."""
    path = folder / f"{prefix}{uuid4().hex}"
    try:
        with path.open("xb") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def sync_file(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def write(chunks: Iterable[bytes], target: BinaryIO, on_progress: Progress | None = None) -> tuple[int, str]:
    """How many bytes were written, and their SHA-256."""
    done, digest = 0, hashlib.sha256()
    for chunk in chunks:
        target.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        if on_progress:
            on_progress(done)
    return done, digest.hexdigest()


def read_chunks(source: BinaryIO, size: int | None = None) -> Chunks:
    """From where `source` stands to its end, or `size` bytes of it: fewer raise DamagedInStorage."""
    while size is None or size > 0:
        chunk = source.read(CHUNK if size is None else min(CHUNK, size))
        if not chunk and size is None:
            return
        if not chunk:
            raise DamagedInStorage
        yield chunk
        size = None if size is None else size - len(chunk)


def save(chunks: Iterable[bytes], target: Path, sha256: str, on_progress: Progress | None) -> None:
    """Write a downloaded object to `target` in one step, and only what fits its checksum."""
    with (
        disk_errors(f"the folder of “{target.name}”"),
        unfinished_file(target.parent, f".{target.name}.") as (path, file),
    ):
        if write(chunks, file, on_progress)[1] != sha256:
            raise DamagedInStorage
        sync_file(file)
        path.replace(target)


def set_aside(path: Path, folder: Path) -> None:
    """Take a whole folder out of sight in one step: nobody sees it half gone, nothing can be added any more."""
    try:
        path.rename(folder / uuid4().hex)
    except FileNotFoundError:
        return
    sync_folder(path.parent)
