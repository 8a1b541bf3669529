"""How much a mouth moves between looks, apart from how much the head moves.

The face is brought to a fixed place and size by its eyes and mouth corners, then lined up by its upper half with the
look before, so that what is left below is the mouth itself and what is left above is the noise of picture and tracking.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cliply.media.framing.faces import Face, Points
from cliply.media.framing.frames import Frame, Picture
from cliply.media.types import Millis

Patch = NDArray[np.float32]

_WIDTH, _HEIGHT = 64, 80
# Where eyes and mouth corners go in the patch.
_PLACES = np.array([[20, 28], [44, 28], [22, 56], [42, 56]], np.float32)
_UPPER = np.s_[12:44, 8:56]
_MOUTH = np.s_[46:72, 14:50]
_LARGEST_SHIFT = 6.0


@dataclass(frozen=True, slots=True)
class Motion:
    """Change since the look before, in units of the face's own contrast."""

    at: Millis
    mouth: float
    upper: float


def motions(looks: Sequence[Frame], first: Face, last: Face, scale: float) -> list[Motion]:
    """Motion at each of `looks` but the first, for a face seen as `first` there and as `last` at the end.

    Faces are in source pixels; `scale` turns them into pixels of the looks.
    """
    span = max(1, looks[-1].at - looks[0].at)
    patches = []
    for look in looks:
        share = (look.at - looks[0].at) / span
        points = (first.points * (1 - share) + last.points * share) * scale
        patches.append(_patch(look.luma, points.astype(np.float32)))
    pairs = zip(looks[1:], patches, patches[1:], strict=False)
    return [_motion(look.at, before, after) for look, before, after in pairs]


def _patch(luma: Picture, points: Points) -> Patch:
    import cv2

    matrix = _similarity(points[[0, 1, 3, 4]], _PLACES)
    size = (_WIDTH, _HEIGHT)
    patch = cv2.warpAffine(luma, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(patch, np.float32)


def _similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """The turn, scale and shift that bring `source` nearest to `target` in least squares (Umeyama 1991)."""
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    one = (source - middle) @ np.array([1, 1j])
    two = (target - goal) @ np.array([1, 1j])
    turn = complex(np.vdot(one, two) / max(1e-6, float(np.vdot(one, one).real)))
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([matrix, goal - matrix @ middle])


def _motion(at: Millis, before: Patch, after: Patch) -> Motion:
    import cv2

    window = cv2.createHanningWindow((_UPPER[1].stop - _UPPER[1].start, _UPPER[0].stop - _UPPER[0].start), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(before[_UPPER].copy(), after[_UPPER].copy(), window)
    if max(abs(x), abs(y)) < _LARGEST_SHIFT:
        shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(after, shift, (_WIDTH, _HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        after = np.asarray(moved, np.float32)
    contrast = max(4.0, float(before.std()))
    change = np.abs(after - before) / contrast
    return Motion(at, float(change[_MOUTH].mean()), float(change[_UPPER].mean()))
