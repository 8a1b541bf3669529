"""How a window sounds: louder than the rest, livelier, quicker, or interrupted by dead air."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.speech.tighten import dead_air
from cliply.media.types import Sentence, Span
from cliply.media.wording.text import Floats, Ints

_STEP = 100
"""Milliseconds between two values of the loudness curve."""
_QUIET = -70.0
_SPOILT = 8_000
"""Milliseconds of dead air that speak against a window as much as any can."""


class Loudness(Protocol):
    """What is needed of `cliply.media.speech.sound.SoundTrack`."""

    @property
    def curve(self) -> Sequence[float]:
        """Momentary loudness in LUFS, ten values a second."""
        ...

    @property
    def silences(self) -> tuple[Span, ...]: ...


def delivery_columns(windows: Windows, sentences: Sequence[Sentence], sound: Loudness | None) -> dict[str, Floats]:
    """energy: mean loudness; swing: its spread; pace: words a second; dead_air: how much there is, 0 to 1."""
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
    return {"energy": mean, "swing": spread, "pace": pace, "dead_air": np.minimum(1, windows.dead / _SPOILT)}


def silence_after(sentences: Sequence[Sentence], sound: Loudness | None) -> Ints:
    """Milliseconds of dead air between each sentence and the next."""
    out = np.zeros(len(sentences), np.int64)
    said = 0
    for index, (sentence, following) in enumerate(pairwise(sentences) if sound else ()):
        said = max(said, sentence.span.end)
        if following.span.start > said and sound is not None:
            out[index] = dead_air(Span(said, following.span.start), sound.silences)
    return out


def _mean(values: Floats, low: Ints, high: Ints) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    out: Floats = (total[high] - total[low]) / (high - low)
    return out
