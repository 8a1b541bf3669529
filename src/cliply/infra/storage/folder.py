"""Objects as files in a folder: see `folder_objects` for how they lie there."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from cliply.infra.storage.disk import (
    disk_errors,
    opened_source,
    read_chunks,
    save,
    sync_file,
    sync_folder,
    unfinished_file,
    write,
)
from cliply.infra.storage.failures import DamagedOnTheWay, check_content_type, check_range, check_sha256
from cliply.infra.storage.folder_objects import Entry, FolderObjects
from cliply.infra.storage.folder_uploads import FolderUploads
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.links import Grant, LinkSigner
from cliply.infra.storage.protocol import Chunks, Progress, StoredObject

_SECRET_BYTES = 32


class FolderStorage:
    """Keeps the protocol `Storage`, for any number of processes of one machine."""

    def __init__(self, root: Path) -> None:
        with disk_errors():
            self._objects = FolderObjects(root)
            self.links = LinkSigner(_secret(root / "secret", self._objects.unfinished))
        self.uploads = FolderUploads(self._objects, self.links)

    def put_file(
        self,
        key: ObjectKey,
        source: Path,
        *,
        content_type: str,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        with opened_source(source) as file:
            return self.put_stream(key, file, content_type=content_type, sha256=sha256, on_progress=on_progress)

    def put_stream(
        self,
        key: ObjectKey,
        source: BinaryIO,
        *,
        content_type: str,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        check_content_type(content_type)
        check_sha256(sha256)
        with disk_errors(), unfinished_file(self._objects.unfinished) as (content, file):
            size, actual = write(read_chunks(source), file, on_progress)
            if sha256 not in (None, actual):
                raise DamagedOnTheWay
            sync_file(file)
            stored = StoredObject(size, content_type, actual)
            with self._objects.record(Entry(stored, upload=None)) as record, self._objects.locked():
                self._objects.place(key, stored, content, record)
        return stored

    def head(self, key: ObjectKey) -> StoredObject:
        with disk_errors():
            return self._objects.entry(key).stored

    def read(self, key: ObjectKey, wanted: range | None = None) -> Chunks:
        with disk_errors():
            stored, file = self._objects.open(key)
        try:
            bounds = check_range(wanted, stored.size)
            file.seek(bounds.start)
        except BaseException:
            file.close()
            raise
        return _chunks(file, len(bounds))

    def download(self, key: ObjectKey, target: Path, *, on_progress: Progress | None = None) -> StoredObject:
        with disk_errors():
            stored, file = self._objects.open(key)
        save(_chunks(file, stored.size), target, stored.sha256, on_progress)
        return stored

    def delete(self, key: ObjectKey) -> None:
        with disk_errors():
            self._objects.delete(key)

    def keys(self, workspace: UUID, project: UUID) -> Sequence[ObjectKey]:
        with disk_errors():
            return self._objects.keys(workspace, project)

    def delete_all(self, workspace: UUID, project: UUID | None = None) -> None:
        with disk_errors():
            self._objects.delete_all(workspace, project)

    def sizes(self, workspace: UUID) -> Iterator[tuple[ObjectKey, int]]:
        with disk_errors():
            yield from self._objects.sizes(workspace)

    def download_link(self, key: ObjectKey, *, expires_in: timedelta, file_name: str | None = None) -> str:
        return self.links.sign(Grant(key, file_name=file_name), expires_in)

    def sweep(self, older_than: timedelta) -> int:
        with disk_errors():
            return self._objects.sweep(older_than)


def _chunks(file: BinaryIO, size: int) -> Chunks:
    with file, disk_errors():
        yield from read_chunks(file, size)


def _secret(path: Path, unfinished: Path) -> bytes:
    """What links are signed with; made once, whichever process comes first."""
    if not path.exists():
        with unfinished_file(unfinished) as (made, file):
            made.chmod(0o600)
            file.write(secrets.token_bytes(_SECRET_BYTES))
            sync_file(file)
            # Unlike a rename it leaves one alone that is there.
            with suppress(FileExistsError):
                os.link(made, path)
            sync_folder(path.parent)
    return path.read_bytes()
