"""A camera as filters, in two stages.

A coarse window of source pixels, constant in size, jumps only at camera cuts; after scaling, a fine window glides over
it in steps of one finished pixel. Cropping before scaling keeps the scaler's work small, and cropping again after it
avoids the coarse steps that chroma subsampling forces on a crop of the source.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cliply.media.edit import ClipEdit
from cliply.media.probe import Video
from cliply.media.rendering.colour import Colour, colour
from cliply.media.rendering.encoding import PRESETS
from cliply.media.rendering.expressions import Piece, eased, merged, number, piecewise
from cliply.media.rendering.windows import Stretch, fitted
from cliply.media.types import Box, Size

_MOST_DETAIL = 2.0


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the graph needs to know of picture and output."""

    picture: Size
    """The source as shown: square pixels."""
    decoded: Size
    """The source as it leaves the decoder, turned the right way up."""
    size: Size
    colour: Colour
    scaler: str


def canvas(edit: ClipEdit, video: Video) -> Canvas:
    return Canvas(video.size, video.coded_upright, edit.output.size, colour(video), PRESETS[edit.output.quality].scaler)


def viewfinder(stretches: Sequence[Stretch], start: int, shown: Size, on: Canvas) -> str:
    """The filters that show, in a picture of size `shown`, what the camera sees along `stretches`.

    `start` is the scene's first frame, where the filters' frame numbers begin.
    """
    stretches = _from_zero(stretches, start)
    if any(stretch.zooms for stretch in stretches):
        return _zooming(stretches, shown, on)
    across, down = on.decoded.width / on.picture.width, on.decoded.height / on.picture.height
    size = stretches[0].begin
    shots = _shots(stretches)
    unions = [_union(shot) for shot in shots]
    wide = _even_up(max(union.width for union in unions) * across, on.decoded.width)
    tall = _even_up(max(union.height for union in unions) * down, on.decoded.height)
    corners = [
        (_even_within(union.x * across, wide, on.decoded.width), _even_within(union.y * down, tall, on.decoded.height))
        for union in unions
    ]
    scaled_width = max(shown.width, round(wide * shown.width / (size.width * across) / 2) * 2)
    scaled_height = max(shown.height, round(tall * shown.height / (size.height * down) / 2) * 2)
    steps = []
    if (wide, tall) != (on.decoded.width, on.decoded.height):
        starts = [shot[0].start for shot in shots]
        x, y = (
            piecewise(merged([Piece(at, number(corner[axis])) for at, corner in zip(starts, corners, strict=True)]))
            for axis in (0, 1)
        )
        steps.append(f"crop={wide}:{tall}:x='{x}':y='{y}'")
    steps.append(on.colour.before)
    steps.append(f"zscale={scaled_width}:{scaled_height}:filter={on.scaler}{on.colour.scale}")
    steps.append(on.colour.after)
    if (scaled_width, scaled_height) != (shown.width, shown.height):
        fine = _Fine(shots, corners, Size(scaled_width, scaled_height), shown)
        x = fine.path(0, scaled_width / wide * across, scaled_width / wide)
        y = fine.path(1, scaled_height / tall * down, scaled_height / tall)
        steps.append(f"crop={shown.width}:{shown.height}:x='{x}':y='{y}':exact=1")
    steps.append("setsar=1")
    return ",".join(filter(None, steps))


