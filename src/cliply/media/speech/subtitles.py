"""Subtitle cues: SRT and WebVTT in, words with times out, and both written back."""

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cliply.media.types import Millis, Word

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
_STAMP = re.compile(rf"<{_TIME}>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_STYLE = re.compile(r"\{\\[^{}]{0,400}\}")
_SOUND = re.compile(r"\[[^\[\]]{0,80}\]|\([A-Z][A-Z ,'-]{2,60}\)|♪[^♪]{0,300}♪?|♫")
_SPEAKER = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]{1,60})>")
_LONGEST_CUE_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle as it is written, markup included."""

    start: Millis
    end: Millis
    text: str


def parse_cues(text: str) -> list[Cue]:
    """The cues of an SRT or WebVTT file, in its order; lines that are neither times nor text are skipped."""
    cues: list[Cue] = []
    lines: list[str] = []
    times: tuple[Millis, Millis] | None = None
    for line in [*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        arrow = _ARROW.match(line)
        if arrow or not line.strip():
            if times is not None and lines:
                cues.append(Cue(*times, "\n".join(lines)[:_LONGEST_CUE_TEXT]))
            lines, times = [], None
        if arrow:
            parts = arrow.groups()
            times = _millis(*parts[:4]), _millis(*parts[4:])
        elif times is not None and line.strip():
            lines.append(line.strip())
    return cues


def cue_words(cue: Cue) -> Iterator[Word]:
    """The words of a cue; where it has no time stamps inside, time is shared out by the length of the words."""
    start, end = min(cue.start, cue.end), max(cue.start, cue.end)
    speaker = _SPEAKER.search(cue.text)
    who = clean_text(html.unescape(speaker[1])) if speaker else None
    # Karaoke stamps part the text into pieces, each with its own start: text, h, m, s, ms, text, ...
    parts = _STAMP.split(cue.text)
    starts = [start, *(_millis(*parts[at : at + 4]) for at in range(1, len(parts), 5))]
    bounds = [min(max(at, start), end) for at in starts] + [end]
    for piece, begin, finish in zip(parts[::5], bounds, bounds[1:], strict=False):
        yield from _spread(_plain(piece).split(), begin, finish, who)


def clean_text(text: str) -> str:
    """One line without control and direction marks; zero-width joiners stay, they build emoji and scripts."""
    return "".join(char for char in " ".join(text.split()) if not _steers(char))


def _steers(char: str) -> bool:
    """A mark that could change a terminal, a caption's direction or nothing that is seen."""
    hidden = unicodedata.category(char) in ("Cc", "Cs", "Co") or char in "\u200b\u200e\u200f\u2028\u2029\ufeff"
    return hidden or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def _plain(text: str) -> str:
    """What is spoken: without markup, sound descriptions and the dash that marks a change of speaker."""
    bare = _SOUND.sub(" ", html.unescape(_TAG.sub("", _STYLE.sub("", text))))
    return clean_text(re.sub(r"(^|\n)\s*(?:-|–|—|>>)\s*", " ", bare))


def _spread(words: Sequence[str], start: Millis, end: Millis, speaker: str | None) -> Iterator[Word]:
    # Each word takes a moment besides its letters.
    weights = [len(word) + 2 for word in words]
    total, passed = sum(weights), 0
    for word, weight in zip(words, weights, strict=True):
        begin = start + (end - start) * passed // total
        passed += weight
        yield Word(word, begin, start + (end - start) * passed // total, speaker=speaker)


def _millis(hours: str | None, minutes: str, seconds: str, fraction: str) -> Millis:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))
