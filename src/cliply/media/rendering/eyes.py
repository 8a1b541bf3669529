"""How open an eye is, as far as small pictures tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cliply.media.framing.frames import Picture

# How far around the middle of an eye is looked, in shares of the distance between the eyes.
_WIDE, _HIGH = 0.17, 0.16
# What is darker than this share of the way from the darkest to skin belongs to the iris or the lashes.
_DARK = 0.3
_LEAST_CONTRAST = 12
# The percentile of all looks from which eyes count as open.
_OPEN = 60


@dataclass(frozen=True, slots=True)
class Eye:
    height: float
    """Of its dark part, in shares of the distance between the eyes."""
    contrast: float
    """Of its darkest to the skin around it, 0 to 1."""


CLOSED = Eye(0.0, 0.0)


def look_at_eye(luma: Picture, middle: NDArray[np.float32], apart: float) -> Eye:
    """A closed lid leaves a thin line of lashes, and in soft light a faint shadow as high as an eye: an open eye shows
    an iris that is high and dark at once."""
    half_wide, half_high = max(2, round(_WIDE * apart)), max(2, round(_HIGH * apart))
    x, y = round(float(middle[0])), round(float(middle[1]))
    if x - half_wide < 0 or y - half_high < 0:
        return CLOSED
    patch = luma[y - half_high : y + half_high + 1, x - half_wide : x + half_wide + 1].astype(np.float32)
    if patch.shape != (2 * half_high + 1, 2 * half_wide + 1):
        return CLOSED
    skin, darkest = (float(each) for each in np.percentile(patch, (75, 2)))
    if skin - darkest < _LEAST_CONTRAST:
        return CLOSED
    # The column through the iris is the highest; three beside each other outvote a stray pixel.
    runs = np.sort(_longest_runs(patch < darkest + _DARK * (skin - darkest)))[-3:]
    return Eye(float(runs.mean()) / apart, (skin - darkest) / max(1.0, skin - 16))


def narrower(one: Eye, other: Eye) -> Eye:
    return Eye(min(one.height, other.height), min(one.contrast, other.contrast))


def openness(eyes: Sequence[Eye]) -> list[float]:
    """0 to 1, against how they usually are; open is open: wider than that is surprise, not a better picture."""
    usual = max(1e-6, float(np.median([eye.contrast for eye in eyes])))
    values = [eye.height * min(1.0, eye.contrast / usual) ** 2 for eye in eyes]
    wide = max(1e-6, float(np.percentile(values, _OPEN)))
    return [min(1.0, value / wide) ** 2 for value in values]


def _longest_runs(dark: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each column how many dark pixels follow one another."""
    run, longest = np.zeros(dark.shape[1], np.int64), np.zeros(dark.shape[1], np.int64)
    for row in dark:
        run = np.where(row, run + 1, 0)
        longest = np.maximum(longest, run)
    return longest
