"""Loudness and true peak: measured by ffmpeg's EBU R 128 meter, brought to a target with a look-ahead limiter."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cliply.media import ffmpeg
from cliply.media.types import OnProgress, no_progress

Samples = npt.NDArray[np.float32]
"""One row per moment, one column per channel, full scale at 1."""

SILENT = -70.0
"""What the meter says of silence: its absolute gate, in LUFS."""

_LOOKAHEAD = 0.004
_RELEASE = 0.060
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Level:
    """Integrated loudness in LUFS and true peak in dBTP."""

    loudness: float
    true_peak: float

    @property
    def silent(self) -> bool:
        return self.loudness <= SILENT


def measure(
    path: Path, *, raw_rate: int | None = None, peak: bool = True, on_progress: OnProgress = no_progress
) -> Level:
    """The level of a file's first sound; `raw_rate`: the file is bare stereo float samples of that rate."""
    wanted = "true" if peak else "none"
    source = ["-f", "f32le", "-ar", str(raw_rate), "-ac", "2", "-i", f"file:{path}"] if raw_rate else None
    arguments = [*(source or ffmpeg.guarded(path)), "-map", "0:a:0", "-af", f"ebur128=peak={wanted}:framelog=quiet"]
    return told_level(ffmpeg.run([*arguments, "-f", "null", "-"], on_progress=on_progress))


def told_level(said: str) -> Level:
    """The level that ffmpeg's ebur128 filter sums up in its log; a peak that it does not tell is silence."""
    return Level(
        _level(re.findall(r"I:\s+(-?[\d.]+|-?inf|nan) LUFS", said)),
        _level(re.findall(r"Peak:\s+(-?[\d.]+|-?inf|nan) dBFS", said)),
    )


def _level(found: list[str]) -> float:
    if not found or found[-1].lstrip("-") in ("inf", "nan"):
        return SILENT
    return max(SILENT, float(found[-1]))


def ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def limit(samples: Samples, ceiling: float) -> None:
    """Turn down, in place, what would exceed `ceiling` dBTP; nothing clicks, because the gain bends ahead of each peak.

    Peaks between samples count: the signal is looked at fourfold oversampled wherever it comes near the ceiling.
    """
    top = ratio(ceiling)
    peaks = _true_peaks(samples, top)
    if peaks.max(initial=0.0) <= top:
        return
    gain = np.minimum(np.float32(1), np.float32(top) / np.maximum(peaks, np.float32(1e-9)))
    ahead, release = int(_LOOKAHEAD * 48_000), int(_RELEASE * 48_000)
    gain = _lowest_near(gain, ahead, release)
    samples *= _smoothed(gain, ahead)[:, None]


def _true_peaks(samples: Samples, top: float) -> Samples:
    """The larger channel's peak at each sample, between its neighbours included where it could matter."""
    # A maximum along the short axis would cost ten times as much.
    peaks: Samples = np.maximum(np.abs(samples[:, 0]), np.abs(samples[:, 1]))
    near = np.flatnonzero(peaks > top * 0.6)
    taps = _interpolators()
    half = taps.shape[1] // 2
    padded = np.pad(samples, ((half, half), (0, 0)))
    for start in range(0, len(near), _BLOCK):
        at = near[start : start + _BLOCK]
        for channel in range(samples.shape[1]):
            for phase in taps:
                between = np.zeros(len(at), np.float32)
                for tap, weight in enumerate(phase):
                    between += weight * padded[at + tap + 1, channel]
                peaks[at] = np.maximum(peaks[at], np.abs(between))
    return peaks


def _interpolators() -> Samples:
    """Windowed sinc kernels for the points a quarter, a half and three quarters on from a sample."""
    reach = 8
    taps = np.arange(-reach + 1, reach + 1)
    kernels = []
    for shift in (0.25, 0.5, 0.75):
        at = taps - shift
        kernel = np.sinc(at) * np.cos(np.pi * at / (2 * reach + 1)) ** 2
        kernels.append(kernel / kernel.sum())
    weights: Samples = np.asarray(kernels, np.float32)
    return weights


def _lowest_near(gain: Samples, ahead: int, release: int) -> Samples:
    """At each sample the lowest gain from `release` before it to `ahead` after it."""
    width = ahead + release + 1
    padded = np.pad(gain, (release, ahead), constant_values=1)
    reach = 1
    while reach * 2 <= width:
        padded = np.minimum(padded[:-reach], padded[reach:])
        reach *= 2
    rest = width - reach
    lowest: Samples = np.minimum(padded[: len(padded) - rest], padded[rest:])
    return lowest


def _smoothed(gain: Samples, width: int) -> Samples:
    """A mean over the `width` samples up to each one, in two passes, so that the curve has no corner."""
    half = max(1, width // 2)
    for _ in range(2):
        total = np.concatenate(([0.0], np.cumsum(np.pad(gain, (half - 1, 0), mode="edge"), dtype=np.float64)))
        gain = ((total[half:] - total[:-half]) / half).astype(np.float32)
    return gain
