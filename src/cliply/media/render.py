"""ClipEdit to a video file: the sound first, then one decode and one encode of the picture."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cliply.errors import LimitReached, NotAllowed
from cliply.media import ffmpeg
from cliply.media.edit import ClipEdit
from cliply.media.encoding import video_arguments
from cliply.media.errors import RenderFailed, Unreadable
from cliply.media.framemap import FrameMap, Run, frame_map
from cliply.media.graph import picture_graph
from cliply.media.isolation import Limits
from cliply.media.mix import mix
from cliply.media.probe import Source
from cliply.media.types import Millis, OnProgress, Size, no_progress
from cliply.media.verify import Expected, verify

_SOUND_SHARE = 0.06
_PICTURE_SHARE = 0.98

# Generous for a detailed picture at the best quality; checked before the work so that a full disk is no surprise.
_MOST_MEGABITS = {"draft": 8, "standard": 16, "high": 24}
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished clip."""

    path: Path
    duration: Millis
    size: Size
    frames: int
    loudness: float
    """Integrated, LUFS, of the sound in the file."""
    true_peak: float
    """dBTP, of the sound in the file."""
    cpu_seconds: float
    """Processor time of the whole render, child processes included."""


def render(
    edit: ClipEdit,
    source: Source,
    out: Path,
    *,
    threads: int | None = None,
    on_progress: OnProgress = no_progress,
) -> Rendered:
    """Make `out` (an .mp4) from `edit`. It appears whole, or not at all.

    Raises RenderFailed when the encoder gives no usable file, NotAllowed and LimitReached when the folder cannot be
    written or is full, TooMuch at a limit. Safe to run several times at once.
    """
    started = time.thread_time()
    out = out.absolute()
    frames = frame_map(edit, source)
    refuse_full_disk(edit, out)
    with _unfinished(out) as part, tempfile.TemporaryDirectory(prefix="cliply-render-") as scratch:
        folder = Path(scratch)
        sound = mix(edit, source, frames, folder, on_progress=lambda share: on_progress(_SOUND_SHARE * share))
        used = _encode(edit, source, frames, folder, part, threads, on_progress)
        verify(part, Expected(edit.output.size, frames.rate, frames.frames))
        _keep(part, out)
    on_progress(1.0)
    return Rendered(
        path=out,
        duration=round(frames.frames / frames.rate * 1000),
        size=edit.output.size,
        frames=frames.frames,
        loudness=sound.level.loudness,
        true_peak=sound.level.true_peak,
        cpu_seconds=round(used + time.thread_time() - started, 3),
    )


def refuse_full_disk(edit: ClipEdit, out: Path) -> None:
    """Raises NotAllowed or LimitReached when `out` cannot be written where it should go."""
    try:
        free = shutil.disk_usage(out.parent).free
    except OSError as absent:
        raise NotAllowed(f"The folder {out.parent} cannot be used: {absent.strerror}.") from absent
    needed = edit.duration * _MOST_MEGABITS[edit.output.quality] * 125 + _SPARE_BYTES
    if free < needed:
        raise LimitReached(
            f"Only {free >> 20} MB are free in {out.parent}; this clip may need {needed >> 20} MB. Make room or choose"
            " another folder."
        )


def _encode(
    edit: ClipEdit,
    source: Source,
    frames: FrameMap,
    folder: Path,
    part: Path,
    threads: int | None,
    on_progress: OnProgress,
) -> float:
    """Encode the picture beside the finished sound. Returns the processor seconds of the encoder."""
    assert source.video is not None
    environment: dict[str, str] = {}
    text = _text(edit, folder, environment)
    graph = picture_graph(edit, source.video, frames, out="picture" if text else "v")
    (folder / "graph.txt").write_text(graph + (f";\n[picture]{text}[v]" if text else ""), encoding="utf-8")
    arguments: list[str | Path] = ["-benchmark"]
    for run in frames.runs:
        arguments += _input(source, run, frames.rate)
    arguments += ["-i", f"file:{folder / 'sound.m4a'}", "-/filter_complex", "graph.txt"]
    arguments += ["-map", "[v]", "-map", f"{len(frames.runs)}:a:0", "-c:a", "copy"]
    arguments += video_arguments(edit.output.quality, frames.rate, threads)
    arguments += ["-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart", "-f", "mp4"]
    length = frames.frames / frames.rate
    span = _PICTURE_SHARE - _SOUND_SHARE
    try:
        said = ffmpeg.run(
            [*arguments, "-y", f"file:{part}"],
            limits=Limits(wall_seconds=max(300, 60 * float(length)), cpu_seconds=max(600, int(60 * length))),
            length=length,
            on_progress=lambda share: on_progress(_SOUND_SHARE + span * share),
            folder=folder,
            environment=environment,
        )
    except Unreadable as failed:
        if shutil.disk_usage(part.parent).free < _SPARE_BYTES >> 2:
            raise LimitReached(f"The disk of {part.parent} is full. Make room and start again.") from failed
        raise RenderFailed(f"The clip could not be encoded: {failed}") from failed
    return processor_seconds(said)


def _input(source: Source, run: Run, rate: Fraction) -> list[str]:
    length = run.origin - run.seek + (run.cuts[-1].end + 2) / rate
    seek = ["-ss", ffmpeg.time_argument(run.seek), "-t", ffmpeg.time_argument(length)]
    return ["-reinit_filter", "0", "-an", "-sn", "-dn", *seek, *ffmpeg.guarded(source.path)]


def _text(edit: ClipEdit, folder: Path, environment: dict[str, str]) -> str:
    """The filter that burns in captions and hook; empty when there is nothing to write."""
    if not (edit.captions.show and edit.words) and edit.hook is None:
        return ""
    from cliply.media.captions.ass import write_ass
    from cliply.media.captions.fonts import font_environment

    written = write_ass(edit, folder)
    environment.update(font_environment(folder, edit.brand.font))
    return f"ass={written.name}"


def processor_seconds(said: str) -> float:
    """What ffmpeg's -benchmark says of its own processor time."""
    found = re.findall(r"bench: utime=([\d.]+)s stime=([\d.]+)s", said)
    return sum(float(part) for part in found[-1]) if found else 0.0


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """A hidden name beside `out` for the file while it is made; nothing is left of it in the end."""
    _sweep(out.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=f".cliply-{os.getpid()}-", suffix=".part", dir=out.parent)
    except OSError as refused:
        raise NotAllowed(f"The folder {out.parent} cannot be written: {refused.strerror}.") from refused
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a killed render left here: files whose process is gone."""
    for left in folder.glob(".cliply-*-*.part"):
        owner = left.name.split("-")[1]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists() and time.time() - left.stat().st_mtime > 60:
            left.unlink(missing_ok=True)


def _keep(part: Path, out: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.chmod(0o644)
    part.replace(out)
