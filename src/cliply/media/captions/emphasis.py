"""Which words are worth stressing, and which bring an emoji: by rule, the same every time."""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cliply.media.captions.function_words import common, strong
from cliply.media.types import Millis, Word

_EMOJI_FILE = Path(__file__).parents[1] / "data" / "captions" / "emoji.toml"
_APART: Millis = 1_600
"""Between one stressed word and the next: about one on a screen."""
_EMOJI_APART: Millis = 5_000
_NUMBER = re.compile(r"[$€£¥₹]?\d[\d.,:/]*(?:%|k|m|bn|x|st|nd|rd|th)?", re.IGNORECASE)
_LONG = 6
_THRESHOLD = 2.0


@dataclass(frozen=True, slots=True)
class Mark:
    """What the captions make of one word."""

    emphasis: bool = False
    emoji: str | None = None


def emphasise(words: Sequence[Word], language: str) -> tuple[Mark, ...]:
    """One mark for each word: about one key word on a screen, and rarely an emoji."""
    counts = Counter(bare(word.text) for word in words)
    stressed = _strongest(words, [_score(word, counts, language) for word in words])
    marks: list[Mark] = []
    last: Millis | None = None
    for at, word in enumerate(words):
        free = last is None or word.start - last >= _EMOJI_APART
        emoji = emoji_for(word.text, language) if free else None
        last = word.start if emoji is not None else last
        marks.append(Mark(at in stressed, emoji))
    return tuple(marks)


def emoji_for(text: str, language: str) -> str | None:
    """The sign for a word, if it means something that can be seen."""
    return _signs(language.lower().split("-")[0]).get(bare(text))


def emoji_colour(sign: str) -> str:
    """The one colour that a sign is drawn in."""
    return _colours().get(sign.removesuffix("\ufe0f"), "#FFD23F")


def bare(text: str) -> str:
    """A word as dictionaries have it: small letters, no punctuation around it."""
    return re.sub(r"^\W+|\W+$", "", text.lower()).replace("’", "'")


def _score(word: Word, counts: Counter[str], language: str) -> float:
    text = bare(word.text)
    if not text or word.confidence < 0.3:
        return 0.0
    if _NUMBER.fullmatch(word.text.strip(".,;:!?")):
        return 3.0
    if text in strong(language):
        return 2.6
    if text in common(language) or len(text) < 4 or not common(language):
        return 0.0
    # Long words carry the matter; one that is said often is the topic, not the news.
    return 1.0 + min(1.2, (len(text) - 3) * 0.2) + (0.3 if len(text) >= _LONG else 0.0) - 0.3 * (counts[text] - 1)


def _strongest(words: Sequence[Word], scores: Sequence[float]) -> set[int]:
    """The best first, as long as they keep apart."""
    chosen: set[int] = set()
    taken: list[Millis] = []
    for at in sorted(range(len(words)), key=lambda at: (-scores[at], at)):
        if scores[at] < _THRESHOLD:
            break
        if all(abs(words[at].start - other) >= _APART for other in taken):
            chosen.add(at)
            taken.append(words[at].start)
    return chosen


@cache
def _table() -> list[dict[str, str]]:
    rows: list[dict[str, str]] = tomllib.loads(_EMOJI_FILE.read_text("utf-8"))["emoji"]
    return rows


@cache
def _signs(language: str) -> dict[str, str]:
    return {word: row["sign"] for row in reversed(_table()) for word in row.get(language, "").split()}


@cache
def _colours() -> dict[str, str]:
    return {row["sign"]: row["colour"] for row in _table()}
