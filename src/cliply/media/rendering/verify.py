"""Is a rendered file whole and what it should be? Opened with PyAV, because it is our own and needs no isolation."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from cliply.media.errors import RenderFailed
from cliply.media.types import Millis, Size

_MOST_OFFSET: Millis = 40
_TAIL = 2.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What the file must turn out to be."""

    size: Size
    rate: Fraction
    frames: int


def verify(path: Path, expected: Expected) -> None:
    """Raises RenderFailed, naming what differs."""
    import av

    try:
        with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as file:
            problem = _streams(file, expected) or _timing(file, expected) or _tail(file)
    except (av.FFmpegError, OSError) as broken:
        problem = f"it cannot be opened ({broken})"
    if problem:
        raise RenderFailed(
            f"The rendered clip is not usable: {problem}. Try again; if it stays so, the source may be damaged."
        )


def _streams(file: Any, expected: Expected) -> str:
    if len(file.streams.video) != 1 or len(file.streams.audio) != 1:
        return "it does not have one picture and one sound"
    video, audio = file.streams.video[0], file.streams.audio[0]
    shape = video.sample_aspect_ratio
    if video.codec_context.name != "h264" or audio.codec_context.name != "aac":
        return f"it is {video.codec_context.name} with {audio.codec_context.name}"
    if (video.width, video.height) != (expected.size.width, expected.size.height):
        return f"its picture is {video.width} × {video.height}"
    if shape not in (None, 0, 1) or video.codec_context.pix_fmt != "yuv420p":
        return f"its pixels are {shape} {video.codec_context.pix_fmt}"
    return ""


def _timing(file: Any, expected: Expected) -> str:
    """Packets from beginning to end: none missing, none damaged, both streams equally long."""
    counts: dict[str, int] = {}
    starts: dict[str, Fraction] = {}
    ends: dict[str, Fraction] = {}
    for packet in file.demux(file.streams.video[0], file.streams.audio[0]):
        if packet.pts is None or not packet.size:
            continue
        kind = packet.stream.type
        counts[kind] = counts.get(kind, 0) + 1
        start = packet.pts * packet.time_base
        starts[kind] = min(starts.get(kind, start), start)
        ends[kind] = max(ends.get(kind, start), start + (packet.duration or 0) * packet.time_base)
    if set(counts) != {"video", "audio"}:
        return "it is empty"
    if abs(counts["video"] - expected.frames) > 1:
        return f"it has {counts['video']} frames instead of {expected.frames}"
    if abs(starts["video"]) > 1 / expected.rate:
        return "its picture does not begin at once"
    # The last AAC frame is filled up with silence, 21 ms at most.
    if abs(ends["video"] - ends["audio"]) * 1000 >= _MOST_OFFSET:
        return f"sound and picture differ in length by {float(abs(ends['video'] - ends['audio'])):.3f} s"
    return ""


def _tail(file: Any) -> str:
    """The last seconds decode. Only frames that others are built on are looked at: damage there spreads."""
    video = file.streams.video[0]
    video.thread_type = "NONE"
    video.codec_context.skip_frame = "BIDIR"
    video.codec_context.options = {"skip_loop_filter": "all"}
    file.seek(int(max(0, (video.duration or 0) * video.time_base - _TAIL) / video.time_base), stream=video)
    shown = sum(1 for _ in _frames(file, video))
    return "" if shown else "its last seconds cannot be decoded"


def _frames(file: Any, video: Any) -> Iterator[Any]:
    for packet in file.demux(video):
        yield from packet.decode()
