"""Phrases that tell what a sentence does, as data: `media/data/cues-<language>.json`."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_DATA = files("cliply.media") / "data"


@dataclass(frozen=True)
class Cues:
    """Compiled phrases by kind; a language without a file has none, and its features stay neutral."""

    patterns: dict[str, re.Pattern[str]]
    words: dict[str, frozenset[str]]

    def count(self, kind: str, text: str) -> int:
        """How many phrases of `kind` stand in `text`, which must be normalised."""
        pattern = self.patterns.get(kind)
        return len(pattern.findall(text)) if pattern else 0

    def found(self, kind: str, text: str) -> str | None:
        """The first phrase of `kind` in `text`."""
        pattern = self.patterns.get(kind)
        match = pattern.search(text) if pattern else None
        return match.group(0) if match else None

    def is_word(self, kind: str, word: str) -> bool:
        return word in self.words.get(kind, frozenset())


def normalise(text: str) -> str:
    """Lower case with straight apostrophes, as the phrases are written."""
    return text.lower().replace("’", "'").replace("‘", "'")


@cache
def cues(language: str) -> Cues:
    file = _DATA / f"cues-{language}.json"
    kinds: dict[str, list[str]] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return Cues(
        {kind: _compile(kind, phrases) for kind, phrases in kinds.items()},
        {kind: frozenset(phrases) for kind, phrases in kinds.items()},
    )


def _compile(kind: str, phrases: list[str]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    if kind.startswith("url"):
        return re.compile("|".join(phrases))
    return re.compile(rf"(?<![\w'])(?:{'|'.join(map(re.escape, longest_first))})(?![\w'])")
