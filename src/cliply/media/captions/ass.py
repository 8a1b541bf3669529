"""Captions as an ASS script, which libass draws inside the one encode.

Every line is an event of its own at a place that we measured, so that line height, boxes and jumping words do not
depend on libass's own layout. A word that lights up repeats the line with another colour: nothing else moves.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from cliply.media.captions.drawing import rounded
from cliply.media.captions.emphasis import emoji_colour
from cliply.media.captions.fonts import EMOJI, Run, face
from cliply.media.captions.hook import cover_setter, hook_events, title_events
from cliply.media.captions.script import Event, Look, alpha, colour, escape_text, number, script
from cliply.media.captions.styles import CaptionStyle
from cliply.media.captions.tokens import spaceless
from cliply.media.captions.typeset import (
    GROWTH,
    PlacedBlock,
    PlacedLine,
    PlacedWord,
    Typesetter,
    blocks,
    middle_of,
    typesetter,
)
from cliply.media.edit import Brand, ClipEdit
from cliply.media.types import Box, Millis, Size

_PANEL, _BOX, _TEXT, _ACTIVE, _EMOJI = range(5)
_LEFT_TO_RIGHT, _RIGHT_TO_LEFT = "\u200e", "\u200f"
_POP_FROM, _POP_TO, _POP_CLOSE = 86, round(100 * GROWTH), 103
"""Percent of the word's size when it lights up, and a moment later."""


def write_ass(edit: ClipEdit, folder: Path, *, style: CaptionStyle | None = None) -> Path:
    """Write the captions and the hook line of `edit`, in clip time, and return the file.

    Raises NotFound or Invalid for a style or font that cannot be used.
    """
    path = folder / "captions.ass"
    path.write_text(ass_text(edit, style=style), encoding="utf-8")
    return path


def ass_text(edit: ClipEdit, *, style: CaptionStyle | None = None, after: Millis = 0) -> str:
    """The script itself, for a clip that begins `after` milliseconds of something else."""
    setter = typesetter(edit, style)
    placed = blocks(edit, setter, middle_of(edit, setter))
    events = [event for block in placed for event in _block_events(block, setter)]
    if edit.hook is not None and edit.hook.text.strip():
        events += hook_events(edit.hook, setter, edit.language, min(edit.hook.milliseconds, edit.duration))
    later = [replace(event, start=event.start + after, end=event.end + after) for event in events]
    return script(setter.size, _looks(setter), later)


def cover_ass(
    title: str,
    size: Size,
    folder: Path,
    *,
    style: CaptionStyle,
    brand: Brand = Brand(),  # noqa: B008 - frozen
    position: float = 0.24,
    language: str = "en",
) -> Path:
    """Write `title` for a still picture of `size`, its middle at `position` of the height, and return the file."""
    setter = cover_setter(title, size, style, brand)
    path = folder / "cover.ass"
    events = list(title_events(title, setter, language, position))
    path.write_text(script(size, _looks(setter), events), encoding="utf-8")
    return path


def _looks(setter: Typesetter) -> list[Look]:
    style, scale = setter.style, setter.scale
    outline, shadow = style.outline, style.shadow
    text = Look(
        "Caption",
        setter.face.family,
        setter.em * setter.face.line,
        style.highlight if style.animation == "fill" else style.colour,
        style.colour,
        outline.width * scale,
        outline.colour,
        shadow.distance * scale,
        shadow.colour,
        shadow.opacity,
        style.spacing * scale,
    )
    sign = face(EMOJI)
    emoji = Look("Emoji", EMOJI, setter.emoji_size * sign.line, "#FFFFFF", outline=6 * scale, shadow=3 * scale)
    return [text, Look("Shape", setter.face.family, 20, "#FFFFFF"), emoji]


def _block_events(block: PlacedBlock, setter: Typesetter) -> Iterator[Event]:
    yield from _panel_events(block, setter)
    starts = [max(block.start, word.token.start) for line in block.lines for word in line.words]
    moments = sorted({block.start, block.end, *(at for at in starts if at < block.end)})
    for line in block.lines:
        match setter.style.animation:
            case "none":
                yield _line_event(line, block.start, block.end, setter, active=None)
            case "fill" if line.separable and _left_to_right(line):
                yield _fill_event(line, block, setter)
            case _:
                yield from _lit_events(line, moments, setter)
    if block.emoji is not None:
        token, x, y = block.emoji
        sign = token.emoji or ""
        tags = (
            rf"{{\an5\pos({number(x)},{number(y)})\1c{colour(emoji_colour(sign))}"
            r"\fscx30\fscy30\t(0,110,\fscx112\fscy112)\t(110,190,\fscx100\fscy100)}"
        )
        yield Event(_EMOJI, max(block.start, token.start), block.end, "Emoji", tags + escape_text(sign))


