"""Where each word of each line comes to stand, in pixels of the finished picture.

The words are measured with the fonts that libass draws them with, so that boxes and jumping words sit exactly on
the text, and so that placement knows what the text will cover before anything is drawn.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, zip_longest

from cliply.media.captions import fonts
from cliply.media.captions.fonts import Face, Run
from cliply.media.captions.lines import Block, break_into_blocks, line_text
from cliply.media.captions.styles import CaptionStyle, dressed, load_style
from cliply.media.captions.tokens import Token, tokens
from cliply.media.captions.zones import free_band, free_width
from cliply.media.edit import Aspect, Brand, ClipEdit
from cliply.media.types import Box, Millis, Size

# Text of the same share of the shorter side looks larger where the picture is lower.
_SCALES: dict[Aspect, float] = {"9:16": 1.0, "4:5": 0.9, "1:1": 0.86, "16:9": 0.8}
_CAPITAL_DEPTH = 0.03
GROWTH = 1.1
"""How large a jumping word becomes."""
_EMOJI_SIZE = 1.15
_EMOJI_GAP = 0.18
_LEAST_PART: Millis = 120
"""What is shown at one place for less is not seen there."""


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A token in its line."""

    token: Token
    runs: tuple[Run, ...]
    left: float
    width: float

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """One line; `baseline` is what its letters stand on."""

    words: tuple[PlacedWord, ...]
    left: float
    width: float
    baseline: float
    squeeze: float
    """1, or less where a long word had to be set smaller."""
    ascent: float
    descent: float
    """With `ascent` the height of the line as libass sees it, in pixels."""
    separable: bool
    """The place of every word is known: false where directions of writing mix within the line."""

    @property
    def right(self) -> float:
        return self.left + self.width


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """What is on screen at once. Times are of the clip."""

    lines: tuple[PlacedLine, ...]
    start: Millis
    end: Millis
    box: Box
    """All that is drawn: letters, outline, panel and emoji."""
    emoji: tuple[Token, float, float] | None
    """The token whose emoji is shown, and the middle of the emoji across and down."""


class Typesetter:
    """Sets text in one style for one picture."""

    def __init__(self, style: CaptionStyle, size: Size, aspect: Aspect, face: Face, *, rightward: bool = True) -> None:
        self.style = style
        self.size = size
        self.aspect = aspect
        self.face = face
        self.rightward = rightward
        """The text as a whole is written from left to right."""
        self.scale = min(size.width, size.height) / 1080 * _SCALES[aspect]

    @cached_property
    def em(self) -> float:
        return self.style.size * self.scale

    @property
    def bleed(self) -> float:
        """How far outline and panel reach beyond the letters."""
        style = self.style
        drawn = style.outline.width + style.outline.blur
        framed = style.panel.padding if style.panel.around != "none" or style.animation == "box" else 0
        return max(drawn, framed, style.shadow.distance) * self.scale

    def measure(self, text: str) -> float:
        gaps = text.count(" ") * self.style.word_gap * self.scale
        return sum(self._run_width(run) for run in fonts.runs(text, self.face)) + gaps

    def text_width(self, middle: float) -> float:
        """Widest letters, in pixels, when the middle of the text is at `middle` (0 to 1)."""
        half = self.block_height(self.style.lines) / 2 / self.size.height
        free = free_width(self.aspect, middle - half, middle + half) * self.size.width - 2 * self.bleed
        return free / (1 + (self._growth - 1) / 2)

    def block_height(self, lines: int) -> float:
        """From the top of the capitals to the lowest letters, with outline and panel, in pixels."""
        return (lines - 1) * self._pitch + (self.face.above + self.depth) * self.em + 2 * self.bleed

    def place(self, block: Block, middle: float, *, with_emoji: bool = True) -> PlacedBlock:
        """Set `block` with its middle at `middle` of the height (0 to 1), kept inside the picture."""
        count = len(block.lines)
        tall = self.block_height(count)
        centre = min(max(middle * self.size.height, tall / 2), self.size.height - tall / 2)
        first = centre - tall / 2 + self.bleed + self.face.above * self.em
        limit = self.text_width(middle)
        lines = tuple(self._line(line, first + at * self._pitch, limit) for at, line in enumerate(block.lines))
        grown = (self._growth - 1) / 2
        words = [word for line in lines for word in line.words]
        left = min(word.left - grown * word.width for word in words) - self.bleed
        right = max(word.left + (1 + grown) * word.width for word in words) + self.bleed
        box = Box(left, centre - tall / 2, right - left, tall)
        shown = next((token for token in block.tokens if token.emoji), None) if with_emoji else None
        emoji = None
        if shown is not None:
            size = _EMOJI_SIZE * self.em
            top = box.y - _EMOJI_GAP * self.em - size
            box = Box(min(box.x, self.size.width / 2 - size / 2), top, max(box.width, size), box.bottom - top)
            emoji = (shown, self.size.width / 2, top + size / 2)
        return PlacedBlock(lines, block.start, block.end, box, emoji)

    @property
    def depth(self) -> float:
        """How far letters reach below the line, as a share of the em."""
        has_capitals = self.face.below == fonts.LATIN_DEPTH
        return _CAPITAL_DEPTH if self.style.uppercase and has_capitals else self.face.below

    @property
    def _growth(self) -> float:
        return GROWTH if self.style.animation == "pop" else 1.0

    @property
    def _pitch(self) -> float:
        return self.style.line_gap * self.em

    @property
    def emoji_size(self) -> float:
        return _EMOJI_SIZE * self.em

    def _run_width(self, run: Run) -> float:
        spacing = self.style.spacing * self.scale / self.em
        return fonts.advance(run.text, run.face, spacing=spacing) * self.em

    def _line(self, line: Sequence[Token], baseline: float, limit: float) -> PlacedLine:
        natural = self.measure(line_text(line))
        squeeze = min(1.0, limit / natural) if natural > 0 else 1.0
        width = natural * squeeze
        left = (self.size.width - width) / 2
        directions = {_direction(token.text) for token in line} - {0}
        separable = len(directions) < 2
        leftward = directions == {-1} or (not directions and not self.rightward)
        texts = [(" " if at and token.spaced else "") + token.text for at, token in enumerate(line)]
        # Measured from the line's beginning each time, so that kerning across words is counted.
        ends = [self.measure("".join(texts[: at + 1])) * squeeze for at in range(len(texts))]
        words = []
        for at, token in enumerate(line):
            own = self.measure(token.text) * squeeze
            before = ends[at] - own
            start = left + width - before - own if leftward else left + before
            words.append(PlacedWord(token, fonts.runs(token.text, self.face), start, own))
        faces = {run.face for word in words for run in word.runs}
        return PlacedLine(
            tuple(words),
            left,
            width,
            baseline,
            squeeze,
            max(face.ascent for face in faces) * self.em * squeeze,
            max(face.descent for face in faces) * self.em * squeeze,
            separable,
        )


