"""Levels of a speech track: where it is quiet, how loud it gets, and what that means for this recording."""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cliply.media.types import Millis, OnProgress, Span, no_progress

Decibels: TypeAlias = NDArray[np.float32]
"""Levels below full scale, one every 10 ms."""

STEP: Millis = 10
_WINDOW: Millis = 20
_SHORTEST_SILENCE: Millis = 150
_FLOOR = -120.0
_PART_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Levels:
    """What `measure_levels` found."""

    duration: Millis
    silences: tuple[Span, ...]
    peak: float
    threshold: float
    """The level, dB below full scale, under which this recording counts as silent."""


def measure_levels(wav: Path, *, on_progress: OnProgress = no_progress) -> Levels:
    """Silences and peak of a 16 kHz mono WAV, read a minute at a time."""
    with wave.open(str(wav), "rb") as track:
        rate, frames = track.getframerate(), track.getnframes()
        decibels = read_decibels(track, on_progress)
    threshold = silence_threshold(decibels)
    duration = frames * 1000 // rate
    peak = float(decibels.max()) if decibels.size else _FLOOR
    return Levels(duration, _silences(decibels, threshold, duration), round(peak, 1), round(threshold, 1))


def read_decibels(track: wave.Wave_read, on_progress: OnProgress = no_progress) -> Decibels:
    """RMS of each 20 ms, every 10 ms, from where `track` stands to its end."""
    step = track.getframerate() * STEP // 1000
    total = max(1, track.getnframes())
    powers: list[NDArray[np.float32]] = []
    while data := track.readframes(track.getframerate() * _PART_SECONDS):
        samples = np.frombuffer(data, dtype="<i2").astype(np.float32)
        samples = samples[: samples.size // step * step]
        blocks = samples.reshape(-1, step)
        # Variance rather than mean square: a constant offset of the sound card is not sound.
        powers.append(blocks.var(axis=1))
        on_progress(min(1.0, track.tell() / total))
    if not powers:
        return np.zeros(0, np.float32)
    power = np.concatenate(powers)
    both = power.copy()
    both[:-1] += power[1:]
    both[-1:] *= 2
    return np.asarray(10 * np.log10(both / 2 / 32768**2 + 10 ** (_FLOOR / 10)), dtype=np.float32)


def silence_threshold(decibels: Decibels) -> float:
    """The level that parts pauses from speech in this recording.

    Speech reaches its 95th percentile, the room its 10th (digital silence left out). A pause lies near the room:
    a quarter of the way up, never closer than 12 dB to the voice, so that quiet syllables are not pauses, and not
    further than 45 dB below it, because nobody hears what is softer.
    """
    heard = decibels[decibels > _FLOOR + 20]
    if not heard.size:
        return _FLOOR
    room, voice = (float(level) for level in np.percentile(heard, (10, 95)))
    return max(voice - 45, min(voice - 12, room + max(5.0, 0.25 * (voice - room))))


def _silences(decibels: Decibels, threshold: float, duration: Millis) -> tuple[Span, ...]:
    if not decibels.size:
        return (Span(0, duration),) if duration >= _SHORTEST_SILENCE else ()
    quiet = _without_clicks(decibels <= threshold)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    spans = (
        # The last window hangs over the end of the stretch by half of itself.
        Span(int(first) * STEP, min(duration, int(last) * STEP + (_WINDOW - STEP)))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )
    return tuple(span for span in spans if span.duration >= _SHORTEST_SILENCE)


def _without_clicks(quiet: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A sound of at most 20 ms inside a pause is a click of lips or a key: part of the pause."""
    mended = quiet.copy()
    edges = np.flatnonzero(np.diff(np.concatenate(([True], quiet, [True])).astype(np.int8)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first <= 2 and first >= 5 and quiet[first - 5 : first].all() and quiet[last : last + 5].all():
            mended[first:last] = True
    return mended


def integrated(curve: tuple[float, ...]) -> float:
    """Integrated loudness, LUFS, from momentary values 100 ms apart, gated as ITU-R BS.1770-4 says.

    Gating blocks are 400 ms long and overlap by three quarters: exactly the momentary values.
    """
    blocks = np.asarray(curve[3:], dtype=np.float64)  # the first three windows are not full yet
    blocks = blocks[blocks > -70]
    if not blocks.size:
        return -70.0
    gate = _mean(blocks) - 10
    return round(_mean(blocks[blocks > gate]), 1)


def _mean(loudness: NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(10 ** (loudness / 10))))