def _zooming(stretches: Sequence[Stretch], shown: Size, on: Canvas) -> str:
    """A window that changes its size as it goes.

    Scaling by a different factor for every frame would make the picture tremble by a pixel; a perspective filter with
    straight sides places it between pixels. It costs about as much as the encoder, and only while a camera zooms.
    """
    across, down = on.decoded.width / on.picture.width, on.decoded.height / on.picture.height
    union = fitted(_union(stretches), on.picture, None)
    wide, tall = _even_up(union.width * across, on.decoded.width), _even_up(union.height * down, on.decoded.height)
    left, top = (
        _even_within(union.x * across, wide, on.decoded.width),
        _even_within(union.y * down, tall, on.decoded.height),
    )
    narrowest = min(box.width for stretch in stretches for box in (stretch.begin, stretch.finish))
    # Enough detail for the closest view, within reason.
    detail = min(1.0 if union.width / narrowest < 1.25 else union.width / narrowest, _MOST_DETAIL)
    size = Size(*(round(side * detail / 2) * 2 for side in (shown.width, shown.height)))

    def side(value: Callable[[Box], float], scale: float) -> str:
        pieces = [
            Piece(each.start, eased(value(each.begin) * scale, value(each.finish) * scale, each.leaves, each.arrives))
            for each in stretches
        ]
        # perspective counts its frames from one and calls the count `in`.
        return re.sub(r"\bn\b", "(in-1)", piecewise(merged(pieces)))

    x_scale, y_scale = size.width / wide, size.height / tall
    x0 = side(lambda box: box.x * across - left, x_scale)
    x1 = side(lambda box: box.right * across - left, x_scale)
    y0 = side(lambda box: box.y * down - top, y_scale)
    y1 = side(lambda box: box.bottom * down - top, y_scale)
    corners = f"x0='{x0}':y0='{y0}':x1='{x1}':y1='{y0}':x2='{x0}':y2='{y1}':x3='{x1}':y3='{y1}'"
    steps = [
        f"crop={wide}:{tall}:{left}:{top}",
        on.colour.before,
        f"zscale={size.width}:{size.height}:filter={on.scaler}{on.colour.scale}",
        on.colour.after,
        f"perspective={corners}:eval=frame:interpolation=linear",
    ]
    if size != shown:
        steps.append(f"zscale={shown.width}:{shown.height}:filter=bilinear")
    return ",".join([*steps, "setsar=1"])


@dataclass(frozen=True, slots=True)
class _Fine:
    """The moving window in finished pixels, inside the scaled coarse one."""

    shots: Sequence[Sequence[Stretch]]
    corners: Sequence[tuple[int, int]]
    scaled: Size
    shown: Size

    def path(self, axis: int, per_picture: float, per_decoded: float) -> str:
        room = (self.scaled.width - self.shown.width, self.scaled.height - self.shown.height)[axis]

        def offset(box: Box, corner: tuple[int, int]) -> float:
            return min(max(0.0, (box.x, box.y)[axis] * per_picture - corner[axis] * per_decoded), room)

        pieces = []
        for shot, corner in zip(self.shots, self.corners, strict=True):
            for stretch in shot:
                begin, finish = offset(stretch.begin, corner), offset(stretch.finish, corner)
                # Still windows rest on whole pixels; gliding ones are rounded frame by frame.
                text = eased(begin, finish, stretch.leaves, stretch.arrives) if stretch.moves else str(round(begin))
                pieces.append(Piece(stretch.start, text))
        return piecewise(merged(pieces))


def _from_zero(stretches: Sequence[Stretch], start: int) -> list[Stretch]:
    return [
        Stretch(
            each.start - start, each.end - start, each.begin, each.finish, each.leaves - start, each.arrives - start
        )
        for each in stretches
    ]


def _shots(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    """Stretches between camera cuts."""
    shots = [[stretches[0]]]
    for one, other in pairwise(stretches):
        if one.finish != other.begin:
            shots.append([])
        shots[-1].append(other)
    return shots


def _union(shot: Sequence[Stretch]) -> Box:
    boxes = [box for stretch in shot for box in (stretch.begin, stretch.finish)]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


def _even_up(length: float, most: int) -> int:
    # Two pixels more than asked, because an even corner may lie up to two pixels before the window's.
    length = math.ceil(length - 0.01)
    return min(length + 2 + length % 2, most) if length < most else most


def _even_within(at: float, length: int, most: int) -> int:
    return max(0, min(int(at // 2) * 2, (most - length) // 2 * 2))
