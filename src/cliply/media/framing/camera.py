"""A camera path like an operator's: it holds while the subject stays comfortable, then glides once to a new hold.

The whole path is planned with all face places known: each hold is the longest for which one camera position suits every
moment (the intervals of good positions still have a point in common), so there are as few moves as can be.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cliply.media.edit import CameraKey, LayoutSpan
from cliply.media.types import Box, Millis, Size, Span

# Shares of the window's width that the face's middle may wander from the window's before the camera moves.
_DEAD_ZONE = 0.16
# Free space that is kept around the face, in face widths, while the window has it to spare.
_MARGIN = 0.12
_SHORTEST_HOLD: Millis = 1500
# Nobody sees why the camera moved when the shot ends sooner than that.
_WORTH_MOVING: Millis = 700
# Window widths a second on average; the eased peak is half as much again.
_GLIDE_SPEED = 0.28
_SHORTEST_GLIDE, _LONGEST_GLIDE = 500, 1600
# Eyes about a third from the top of the window.
_EYE_LINE = 0.36


@dataclass(frozen=True, slots=True)
class Sight:
    """Where what matters is at one moment."""

    at: Millis
    box: Box


def usual(sights: Sequence[Sight]) -> Box:
    """The middle place and size over time."""
    sides = [(each.box.x, each.box.y, each.box.width, each.box.height) for each in sights]
    return Box(*map(float, np.median(np.array(sides), axis=0)))


def extent(sights: Sequence[Sight]) -> Box:
    """What a face covers over time: as wide as it usually is, as high as it ever gets."""
    face = usual(sights)
    top = float(np.percentile([each.box.y for each in sights], 5))
    bottom = float(np.percentile([each.box.bottom for each in sights], 95))
    return Box(face.x, top, face.width, bottom - top)


def window(size: Size, ratio: float, zoom: float = 1.0) -> Size:
    """The largest camera window of a shape in a picture, shrunk by `zoom`; in whole even pixels."""
    width = min(size.width, size.height * ratio) / zoom
    return Size(min(size.width, max(2, round(width))), min(size.height, max(2, round(width / ratio))))


def hold(at: Millis, centre: tuple[float, float], frame: Size, within: Box) -> CameraKey:
    """A still window around `centre` that stays within the picture."""
    x = float(np.clip(centre[0] - frame.width / 2, within.x, max(within.x, within.right - frame.width)))
    y = float(np.clip(centre[1] - frame.height / 2, within.y, max(within.y, within.bottom - frame.height)))
    return CameraKey(at=at, x=round(x, 1), y=round(y, 1), width=frame.width, height=frame.height)


def eye_centred(box: Box, frame: Size) -> float:
    """The height of the window's middle that puts the eyes of a face on the eye line, the whole face inside."""
    eyes = box.y + 0.4 * box.height
    middle = eyes + (0.5 - _EYE_LINE) * frame.height
    lowest = box.y - 0.25 * box.height + frame.height / 2
    highest = box.bottom + 0.15 * box.height - frame.height / 2
    return min(lowest, max(middle, highest))


def follow(span: Span, sights: Sequence[Sight], frame: Size, within: Box) -> tuple[CameraKey, ...]:
    """Keys for a window of size `frame` that keeps every sight of `span` wholly inside while it can."""
    if not sights:
        return (hold(span.start, within.centre, frame, within),)
    holds = _holds(sights, frame)
    middle = float(np.median([sight.box.y + sight.box.height / 2 for sight in sights]))
    heights = [eye_centred(sight.box, frame) for sight in sights]
    y = float(np.median(heights)) if frame.height < within.height else middle
    keys = [hold(span.start, (holds[0].x, y), frame, within)]
    for before, after in itertools.pairwise(holds):
        if span.end - after.start >= _WORTH_MOVING:
            keys += _glide(keys[-1], before, after, y, frame, within)
    return tuple(keys)


@dataclass(slots=True)
class _Hold:
    start: Millis
    end: Millis
    low: float
    high: float
    wanted: list[float]
    # What still keeps every face wholly inside, however uneasily.
    least: float
    most: float

    @property
    def x(self) -> float:
        return float(np.clip(np.median(self.wanted), self.low, self.high))


