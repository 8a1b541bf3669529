"""The picture that a face is in, where that is only a part of the whole: a webcam on a slide, a tile of a video call.

Its sides are straight edges around the face. What lies beyond them does not belong beside the face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cliply.media.framing.frames import Picture
from cliply.media.types import Box

# Grey levels of an edge, the share of it that must be there, and how far from a face its picture may end, in faces.
_EDGE, _STRAIGHT, _REACH = 10, 0.8, 2.0
# Edges are soft where pictures were scaled: what is shown keeps this many small pixels off them.
_SOFT = 1.5
# Edges nearer to a face than this share of it are its own: a fringe, a collar, the frame of glasses.
_OWN = 0.15

Lines = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sides:
    """The nearest straight edges around a face, in pixels of the looked-at picture; None where there is none near."""

    left: float | None
    right: float | None
    top: float | None
    bottom: float | None


def sides(stills: Sequence[Picture], face: Box, scale: float) -> Sides:
    """Look for edges around `face`, which is in source pixels; `scale` is source pixels per pixel of the stills.

    An edge is one that stays where it is through all stills: what moves is no border.
    """
    x, right, y, bottom = (each / scale for each in (face.x, face.right, face.y, face.bottom))
    upright = [still.T for still in stills]
    return Sides(*_nearest(_lines(stills, y, bottom), x, right), *_nearest(_lines(upright, x, right), y, bottom))


def find_inset(stills: Sequence[Picture], face: Box, scale: float) -> Box | None:
    """The picture in the picture that holds `face`, in source pixels; None if the face is not in one.

    All four sides must be there, each straight along its whole length or the border of the whole picture: a door frame
    or a shelf behind somebody has no four.
    """
    if not stills:
        return None
    found = sides(stills, face, scale)
    height, width = stills[0].shape
    across = _with_border(found.left, found.right, face.x / scale, face.right / scale, width)
    down = _with_border(found.top, found.bottom, face.y / scale, face.bottom / scale, height)
    if across is None or down is None or (across == (0, width) and down == (0, height)):
        return None
    if not (_closed(stills, across, down, width) and _closed([still.T for still in stills], down, across, height)):
        return None
    left, right = _inside(across, width)
    top, bottom = _inside(down, height)
    return Box(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)


def _nearest(lines: Lines, first: float, last: float) -> tuple[float | None, float | None]:
    length = last - first
    low, high = max(0, int(first - _OWN * length)), int(last + _OWN * length) + 1
    before = [at for at in np.flatnonzero(lines[:low]) if at >= first - _REACH * length]
    after = [at for at in high + np.flatnonzero(lines[high:]) if at <= last + _REACH * length]
    return (float(before[-1]) if before else None), (float(after[0]) if after else None)


def _with_border(
    low: float | None, high: float | None, first: float, last: float, length: int
) -> tuple[float, float] | None:
    """Both sides in one direction, the picture's own border where that is near; None if one is missing."""
    reach = _REACH * (last - first)
    low = 0.0 if low is None and first <= reach else low
    high = float(length) if high is None and length - last <= reach else high
    return None if low is None or high is None else (low, high)


def _closed(stills: Sequence[Picture], across: tuple[float, float], down: tuple[float, float], width: int) -> bool:
    """Whether the upright sides are straight edges over their whole length."""
    lines = _lines(stills, down[0] + _SOFT, down[1] - _SOFT)
    return all(bool(lines[int(at) - 1 : int(at) + 2].any()) for at in across if 0 < at < width)


def _inside(side: tuple[float, float], length: int) -> tuple[float, float]:
    return side[0] + _SOFT * (side[0] > 0), side[1] - _SOFT * (side[1] < length)


def _lines(stills: Sequence[Picture], first: float, last: float) -> Lines:
    """The columns that are an edge over most of the rows from `first` to `last`."""
    rows = np.concatenate([still[max(0, int(first)) : int(last) + 1] for still in stills]).astype(np.int16)
    steps = np.abs(rows[:, 2:] - rows[:, :-2]) > _EDGE
    return np.asarray(np.pad(steps.mean(axis=0), 1) > _STRAIGHT, bool)
