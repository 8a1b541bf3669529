"""The captions of a cut as titles: broken like the burned ones, in frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cliply.media.captions.lines import break_into_blocks, count_letters, line_text
from cliply.media.captions.styles import CaptionStyle
from cliply.media.captions.tokens import tokens
from cliply.media.timeline.shots import Cut
from cliply.media.types import Millis

CHARACTERS = 24
"""In a line; what fits an upright picture in the size of the titles."""
_STYLE = CaptionStyle(
    font="Noto Sans Bold", size=70, words=8, characters=CHARACTERS, lines=2, punctuation="all", animation="none"
)
_DEFAULT_POSITION = 0.72
_HOOK_POSITION = 0.18


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption from frame `start` of the timeline on."""

    start: int
    count: int
    text: str
    position: float
    """Where its middle sits, 0 top to 1 bottom."""


def cues(cut: Cut) -> Iterator[Cue]:
    """The captions of a cut; none where the edit hides them."""
    edit = cut.edit
    if not edit.captions.show:
        return
    position = _DEFAULT_POSITION if edit.captions.position is None else edit.captions.position
    blocks = break_into_blocks(
        tokens(edit), _STYLE, width=float(CHARACTERS), measure=_width, language=edit.language, length=edit.duration
    )
    for block in blocks:
        start, end = _frame(cut, block.start), _frame(cut, block.end)
        text = "\n".join(line_text(line) for line in block.lines)
        own = edit.layout_during(block.start, block.end).caption_position
        yield Cue(cut.start + start, max(1, end - start), text, position if own is None else own)


def hook(cut: Cut) -> Cue | None:
    """The line at the beginning, where the edit has one."""
    line = cut.edit.hook
    if line is None:
        return None
    return Cue(
        cut.start, max(1, min(cut.frames, _frame(cut, line.milliseconds))), line.text, line.position or _HOOK_POSITION
    )


def _width(text: str) -> float:
    return float(count_letters(text))


def _frame(cut: Cut, at: Millis) -> int:
    return round(Fraction(at, 1000) * cut.rate)
