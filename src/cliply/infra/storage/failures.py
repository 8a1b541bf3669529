"""What can go wrong with stored objects, whichever storage is used, and the checks that need no storage to fail."""

import re
from collections.abc import Collection, Iterable
from datetime import timedelta

from cliply.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound, Unavailable
from cliply.infra.storage.protocol import LEAST_PART, LONGEST_LINK, MOST_PARTS

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # noqa: S105 - RFC 6838's word for a name
_CONTENT_TYPE = re.compile(f"{_TOKEN}/{_TOKEN}")
_SHOWN = 5


class ObjectGone(NotFound):
    def __init__(self) -> None:
        super().__init__("This file is not stored, or no longer. Make or upload it again.")


class UploadGone(NotFound):
    def __init__(self) -> None:
        super().__init__("This upload has ended or was never begun. Begin a new one.")


class KeyTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("A file is stored under this name already. Begin a new upload for another one.")


class PartsMissing(Conflict):
    def __init__(self, numbers: Collection[int]) -> None:
        shown = ", ".join(str(number) for number in sorted(numbers)[:_SHOWN])
        more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
        which = f"Part {shown} has" if len(numbers) == 1 else f"Parts {shown}{more} have"
        super().__init__(f"{which} not arrived. Send what is missing, then complete the upload again.")


class PartTooSmall(Invalid):
    def __init__(self) -> None:
        super().__init__(f"Every part but the last needs {LEAST_PART >> 20} MB or more. Send larger parts.")


class DamagedOnTheWay(Invalid):
    def __init__(self) -> None:
        super().__init__("The file did not arrive as it was sent. Send it again.")


class DamagedInStorage(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "The stored file is no longer what was stored. Restore it from a backup, or make or upload it again."
        )


class NoSuchBytes(Invalid):
    def __init__(self) -> None:
        super().__init__("The file has no such bytes. Ask for a range inside it.")


class StorageFull(LimitReached):
    def __init__(self, place: str) -> None:
        super().__init__(f"There is no room left in {place}. Make room, then try again.")


class StorageRefused(NotAllowed):
    def __init__(self, why: str) -> None:
        super().__init__(f"Files may not be stored or read: {why}")


class StorageDown(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"Files cannot be stored or read at the moment: {why} Try again later.")


class StorageNotThere(NotFound):
    def __init__(self, bucket: str) -> None:
        super().__init__(f"There is no bucket “{bucket}”. Make it, or correct CLIPLY_STORAGE__BUCKET.")


def check_sha256(sha256: str | None) -> None:
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise Invalid("A SHA-256 checksum is written as 64 small hexadecimal digits.")


def check_content_type(content_type: str) -> None:
    # It becomes a header of S3 and of our own answers.
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise Invalid("A content type is written like video/mp4.")


def check_part_number(number: int) -> None:
    if not 1 <= number <= MOST_PARTS:
        raise Invalid(f"Parts are numbered from 1 to {MOST_PARTS}.")


def check_complete(arrived: Iterable[int], count: int) -> None:
    """Raises PartsMissing unless the parts from 1 to `count` are among them."""
    if missing := set(range(1, count + 1)).difference(arrived):
        raise PartsMissing(missing)


def check_link_age(expires_in: timedelta) -> None:
    if not timedelta(seconds=1) <= expires_in <= LONGEST_LINK:
        raise Invalid(f"A link lasts from one second to {LONGEST_LINK.days} days.")


def check_range(wanted: range | None, size: int) -> range:
    """The bytes to read, all of them where none are named."""
    if wanted is None:
        return range(size)
    if wanted.step != 1 or wanted.start < 0 or not wanted or wanted.start >= size:
        raise NoSuchBytes
    return range(wanted.start, min(wanted.stop, size))
