"""What a timeline tells about the file it points at."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from cliply.errors import CliplyError
from cliply.media.edit import SourceFile
from cliply.media.probe import probe
from cliply.media.timeline.shots import Cut


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A source file as editing programs ask for it."""

    url: str
    """file: URL, percent-encoded."""
    name: str
    picture: bool
    sound: bool
    rate: Fraction | None
    """Frames a second of the file; None when it is not known."""
    channels: int
    sample_rate: int


Facts: TypeAlias = Callable[[Cut], MediaFacts]


def media_facts(source: SourceFile) -> MediaFacts:
    """Read them from the file; where it is not at hand, an ordinary video with stereo sound is assumed."""
    path = Path(source.path).absolute()
    try:
        found = probe(path)
    except CliplyError:
        return MediaFacts(path.as_uri(), path.name, True, True, None, 2, 48_000)
    return MediaFacts(
        url=path.as_uri(),
        name=path.name,
        picture=found.video is not None,
        sound=found.sound is not None,
        rate=found.video.frame_rate if found.video is not None else None,
        channels=found.sound.channels if found.sound is not None else 0,
        sample_rate=found.sound.rate if found.sound is not None else 48_000,
    )
