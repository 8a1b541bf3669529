"""Sound against picture after two hundred jump cuts, on a source that flashes and beeps every second."""

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.material import onsets, still_edit
from benchmarks.registry import Row, at_most, benchmark
from cliply.media import ffmpeg
from cliply.media.probe import Source, probe
from cliply.media.rendering.render import render
from cliply.media.types import Span

_RATE = 48_000
_CUTS = 200


def flash_and_beep(path: Path, rate: str, seconds: int) -> Source:
    """A black picture of 64 × 64 with one white frame at each second, where a beep of 33 ms begins."""
    exact = Fraction(rate)
    count = int(seconds * exact)
    flashes = [int(-(-second * exact // 1)) for second in range(1, seconds)]
    luma = np.full((count, 64 * 64), 16, np.uint8)
    luma[[flash for flash in flashes if flash < count]] = 235
    pictures = np.concatenate([luma, np.full((count, 64 * 32), 128, np.uint8)], axis=1)
    sound = np.zeros(seconds * _RATE, np.float32)
    tone = 0.5 * np.sin(np.arange(_RATE // 30) * (2 * np.pi * 1000 / _RATE)).astype(np.float32)
    for flash in flashes:
        at = round(flash / exact * _RATE)
        sound[at : at + len(tone)] = tone[: max(0, len(sound) - at)]
    with tempfile.TemporaryDirectory() as folder:
        raw, wave = Path(folder) / "pictures.yuv", Path(folder) / "sound.f32"
        pictures.tofile(raw)
        sound.tofile(wave)
        video = [
            "-f",
            "rawvideo",
            "-pixel_format",
            "yuv420p",
            "-video_size",
            "64x64",
            "-framerate",
            rate,
            "-i",
            f"file:{raw}",
        ]
        audio = ["-f", "f32le", "-ar", str(_RATE), "-ac", "1", "-i", f"file:{wave}"]
        encode = ["-c:v", "libx264", "-preset", "veryfast", "-g", "120", "-c:a", "aac", "-b:a", "96k"]
        ffmpeg.run([*video, *audio, *encode, "-y", f"file:{path}"])
    return probe(path)


def offsets(path: Path) -> list[float]:
    """Milliseconds from each flash to its beep; empty when some are missing."""
    import av

    with av.open(str(path)) as file:
        seen = [
            (frame.time or 0.0, frame.to_ndarray(format="gray")[::16, ::16].mean() > 120)
            for frame in file.decode(video=0)
        ]
    flashes = [time for (time, lit), (_, before) in zip(seen[1:], seen, strict=False) if lit and not before]
    beeps = onsets(path)
    if len(beeps) != len(flashes):
        return []
    return [float(beep - flash) * 1000 for flash, beep in zip(flashes, beeps, strict=True)]


@benchmark("jump-cuts")
def jump_cuts(folder: Path) -> Sequence[Row]:
    rows = []
    for rate in ("30", "30000/1001"):
        source = flash_and_beep(folder / "flash.mp4", rate, _CUTS + 2)
        spans = tuple(Span(second * 1000 - 137, second * 1000 + 161) for second in range(1, _CUTS + 1))
        edit = still_edit(source, spans, rate=rate)
        found = offsets(render(edit, source, folder / "clip.mp4").path)
        worst = max(map(abs, found)) if len(found) == _CUTS else float("inf")
        rows.append(
            at_most(
                f"{_CUTS} jump cuts at {rate} frames a second: largest offset of sound and picture",
                worst,
                4,
                unit=" ms",
            )
        )
    return rows
