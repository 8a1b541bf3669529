"""ffmpeg as a child process: found once, opened only on plain media files, limited and cancellable."""

import re
import subprocess
from collections.abc import Generator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

from cliply.errors import LimitReached
from cliply.media import isolation
from cliply.media.errors import ToolMissing, TooMuch, Unreadable
from cliply.media.isolation import Limits
from cliply.media.types import OnProgress, no_progress

# Playlists and concat scripts name other files and addresses; only self-contained containers may be opened.
# A protocol whitelist alone does not stop a playlist that names a neighbouring file.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,mp3,wav,w64,aiff,ogg,flac,aac,flv,asf"
MAX_PIXELS = 36_000_000
NEEDED_FILTERS = ("ass", "zscale", "ebur128", "alimiter", "silencedetect", "tonemap")

# A frame time between two frames would show the first frame twice, so times are handed over as exact fractions
# rounded to microseconds, ffmpeg's own clock.
_MICRO = 1_000_000


@cache
def program() -> Path:
    """The ffmpeg in the imageio-ffmpeg package, or the one that its variable IMAGEIO_FFMPEG_EXE names.

    Raises ToolMissing when there is none, or when it lacks a filter that rendering needs.
    """
    import imageio_ffmpeg

    try:
        named = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as missing:
        raise ToolMissing("ffmpeg is not installed. Install it with: pip install imageio-ffmpeg") from missing
    try:
        listed = subprocess.run(
            [named, "-hide_banner", "-filters"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError) as broken:
        raise ToolMissing(
            f"ffmpeg at {named} does not run. Install it again with: pip install --force-reinstall imageio-ffmpeg"
        ) from broken
    present = {line.split()[1] for line in listed.stdout.splitlines() if len(line.split()) > 2}
    if missing_filters := [name for name in NEEDED_FILTERS if name not in present]:
        raise ToolMissing(
            f"ffmpeg at {named} lacks {', '.join(missing_filters)}. "
            "Unset IMAGEIO_FFMPEG_EXE to use the one that Cliply brings."
        )
    return Path(named)


def time_argument(at: Fraction) -> str:
    """Exact time in seconds as ffmpeg reads it."""
    micros = round(at * _MICRO)
    return f"{micros // _MICRO}.{micros % _MICRO:06d}"


def guarded(path: Path) -> list[str]:
    """The flags, up to and with `-i`, that open an untrusted file and nothing else."""
    return [
        "-protocol_whitelist", "file", "-format_whitelist", CONTAINERS, "-max_pixels", str(MAX_PIXELS),
        "-max_streams", "64", "-probesize", "20M", "-analyzeduration", "20M", "-i", f"file:{path.absolute()}",
    ]  # fmt: skip


def run(
    arguments: Sequence[str | Path],
    *,
    limits: Limits | None = None,
    length: Fraction | None = None,
    on_progress: OnProgress = no_progress,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run ffmpeg to its end and return what it said. `length` in seconds turns its clock into a share done.

    Raises Unreadable with ffmpeg's last words when it fails, TooMuch at a limit; whatever `on_progress` raises
    kills ffmpeg and passes through.
    """
    command: list[str | Path] = [
        program(),
        "-nostdin",
        "-hide_banner",
        "-loglevel",
        "info",
        "-nostats",
        "-progress",
        "pipe:1",
        "-stats_period",
        "0.25",
    ]
    with isolation.start([*command, *arguments], limits=limits, folder=folder, environment=environment) as child:
        share = 0.0
        for chunk in child.chunks(65_536):
            done = re.findall(rb"out_time_us=(\d+)", chunk)
            if done and length:
                share = max(share, min(1.0, int(done[-1]) / _MICRO / float(length)))
            on_progress(share)
        finished = child.wait()
    if finished.code != 0:
        raise _failure(finished.stderr)
    return finished.stderr


def stream(
    arguments: Sequence[str | Path], *, limits: Limits | None = None, chunk: int = 1 << 20, folder: Path | None = None
) -> Generator[bytes]:
    """Run ffmpeg and yield what it writes to `pipe:1`; b"" while it is busy, so that callers can look up.

    Raises like `run`, after the last chunk.
    """
    command: list[str | Path] = [program(), "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats"]
    with isolation.start([*command, *arguments], limits=limits, folder=folder) as child:
        yield from child.chunks(chunk)
        finished = child.wait()
    if finished.code != 0:
        raise _failure(finished.stderr)


def read(
    arguments: Sequence[str | Path],
    *,
    limits: Limits | None = None,
    at_most: int = 1 << 30,
    on_progress: OnProgress = no_progress,
) -> bytes:
    """All that ffmpeg writes to `pipe:1`. Raises TooMuch above `at_most` bytes."""
    got = bytearray()
    for chunk in stream(arguments, limits=limits):
        got += chunk
        if len(got) > at_most:
            raise TooMuch(
                "This file unpacks to more than its length suggests; it is damaged or made to fill the memory."
            )
        on_progress(0.0)
    return bytes(got)


def _failure(stderr: str) -> Unreadable | LimitReached:
    if re.search(r"Cannot allocate memory|malloc of size \d+ failed|std::bad_alloc", stderr):
        return TooMuch(
            "This video needs more memory to decode than is allowed. Convert it to a smaller picture and try again."
        )
    if "No space left on device" in stderr or "Disk quota exceeded" in stderr:
        # Not TooMuch: it is not this file that asks for more than others, so trying the next one is no use.
        return LimitReached("The disk is full. Make room and run the same command again: it goes on from what is done.")
    return Unreadable(_last_words(stderr))


_EMPTY_WORDS = re.compile(
    r"^(frame|size|Lsize|video|bench)[=:]|muxing overhead|"
    r"Conversion failed!|Nothing was written|Task finished|Terminating thread|Error muxing a packet"
)


def _last_words(stderr: str) -> str:
    """The last line that tells something; ffmpeg ends with lines that only say that it ended."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if not _EMPTY_WORDS.search(line)]
    return (telling or lines or ["ffmpeg ended without a word."])[-1][:300]
