"""What a project may ask of the engine: all that the command line may, without naming files of a machine."""

import re

from pydantic import Field, field_validator, model_validator

from cliply.media.captions.styles import style_names
from cliply.media.document import Document
from cliply.media.edit import Aspect, Brand, Quality
from cliply.media.options import SHORTEST, ClipOptions, LayoutChoice, Profanity, Tighten
from cliply.media.types import Span

_FLAGS = {
    "--min": "`shortest`", "--max": "`longest`", "--from": "`begin`", "--to": "`end`", "--language": "`language`",
}  # fmt: skip
"""What the engine's messages call an option, and what it is called here."""
_LONGEST_PROMPT = 2_000
_LONGEST_CLIP = 600_000
_MOST_CLIPS = 100


def in_our_names(message: str) -> str:
    """What the engine says, without the command line's names for options."""
    return re.sub(r"--[a-z]+", lambda flag: _FLAGS.get(flag[0], flag[0]), message)


class ProjectOptions(Document):
    """How clips are chosen and made. Times are whole milliseconds."""

    count: int | None = Field(None, ge=1, le=_MOST_CLIPS, description="How many clips; as many as are good, if empty.")
    shortest: int = Field(15_000, ge=SHORTEST, le=_LONGEST_CLIP, description="Shortest clip.")
    longest: int = Field(60_000, ge=SHORTEST, le=_LONGEST_CLIP, description="Longest clip.")
    begin: int | None = Field(None, ge=0, description="Only look from this time of the source on.")
    end: int | None = Field(None, ge=1, description="Only look up to this time of the source.")
    prompt: str = Field("", max_length=_LONGEST_PROMPT, description="What to look for, in your words.")
    keywords: tuple[str, ...] = Field((), max_length=50, description="Words that should come up.")
    language: str | None = Field(
        None, pattern=r"^[a-z]{2,3}$", description="Spoken language as a short code, `en`; found out if empty."
    )
    aspect: Aspect = Field("9:16", description="Shape of the clips.")
    layout: LayoutChoice = Field("auto", description="How people are framed; `auto` chooses by what is seen.")
    style: str = Field("bold", description="Caption style, by its name.")
    quality: Quality = Field("standard", description="`draft` is quick and smaller, `high` takes three times as long.")
    tighten: Tighten = Field("off", description="Cut long pauses and filler words.")
    profanity: Profanity = Field("off", description="Mask swear words in the captions, or bleep them too.")
    title: bool = Field(True, description="Show a hook line at the beginning and on the cover.")
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$", description="Highlight colour of the captions.")
    loudness: float = Field(-14.0, ge=-31, le=-8, description="Loudness in LUFS.")

    @field_validator("style")
    @classmethod
    def _known(cls, style: str) -> str:
        # A name only: the engine would also take the path of a file.
        if style not in style_names():
            raise ValueError(f"there is no style of this name; there are {', '.join(style_names())}")
        return style

    @model_validator(mode="after")
    def _in_order(self) -> "ProjectOptions":
        if self.shortest > self.longest:
            raise ValueError("the shortest clip is longer than the longest")
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise ValueError("the part to look at ends before it begins")
        return self

    def for_engine(self, duration: int) -> ClipOptions:
        """What the engine is asked of a source of this duration."""
        part = None
        if self.begin is not None or self.end is not None:
            part = Span(self.begin or 0, min(self.end or duration, duration))
        return ClipOptions(
            count=self.count,
            shortest=self.shortest,
            longest=self.longest,
            within=part,
            prompt=self.prompt,
            keywords=self.keywords,
            language=self.language,
            aspect=self.aspect,
            layout=self.layout,
            style=self.style,
            quality=self.quality,
            tighten=self.tighten,
            profanity=self.profanity,
            title=self.title,
            brand=Brand(colour=self.colour),
            loudness=self.loudness,
        )
