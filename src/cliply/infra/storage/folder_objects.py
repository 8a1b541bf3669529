"""How objects lie in the folder.

    objects/WORKSPACE/PROJECT/KIND/UUID.json      what is known of an object; there is one when this file is there
    objects/WORKSPACE/PROJECT/KIND/UUID.SHA256    its content
    uploads/WORKSPACE/PROJECT/KIND/UUID/UPLOAD/   parts that have arrived
    unfinished/                                   what is being written, and what is being removed

Content is in place before the record that names it, so a kill or a power cut between any two steps shows the object
as it was or as it will be.
"""

import fcntl
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from cliply.infra.storage.disk import make_folder, set_aside, sync_file, sync_folder, unfinished_file
from cliply.infra.storage.failures import DamagedInStorage, ObjectGone
from cliply.infra.storage.keys import ObjectKey, prefix
from cliply.infra.storage.protocol import StoredObject


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, and the upload that made it, if one did."""

    stored: StoredObject
    upload: str | None


class FolderObjects:
    """Raises bare OSErrors: who uses it says which of them are the disk's."""

    def __init__(self, root: Path) -> None:
        self.uploads = root / "uploads"
        self.unfinished = root / "unfinished"
        self._objects = root / "objects"
        self._lock = root / "lock"
        # Others lie beside it, such as the bundled database, which is another account's where Cliply runs as root.
        make_folder(root.parent, private=False)
        for folder in (self._objects, self.uploads, self.unfinished):
            make_folder(folder)
        self._lock.touch(mode=0o600)

    @contextmanager
    def locked(self, *, to_read: bool = False) -> Iterator[None]:
        """Keeps others, in this process or another, from changing anything; held for renames, never for copying."""
        with self._lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH if to_read else fcntl.LOCK_EX)
            yield

    def entry(self, key: ObjectKey) -> Entry:
        try:
            record = json.loads(self._record(key).read_bytes())
            return Entry(StoredObject(**record["stored"]), record["upload"])
        except FileNotFoundError:
            raise ObjectGone from None
        except (ValueError, KeyError, TypeError):
            raise DamagedInStorage from None

    def find(self, key: ObjectKey) -> Entry | None:
        try:
            return self.entry(key)
        except ObjectGone:
            return None

    def open(self, key: ObjectKey) -> tuple[StoredObject, BinaryIO]:
        with self.locked(to_read=True):
            stored = self.entry(key).stored
            try:
                file = self._content(key, stored).open("rb")
            except FileNotFoundError:
                raise DamagedInStorage from None
        if file.seek(0, 2) != stored.size:
            file.close()
            raise DamagedInStorage
        file.seek(0)
        return stored, file

    @contextmanager
    def record(self, entry: Entry) -> Iterator[Path]:
        """The record of an object that is to be placed, on the disk already."""
        with unfinished_file(self.unfinished) as (path, file):
            file.write(json.dumps(asdict(entry)).encode())
            sync_file(file)
            yield path

    def place(self, key: ObjectKey, stored: StoredObject, content: Path, record: Path) -> None:
        """Only while locked. Both files are finished and synced; they are renamed."""
        target = self._content(key, stored)
        make_folder(target.parent)
        content.replace(target)
        sync_folder(target.parent)
        record.replace(self._record(key))
        sync_folder(target.parent)
        for other in self._contents(key):
            if other != target:
                other.unlink()

    def delete(self, key: ObjectKey) -> None:
        with self.locked():
            try:
                self._record(key).unlink()
            except FileNotFoundError:
                return
            sync_folder(self._record(key).parent)
            for content in self._contents(key):
                content.unlink()

    def keys(self, workspace: UUID, project: UUID) -> Sequence[ObjectKey]:
        records = (self._objects / prefix(workspace, project)).glob("*/*.json")
        return [ObjectKey.parse(str(each.relative_to(self._objects).with_suffix(""))) for each in records]

    def delete_all(self, workspace: UUID, project: UUID | None) -> None:
        with self.locked():
            for folder in (self._objects, self.uploads):
                set_aside(folder / prefix(workspace, project), self.unfinished)
        self.empty_unfinished()

    def sizes(self, workspace: UUID) -> Iterator[tuple[ObjectKey, int]]:
        for record in (self._objects / prefix(workspace)).glob("*/*/*.json"):
            key = ObjectKey.parse(record.with_suffix("").relative_to(self._objects).as_posix())
            if (found := self.find(key)) is not None:
                yield key, found.stored.size

    def sweep(self, older_than: timedelta) -> int:
        limit = time.time() - older_than.total_seconds()
        with self.locked():
            for path in self.uploads.glob("*/*/*/*/*"):
                # A part that arrives changes its folder's time.
                if _is_older(path, limit):
                    set_aside(path, self.unfinished)
        removed = self._remove_unfinished(lambda path: path.is_dir() or _is_older(path, limit))
        return removed + sum(self._remove_orphans(folder) for folder in self._objects.glob("*/*/*"))

    def empty_unfinished(self) -> None:
        """Remove what was set aside."""
        self._remove_unfinished(Path.is_dir)

    def _remove_unfinished(self, is_over: Callable[[Path], bool]) -> int:
        # Folders there were set aside: they are nobody's. Others may be sweeping too, so anything may be gone already.
        over = [path for path in self.unfinished.iterdir() if is_over(path)]
        for path in over:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(over)

    def _remove_orphans(self, folder: Path) -> int:
        """Remove content that no record names: a kill between two steps left it."""
        with self.locked():
            named = {path.stem for path in folder.glob("*.json")}
            contents = [path for path in folder.glob("*.*") if path.suffix != ".json"]
            many = Counter(path.stem for path in contents)
            # Records are read only where there is a choice, so that a sweep of many objects stays quick.
            orphans = [
                path
                for path in contents
                if path.stem not in named or (many[path.stem] > 1 and path != self._named_content(path))
            ]
            for path in orphans:
                path.unlink()
        return len(orphans)

    def _named_content(self, beside: Path) -> Path:
        key = ObjectKey.parse(beside.with_suffix("").relative_to(self._objects).as_posix())
        return self._content(key, self.entry(key).stored)

    def _record(self, key: ObjectKey) -> Path:
        return self._objects / f"{key}.json"

    def _content(self, key: ObjectKey, stored: StoredObject) -> Path:
        return self._objects / f"{key}.{stored.sha256}"

    def _contents(self, key: ObjectKey) -> list[Path]:
        return [path for path in self._record(key).parent.glob(f"{key.id}.*") if path.suffix != ".json"]


def _is_older(path: Path, limit: float) -> bool:
    try:
        return path.stat().st_mtime < limit
    except FileNotFoundError:
        return False
