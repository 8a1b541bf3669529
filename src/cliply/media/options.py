"""What a creator may ask of a run."""

from pathlib import Path
from typing import Literal

from cliply.media.document import Document
from cliply.media.edit import Aspect, Brand, Quality
from cliply.media.types import Millis, Span

LayoutChoice = Literal["auto", "follow", "split", "grid", "stack", "fit"]
Tighten = Literal["off", "gentle", "hard"]
Profanity = Literal["off", "mask", "bleep"]


SHORTEST: Millis = 3_000
"""Nobody can ask for shorter clips."""


class ClipOptions(Document):
    """How to choose and make clips; the defaults are those of the command line."""

    count: int | None = None
    """How many clips; None: as many as are good."""
    shortest: Millis = 15_000
    longest: Millis = 60_000
    within: Span | None = None
    """Only this part of the source."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    language: str | None = None
    """ISO 639-1; None: detected."""
    transcript: Path | None = None
    """A given transcript instead of a made one."""
    aspect: Aspect = "9:16"
    layout: LayoutChoice = "auto"
    style: str = "bold"
    quality: Quality = "standard"
    tighten: Tighten = "off"
    profanity: Profanity = "off"
    title: bool = True
    """Burn in a hook line."""
    brand: Brand = Brand()
    loudness: float = -14.0
    """LUFS."""
