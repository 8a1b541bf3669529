"""What the sound tells about who speaks: when there is a voice, how it swells, and what it is like."""

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliply.media.types import Millis, Span, Word

STEP: Millis = 100
"""Spacing of everything that is known about the sound."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FRAME, _HOP, _BANDS, _SHAPES = 512, 160, 24, 13
# Decibels: how far below the loud parts speech may fall, and how far above the floor it must rise.
_BELOW_LOUD, _ABOVE_FLOOR = 26.0, 8.0


@dataclass(frozen=True, slots=True)
class Voices:
    """The sound of a stretch, one row for each step of 100 ms from its start."""

    start: Millis
    level: Floats
    """Decibels in the band of speech."""
    speech: Flags
    shape: Floats
    """What the voice is like: cepstra of the mean spectrum (steps by 12), without loudness."""

    def index(self, at: Millis) -> int:
        return min(max(0, (at - self.start) // STEP), len(self.level) - 1)


def listen(wav: Path | None, span: Span, words: Sequence[Word]) -> Voices:
    """Hear `span` of a 16 kHz, 16 bit, one channel WAV file. Without a file there is silence."""
    steps = max(1, -(-span.duration // STEP))
    samples = _samples(wav, span) if wav is not None else np.empty(0)
    spectra = _spectra(samples)
    level, shape = np.full(steps, -90.0), np.zeros((steps, _SHAPES - 1))
    bands = np.log(_mel() @ spectra.T + 1e-9) if len(spectra) else np.empty((_BANDS, 0))
    per_step = STEP * 16 // _HOP
    for step in range(min(steps, -(-len(spectra) // per_step))):
        part = slice(step * per_step, (step + 1) * per_step)
        level[step] = 10 * np.log10(spectra[part, 6:110].sum(axis=1).mean() + 1e-9)
        shape[step] = (_cosines() @ bands[:, part].mean(axis=1))[1:]
    return Voices(span.start, level, _speech(level, span, words), shape)


def _samples(wav: Path, span: Span) -> Floats:
    with wave.open(str(wav), "rb") as sound:
        rate = sound.getframerate()
        sound.setpos(min(sound.getnframes(), span.start * rate // 1000))
        data = sound.readframes(span.duration * rate // 1000)
    return np.frombuffer(data, "<i2").astype(np.float64) / 32768


def _spectra(samples: Floats) -> Floats:
    """Power spectra of overlapping frames, 10 ms apart."""
    if len(samples) < _FRAME:
        return np.empty((0, _FRAME // 2 + 1))
    padded = np.pad(samples, (_FRAME // 2, _FRAME // 2))
    starts = np.arange(0, len(samples) - _HOP + 1, _HOP)
    spectra = np.empty((len(starts), _FRAME // 2 + 1))
    window = np.hanning(_FRAME)
    for first in range(0, len(starts), 4096):  # in parts, because an hour would not fit
        chunk = starts[first : first + 4096]
        frames = padded[chunk[:, None] + np.arange(_FRAME)[None, :]] * window
        spectra[first : first + 4096] = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return spectra


def _mel() -> Floats:
    """Triangular bands evenly spaced on the mel scale (O'Shaughnessy's formula) from 80 to 7600 Hz."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (80, 7600))
    centres = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    bins = np.arange(_FRAME // 2 + 1) * 16_000 / _FRAME
    low, middle, high = centres[:-2, None], centres[1:-1, None], centres[2:, None]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles: Floats = np.maximum(0, np.minimum(rise, fall))
    return triangles


def _cosines() -> Floats:
    """The discrete cosine transform that turns band levels into cepstra."""
    order, band = np.arange(_SHAPES)[:, None], np.arange(_BANDS)[None, :]
    table: Floats = np.cos(np.pi * order * (band + 0.5) / _BANDS) * np.sqrt(2 / _BANDS)
    return table


def _speech(level: Floats, span: Span, words: Sequence[Word]) -> Flags:
    """When somebody speaks: where words are, or where the level rises out of the floor."""
    heard = np.zeros(len(level), bool)
    if words:
        for word in words:
            first, last = (word.start - span.start) // STEP, -(-(word.end - span.start) // STEP)
            heard[max(0, first) : max(0, last)] = True
        return heard
    floor, loud = float(np.percentile(level, 10)), float(np.percentile(level, 95))
    if loud < -50:
        return heard
    threshold = max(loud - _BELOW_LOUD, min(floor + _ABOVE_FLOOR, loud - 12))
    return np.asarray(level > threshold, bool)
