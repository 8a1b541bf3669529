"""The hook line at the beginning of a clip, and the title on a cover: a few words, large, on a box or outlined."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from cliply.media.captions import fonts
from cliply.media.captions.drawing import rounded
from cliply.media.captions.function_words import leading
from cliply.media.captions.script import Event, colour, escape_text, number
from cliply.media.captions.styles import CaptionStyle, dressed
from cliply.media.captions.tokens import Token, divide, plain
from cliply.media.captions.typeset import Typesetter, typesetter_for
from cliply.media.captions.zones import MARGIN, free_band, free_width
from cliply.media.edit import OUTPUT_SIZES, Brand, Hook
from cliply.media.types import Box, Millis, Size

_PANEL, _TEXT = 6, 7
_MOST_LINES = 3
_SMALLEST = 0.55
"""The text is set smaller, down to this share of its size, before a fourth line is accepted."""
_PITCH = 1.2
_PAD_ACROSS, _PAD_DOWN = 0.36, 0.24
_COVER_SIZE = 1.6
"""A title on a cover is seen small: larger than the hook line by this."""


@dataclass(frozen=True, slots=True)
class PlacedTitle:
    """Lines of text, each with its middle across, its baseline and its width in pixels."""

    lines: tuple[tuple[str, float, float], ...]
    """Text, baseline, width."""
    em: float
    box: Box


def place_title(text: str, setter: Typesetter, language: str, *, size: float, middle: float | None) -> PlacedTitle:
    """Set `text` in up to three balanced lines. `size` is the em in pixels of a picture of 1080; `middle` is a share
    of the height, None for the highest free place."""
    words = _words(text, setter, language)
    em = size * setter.scale
    smallest = em * _SMALLEST
    while True:
        lines = _balanced(words, setter, em, middle, language)
        if lines or em <= smallest:
            break
        em *= 0.94
    lines = lines or [words]
    texts = [_joined(line) for line in lines]
    widths = [_width(setter, text, em) for text in texts]
    centre, tall = _stands(setter, em, len(texts), middle)
    first = centre - tall / 2 + em * (_PAD_DOWN + setter.face.above)
    across = max(widths) + 2 * _PAD_ACROSS * em
    placed = tuple((text, first + at * _PITCH * em, widths[at]) for at, text in enumerate(texts))
    return PlacedTitle(placed, em, Box((setter.size.width - across) / 2, centre - tall / 2, across, tall))


def _stands(setter: Typesetter, em: float, lines: int, middle: float | None) -> tuple[float, float]:
    """The middle and the height of so many lines, in pixels."""
    height = setter.size.height
    top, bottom = (share * height for share in free_band(setter.aspect))
    tall = em * (_PITCH * (lines - 1) + setter.face.above + 2 * _PAD_DOWN)
    if middle is None:
        return top + (MARGIN / 2 * height if setter.aspect == "9:16" else 0) + tall / 2, tall
    wanted = middle * height
    if not top <= wanted <= bottom:
        # Only a person puts it there.
        top, bottom = 0, height
    return max(top + tall / 2, min(bottom - tall / 2, wanted)), tall


def _room(setter: Typesetter, em: float, lines: int, middle: float | None) -> float:
    """How wide the letters of so many lines may be where they stand: beside the apps' buttons there is less."""
    centre, tall = _stands(setter, em, lines, middle)
    from_top, to_bottom = (centre - tall / 2) / setter.size.height, (centre + tall / 2) / setter.size.height
    return free_width(setter.aspect, from_top, to_bottom) * setter.size.width - 2 * _PAD_ACROSS * em


def hook_events(hook: Hook, setter: Typesetter, language: str, length: Millis) -> Iterator[Event]:
    placed = place_title(hook.text, setter, language, size=setter.style.hook.size, middle=hook.position)
    yield from _events(placed, setter, length, fade=r"\fad(0,250)")


def cover_setter(title: str, size: Size, style: CaptionStyle, brand: Brand) -> Typesetter:
    aspect = min(OUTPUT_SIZES, key=lambda each: abs(OUTPUT_SIZES[each].ratio - size.ratio))
    return typesetter_for(title, size, aspect, dressed(style, brand), brand)


def place_cover_title(title: str, setter: Typesetter, language: str, middle: float) -> PlacedTitle:
    return place_title(title, setter, language, size=setter.style.hook.size * _COVER_SIZE, middle=middle)


def title_events(title: str, setter: Typesetter, language: str, middle: float) -> Iterator[Event]:
    """For a still picture: shown throughout."""
    yield from _events(place_cover_title(title, setter, language, middle), setter, 3_600_000, fade="")


def _events(placed: PlacedTitle, setter: Typesetter, length: Millis, *, fade: str) -> Iterator[Event]:
    look = setter.style.hook
    em = placed.em
    for text, baseline, width in placed.lines:
        runs = fonts.runs(text, setter.face)
        if look.panel:
            box = Box(
                (setter.size.width - width) / 2 - _PAD_ACROSS * em,
                baseline - (setter.face.above + _PAD_DOWN) * em,
                width + 2 * _PAD_ACROSS * em,
                (setter.face.above + 2 * _PAD_DOWN) * em,
            )
            shape = rounded(box, look.radius * setter.scale, fill=look.background)
            yield Event(_PANEL, 0, length, "Shape", shape.replace(r"\p1}", rf"{fade}\p1}}"))
        plainly = r"\bord0\shad0" if look.panel else ""
        fill = look.colour if look.panel else setter.style.colour
        bottom = baseline + max(run.face.descent for run in runs) * em
        tags = rf"{{\an2\pos({number(setter.size.width / 2)},{number(bottom)}){fade}{plainly}\1c{colour(fill)}\fsp0}}"
        written = "".join(
            rf"{{\fn{run.face.family}\fs{number(em * run.face.line)}}}" + escape_text(run.text) for run in runs
        )
        yield Event(_TEXT, 0, length, "Caption", tags + written)


def _words(text: str, setter: Typesetter, language: str) -> list[Token]:
    shown = plain(text)
    if setter.style.uppercase:
        shown = shown.upper()
    return list(divide([Token(word, 0, 1) for word in shown.split()], language)) or [Token(" ", 0, 1)]


def _balanced(
    words: Sequence[Token], setter: Typesetter, em: float, middle: float | None, language: str
) -> list[Sequence[Token]]:
    """The most even split into the fewest lines that fit; empty if none does."""
    for count in range(1, min(_MOST_LINES, len(words)) + 1):
        room = _room(setter, em, count, middle)
        ways = []
        for cuts in combinations(range(1, len(words)), count - 1):
            edges = [0, *cuts, len(words)]
            lines = [words[start:end] for start, end in pairwise(edges)]
            widths = [_width(setter, _joined(line), em) for line in lines]
            if max(widths) <= room:
                orphans = sum(line[-1].text.lower() in leading(language) for line in lines[:-1])
                ways.append((max(widths) - min(widths) + orphans * 0.25 * room, lines))
        if ways:
            return min(ways, key=lambda way: way[0])[1]
    return []


def _joined(line: Sequence[Token]) -> str:
    return "".join((" " if at and token.spaced else "") + token.text for at, token in enumerate(line))


def _width(setter: Typesetter, text: str, em: float) -> float:
    return _ems(text, setter.face) * em


@lru_cache(maxsize=4096)
def _ems(text: str, face: fonts.Face) -> float:
    # A place is looked for by trying many: the same few words are measured again each time.
    return sum(fonts.advance(run.text, run.face) for run in fonts.runs(text, face))
