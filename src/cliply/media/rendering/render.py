"""ClipEdit to a video file: the sound first, then one decode and one encode of the picture."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cliply.errors import LimitReached, NotAllowed
from cliply.media.edit import ClipEdit
from cliply.media.probe import Source
from cliply.media.rendering.bumper import bumper
from cliply.media.rendering.encode import Job, encode
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.mix import mix
from cliply.media.rendering.verify import Expected, verify
from cliply.media.scratch import scratch_folder
from cliply.media.types import Millis, OnProgress, Size, no_progress

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
    """Processor time of the encoder and of the calling thread."""


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
    with _unfinished(out) as part, scratch_folder("render") as scratch:
        folder = Path(scratch)
        intro = bumper(edit.brand.intro, edit) if edit.brand.intro else None
        outro = bumper(edit.brand.outro, edit) if edit.brand.outro else None
        job = Job(edit, source, frames, folder, intro, outro)
        sound = mix(
            edit,
            source,
            frames,
            folder,
            before=intro.sound(folder) if intro else None,
            after=outro.sound(folder) if outro else None,
            on_progress=lambda share: on_progress(_SOUND_SHARE * share),
        )
        used = encode(job, sound, part, threads=threads, on_progress=lambda share: on_progress(_picture_share(share)))
        verify(part, Expected(edit.output.size, frames.rate, job.total_frames))
        _keep(part, out)
    on_progress(1.0)
    return Rendered(
        path=out,
        duration=round(job.total_frames / frames.rate * 1000),
        size=edit.output.size,
        frames=job.total_frames,
        loudness=sound.level.loudness,
        true_peak=sound.level.true_peak,
        cpu_seconds=round(used + time.thread_time() - started, 3),
    )


def _picture_share(share: float) -> float:
    return _SOUND_SHARE + (_PICTURE_SHARE - _SOUND_SHARE) * share


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
