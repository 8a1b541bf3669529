"""Find strong language, write it with asterisks, and say which stretches of sound to bleep."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from cliply.media.speech.fillers import bare
from cliply.media.types import Millis, Span, Word

# No spaces between words: an entry is looked for inside the text.
_UNSPACED = frozenset({"zh", "ja", "th"})
_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*(?:\*+[^\W_]*)?")
_MASKED = re.compile(r"(?<![\w*])[^\W\d_]\*{2,}[^\W\d_]*(?![\w*])")
"""As recognisers write it that mask by themselves: "f***"; what is heard is not masked."""
_SHORT = 3
"""Words up to this long keep their first letter only."""
_PAD: Millis = 60
"""Words are aligned to within tens of milliseconds; an uncovered consonant still gives the word away."""


def find_profanity(words: Sequence[Word], language: str) -> list[int]:
    """The indexes of the words that are strong language, in order. Never a match inside an innocent word."""
    return [index for index, word in enumerate(words) if is_profane(word.text, language)]


def is_profane(word: str, language: str) -> bool:
    code = language[:2].lower()
    text = bare(word)
    if not text:
        return False
    if _MASKED.search(word):
        return True
    if code in _UNSPACED and _inside(code).search(text):
        return True
    parts = {text, text.removesuffix("'s"), text.replace("-", ""), *text.split("-")}
    return any(_matcher(code).fullmatch(part) for part in parts if part)


def masked(word: str) -> str:
    """A word known to be strong language with its inner letters replaced: "f**k"."""
    letters = [index for index, char in enumerate(word) if char.isalnum()]
    if not letters or _MASKED.search(word):
        return word
    first, last = letters[0], letters[-1] if len(letters) > _SHORT else len(word)
    return "".join("*" if index in letters and first < index < last else char for index, char in enumerate(word))


def masked_text(text: str, language: str = "en") -> str:
    """`text` with every word of strong language masked."""
    code = language[:2].lower()
    if code in _UNSPACED:
        text = _inside(code).sub(lambda hit: masked(hit[0]), text)
    return _TOKEN.sub(lambda hit: masked(hit[0]) if is_profane(hit[0], code) else hit[0], text)


def bleeps(words: Sequence[Word], hits: Sequence[int]) -> tuple[Span, ...]:
    """The stretches of sound to cover: each word with a little room, not reaching past the middle of its neighbours."""
    spans = list[Span]()
    for index in sorted(set(hits)):
        word = words[index]
        start, end = max(0, word.start - _PAD), word.end + _PAD
        if index > 0:
            start = max(start, min(word.start, (words[index - 1].start + words[index - 1].end) // 2))
        if index + 1 < len(words):
            end = min(end, max(word.end, (words[index + 1].start + words[index + 1].end) // 2))
        if spans and start <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(end, spans[-1].end))
        else:
            spans.append(Span(start, end))
    return tuple(spans)


@cache
def _lists() -> dict[str, list[str]]:
    return tomllib.loads((files("cliply.media") / "data" / "profanity.toml").read_text(encoding="utf-8"))


@cache
def _matcher(code: str) -> re.Pattern[str]:
    entries = {*_lists().get(code, ()), *_lists()["international"]}
    alternatives = (re.escape(entry).replace(r"\*", r"\w*") for entry in sorted(entries))
    return re.compile("|".join(alternatives))


@cache
def _inside(code: str) -> re.Pattern[str]:
    longest_first = sorted(_lists().get(code, ()), key=lambda entry: (-len(entry), entry))
    return re.compile("|".join(re.escape(entry.strip("*")) for entry in longest_first))
