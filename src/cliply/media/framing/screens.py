"""Whether a shot shows a screen or slides, and where: still, mostly flat, with the fine strokes of text.

Text is told from other edges by its strokes: within a small block brightness goes up and down again, many times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cliply.media.framing.frames import Picture
from cliply.media.framing.insets import sides
from cliply.media.types import Box, Size

_BLOCK = 16
# Grey levels between neighbouring pixels that make a stroke, the share of a block's pixels on strokes that makes text,
# and the share up to which a block is flat.
_STROKE, _TEXT, _FLAT = 24, 0.05, 0.015
# Mean change in grey levels up to which a block stands still.
_STILL = 3.0
_LEAST_TEXT, _LEAST_FLAT, _LEAST_STILL = 0.04, 0.35, 0.75
# A face beside a screen is small.
_LARGEST_FACE = 0.16
# What must be left of the picture's area when the face is set apart, and how far from the face it is divided.
_LEAST_AREA, _ROOM = 0.45, 1.0

Blocks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen or slide that fills the shot."""

    part: Box | None
    """What to show of it beside the face, uncut; None if no small face is on it or beside it."""


def find_screen(stills: Sequence[Picture], face: Box | None, size: Size) -> Screen | None:
    """Look for a screen in the luma planes of one shot; `face` is in source pixels."""
    if not stills or min(stills[0].shape) < 4 * _BLOCK:
        return None
    scale = size.width / stills[0].shape[1]
    text, flat, still = _text(stills[-1]), _flat(stills[-1]), _still(stills)
    around = ~_covered(face, scale, text.shape)
    text, flat, still = text & still & around, flat & still & around, still & around
    blocks = max(1, int(around.sum()))
    if text.sum() < _LEAST_TEXT * blocks or flat.sum() < _LEAST_FLAT * blocks or still.sum() < _LEAST_STILL * blocks:
        return None
    small = face is not None and face.width <= _LARGEST_FACE * size.width
    if not small or face is None:
        return Screen(None)
    return Screen(_part(text, _inset(stills[-1], face, scale), scale, size))


def _inset(luma: Picture, face: Box, scale: float) -> Box:
    """The face with the picture it is in: out to the straight edges around it, as far as it reaches without any."""
    found = sides([luma], face, scale)
    left = face.x - _ROOM * face.width if found.left is None else (found.left - 1) * scale
    right = face.right + _ROOM * face.width if found.right is None else (found.right + 1) * scale
    top = face.y - _ROOM * face.height if found.top is None else (found.top - 1) * scale
    bottom = face.bottom + _ROOM * face.height if found.bottom is None else (found.bottom + 1) * scale
    return Box(left, top, right - left, bottom - top)


def _strokes(luma: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of each block's pixels where brightness rises and where it falls."""
    steps = np.diff(luma.astype(np.int16), axis=1, append=luma[:, -1:].astype(np.int16))
    return _mean(steps > _STROKE), _mean(steps < -_STROKE)


def _mean(values: NDArray[np.generic]) -> NDArray[np.float64]:
    rows, columns = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
    whole = values[: rows * _BLOCK, : columns * _BLOCK].astype(np.float64)
    return np.asarray(whole.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3)), np.float64)


def _text(luma: Picture) -> Blocks:
    rising, falling = _strokes(luma)
    return np.asarray(2 * np.minimum(rising, falling) > _TEXT, bool)


def _flat(luma: Picture) -> Blocks:
    rising, falling = _strokes(luma)
    return np.asarray(rising + falling < _FLAT, bool)


def _still(stills: Sequence[Picture]) -> Blocks:
    """Blocks that change in no more than one of the looks: a slide may be turned, or a line may appear."""
    changes = [_mean(np.abs(one.astype(np.int16) - other.astype(np.int16))) for one, other in pairwise(stills)]
    rows, columns = stills[0].shape[0] // _BLOCK, stills[0].shape[1] // _BLOCK
    if not changes:
        return np.ones((rows, columns), bool)
    return np.asarray(np.median(changes, axis=0) < _STILL, bool)


def _covered(face: Box | None, scale: float, shape: tuple[int, ...]) -> Blocks:
    """The blocks of a face and what is around it: hair, shoulders, the rest of the camera's picture."""
    covered = np.zeros(shape, bool)
    if face is not None:
        step = _BLOCK * scale
        x0, x1 = (face.x - 0.8 * face.width) / step, (face.right + 0.8 * face.width) / step
        y0, y1 = (face.y - 0.6 * face.height) / step, (face.bottom + 1.0 * face.height) / step
        covered[max(0, int(y0)) : max(0, int(y1) + 1), max(0, int(x0)) : max(0, int(x1) + 1)] = True
    return covered


def _part(text: Blocks, inset: Box, scale: float, size: Size) -> Box:
    """The largest side of the picture beside the face that holds all text; the whole picture if none does."""
    sides = [
        Box(0, 0, inset.x, size.height),
        Box(inset.right, 0, size.width - inset.right, size.height),
        Box(0, 0, size.width, inset.y),
        Box(0, inset.bottom, size.width, size.height - inset.bottom),
    ]
    rows, columns = np.nonzero(text)
    step = _BLOCK * scale
    least = _LEAST_AREA * size.width * size.height
    fitting = [
        side
        for side in sides
        if side.width > 0 and side.height > 0 and side.area >= least
        and bool(((columns * step >= side.x - 1) & ((columns + 1) * step <= side.right + 1)
                  & (rows * step >= side.y - 1) & ((rows + 1) * step <= side.bottom + 1)).all())
    ]  # fmt: skip
    whole = Box(0, 0, size.width, size.height)
    return max(fitting, key=lambda side: side.area, default=whole)
