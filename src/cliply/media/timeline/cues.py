"""The caption lines of a cut, in frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cliply.media.edit import EditWord
from cliply.media.timeline.shots import Cut

_LONGEST = 32
"""Characters of a line that reads at a glance on a phone."""
_PAUSE = 700
_DEFAULT_POSITION = 0.72


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption from frame `start` of the timeline on."""

    start: int
    count: int
    text: str
    position: float
    """Where its middle sits, 0 top to 1 bottom."""


def cues(cut: Cut) -> tuple[Cue, ...]:
    """The captions of a cut; none where the edit hides them. A caption never crosses a jump."""
    if not cut.edit.captions.show:
        return ()
    position = cut.edit.captions.position
    found = list[Cue]()
    for words in _lines(cut):
        start = cut.start + _frame(cut, words[0].start)
        end = cut.start + max(_frame(cut, words[-1].end), _frame(cut, words[0].start) + 1)
        if found and found[-1].start + found[-1].count > start:
            found[-1] = Cue(found[-1].start, max(1, start - found[-1].start), found[-1].text, found[-1].position)
        text = _joined(words)
        found.append(Cue(start, end - start, text, _DEFAULT_POSITION if position is None else position))
    return tuple(found)


def _lines(cut: Cut) -> Iterator[list[EditWord]]:
    line = list[EditWord]()
    for span in cut.edit.spans:
        for word in cut.edit.words:
            if not word.text or not span.contains((word.start + word.end) // 2):
                continue
            if line and (
                len(_joined([*line, word])) > _LONGEST
                or word.start - line[-1].end > _PAUSE
                or line[-1].text.endswith((".", "?", "!", "。", "？", "！"))
            ):
                yield line
                line = []
            line.append(word)
        if line:
            yield line
        line = []


def _frame(cut: Cut, at: int) -> int:
    return round(Fraction(cut.edit.clip_time(at), 1000) * cut.rate)


def _joined(words: list[EditWord]) -> str:
    """Chinese, Japanese and Thai are written without spaces."""
    text = ""
    for word in words:
        spaced = bool(text) and not (_unspaced(text[-1]) and _unspaced(word.text[0]))
        text += f" {word.text}" if spaced else word.text
    return text


def _unspaced(char: str) -> bool:
    return "\u0e00" <= char <= "\u0eff" or "\u3000" <= char <= "\u9fff" or "\uf900" <= char <= "\uffef"