def _lit_events(line: PlacedLine, moments: list[Millis], setter: Typesetter) -> Iterator[Event]:
    """One event for each stretch in which the line looks the same."""
    held: tuple[Millis, Millis, PlacedWord | None, int] | None = None
    for start, end in pairwise(moments):
        begun = [word for word in line.words if word.token.start <= start]
        active = begun[-1] if begun and start < _until(begun[-1], moments) else None
        if held is not None and (held[2], held[3]) == (active, len(begun)):
            held = (held[0], end, active, len(begun))
            continue
        if held is not None:
            yield from _state_events(line, held[0], held[1], held[2], setter)
        held = (start, end, active, len(begun))
    if held is not None:
        yield from _state_events(line, held[0], held[1], held[2], setter)


def _until(word: PlacedWord, moments: list[Millis]) -> Millis:
    """A word stays lit until the next one begins, in this line or below."""
    return next((at for at in moments if at > word.token.start), moments[-1])


def _state_events(
    line: PlacedLine, start: Millis, end: Millis, active: PlacedWord | None, setter: Typesetter
) -> Iterator[Event]:
    style = setter.style
    yield _line_event(line, start, end, setter, active=active)
    if active is None or not line.separable:
        return
    if style.animation == "box":
        pad = style.panel.padding * setter.scale
        top = line.baseline - setter.face.above * setter.em * line.squeeze
        depth = (setter.depth * 0.9) * setter.em
        box = Box(active.left - pad, top - pad, active.width + 2 * pad, line.baseline - top + depth + 2 * pad)
        yield Event(_BOX, start, end, "Shape", rounded(box, style.panel.radius * setter.scale, fill=style.highlight))
    if style.animation == "pop":
        ascent = max(run.face.ascent for run in active.runs)
        descent = max(run.face.descent for run in active.runs)
        middle = line.baseline + (descent - ascent) / 2 * setter.em * line.squeeze
        # Without spaces around it a word has no room to grow into.
        largest = _POP_CLOSE if spaceless(active.token.text) else _POP_TO
        fill = style.highlight if not active.token.emphasis or style.emphasis is None else style.emphasis
        tags = (
            rf"{{\an5\pos({number(active.middle)},{number(middle)})\1c{colour(fill)}{_glow(style, setter)}"
            rf"\fscx{_POP_FROM}\fscy{_POP_FROM}\t(0,90,\fscx{largest}\fscy{largest})}}"
        )
        yield Event(_ACTIVE, start, end, "Caption", tags + _runs_text(active.runs, line, setter))


def _line_event(
    line: PlacedLine, start: Millis, end: Millis, setter: Typesetter, *, active: PlacedWord | None
) -> Event:
    parts = [_anchor(line, setter)]
    before = ""
    for at, word in enumerate(line.words):
        tags = _word_tags(word, line, start, setter, active=word is active)
        space = _spaced(" ", line, setter) if at and word.token.spaced else ""
        parts.append(space + (f"{{{tags}}}" if tags != before else "") + _runs_text(word.runs, line, setter))
        before = tags
    return Event(_TEXT, start, end, "Caption", "".join(parts))


def _word_tags(word: PlacedWord, line: PlacedLine, now: Millis, setter: Typesetter, *, active: bool) -> str:
    style = setter.style
    spoken = style.animation == "none" or word.token.start <= now
    base = style.emphasis if word.token.emphasis and style.emphasis is not None else style.colour
    if style.animation == "reveal" and not spoken:
        return r"\alpha&HFF&"
    if active and style.animation == "pop" and line.separable:
        return r"\alpha&HFF&"
    if active and style.animation == "box" and line.separable:
        return rf"\1c{colour(style.on_highlight)}{_opaque(style)}\3a&HFF&\4a&HFF&"
    if active:
        return rf"\1c{colour(style.highlight)}{_opaque(style)}"
    dim = "" if spoken else rf"\1a{alpha(style.unspoken)}" if style.unspoken < 1 else ""
    return rf"\1c{colour(base)}{_opaque(style)}{dim}"


