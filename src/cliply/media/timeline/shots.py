"""A ClipEdit laid out in whole frames: what every timeline format writes down in its own words.

A shot is a stretch of the source that runs on without a jump in one layout. Its panes are stacked layers, each with
camera keys at source frames: a camera cut is two keys one frame apart, a glide is a key that is reached with easing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cliply.media.edit import CameraKey, ClipEdit, LayoutSpan, Pane, Place, SourceFile
from cliply.media.rendering.expressions import smoothstep
from cliply.media.types import Box, Millis, Size, Span


@dataclass(frozen=True, slots=True)
class Key:
    """What a layer shows at a frame of the source."""

    frame: int
    box: Box
    eased: bool = False
    """The camera glides to here from the key before; otherwise it moves in a straight line (or not at all)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One picture on the canvas, above the layers before it."""

    place: Place
    keys: tuple[Key, ...]
    blurred: bool = False
    """The enlargement behind a picture that is shown whole."""
    whole: bool = False
    """The window fits inside the place; otherwise it fills it."""


@dataclass(frozen=True, slots=True)
class Shot:
    """`count` frames of the source from `first` on, at `record` on the timeline."""

    record: int
    first: int
    count: int
    layout: str
    layers: tuple[Layer, ...]
    muted: tuple[tuple[int, int], ...] = ()
    """First frame and number of frames of the source where the sound is silenced."""

    @property
    def end(self) -> int:
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class Cut:
    """One edit in frames of `rate`."""

    name: str
    edit: ClipEdit
    rate: Fraction
    canvas: Size
    start: int
    """Where it begins on the timeline."""
    shots: tuple[Shot, ...]

    @property
    def source(self) -> SourceFile:
        return self.edit.source

    @property
    def frames(self) -> int:
        return sum(shot.count for shot in self.shots)


def lay_out(edit: ClipEdit, name: str, *, rate: Fraction | None = None, start: int = 0) -> Cut:
    """The edit's shots on the frame grid of its output (or of `rate`), beginning at frame `start`."""
    rate = rate or edit.output.rate
    shots = list[Shot]()
    at, passed = start, 0
    for span in edit.spans:
        first = round(Fraction(passed, 1000) * rate)
        passed += span.duration
        # As in the rendered clip: lengths come from rounded sums, so that many cuts add up without drift.
        count = max(1, round(Fraction(passed, 1000) * rate) - first)
        for shot in _shots(edit, span, count, rate, at):
            shots.append(shot)
            at += shot.count
    return Cut(name, edit, rate, edit.output.size, start, tuple(shots))


def _shots(edit: ClipEdit, span: Span, count: int, rate: Fraction, record: int) -> Iterator[Shot]:
    first = _frame(span.start, rate)
    at = first
    for layout, until in _layouts(edit.layouts, span):
        end = first + count if until >= span.end else min(first + count, _frame(until, rate))
        if end <= at:
            continue
        layers = tuple(layer for pane in layout.panes for layer in _layers(pane, at, end, rate))
        yield Shot(record + at - first, at, end - at, layout.layout, layers, _muted(edit, at, end, rate))
        at = end


def _layouts(layouts: Sequence[LayoutSpan], span: Span) -> Iterator[tuple[LayoutSpan, Millis]]:
    """The layouts that follow each other in `span`, each with the moment it ends."""
    at = span.start
    for layout in sorted(layouts, key=lambda layout: layout.span.start):
        if layout.span.start <= at < layout.span.end:
            at = min(layout.span.end, span.end)
            yield layout, at


def _layers(pane: Pane, first: int, end: int, rate: Fraction) -> Iterator[Layer]:
    keys = _keys(pane.camera, first, end, rate)
    if pane.backdrop == "blur":
        yield Layer(pane.place, keys, blurred=True)
        yield Layer(pane.place, keys, whole=True)
    else:
        yield Layer(pane.place, keys)


def _keys(camera: Sequence[CameraKey], first: int, end: int, rate: Fraction) -> tuple[Key, ...]:
    keys = [Key(first, window(camera, first, rate))]
    for key in camera:
        frame = _frame(key.at, rate)
        if not first < frame < end:
            continue
        if key.move == "cut" and frame - 1 > keys[-1].frame:
            keys.append(Key(frame - 1, window(camera, frame - 1, rate)))
        keys.append(Key(frame, key.box, eased=key.move == "glide"))
    last = window(camera, end - 1, rate)
    if last != keys[-1].box and end - 1 > keys[-1].frame:
        keys.append(Key(end - 1, last, eased=True))
    return tuple(_needed(keys))


def _needed(keys: Sequence[Key]) -> Iterator[Key]:
    """Without keys in the middle of a rest."""
    for index, key in enumerate(keys):
        neighbours = {keys[max(0, index - 1)].box, keys[min(len(keys) - 1, index + 1)].box}
        if index == 0 or neighbours != {key.box}:
            yield key


def window(camera: Sequence[CameraKey], frame: int, rate: Fraction) -> Box:
    """What the camera shows at a frame of the source."""
    before = camera[0]
    for key in camera:
        if _frame(key.at, rate) <= frame:
            before = key
            continue
        if key.move == "cut":
            break
        begin, end = _frame(before.at, rate), _frame(key.at, rate)
        share = smoothstep((frame - begin) / max(1, end - begin)) if frame > begin else 0.0
        return Box(*(_between(old, new, share) for old, new in zip(_sides(before), _sides(key), strict=True)))
    return before.box


def _sides(key: CameraKey) -> tuple[float, float, float, float]:
    return key.x, key.y, key.width, key.height


def _between(old: float, new: float, share: float) -> float:
    return old + (new - old) * share


def _muted(edit: ClipEdit, first: int, end: int, rate: Fraction) -> tuple[tuple[int, int], ...]:
    found = list[tuple[int, int]]()
    for span in edit.audio.muted:
        begin, stop = max(first, _frame(span.start, rate)), min(end, _frame(span.end, rate))
        if stop > begin:
            found.append((begin, stop - begin))
    return tuple(found)


def _frame(at: Millis, rate: Fraction) -> int:
    return round(Fraction(at, 1000) * rate)
