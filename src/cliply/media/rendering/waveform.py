"""A picture for sound that has none: the creator's colour, and bars that move with the voice."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cliply.media.rendering.encoding import AUDIO_RATE
from cliply.media.rendering.expressions import even_times
from cliply.media.types import Size

_BARS = 44
_HEIGHT = 200
_WINDOW = 2048
_LOWEST, _HIGHEST = 80.0, 7_000.0
_RANGE_DB = 42.0
_FALL = 0.82
"""What is left of a bar after one thirtieth of a second without sound."""
_COLOUR = "#5B6CFF"
_BAR_COLOUR = "0xFFFFFF"


def write_background(colour: str | None, size: Size, folder: Path) -> Path:
    """A quiet gradient in `colour` as a PNG in `folder`."""
    from PIL import Image

    base = np.array([int((colour or _COLOUR)[at : at + 2], 16) for at in (1, 3, 5)], np.float32)
    down = np.linspace(0, 1, size.height, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, size.width, dtype=np.float32)[None, :]
    # Bright behind the bars, dark at the bottom where the captions stand.
    light = 0.62 - 0.48 * down + 0.16 * np.exp(-(((down - 0.4) * 3.2) ** 2) - (across * 1.1) ** 2)
    # Without a little noise, eight bits show steps in so slow a gradient.
    noise = np.random.default_rng(1).uniform(-0.006, 0.006, light.shape).astype(np.float32)
    picture = np.clip((light + noise)[:, :, None] * base, 0, 255).astype(np.uint8)
    path = folder / "background.png"
    Image.fromarray(picture).save(path, compress_level=1)
    return path


def write_bars(samples: npt.NDArray[np.float32], rate: Fraction, frames: int, folder: Path) -> Path:
    """One small grey picture for each frame, as raw video of `bars_size`: the spectrum around that moment."""
    levels = _levels(samples.mean(axis=1), rate, frames)
    heights = np.maximum(0.025, levels)
    rows = np.abs(np.linspace(-1, 1, _HEIGHT))[None, :, None]
    path = folder / "bars.gray"
    with path.open("wb") as file:
        for start in range(0, frames, 256):
            bars = (rows <= heights[start : start + 256, None, :]).astype(np.uint8) * 255
            picture = np.zeros((len(bars), _HEIGHT, bars_size().width), np.uint8)
            picture[:, :, ::2] = bars
            file.write(picture.tobytes())
    return path


def bars_size() -> Size:
    """Bars and the gaps between them, one pixel wide each."""
    return Size(2 * _BARS, _HEIGHT)


def waveform_graph(rate: Fraction, frames: int, size: Size, *, first_input: int, out: str) -> str:
    """The picture from two inputs, the background and the bars."""
    width, height = round(size.width * 0.74 / bars_size().width) * bars_size().width, round(size.height * 0.17 / 2) * 2
    still = f"scale={size.width}:{size.height}:out_color_matrix=bt709:out_range=tv,format=yuv420p"
    return (
        f"[{first_input}:v:0]{still},loop=loop=-1:size=1:start=0,{even_times(rate)},fps={rate},trim=end_frame={frames}"
        f"[{out}_behind];\n"
        f"[{first_input + 1}:v:0]scale={width}:{height}:flags=neighbor,format=gray[{out}_shape];\n"
        f"color=c={_BAR_COLOUR}:s={width}x{height}:r={rate},format=yuv420p,trim=end_frame={frames}[{out}_ink];\n"
        f"[{out}_ink][{out}_shape]alphamerge[{out}_bars];\n"
        f"[{out}_behind][{out}_bars]overlay=(W-w)/2:H*0.4-h/2:format=yuv420:eof_action=repeat,"
        f"trim=end_frame={frames},setsar=1[{out}]"
    )


def _levels(mono: npt.NDArray[np.float32], rate: Fraction, frames: int) -> npt.NDArray[np.float32]:
    """Height of each bar in each frame, 0 to 1; the loudest of the clip reaches the top."""
    padded = np.pad(mono, (_WINDOW // 2, _WINDOW))
    hann = np.hanning(_WINDOW).astype(np.float32)
    edges = np.geomspace(_LOWEST, _HIGHEST, _BARS // 2 + 1) * _WINDOW / AUDIO_RATE
    columns = np.maximum(1, np.floor(edges)).astype(int)
    bands = np.zeros((frames, _BARS // 2), np.float32)
    for frame in range(frames):
        at = round(frame * AUDIO_RATE / rate)
        power = np.abs(np.fft.rfft(padded[at : at + _WINDOW] * hann)) ** 2
        total = np.concatenate(([0.0], np.cumsum(power)))
        last = np.maximum(columns[1:], columns[:-1] + 1)
        bands[frame] = (total[last] - total[columns[:-1]]) / (last - columns[:-1])
    decibels = 10 * np.log10(bands + 1e-9) + np.linspace(0, 14, bands.shape[1], dtype=np.float32)
    top = max(float(np.percentile(decibels, 99.5)), -20.0)
    heights = np.clip(1 + (decibels - top) / _RANGE_DB, 0, 1) ** 1.4
    fall = _FALL ** float(30 / rate)
    for frame in range(1, frames):
        heights[frame] = np.maximum(heights[frame], heights[frame - 1] * fall)
    # Low voices in the middle, the same to both sides.
    mirrored: npt.NDArray[np.float32] = np.concatenate([heights[:, ::-1], heights], axis=1).astype(np.float32)
    return mirrored
