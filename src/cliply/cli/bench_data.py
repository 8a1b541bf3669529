"""The episodes that the scorers of highlights and chapters read: one JSON object a line, gzipped or not.

    {"id": str, "duration": seconds, "sents": [[start, end, speaker, "text"], ...], ...}

Whatever else a line holds (the answers) is not looked at.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cliply.errors import Invalid, NotFound
from cliply.media.types import Millis, Transcript, Word, millis


@dataclass(frozen=True, slots=True)
class Episode:
    """One transcript to be tried."""

    id: str
    duration: Millis
    transcript: Transcript


def episodes(data: Path) -> list[Episode]:
    """Raises NotFound or Invalid, with the line that is wrong."""
    return [_episode(line, number, data) for number, line in _lines(data)]


def _lines(data: Path) -> Iterator[tuple[int, str]]:
    if not data.is_file():
        raise NotFound(f"There is no data file at {data}.")
    try:
        text = gzip.decompress(data.read_bytes()) if data.suffix == ".gz" else data.read_bytes()
        lines = text.decode("utf-8").split("\n")
    except (OSError, EOFError, ValueError, zlib.error) as broken:
        kind = "gzipped text" if data.suffix == ".gz" else "text"
        raise Invalid(f"{data} is not {kind}. Give the .jsonl or .jsonl.gz file that the scorer reads.") from broken
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _episode(line: str, number: int, data: Path) -> Episode:
    try:
        row = json.loads(line)
        words = [word for sentence in row["sents"] for word in _words(*sentence[:4])]
        return Episode(str(row["id"]), millis(row["duration"]), Transcript("en", tuple(words)))
    except (ValueError, KeyError, TypeError) as wrong:
        raise Invalid(
            f"{data}, line {number}, is not an episode. It must be one JSON object with id, duration and sents: "
            "[[start, end, speaker, text], ...]."
        ) from wrong


def _words(start: float, end: float, speaker: Any, text: str) -> Iterator[Word]:
    """Word times spread over the sentence in proportion to the letters, as the scorer does."""
    words = text.split()
    total = sum(len(word) + 1 for word in words) or 1
    said = 0
    for word in words:
        begin = start + (end - start) * said / total
        said += len(word) + 1
        yield Word(word, millis(begin), millis(start + (end - start) * said / total), 1.0, str(speaker))
