"""Small pictures of a source at a low rate, for looking at rather than for showing.

They come square and the right way up, in 8 bits and standard range whatever the file holds. Each carries the exact time
of the source frame it was made from, also where the frame rate varies, because a camera that cuts a frame late
flashes the wrong person.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliply.media import ffmpeg
from cliply.media.errors import Unreadable
from cliply.media.isolation import Limits
from cliply.media.probe import Source, Video
from cliply.media.scratch import scratch_folder
from cliply.media.types import Millis, OnProgress, Size, Span, no_progress

Picture = NDArray[np.uint8]

# A rate above every real one: all frames are wanted.
EVERY_FRAME = Fraction(1000)
_OLD_CODECS = ("h264", "mpeg1video", "mpeg2video", "mpeg4")
_TURNS = {90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}
_TONE_MAP = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"


@dataclass(frozen=True, slots=True)
class Frame:
    """One small picture of the source."""

    at: Millis
    """When the source frame it was made from appears."""
    planes: Picture
    """I420: the luma plane with the two quarter-size colour planes below it."""

    @property
    def luma(self) -> Picture:
        return self.planes[: self.planes.shape[0] * 2 // 3]

    @property
    def picture(self) -> Picture:
        """Height by width by blue, green, red."""
        import cv2

        return np.asarray(cv2.cvtColor(self.planes, cv2.COLOR_YUV2BGR_I420), np.uint8)


def frames(
    source: Source,
    span: Span,
    *,
    rate: Fraction,
    width: int,
    skip: bool = True,
    on_progress: OnProgress = no_progress,
) -> Iterator[Frame]:
    """Frames of `span`, at most `rate` a second, `width` pixels wide or the source's width if that is less.

    With `skip`, frames that no other needs (B-frames) are not decoded, which costs a third; the others come at
    their own times. A source without pictures gives none. Raises Unreadable when ffmpeg can make nothing of the file.
    """
    if source.video is None or span.duration <= 0:
        return
    opening = ["-ss", ffmpeg.time_argument(Fraction(span.start, 1000))]
    opening += ["-t", ffmpeg.time_argument(Fraction(span.duration, 1000))]
    # The loop filter only smooths block edges, which shrinking does as well.
    # One thread: a second saves no time beside the faces that are looked for meanwhile, and costs a tenth.
    speed = ["-threads", "1", "-skip_loop_filter", "all"]
    if skip and source.video.reorders:
        # Newer codecs mark nearly every frame as bidirectional, so there only those that no other needs are left out.
        speed += ["-skip_frame", "bidir" if source.video.codec in _OLD_CODECS else "noref"]
    for frame in _decode(source, source.video, [*speed, *opening], rate, width):
        if frame is None:
            on_progress(0.0)
            continue
        at = frame.at + span.start
        on_progress(min(1.0, (at - span.start) / span.duration))
        if at < span.end:
            yield Frame(at, frame.planes)


def small_size(video: Video, width: int) -> Size:
    """The size of pictures asked for at `width`: even, never enlarged, at least 16 pixels a side."""
    wide = min(width, video.size.width)
    return Size(_even(wide), _even(wide * video.size.height / video.size.width))


def _even(length: float) -> int:
    return max(16, round(length / 2) * 2)


def _decode(source: Source, video: Video, opening: list[str], rate: Fraction, width: int) -> Iterator[Frame | None]:
    """Frames with times from where `opening` starts; None while ffmpeg is busy."""
    size = small_size(video, width)
    bytes_each = size.width * size.height * 3 // 2
    with scratch_folder("frames") as scratch:
        folder = Path(scratch)
        times = _Times(folder / "times.txt")
        arguments: list[str | Path] = ["-noautorotate", *opening, *ffmpeg.guarded(source.path)]
        arguments += ["-filter_complex", _graph(video, size, rate), "-map", "[out]", "-an", "-sn", "-dn"]
        arguments += ["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]
        pending = bytearray()
        limits = Limits(wall_seconds=120 + source.duration / 500, output_bytes=1 << 40)
        for chunk in ffmpeg.stream(arguments, limits=limits, folder=folder, chunk=bytes_each):
            pending += chunk
            if not chunk:
                yield None
            while len(pending) >= bytes_each:
                planes = np.frombuffer(bytes(pending[:bytes_each]), np.uint8).reshape(size.height * 3 // 2, size.width)
                del pending[:bytes_each]
                yield Frame(times.next(), planes)


def _graph(video: Video, size: Size, rate: Fraction) -> str:
    """Choose frames before shrinking them, and write down the time of each before it leaves."""
    turned = video.rotation in (90, 270)
    width, height = (size.height, size.width) if turned else (size.width, size.height)
    per_second = float(rate)
    # One frame for each tick of an even clock, so that odd rates keep the average.
    tick = f"floor(t*{per_second:.6f}+0.001)"
    last = f"floor(prev_selected_t*{per_second:.6f}+0.001)"
    shrink = [f"scale={width}:{height}:flags=area:out_range=tv", *_TURNS.get(video.rotation, [])]
    if video.hdr:
        shrink.append(_TONE_MAP)
    chosen = f"select='isnan(prev_selected_t)+gt({tick},{last})',settb=AVTB"
    note = "metadata=mode=add:key=c:value=1,metadata=mode=print:direct=1:file=times.txt"
    return f"[0:v:0]{chosen},{','.join(shrink)},format=yuv420p,{note}[out]"


class _Times:
    """Reads the times that ffmpeg writes beside the pictures, a line ahead of each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._read: list[int] = []
        self._given = 0

    def next(self) -> Millis:
        if self._given >= len(self._read):
            self._more()
        if self._given >= len(self._read):
            raise Unreadable("The pictures of this file could not be put in time; try to convert it first.")
        self._given += 1
        return round(self._read[self._given - 1] / 1000)

    def _more(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("rb") as notes:
            notes.seek(self._offset)
            text = notes.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._read += [int(stamp) for stamp in re.findall(rb"pts:(-?\d+)", whole)]
