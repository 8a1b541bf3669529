"""A picture painted from back to front with soft curves."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.float32]
"""Rows x columns x 4: blue, green, red, alpha; 0 to 1, colours multiplied by alpha."""
Mask: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""
Points: TypeAlias = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 640, 800
"""The painter's units; a head is about 430 of them high."""
CENTRE = 320


class Canvas:
    """A picture that is painted from back to front, in units of a head with its middle at `CENTRE`."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.picture: Image = np.zeros((height, width, 4), np.float32)
        self._shift = np.array((width / 2 - CENTRE, 0.0))

    def paint(self, mask: Mask, colour: Colour, strength: float = 1.0) -> None:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        alpha = (mask[part] * strength)[..., None]
        blue_green_red = np.array([*colour[::-1], 255], np.float32) / 255
        self.picture[part] += alpha * (blue_green_red - self.picture[part])

    def outline(self, points: Points, *, soft: float = 0.0, mirror: bool = False) -> Mask:
        """The inside of a smooth closed curve through `points`; `mirror` adds its reflection about the middle."""
        mask = np.zeros(self.picture.shape[:2], np.uint8)
        for side in _sides(points, mirror=mirror):
            curve = (_smooth(side) + self._shift) * 16
            cv2.fillPoly(mask, [curve.round().astype(np.int32)], 255, cv2.LINE_AA, 4)
        return _soften(mask, soft)

    def stroke(self, points: Points, thickness: float, *, soft: float = 0.0, mirror: bool = False) -> Mask:
        """An open smooth line that tapers at both ends."""
        mask = np.zeros(self.picture.shape[:2], np.uint8)
        for side in _sides(points, mirror=mirror):
            curve = (_smooth(side, closed=False) + self._shift) * 16
            for share, (x, y) in zip(np.linspace(0, 1, len(curve)), curve, strict=True):
                radius = max(0.7, thickness / 2 * (0.35 + 0.65 * np.sin(np.pi * share)))
                cv2.circle(mask, (round(x), round(y)), round(radius * 16), 255, -1, cv2.LINE_AA, 4)
        return _soften(mask, soft)

    def oval(self, x: float, y: float, width: float, height: float, *, soft: float = 0.0, mirror: bool = False) -> Mask:
        turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        points = [(x + np.cos(turn) * width, y + np.sin(turn) * height) for turn in turns]
        return self.outline(points, soft=soft, mirror=mirror)


def _sides(points: Points, *, mirror: bool) -> tuple[Points, ...]:
    return (points, [(2 * CENTRE - x, y) for x, y in points]) if mirror else (points,)


def _soften(mask: NDArray[np.uint8], soft: float) -> Mask:
    smooth = mask.astype(np.float32) / 255
    if soft <= 6:
        return np.asarray(cv2.GaussianBlur(smooth, (0, 0), soft) if soft else smooth, np.float32)
    # A wide blur has no fine detail, so a quarter of the size does.
    small = cv2.resize(smooth, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), soft / 4)
    return np.asarray(cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _smooth(points: Points, *, closed: bool = True) -> NDArray[np.float64]:
    """Catmull-Rom through the points, 12 steps between each two."""
    at = np.asarray(points, np.float64)
    padded = np.vstack([at[-1:], at, at[:2]]) if closed else np.vstack([at[:1], at, at[-1:]])
    steps = np.linspace(0, 1, 12, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * first
            + (second - before) * steps
            + (2 * before - 5 * first + 4 * second - after) * steps**2
            + (3 * first - before - 3 * second + after) * steps**3
        )
        for before, first, second, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.vstack(pieces)


def lighter(colour: Colour, by: int) -> Colour:
    red, green, blue = (max(0, min(255, part + by)) for part in colour)
    return red, green, blue


def darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (int(part * share) for part in colour)
    return red, green, blue
