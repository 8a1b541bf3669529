"""Objects as files in a folder. What is being written lies apart and is renamed into place when it is whole."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from cliply.errors import Conflict, Invalid, NotFound
from cliply.infra.storage import CHUNK, ObjectKey, Progress


class FolderStorage:
    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._unfinished = root / "unfinished"
        self._parts = root / "parts"
        for folder in (self._objects, self._unfinished, self._parts):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, key: ObjectKey) -> Path:
        return self._objects / str(key)

    def upload(
        self, source: Path, key: ObjectKey, *, sha256: str | None = None, on_progress: Progress | None = None
    ) -> str:
        """Store `source`; the SHA-256 of what was stored. Where `sha256` is another, nothing is stored."""
        return self._write([source], key, sha256, on_progress)

    def download(self, key: ObjectKey, target: Path, *, on_progress: Progress | None = None) -> None:
        self.size(key)
        beside = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            with beside.open("xb") as file:
                _copy([self.path(key)], file, on_progress)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def size(self, key: ObjectKey) -> int:
        try:
            return self.path(key).stat().st_size
        except FileNotFoundError:
            raise NotFound("The stored file is gone.") from None

    def delete(self, key: ObjectKey) -> None:
        """Remove the object, if it is there."""
        self.path(key).unlink(missing_ok=True)

    def delete_all(self, workspace: UUID, project: UUID | None = None) -> None:
        """Remove what a workspace or one of its projects has."""
        folder = self._objects / str(workspace)
        folder = folder / str(project) if project else folder
        if folder.exists():
            shutil.rmtree(folder)

    def keys(self, workspace: UUID) -> Iterator[ObjectKey]:
        for path in sorted((self._objects / str(workspace)).glob("*/*/*")):
            yield ObjectKey.parse(path.relative_to(self._objects).as_posix())

    def begin_parts(self, key: ObjectKey) -> UUID:
        upload = uuid4()
        folder = self._parts / str(upload)
        folder.mkdir(mode=0o700)
        (folder / "key").write_text(str(key))
        return upload

    def write_part(self, key: ObjectKey, upload: UUID, number: int, content: bytes) -> None:
        """Store part `number`, from 1; a part that comes again replaces the first."""
        if not 1 <= number <= 10_000:
            raise Invalid("Parts are numbered from 1 to 10000.")
        folder = self._opened(key, upload)
        with self._whole(folder / f"{number:05}") as file:
            file.write(content)

    def parts(self, key: ObjectKey, upload: UUID) -> dict[int, int]:
        """The size of each part that has arrived, by its number."""
        return {int(path.name): path.stat().st_size for path in self._arrived(key, upload)}

    def complete_parts(self, key: ObjectKey, upload: UUID, sha256: str) -> None:
        paths = self._arrived(key, upload)
        if [int(path.name) for path in paths] != list(range(1, len(paths) + 1)) or not paths:
            raise Conflict("Parts of the upload are missing. Send them, then complete it again.")
        self._write(paths, key, sha256, None)
        self.abort_parts(upload)

    def abort_parts(self, upload: UUID) -> None:
        shutil.rmtree(self._parts / str(upload), ignore_errors=True)

    def sweep(self, older_than_s: float) -> int:
        """Remove what nobody went on with; how many writes and uploads that were."""
        limit = time.time() - older_than_s
        stale = [path for path in self._unfinished.iterdir() if path.stat().st_mtime < limit]
        # A part that arrives changes its folder's time.
        uploads = [path for path in self._parts.iterdir() if path.stat().st_mtime < limit]
        for path in stale:
            path.unlink(missing_ok=True)
        for path in uploads:
            shutil.rmtree(path, ignore_errors=True)
        return len(stale) + len(uploads)

    def _opened(self, key: ObjectKey, upload: UUID) -> Path:
        folder = self._parts / str(upload)
        try:
            if (folder / "key").read_text() == str(key):
                return folder
        except FileNotFoundError:
            pass
        raise NotFound("There is no such upload. Begin a new one.")

    def _arrived(self, key: ObjectKey, upload: UUID) -> list[Path]:
        return sorted(self._opened(key, upload).glob("[0-9]*"))

    def _write(self, sources: list[Path], key: ObjectKey, expected: str | None, on_progress: Progress | None) -> str:
        with self._whole(self.path(key)) as file:
            actual = _copy(sources, file, on_progress)
            if expected not in (None, actual):
                raise Invalid("The file did not arrive as it was sent. Send it again.")
        return actual

    @contextmanager
    def _whole(self, target: Path) -> Iterator[BinaryIO]:
        unfinished = self._unfinished / uuid4().hex
        try:
            with unfinished.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished.replace(target)
            _keep_name(target.parent)
        finally:
            unfinished.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    # A rename outlasts a power cut only when its folder is on the disk too.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(sources: Iterable[Path], target: BinaryIO, on_progress: Progress | None) -> str:
    sources = list(sources)
    total, done, digest = sum(path.stat().st_size for path in sources), 0, hashlib.sha256()
    for path in sources:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if on_progress:
                    on_progress(done, total)
    return digest.hexdigest()
