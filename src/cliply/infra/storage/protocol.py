"""What callers may rely on, whichever storage is used."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias
from uuid import UUID

from cliply.infra.storage.keys import ObjectKey

Progress: TypeAlias = Callable[[int], None]
"""Told the bytes that are done so far; what it raises ends the transfer, and nothing is stored unless all was done."""

Chunks: TypeAlias = Generator[bytes, None, None]
"""Close it when it is not read to its end."""

MOST_PARTS = 10_000
LEAST_PART = 5 * 1024 * 1024
"""Bytes of every part but the last; S3 refuses smaller ones."""
LONGEST_LINK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of an object without reading it."""

    size: int
    content_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload that has arrived."""

    number: int
    size: int


class Uploads(Protocol):
    """Objects that arrive in numbered parts, from 1, in any order. An upload's id belongs to its key."""

    def begin(self, key: ObjectKey, *, content_type: str) -> str:
        """The upload's id. Raises KeyTaken where something is stored already: an upload replaces nothing."""
        ...

    def part_link(self, key: ObjectKey, upload: str, number: int, *, size: int, expires_in: timedelta) -> str:
        """A link to which exactly `size` bytes may be sent with PUT; see `Storage.download_link`.

        Whether the upload goes on is for `parts` to say: a link to one that has ended opens nothing.
        """
        ...

    def put_part(self, key: ObjectKey, upload: str, number: int, content: bytes) -> None:
        """A part that comes again replaces the first. Raises UploadGone once the upload has ended."""
        ...

    def parts(self, key: ObjectKey, upload: str) -> Sequence[Part]:
        """What has arrived, by number."""
        ...

    def complete(
        self,
        key: ObjectKey,
        upload: str,
        *,
        parts: int,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        """Make one object of the parts from 1 to `parts`; the same answer when it is asked again.

        Reads all of it, once. Raises PartsMissing while parts are missing: the upload goes on. Raises DamagedOnTheWay
        where the checksum of the whole is not `sha256`: the upload has ended then, and nothing is stored.
        """
        ...

    def abort(self, key: ObjectKey, upload: str) -> None:
        """Forget the parts. An upload that was completed, or is not there, stays as it is."""
        ...


class Storage(Protocol):
    """Objects under keys. An object is seen whole or not at all, and is replaced in one step."""

    @property
    def uploads(self) -> Uploads: ...

    def put_file(
        self,
        key: ObjectKey,
        source: Path,
        *,
        content_type: str,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        """Raises DamagedOnTheWay where the content's checksum is not `sha256`; what was stored before stays then."""
        ...

    def put_stream(
        self,
        key: ObjectKey,
        source: BinaryIO,
        *,
        content_type: str,
        sha256: str | None = None,
        on_progress: Progress | None = None,
    ) -> StoredObject:
        """As `put_file`, for what is read once."""
        ...

    def head(self, key: ObjectKey) -> StoredObject:
        """Raises ObjectGone, as everything that reads."""
        ...

    def read(self, key: ObjectKey, wanted: range | None = None) -> Chunks:
        """The bytes of the object, or those of `wanted` that it has; raises NoSuchBytes where it has none of them.

        Errors come at the call, before the first chunk. Only `download` checks the content against its checksum.
        """
        ...

    def download(self, key: ObjectKey, target: Path, *, on_progress: Progress | None = None) -> StoredObject:
        """Write the object to `target`, which is replaced in one step, and only by what fits the checksum."""
        ...

    def delete(self, key: ObjectKey) -> None:
        """Remove the object, if it is there."""
        ...

    def keys(self, workspace: UUID, project: UUID) -> Sequence[ObjectKey]:
        """Of all objects that a project has now, in no order that holds."""
        ...

    def delete_all(self, workspace: UUID, project: UUID | None = None) -> None:
        """Remove all that a workspace or one of its projects has: objects, and uploads with their parts."""
        ...

    def sizes(self, workspace: UUID) -> Iterator[tuple[ObjectKey, int]]:
        """The objects of a workspace with their bytes, in no order; what comes or goes meanwhile may be among them."""
        ...

    def download_link(self, key: ObjectKey, *, expires_in: timedelta, file_name: str | None = None) -> str:
        """A link that reads this object and nothing else until it expires; ranges are honoured.

        It begins with a slash where the storage has no address of its own: then Cliply's server answers it. With a
        `file_name` a browser saves the file under it.
        """
        ...

    def sweep(self, older_than: timedelta) -> int:
        """Remove what was begun and not gone on with for that long; how many writes and uploads that were."""
        ...
