"""Uploads in parts to the folder."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from cliply.infra.storage.disk import (
    disk_errors,
    make_folder,
    read_chunks,
    set_aside,
    sync_file,
    sync_folder,
    unfinished_file,
    write,
)
from cliply.infra.storage.failures import (
    DamagedOnTheWay,
    KeyTaken,
    ObjectGone,
    UploadGone,
    check_complete,
    check_content_type,
    check_part_number,
    check_sha256,
)
from cliply.infra.storage.folder_objects import Entry, FolderObjects
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.links import Grant, LinkSigner
from cliply.infra.storage.protocol import Chunks, Part, Progress, StoredObject

_PART = re.compile(r"[0-9]{5}")


class FolderUploads:
    """Keeps the protocol `Uploads`."""

    def __init__(self, objects: FolderObjects, links: LinkSigner) -> None:
        self._objects = objects
        self._links = links

    def begin(self, key: ObjectKey, *, content_type: str) -> str:
        check_content_type(content_type)
        upload = str(uuid4())
        with disk_errors(), self._objects.locked():
            if self._objects.find(key):
                raise KeyTaken
            folder = self._folder(key, upload)
            make_folder(folder)
            (folder / "content-type").write_text(content_type)
        return upload

    def part_link(self, key: ObjectKey, upload: str, number: int, *, size: int, expires_in: timedelta) -> str:
        check_part_number(number)
        with disk_errors():
            self._opened(key, upload)
        return self._links.sign(Grant(key, upload=upload, part=number, size=size), expires_in)

    def put_part(self, key: ObjectKey, upload: str, number: int, content: bytes) -> None:
        with self.receive_part(key, upload, number) as file:
            file.write(content)

    @contextmanager
    def receive_part(self, key: ObjectKey, upload: str, number: int) -> Iterator[BinaryIO]:
        """A file for the part's bytes as they come; once the block ends well, the part has arrived."""
        check_part_number(number)
        with disk_errors():
            folder = self._opened(key, upload)
            with unfinished_file(self._objects.unfinished) as (path, file):
                yield file
                sync_file(file)
                try:
                    # The folder is never made again here: a part that comes after the end must not bring it back.
                    path.replace(folder / f"{number:05}")
                    sync_folder(folder)
                except FileNotFoundError:
                    raise UploadGone from None

    def parts(self, key: ObjectKey, upload: str) -> list[Part]:
        with disk_errors():
            arrived = self._arrived(self._opened(key, upload))
            return [Part(int(path.name), path.stat().st_size) for path in arrived]

    def complete(
        self,
        key: ObjectKey,
        upload: str,
        *,
        parts: int,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        check_part_number(parts)
        check_sha256(sha256)
        with disk_errors():
            try:
                return self._assemble(key, upload, parts, sha256, on_progress)
            except (UploadGone, FileNotFoundError):
                # It ended before this call or during it; where it was completed, the answer is the same again.
                return self._completed(key, upload, sha256)

    def abort(self, key: ObjectKey, upload: str) -> None:
        if not _is_id(upload):
            return
        with disk_errors(), self._objects.locked():
            set_aside(self._folder(key, upload), self._objects.unfinished)
        with disk_errors():
            self._objects.empty_unfinished()

    def _assemble(
        self, key: ObjectKey, upload: str, count: int, sha256: str | None, on_progress: Progress | None
    ) -> StoredObject:
        folder = self._opened(key, upload)
        if (found := self._objects.find(key)) is not None and found.upload == upload:
            # A kill came between the object's place and the end of its parts.
            self.abort(key, upload)
            raise UploadGone
        content_type = (folder / "content-type").read_text()
        paths = [path for path in self._arrived(folder) if int(path.name) <= count]
        check_complete((int(path.name) for path in paths), count)
        with unfinished_file(self._objects.unfinished) as (content, file):
            size, actual = write(_joined(paths), file, on_progress)
            sync_file(file)
            if sha256 not in (None, actual):
                self.abort(key, upload)
                raise DamagedOnTheWay
            stored = StoredObject(size, content_type, actual)
            with self._objects.record(Entry(stored, upload)) as record, self._objects.locked():
                self._opened(key, upload)
                if self._objects.find(key):
                    raise KeyTaken
                self._objects.place(key, stored, content, record)
                set_aside(folder, self._objects.unfinished)
        self._objects.empty_unfinished()
        return stored

    def _completed(self, key: ObjectKey, upload: str, sha256: str | None) -> StoredObject:
        try:
            entry = self._objects.entry(key)
        except ObjectGone:
            raise UploadGone from None
        if entry.upload != upload:
            raise UploadGone
        if sha256 not in (None, entry.stored.sha256):
            raise DamagedOnTheWay
        return entry.stored

    def _folder(self, key: ObjectKey, upload: str) -> Path:
        return self._objects.uploads / str(key) / upload

    def _opened(self, key: ObjectKey, upload: str) -> Path:
        if not _is_id(upload) or not (self._folder(key, upload) / "content-type").is_file():
            raise UploadGone
        return self._folder(key, upload)

    def _arrived(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name))


def _joined(paths: Iterable[Path]) -> Chunks:
    for path in paths:
        with path.open("rb") as part:
            yield from read_chunks(part)


def _is_id(upload: str) -> bool:
    """It becomes a part of a path, and comes from outside."""
    try:
        return str(UUID(upload)) == upload
    except ValueError:
        return False
