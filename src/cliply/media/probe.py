"""What a file is: streams, size, duration, rotation, frame rate. Read in a limited child process.

A malformed file can crash or swell a demuxer, so PyAV opens it in a child (`probe_child`) that may do nothing else.
"""

import json
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from cliply.errors import NotAllowed, NotFound
from cliply.media import isolation
from cliply.media.errors import TooMuch, Unreadable
from cliply.media.isolation import Limits
from cliply.media.types import Millis, Size, Span

STANDARD_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60")
)


@dataclass(frozen=True, slots=True)
class Video:
    """The first real picture stream."""

    codec: str
    size: Size
    """As shown: square pixels, the right way up."""
    coded: Size
    """As stored, before rotation and pixel shape."""
    rate: Fraction
    """Average frames a second."""
    constant_rate: bool
    rotation: int
    """Clockwise turn that a player applies: 0, 90, 180 or 270."""
    pixel_aspect: Fraction
    pixel_format: str
    colour_transfer: str
    """bt709, smpte2084 (PQ), arib-std-b67 (HLG), ...; empty if the file does not say."""
    colour_space: str
    colour_range: str
    start: Millis
    reorders: bool
    """Has B-frames, so that analysis may skip them."""
    last: Millis
    """When its last frame begins, from the start of the file."""
    end: Millis
    """When it ends, from the start of the file; the sound may go on."""

    @property
    def coded_upright(self) -> Size:
        """As it leaves a decoder that applies the rotation, pixels not yet square."""
        return Size(self.coded.height, self.coded.width) if self.rotation in (90, 270) else self.coded

    @property
    def hdr(self) -> bool:
        return self.colour_transfer in ("smpte2084", "arib-std-b67")

    @property
    def frame_rate(self) -> Fraction:
        """The constant rate for output: the nearest standard one at or below 60."""
        return min(STANDARD_RATES, key=lambda standard: abs(standard - self.rate))


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound stream that is used: the default one, else the first."""

    codec: str
    index: int
    """Among the sound streams, as in ffmpeg's `0:a:INDEX`."""
    rate: int
    channels: int
    start: Millis


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A text subtitle stream inside the file."""

    index: int
    """Among the subtitle streams, as in ffmpeg's `0:s:INDEX`."""
    codec: str
    language: str


@dataclass(frozen=True, slots=True)
class Source:
    """A readable media file."""

    path: Path
    container: str
    duration: Millis
    bytes: int
    video: Video | None
    sound: Sound | None
    subtitles: tuple[Subtitles, ...] = ()
    damage: str = ""
    """What is wrong with a file that is readable all the same, for the creator; empty if nothing is."""

    @property
    def pictured(self) -> Span:
        """From the first picture to the end of the last, from the start of the file; empty if there are none."""
        if self.video is None:
            return Span(0, 0)
        start = max(0, self.video.start - self.sound.start) if self.sound is not None else 0
        return Span(start, max(start, self.video.end))

    def shown(self, span: Span) -> "Source":
        """This file as it is shown during `span`: as sound alone where most of it has no picture."""
        return self if self.pictured.overlap(span) * 2 >= span.duration else replace(self, video=None)


def probe(path: Path) -> Source:
    """Read what `path` is.

    Raises NotFound, NotAllowed, Unreadable (with the reason and what to do) or TooMuch; takes at most 20 seconds.
    """
    _refuse_plainly(path)
    limits = Limits(wall_seconds=20, cpu_seconds=15, memory_bytes=3 * isolation.GIB, output_bytes=1 << 20)
    command: list[str | Path] = [sys.executable, "-I", "-m", "cliply.media.probe_child", path.absolute()]
    try:
        with isolation.start(command, limits=limits) as child:
            answer = b"".join(child.chunks(65_536))
            finished = child.wait()
    except TooMuch as slow:
        raise Unreadable(
            f"{_named(path)} could not be read in time; it looks damaged. Try to play or convert it first."
        ) from slow
    if finished.code != 0 or not answer:
        raise Unreadable(f"{_named(path)} could not be read; it looks damaged. Try to play or convert it first.")
    told = json.loads(answer)
    if "error" in told:
        raise Unreadable(f"{_named(path)} {told['error']}")
    return _source(path, told)


def _refuse_plainly(path: Path) -> None:
    try:
        status = path.stat()
        if path.is_dir():
            raise Unreadable(f"{_named(path)} is a folder. Name a video or sound file in it.")
        if not path.is_file():
            raise Unreadable(f"{_named(path)} is not a file. Name a video or sound file.")
        with path.open("rb"):
            pass
    except FileNotFoundError as absent:
        raise NotFound(f"{_named(path)} does not exist. Check the name and the folder.") from absent
    except PermissionError as refused:
        raise NotAllowed(f"{_named(path)} may not be read. Check its permissions.") from refused
    except OSError as strange:
        raise Unreadable(f"{_named(path)} cannot be opened: {strange.strerror}.") from strange
    if status.st_size == 0:
        raise Unreadable(f"{_named(path)} is empty. Download or copy it again.")


def _named(path: Path) -> str:
    """The file's name, harmless to print: control and direction marks are shown as escapes."""
    return f"“{printable(path.name)}”"


def printable(text: str) -> str:
    """`text` with everything that could steer a terminal or reverse the reading direction written out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _source(path: Path, told: dict[str, object]) -> Source:
    video, sound, subtitles = told["video"], told["sound"], told["subtitles"]
    return Source(
        path=path,
        container=str(told["container"]),
        duration=int(str(told["duration"])),
        bytes=path.stat().st_size,
        video=_video(video) if isinstance(video, dict) else None,
        sound=Sound(**sound) if isinstance(sound, dict) else None,
        subtitles=tuple(Subtitles(**stream) for stream in subtitles) if isinstance(subtitles, list) else (),
        damage=str(told["damage"]),
    )


def _video(told: dict[str, str]) -> Video:
    width, height = int(told["width"]), int(told["height"])
    aspect = Fraction(told["pixel_aspect"])
    rotation = round(int(told["rotation"]) / 90) * 90 % 360
    shown = (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))
    if rotation in (90, 270):
        shown = shown[1], shown[0]
    return Video(
        codec=told["codec"],
        size=Size(*shown),
        coded=Size(width, height),
        rate=Fraction(told["rate"]),
        constant_rate=bool(told["constant_rate"]),
        rotation=rotation,
        pixel_aspect=aspect,
        pixel_format=told["pixel_format"],
        colour_transfer=told["colour_transfer"],
        colour_space=told["colour_space"],
        colour_range=told["colour_range"],
        start=int(told["start"]),
        reorders=bool(told["reorders"]),
        last=int(told["last"]),
        end=int(told["end"]),
    )