def _fill_event(line: PlacedLine, block: PlacedBlock, setter: Typesetter) -> Event:
    """The colour runs through each word while it is spoken."""
    parts = [_anchor(line, setter)]
    reached = block.start // 10
    for at, word in enumerate(line.words):
        begin = max(reached, word.token.start // 10)
        following = line.words[at + 1].token.start // 10 if at + 1 < len(line.words) else block.end // 10
        finish = max(begin, min(word.token.end // 10, following))
        space = _spaced(" ", line, setter) if at and word.token.spaced else ""
        # The wait before a word belongs to the space, which has nothing to fill.
        parts.append(rf"{{\k{begin - reached}}}{space or chr(0x2060)}{{\kf{finish - begin}}}")
        parts.append(_runs_text(word.runs, line, setter))
        reached = finish
    return Event(_TEXT, block.start, block.end, "Caption", "".join(parts))


def _panel_events(block: PlacedBlock, setter: Typesetter) -> Iterator[Event]:
    panel = setter.style.panel
    pad, radius = panel.padding * setter.scale, panel.radius * setter.scale
    boxes: list[Box] = []
    for line in block.lines:
        top = line.baseline - setter.face.above * setter.em
        bottom = line.baseline + setter.depth * setter.em
        boxes.append(Box(line.left - pad, top - pad, line.width + 2 * pad, bottom - top + 2 * pad))
    if panel.around == "block":
        left, right = min(box.x for box in boxes), max(box.right for box in boxes)
        boxes = [Box(left, boxes[0].y, right - left, boxes[-1].bottom - boxes[0].y)]
    if panel.around != "none":
        for box in boxes:
            shape = rounded(box, radius, fill=panel.colour, opacity=panel.opacity)
            yield Event(_PANEL, block.start, block.end, "Shape", shape)


def _anchor(line: PlacedLine, setter: Typesetter) -> str:
    middle = (line.left + line.right) / 2
    bottom = line.baseline + line.descent
    tags = rf"{{\an2\pos({number(middle)},{number(bottom)}){_glow(setter.style, setter)}}}"
    # libass takes the direction of a line from its first letter, which may be a foreign word's.
    mark = _LEFT_TO_RIGHT if setter.rightward else _RIGHT_TO_LEFT
    first = line.words[0].runs[0].face if line.words[0].runs else setter.face
    size = number(setter.em * first.line * line.squeeze)
    return tags if line.separable else rf"{tags}{{\fn{first.family}\fs{size}}}{mark}"


def _glow(style: CaptionStyle, setter: Typesetter) -> str:
    return rf"\blur{number(style.outline.blur * setter.scale)}" if style.outline.blur else ""


def _opaque(style: CaptionStyle) -> str:
    return rf"\1a&H00&\3a&H00&\4a{alpha(style.shadow.opacity)}"


def _runs_text(runs: tuple[Run, ...], line: PlacedLine, setter: Typesetter) -> str:
    """Text with its fonts named, so that no choice is left to the machine it is drawn on."""
    parts = []
    for run in runs:
        own = run.face is setter.face and line.squeeze == 1
        size = number(setter.em * run.face.line * line.squeeze)
        named = rf"{{\fn{run.face.family}\fs{size}}}" if not own or len(runs) > 1 or _mixed(line, setter) else ""
        parts.append(named + _spaced(escape_text(run.text), line, setter))
    return "".join(parts)


def _spaced(text: str, line: PlacedLine, setter: Typesetter) -> str:
    """Wider spaces, where the style asks for them."""
    gap = setter.style.word_gap * setter.scale * line.squeeze
    if not gap:
        return text
    usual = setter.style.spacing * setter.scale
    return text.replace(" ", rf"{{\fsp{number(usual + gap)}}} {{\fsp{number(usual)}}}")


def _mixed(line: PlacedLine, setter: Typesetter) -> bool:
    return any(run.face is not setter.face for word in line.words for run in word.runs)


def _left_to_right(line: PlacedLine) -> bool:
    return line.words[0].left <= line.words[-1].left
