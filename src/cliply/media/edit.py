"""ClipEdit: one clip as data.

The pipeline writes it, a person may edit it, the renderer and every timeline export read it. All times are whole
milliseconds of the source unless a field says otherwise; all pixels are source pixels, square and the right way up.
"""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cliply.media.document import Document
from cliply.media.types import Box, Millis, Size, Span, Word

Layout = Literal["follow", "split", "grid", "stack", "fit"]
Aspect = Literal["9:16", "1:1", "4:5", "16:9"]
Quality = Literal["draft", "standard", "high"]

OUTPUT_SIZES: dict[Aspect, Size] = {
    "9:16": Size(1080, 1920),
    "1:1": Size(1080, 1080),
    "4:5": Size(1080, 1350),
    "16:9": Size(1920, 1080),
}


class SourceFile(Document):
    """The video that a clip is cut from."""

    path: Path
    """Absolute, or relative to the folder of the edit file."""
    fingerprint: str
    """Identifies the content, see `cliply.media.fingerprint`."""
    size: Size
    duration: Millis


class EditWord(Document):
    """A spoken word as the captions show it. Change `text` to correct it; an empty text hides it."""

    text: str
    start: Millis
    end: Millis
    confidence: float = 1.0
    speaker: str | None = None
    emphasis: bool = False
    emoji: str | None = None

    @property
    def word(self) -> Word:
        return Word(self.text, self.start, self.end, self.confidence, self.speaker)


class CameraKey(Document):
    """What part of the picture a pane shows from `at` on."""

    at: Millis
    x: float
    y: float
    width: float
    height: float
    move: Literal["cut", "glide"] = "cut"
    """`glide`: moves evenly eased from the previous key's place to this one, arriving at `at`."""

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.width, self.height)


class Place(Document):
    """A rectangle of the finished picture, each side as a share from 0 to 1."""

    x: float = Field(0, ge=0, lt=1)
    y: float = Field(0, ge=0, lt=1)
    width: float = Field(1, gt=0, le=1)
    height: float = Field(1, gt=0, le=1)


class Pane(Document):
    """One camera and where its picture goes."""

    place: Place = Place()
    camera: tuple[CameraKey, ...] = Field(min_length=1)
    """In order of time; the first holds from the beginning of the layout span."""
    backdrop: Literal["none", "blur"] = "none"
    """`blur`: the window is shown whole, on a blurred enlargement of itself; `none`: the window fills the place."""


class LayoutSpan(Document):
    """How the picture is arranged during a stretch of the source."""

    span: Span
    layout: Layout
    panes: tuple[Pane, ...] = Field(min_length=1)
    """In the order they are drawn. Each camera window has its place's shape, except on a backdrop."""
    caption_position: float | None = None
    """Replaces `captions.position` while this is shown; null where one place suits the whole clip."""
    why: str = ""


class Captions(Document):
    """How the words are shown."""

    style: str = "bold"
    """A named style, or the path of a style file, absolute or relative to the folder of the edit file."""
    show: bool = True
    position: float | None = None
    """Where the middle of the caption block sits, 0 top to 1 bottom; null: chosen clear of faces and app buttons."""
    lines: int | None = Field(None, ge=1, le=3)
    """At most so many lines at once; null: as the style says, or one where only that fits below a close face."""


class Hook(Document):
    """The line that is burned in at the beginning."""

    text: str = Field(max_length=120)
    milliseconds: int = Field(4000, ge=500)
    """How long it stays, in clip time."""
    position: float | None = None
    """Where the middle of the line sits, 0 top to 1 bottom; null: at the top, below the apps' buttons."""


class Brand(Document):
    """A creator's own look. Paths are absolute, or relative to the folder of the file that names them."""

    logo: Path | None = None
    logo_corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-right"
    logo_width: float = Field(0.16, gt=0, le=0.5)
    """Share of the picture's width."""
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")
    """Replaces the caption style's highlight colour."""
    font: Path | None = None
    """A TTF or OTF file that replaces the caption style's font."""
    intro: Path | None = None
    outro: Path | None = None


