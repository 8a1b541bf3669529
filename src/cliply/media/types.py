"""The values that the stages hand to each other.

Time is whole milliseconds everywhere (see docs/decisions/0001): exact to add and compare, the same in
JSON, and fine enough that rounding to a frame always finds the same frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

Millis: TypeAlias = int
"""Whole milliseconds, of the source unless a name says otherwise."""

OnProgress: TypeAlias = Callable[[float], None]
"""Told the share done, 0 to 1, a few times a second; raises (`Cancelled`) to make the stage stop."""


def no_progress(_share: float) -> None:
    """Progress that nobody watches."""


def seconds(millis: Millis) -> float:
    return millis / 1000


def millis(seconds: float) -> Millis:
    return round(seconds * 1000)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Time from `start` up to, not including, `end`."""

    start: Millis
    end: Millis

    @property
    def duration(self) -> Millis:
        return self.end - self.start

    def contains(self, at: Millis) -> bool:
        return self.start <= at < self.end

    def overlap(self, other: "Span") -> Millis:
        return max(0, min(self.end, other.end) - max(self.start, other.start))

    def clamp(self, within: "Span") -> "Span":
        start = min(max(self.start, within.start), within.end)
        return Span(start, max(start, min(self.end, within.end)))


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in square pixels, the right way up."""

    width: int
    height: int

    @property
    def ratio(self) -> float:
        return self.width / self.height


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in source pixels (square, the right way up), origin top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        return self.width * self.height

    def overlap(self, other: "Box") -> float:
        """Shared area in square pixels."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(0.0, width) * max(0.0, height)


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word as it is written, punctuation included, no spaces around it."""

    text: str
    start: Millis
    end: Millis
    confidence: float = 1.0
    speaker: str | None = None

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Transcript:
    """All words of a source in order of their start."""

    language: str
    """ISO 639-1 code."""
    words: tuple[Word, ...]
    made_by: str = ""
    """The transcriber and its model, for the record."""
    sounds_like: str = ""
    """ISO 639-1 code of what is clearly spoken, where another language was named; else empty."""

    def within(self, span: Span) -> tuple[Word, ...]:
        """The words whose middle lies inside `span`."""
        return tuple(word for word in self.words if span.contains((word.start + word.end) // 2))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A run of words, `first` up to, not including, `last` as indexes into the transcript's words."""

    first: int
    last: int
    span: Span
    text: str
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class FaceAt:
    """One face at one moment."""

    at: Millis
    box: Box
    person: int
    """The same number for the same face while it is followed; numbers mean nothing across shots."""
    speaking: float = 0.0
    """0 to 1: how likely this face is the one that is heard."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One reason for a highlight's rank, compared with the other candidates of the same source."""

    name: str
    """hook, standalone, payoff, substance, emotion, delivery, focus, match"""
    percentile: int
    """0 to 100 within this source; not a prediction of views."""
    reason: str
    """A sentence for the creator; empty if the dimension did not move the rank."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """A moment that could become a clip."""

    span: Span
    score: float
    """Orders candidates within this source; 0 to 100, a percentile."""
    text: str
    reason: str
    dimensions: tuple[Dimension, ...] = ()
    chosen: bool = False
    """Part of the best set; the others are kept for `cliply more`."""
    topic: int = 0
    title: str = ""
    keywords: tuple[str, ...] = field(default=())