def _holds(sights: Sequence[Sight], frame: Size) -> list[_Hold]:
    holds: list[_Hold] = []
    for sight in sights:
        low, high = _good_positions(sight.box, frame)
        centre = sight.box.centre[0]
        last = holds[-1] if holds else None
        if last and max(last.low, low) <= min(last.high, high):
            last.low, last.high = max(last.low, low), min(last.high, high)
            last.end = sight.at
            last.wanted.append(centre)
            least, most = _bounds(sight.box, frame)
            last.least, last.most = max(last.least, least), min(last.most, most)
        else:
            holds.append(_Hold(sight.at, sight.at, low, high, [centre], *_bounds(sight.box, frame)))
    return _without_brief(holds)


def _good_positions(box: Box, frame: Size) -> tuple[float, float]:
    """Window middles that suit a face: inside the dead zone, and the face wholly in the window if it fits."""
    centre = box.centre[0]
    spare = (frame.width - box.width) / 2
    reach = min(_DEAD_ZONE * frame.width, max(0.0, spare - _MARGIN * box.width))
    reach = max(reach, min(0.02 * frame.width, max(0.0, spare)))
    return centre - reach, centre + reach


def _bounds(box: Box, frame: Size) -> tuple[float, float]:
    """Window middles that keep a face wholly in the window, with a little to spare."""
    half = frame.width / 2 - 0.03 * box.width
    return min(box.right - half, box.centre[0]), max(box.x + half, box.centre[0])


def _without_brief(holds: list[_Hold]) -> list[_Hold]:
    """Moves back and forth within a moment are a nod or a misplaced box, not a new place."""
    kept: list[_Hold] = []
    for index, each in enumerate(holds):
        brief = each.end - each.start < _SHORTEST_HOLD
        if kept and brief and index + 1 < len(holds) and _skippable(kept[-1], each, holds[index + 1]):
            kept[-1].low, kept[-1].high = max(kept[-1].low, each.least), min(kept[-1].high, each.most)
            continue
        if kept and _compatible(kept[-1], each):
            kept[-1].end = each.end
            kept[-1].low, kept[-1].high = max(kept[-1].low, each.low), min(kept[-1].high, each.high)
            kept[-1].wanted += each.wanted
        else:
            kept.append(each)
    return kept


def _skippable(before: _Hold, brief: _Hold, after: _Hold) -> bool:
    """Whether one place suits before and after, and shows the whole face in between."""
    return max(before.low, after.low, brief.least) <= min(before.high, after.high, brief.most)


def _compatible(one: _Hold, other: _Hold) -> bool:
    return max(one.low, other.low) <= min(one.high, other.high)


def _glide(last: CameraKey, before: _Hold, after: _Hold, y: float, frame: Size, within: Box) -> list[CameraKey]:
    """Leave the old hold and arrive at the new one, around the moment that the old one stops being right."""
    there = hold(after.start, (after.x, y), frame, within)
    distance = abs(there.x - last.x) / frame.width
    if distance < 0.02:
        return []
    length = int(np.clip(distance / _GLIDE_SPEED * 1000, _SHORTEST_GLIDE, _LONGEST_GLIDE))
    middle = (before.end + after.start) // 2
    leave = max(last.at + 1, middle - length // 2)
    arrive = leave + length
    stay = last.model_copy(update={"at": leave, "move": "cut"})
    return [stay, there.model_copy(update={"at": arrive, "move": "glide"})]


def box_at(keys: Sequence[CameraKey], at: Millis) -> Box:
    """What a camera shows at a moment, glides eased (smoothstep) as the renderer eases them."""
    here = keys[0]
    for before, after in itertools.pairwise(keys):
        if after.at <= at:
            here = after
        elif after.move == "glide" and before.at <= at:
            share = (at - before.at) / max(1, after.at - before.at)
            eased = share * share * (3 - 2 * share)
            return Box(*(one + (two - one) * eased for one, two in zip(_sides(before), _sides(after), strict=True)))
    return here.box


def _sides(key: CameraKey) -> tuple[float, float, float, float]:
    return key.x, key.y, key.width, key.height


def places_at(layout: LayoutSpan, at: Millis) -> list[Box]:
    """What each pane of a layout shows at a moment."""
    return [box_at(pane.camera, at) for pane in layout.panes]
