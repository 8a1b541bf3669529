"""How alike covers would look: those of one recording should be told apart at a glance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cliply.media.document import Document
from cliply.media.framing.frames import Picture
from cliply.media.types import Box

_SIDE = 20
_AROUND = 0.35
"""Of a face is looked at more than its box: how the head is held shows in the hair and the shoulders."""
_STRANGE = 0.6
"""Up to that likeness two covers are told apart at once; any two upright faces are a little alike."""
_TOLD_APART = 0.08
"""Likenesses that differ by less count the less: a turned head is not yet another picture."""


class Look(Document):
    """What catches the eye in a cover, very small: the picture, and the face with what is around it.

    Row after row, in hundredths of the spread around the middle tone.
    """

    picture: tuple[int, ...]
    face: tuple[int, ...] = ()
    """Empty where there is none."""


def look_of(luma: Picture, shown: Box, face: Box | None) -> Look:
    """The look of the part `shown` of a frame with this face in it."""
    return Look(picture=_tones(_cut(luma, shown)), face=_tones(_cut(luma, _wider(face))) if face else ())


def likeness(look: Look, others: Sequence[Look]) -> float:
    """How alike `look` is to the most similar of `others`: 1 the same, 0 nothing in common."""
    return max((_alike(look, other) for other in others), default=0.0)


def novelty(looks: Sequence[Look], others: Sequence[Look]) -> list[float]:
    """How well each look is told apart from `others`, compared with the rest of `looks`: 0 to 1.

    One person in one chair looks much the same all the time; what differs most is then still seen best.
    """
    alike = [likeness(look, others) for look in looks]
    least, most = min(alike, default=0.0), max(alike, default=0.0)
    spread = most - max(least, _STRANGE)
    if spread <= 0:
        return [0.0] * len(alike)
    counts = min(1.0, spread / _TOLD_APART)
    return [counts * min(1.0, (most - each) / spread) for each in alike]


def _alike(one: Look, other: Look) -> float:
    whole = _correlation(one.picture, other.picture)
    return (whole + _correlation(one.face, other.face)) / 2 if one.face and other.face else whole


def _correlation(one: Sequence[int], other: Sequence[int]) -> float:
    a, b = np.array(one, np.float64), np.array(other, np.float64)
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return max(0.0, float(a @ b) / scale) if scale else float(not a.any() and not b.any())


def _tones(part: Picture) -> tuple[int, ...]:
    import cv2

    small: NDArray[np.float64] = cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    spread = float(small.std())
    plain = (small - small.mean()) / spread if spread > 1 else np.zeros_like(small)
    return tuple(int(tone) for tone in np.rint(plain * 100).ravel())


def _wider(face: Box) -> Box:
    across, down = face.width * _AROUND, face.height * _AROUND
    return Box(face.x - across, face.y - down, face.width + 2 * across, face.height + 2 * down)


def _cut(luma: Picture, box: Box) -> Picture:
    part = luma[max(0, int(box.y)) : int(box.bottom) + 1, max(0, int(box.x)) : int(box.right) + 1]
    return part if min(part.shape) > 1 else luma