class Audio(Document):
    """How the clip sounds."""

    loudness: float = Field(-14.0, ge=-31, le=-8)
    """Integrated, LUFS (ITU-R BS.1770)."""
    true_peak: float = Field(-1.5, ge=-9, le=0)
    """dBTP, at most."""
    profanity: Literal["off", "mask", "bleep"] = "off"
    muted: tuple[Span, ...] = ()
    """Stretches of the source that are silenced, or bleeped when `profanity` is `bleep`."""


class Output(Document):
    """The file that is made."""

    aspect: Aspect = "9:16"
    quality: Quality = "standard"
    frame_rate: str = Field("30", pattern=r"^\d+(/\d+)?$")
    """Frames a second as a fraction, `30` or `30000/1001`, from 1 to 120; constant."""

    @field_validator("frame_rate")
    @classmethod
    def _playable(cls, written: str) -> str:
        over, _, under = written.partition("/")
        if not int(under or 1) or not 1 <= Fraction(int(over), int(under or 1)) <= 120:
            raise ValueError("a frame rate is from 1 to 120")
        return written

    @property
    def rate(self) -> Fraction:
        return Fraction(self.frame_rate)

    @property
    def size(self) -> Size:
        full = OUTPUT_SIZES[self.aspect]
        if self.quality != "draft":
            return full
        return Size(full.width * 2 // 3, full.height * 2 // 3)


class Cover(Document):
    """The still picture that stands for the clip."""

    at: Millis | None = None
    """The frame to use, in source time; null: the best one is looked for."""
    title: str | None = None
    """Text on the cover; null: none."""


class PostText(Document):
    """What is written beside the clip when it is posted."""

    title: str = Field("", max_length=100)
    description: str = Field("", max_length=2200)
    hashtags: tuple[str, ...] = ()


class ClipEdit(Document):
    """Everything that makes a clip, and nothing that can be derived from it."""

    schema_version: Literal[1] = 1
    source: SourceFile
    spans: tuple[Span, ...] = Field(min_length=1)
    """The stretches of the source that are kept, in order; between them the clip jumps."""
    words: tuple[EditWord, ...] = ()
    layouts: tuple[LayoutSpan, ...] = Field(min_length=1)
    """Together they cover every span."""
    captions: Captions = Captions()
    hook: Hook | None = None
    brand: Brand = Brand()
    audio: Audio = Audio()
    output: Output = Output()
    cover: Cover = Cover()
    post: PostText = PostText()
    language: str = "en"

    @field_validator("spans")
    @classmethod
    def _in_order(cls, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        if any(span.start < 0 or span.duration <= 0 for span in spans):
            raise ValueError("every span needs a start at or after 0 and an end after its start")
        if any(later.start < earlier.end for earlier, later in pairwise(spans)):
            raise ValueError("spans must be in order and must not overlap")
        return spans

    @model_validator(mode="after")
    def _covered(self) -> "ClipEdit":
        for span in self.spans:
            at = span.start
            for layout in sorted(self.layouts, key=lambda layout: layout.span.start):
                if layout.span.start <= at < layout.span.end:
                    at = layout.span.end
            if at < span.end:
                raise ValueError(
                    f"no layout covers the source from {at} to {span.end} milliseconds; "
                    "let the “span” of one of the “layouts” reach over that too"
                )
        return self

    @property
    def span(self) -> Span:
        """From the first kept moment to the last, in source time."""
        return Span(self.spans[0].start, self.spans[-1].end)

    @property
    def duration(self) -> Millis:
        """Of the clip, without intro and outro."""
        return sum(span.duration for span in self.spans)

    def layout_during(self, start: Millis, end: Millis) -> LayoutSpan:
        """The layout that is shown longest between two moments of clip time."""
        return max(self.layouts, key=lambda each: self._clip_span(each.span).overlap(Span(start, end)))

    def _clip_span(self, span: Span) -> Span:
        return Span(self.clip_time(span.start), self.clip_time(span.end))

    def clip_time(self, at: Millis) -> Millis:
        """Source time to clip time; a moment that was cut out maps to the jump over it."""
        return sum(max(0, min(at, span.end) - span.start) for span in self.spans)