def typesetter(edit: ClipEdit, style: CaptionStyle | None = None) -> Typesetter:
    """For the captions of `edit`, in its brand. Raises NotFound or Invalid for a style or font that cannot be used."""
    chosen = dressed(style or load_style(edit.captions.style), edit.brand)
    if edit.captions.lines is not None:
        chosen = chosen.model_copy(update={"lines": min(chosen.lines, edit.captions.lines)})
    text = " ".join(word.text for word in edit.words) + (edit.hook.text if edit.hook else "")
    return typesetter_for(text, edit.output.size, edit.output.aspect, chosen, edit.brand)


def typesetter_for(text: str, size: Size, aspect: Aspect, style: CaptionStyle, brand: Brand) -> Typesetter:
    """For `text`, in the font of the style or brand, or one like it that has the script."""
    first = fonts.brand_face(brand.font) if brand.font is not None else fonts.face(style.font)
    directions = [_direction(each) for each in text]
    return Typesetter(
        style, size, aspect, fonts.suited(text, first), rightward=directions.count(1) >= directions.count(-1)
    )


def blocks(edit: ClipEdit, setter: Typesetter, middle: float) -> tuple[PlacedBlock, ...]:
    """The captions of `edit` with their middle at `middle` of the height, or where their layout puts them."""
    if not edit.captions.show:
        return ()
    own = [each.caption_position for each in edit.layouts if each.caption_position is not None]
    broken = break_into_blocks(
        tokens(edit),
        setter.style,
        width=min(setter.text_width(each) for each in (middle, *own)),
        measure=setter.measure,
        language=edit.language,
        length=edit.duration,
    )
    parts = [part for block in broken for part in (_parts(block, edit) if own else (block,))]
    middles = (edit.layout_during(part.start, part.end).caption_position for part in parts) if own else ()
    return tuple(
        setter.place(part, middle if own_middle is None else own_middle, with_emoji=setter.style.emoji)
        for part, own_middle in zip_longest(parts, middles)
    )


def _parts(block: Block, edit: ClipEdit) -> Iterator[Block]:
    """`block` divided where the layout and with it the place of the captions changes: they move with the picture."""
    start = block.start
    for before, after in pairwise(sorted(edit.layouts, key=lambda layout: layout.span.start)):
        at = edit.clip_time(after.span.start)
        moves = before.caption_position != after.caption_position
        if moves and start + _LEAST_PART <= at <= block.end - _LEAST_PART:
            yield replace(block, start=start, end=at)
            start = at
    yield replace(block, start=start)


def middle_of(edit: ClipEdit, setter: Typesetter) -> float:
    """Where the captions of `edit` sit: as it says, else as the style says, moved off what the apps cover."""
    if edit.captions.position is not None:
        return edit.captions.position
    top, bottom = free_band(edit.output.aspect)
    half = setter.block_height(setter.style.lines) / 2 / setter.size.height
    wanted = setter.style.position if edit.output.aspect == "9:16" else max(setter.style.position, 0.8)
    return max(top + half, min(bottom - half, wanted))


def _direction(text: str) -> int:
    """-1 right to left, 1 left to right, 0 neither, as numbers; by the first strong letter."""
    for each in text:
        match unicodedata.bidirectional(each):
            case "R" | "AL":
                return -1
            case "L":
                return 1
    return 0
