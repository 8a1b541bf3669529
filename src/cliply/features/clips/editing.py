"""Changes that a person makes to a clip, applied to its edit."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from cliply.errors import Invalid
from cliply.features.clips.framed import Framed
from cliply.media.captions.styles import style_names
from cliply.media.document import Document, first_fault
from cliply.media.edit import ClipEdit, EditWord, Hook, LayoutSpan, Quality
from cliply.media.options import LayoutChoice
from cliply.media.types import Span

SHORTEST = 1_000
"""Milliseconds; what is shorter is no clip."""
_MOST_WORDS = 5_000
_PLACED = {"start", "end", "words", "style", "layout", "hook", "captions"}
"""Changes after which captions may stand in the way of a face."""

HashTag = Annotated[str, Field(min_length=1, max_length=100)]


class CaptionWord(Document):
    """A word as the captions show it; an empty text hides it. Times are milliseconds of the source."""

    text: str = Field(max_length=100, examples=["bees"])
    start: int = Field(ge=0, examples=[62_400])
    end: int = Field(ge=0, examples=[62_780])
    emphasis: bool = False
    emoji: str | None = Field(None, max_length=16)

    @model_validator(mode="after")
    def _lasts(self) -> "CaptionWord":
        if self.end <= self.start:
            raise ValueError("a word ends after it begins")
        return self


class ClipChange(Document):
    """What is to be different; whatever is left out stays. Times are milliseconds of the source."""

    start: int | None = Field(None, ge=0, description="Begin the clip here.")
    end: int | None = Field(None, ge=1, description="End the clip here.")
    words: tuple[CaptionWord, ...] | None = Field(
        None, max_length=_MOST_WORDS, description="All words of the captions, in order."
    )
    captions: bool | None = Field(None, description="Whether captions are shown.")
    caption_position: float | None = Field(
        None, ge=0, le=1, description="Where the middle of the captions sits, 0 top to 1 bottom."
    )
    style: str | None = Field(None, description="Caption style, by its name.")
    layout: LayoutChoice | None = Field(None, description="How people are framed.")
    hook: str | None = Field(None, max_length=120, description="The line at the beginning; empty for none.")
    title: str | None = Field(None, max_length=100, description="Title of the post.")
    description: str | None = Field(None, max_length=2200, description="Text of the post.")
    hashtags: tuple[HashTag, ...] | None = Field(None, max_length=30, description="Hashtags of the post.")
    cover_at: int | Literal["best"] | None = Field(
        None, description="The moment that the cover shows; `best` lets Cliply choose."
    )
    cover_title: str | None = Field(None, max_length=120, description="Text on the cover; empty for none.")
    quality: Quality | None = Field(None, description="Quality of the video.")

    @field_validator("style")
    @classmethod
    def _known(cls, style: str | None) -> str | None:
        # A name only: the engine would also take the path of a file.
        if style is not None and style not in style_names():
            raise ValueError(f"there is no style of this name; there are {', '.join(style_names())}")
        return style

    @field_validator("words")
    @classmethod
    def _in_order(cls, words: tuple[CaptionWord, ...] | None) -> tuple[CaptionWord, ...] | None:
        for one, other in zip(words or (), (words or ())[1:], strict=False):
            if other.start < one.end:
                raise ValueError("words are in order and do not overlap")
        return words


def changed(edit: ClipEdit, framed: Framed, change: ClipChange) -> tuple[ClipEdit, Framed]:
    """The edit as it is to be, and what its cameras then have to show. Raises Invalid."""
    asked = change.model_dump(exclude_none=True)
    spans = trimmed(edit, change.start, change.end)
    told: dict[str, object] = {
        "spans": spans,
        "captions": _captions(edit, framed, change),
        "output": {**edit.output.model_dump(), **_given(quality=change.quality)},
        "cover": _cover(edit, change),
        "post": {
            **edit.post.model_dump(),
            **_given(title=change.title, description=change.description, hashtags=change.hashtags),
        },
    }
    if change.words is not None:
        told["words"] = [_worded(edit, word) for word in change.words]
    if change.hook is not None:
        told["hook"] = Hook(text=change.hook).model_dump() if change.hook.strip() else None
    layouts = edit.layouts
    if not framed.own_position and _PLACED & asked.keys():
        layouts = tuple(each.model_copy(update={"caption_position": None}) for each in layouts)
    try:
        told["layouts"] = stretched(layouts, Span(spans[0].start, spans[-1].end))
        now = ClipEdit.model_validate(edit.model_dump() | told)
    except ValidationError as wrong:
        raise Invalid(f"The clip cannot be changed like this: {first_fault(wrong)}.") from wrong
    kept = framed.wanting(now.span, change.layout)
    return now, kept.model_copy(update={"own_position": kept.own_position or change.caption_position is not None})


def trimmed(edit: ClipEdit, start: int | None, end: int | None) -> tuple[Span, ...]:
    """The kept stretches with another beginning or end; what was cut out between them stays so."""
    begin = edit.span.start if start is None else start
    finish = edit.span.end if end is None else end
    if finish > edit.source.duration:
        raise Invalid(f"The source ends at {edit.source.duration} milliseconds. Choose an earlier end.")
    if finish - begin < SHORTEST:
        raise Invalid(f"A clip lasts at least {SHORTEST} milliseconds. Choose an earlier beginning or a later end.")
    wanted = Span(begin, finish)
    spans = [span.clamp(wanted) for span in edit.spans if span.overlap(wanted) > 0]
    if not spans:
        return (wanted,)
    first, last = spans[0], spans[-1]
    spans[0] = Span(begin if begin < edit.span.start else first.start, first.end)
    spans[-1] = Span(spans[-1].start, finish if finish > edit.span.end else last.end)
    return tuple(spans)


def stretched(layouts: tuple[LayoutSpan, ...], span: Span) -> tuple[LayoutSpan, ...]:
    """Layouts that cover `span` too: the outer ones go on, until the clip is framed anew."""
    first, *rest = sorted(layouts, key=lambda each: each.span.start)
    longer = [first.model_copy(update={"span": Span(min(first.span.start, span.start), first.span.end)}), *rest]
    last = longer.pop()
    longer.append(last.model_copy(update={"span": Span(last.span.start, max(last.span.end, span.end))}))
    return tuple(longer)


def _captions(edit: ClipEdit, framed: Framed, change: ClipChange) -> dict[str, object]:
    told = {**edit.captions.model_dump(), **_given(style=change.style, show=change.captions)}
    if change.caption_position is not None:
        told["position"] = change.caption_position
    elif not framed.own_position and _PLACED & change.model_dump(exclude_none=True).keys():
        told |= {"position": None, "lines": None}
    return told


def _cover(edit: ClipEdit, change: ClipChange) -> dict[str, object]:
    told = edit.cover.model_dump()
    if change.cover_title is not None:
        told["title"] = change.cover_title.strip() or None
    if change.cover_at == "best":
        told["at"] = None
    elif change.cover_at is not None:
        if not any(span.contains(change.cover_at) for span in trimmed(edit, change.start, change.end)):
            raise Invalid("The cover shows a moment of the clip. Choose one between its beginning and its end.")
        told["at"] = change.cover_at
    return told


def _worded(edit: ClipEdit, word: CaptionWord) -> EditWord:
    """Who spoke is known from before, by the time."""
    near = next((each for each in edit.words if Span(each.start, each.end).overlap(Span(word.start, word.end))), None)
    return EditWord(**word.model_dump(), speaker=near.speaker if near is not None else None)


def _given(**named: object) -> dict[str, object]:
    return {name: value for name, value in named.items() if value is not None}
