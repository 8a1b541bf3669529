"""How a window sounds: louder than the rest, livelier, quicker."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.types import Sentence, Span
from cliply.media.wording.text import Floats, Ints

_STEP = 100
"""Milliseconds between two values of the loudness curve."""
_QUIET = -70.0


class Loudness(Protocol):
    """What is needed of `cliply.media.speech.sound.SoundTrack`."""

    @property
    def curve(self) -> Sequence[float]:
        """Momentary loudness in LUFS, ten values a second."""
        ...

    @property
    def silences(self) -> tuple[Span, ...]: ...


def delivery_columns(windows: Windows, sentences: Sequence[Sentence], sound: Loudness | None) -> dict[str, Floats]:
    """energy: mean loudness; swing: its spread; pace: words a second."""
    if sound is None or not len(windows):
        return {}
    curve = np.asarray(sound.curve, np.float64)
    curve = np.where(np.isfinite(curve), np.maximum(curve, _QUIET), _QUIET)
    spoken = np.where(curve > _QUIET + 20, curve, np.nan)
    if not np.isfinite(spoken).any():
        return {}
    level = np.nan_to_num(spoken, nan=float(np.nanmean(spoken)))
    low = np.clip(windows.start // _STEP, 0, len(level) - 1)
    high = np.clip(windows.end // _STEP, low + 1, len(level))
    mean = _mean(level, low, high)
    spread = np.sqrt(np.maximum(0, _mean(level**2, low, high) - mean**2))
    words = np.concatenate([[0.0], np.cumsum([float(each.last - each.first) for each in sentences])])
    pace = (words[windows.last + 1] - words[windows.first]) / np.maximum(1, windows.duration) * 1000
    return {"energy": mean, "swing": spread, "pace": pace}


def _mean(values: Floats, low: Ints, high: Ints) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    out: Floats = (total[high] - total[low]) / (high - low)
    return out
