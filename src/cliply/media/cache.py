"""What was learned from a source is kept under its content's name, so that no run does work twice.

    ROOT/<fingerprint>/speech.wav, sound.json, transcript-<key>.json, ...

Everything in it can be made again; the oldest sources are dropped when the cache grows past its size.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cliply.errors import NotAllowed

LARGEST = 8 * 1024**3
"""Bytes; about 60 hours of speech."""
# Half-made files and folders are hidden and name the process that makes them.
_OWNER = re.compile(r"^\..*\.(\d+)\.[^.]*$")


class Cache:
    """The folder of kept results."""

    def __init__(self, root: Path, *, largest: int = LARGEST) -> None:
        self.root = root
        self._largest = largest

    def folder(self, fingerprint: str) -> Path:
        """The folder of one source, made if needed and marked as used. Raises NotAllowed if it cannot be written."""
        folder = self.root / fingerprint
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
        except OSError as refused:
            raise NotAllowed(
                f"The cache folder {self.root} cannot be written ({refused.strerror}). "
                "Name another one in the environment variable CLIPLY_CACHE."
            ) from refused
        return folder

    def sweep(self) -> None:
        """Remove what killed runs left half-made; what a living run works on stays."""
        for left in self.root.glob("*/.*"):
            owner = _OWNER.search(left.name)
            if owner is not None and not _lives(int(owner[1])):
                with suppress(OSError):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()

    def prune(self, *, keep: str) -> None:
        """Drop the sources that were used longest ago until the rest fits; `keep` stays in any case."""
        with suppress(OSError):
            sources = sorted(
                (each for each in self.root.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime
            )
            sizes = {each: _size(each) for each in sources}
            total = sum(sizes.values())
            for each in sources:
                if total <= self._largest:
                    return
                if each.name != keep:
                    shutil.rmtree(each, ignore_errors=True)
                    total -= sizes[each]


def work_prefix(name: str) -> str:
    """What the name of a temporary folder in the cache begins with, so that it is swept when this process is gone."""
    return f".{name}.{os.getpid()}."


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary neighbour of `path` to write to; it takes the place of `path` when the block ends well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or nothing."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
