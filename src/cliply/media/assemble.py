"""From a moment worth posting to its edit: what is kept, how it is framed, captioned, titled and heard."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from cliply.media.analysis import Analysis
from cliply.media.captions.arrangement import place_text
from cliply.media.captions.emphasis import emphasise
from cliply.media.captions.placement import place_captions
from cliply.media.document import Document
from cliply.media.edit import (
    OUTPUT_SIZES,
    Audio,
    CameraKey,
    Captions,
    ClipEdit,
    Cover,
    EditWord,
    Hook,
    LayoutSpan,
    Output,
    Pane,
    PostText,
    SourceFile,
)
from cliply.media.framing.reframe import Framing, compose
from cliply.media.options import ClipOptions, LayoutChoice
from cliply.media.probe import Source
from cliply.media.rendering.cover_frame import Chosen
from cliply.media.rendering.likeness import Look
from cliply.media.rendering.logo import logo_box
from cliply.media.rendering.thumbnail import choose_moment
from cliply.media.speech.tighten import tighten
from cliply.media.types import Box, FaceAt, Highlight, Millis, OnProgress, Size, Span, Word
from cliply.media.wording.copywriting import write_copy
from cliply.media.wording.profanity import bleeps, find_profanity, masked, masked_text

_SLIVER: Millis = 700
"""A shorter piece of a shot at a clip's edge is seen as a fault, not as a shot."""
_SMOOTHEST = 31
"""Frames a second above which draft and standard clips keep every second frame."""


class Assembled(Document):
    """A clip ready to render, and the faces that its check needs."""

    edit: ClipEdit
    faces: tuple[FaceAt, ...]
    cover: Chosen | None = None
    """Where the cover was chosen among those of other clips."""

    def covered(self, source: Source, *, others: Sequence[Look], on_progress: OnProgress) -> "Assembled":
        """With the best moment for the cover that looks unlike `others`."""
        shown = source.shown(self.edit.span)
        chosen = choose_moment(self.edit, shown, self.faces, others=others, on_progress=on_progress)
        return self.model_copy(update={"cover": chosen})


def assemble(analysis: Analysis, highlight: Highlight, options: ClipOptions, on_progress: OnProgress) -> Assembled:
    """Frame, caption and title one highlight."""
    source, language = analysis.source.shown(highlight.span), analysis.transcript.language
    words = analysis.transcript.within(highlight.span)
    framing = _frame(source, analysis.sound.wav, highlight.span, words, options, on_progress)
    kept = without_slivers(highlight.span, framing.shots, words)
    spans = tighten(kept, words, analysis.sound.silences, options.tighten, language=language)
    swears = set(find_profanity(words, language)) if options.profanity != "off" else set()
    post, hook = _copy(analysis, highlight, options, language)
    edit = ClipEdit(
        source=SourceFile(
            path=source.path.absolute(),
            fingerprint=analysis.fingerprint,
            size=_picture_size(source, options),
            duration=source.duration,
        ),
        spans=spans,
        words=caption_words(words, swears, language),
        layouts=tuple(each for each in framing.layouts if any(each.span.overlap(span) for span in spans)),
        captions=Captions(style=options.style),
        hook=Hook(text=hook) if options.title and hook else None,
        cover=Cover(title=hook if options.title and hook else None),
        brand=options.brand,
        audio=Audio(
            loudness=options.loudness,
            profanity=options.profanity,
            muted=bleeps(words, sorted(swears)) if options.profanity == "bleep" else (),
        ),
        output=Output(aspect=options.aspect, quality=options.quality, frame_rate=str(_rate(source, options))),
        post=post,
        language=language,
    )
    arranged = place_text(edit, framing.faces, taken=_logo(edit), may_leave_out=True)
    return Assembled(edit=arranged, faces=framing.faces)


def reframed(
    analysis: Analysis, edit: ClipEdit, layout: LayoutChoice, *, known: Span, on_progress: OnProgress
) -> Assembled:
    """`edit` with new cameras for what it keeps by now; what a person changed otherwise stays.

    It was made for `known`: beyond that, captions get the words of the transcript.
    """
    span = edit.span
    source, words = analysis.source.shown(span), analysis.transcript.within(span)
    options = ClipOptions(aspect=edit.output.aspect, layout=layout)
    framing = _frame(source, analysis.sound.wav, span, words, options, on_progress)
    swears = set(find_profanity(words, edit.language)) if edit.audio.profanity != "off" else set()
    captioned = zip(words, caption_words(words, swears, edit.language), strict=True)
    new = [caption for word, caption in captioned if not known.contains((word.start + word.end) // 2)]
    told = {
        "words": tuple(sorted([*edit.words, *new], key=lambda word: word.start)),
        "layouts": tuple(each for each in framing.layouts if any(each.span.overlap(span) for span in edit.spans)),
    }
    if edit.audio.profanity == "bleep":
        heard = bleeps(words, sorted(swears))
        told_audio = tuple(sorted({*edit.audio.muted, *(each for each in heard if not known.overlap(each))}))
        edit = edit.model_copy(update={"audio": edit.audio.model_copy(update={"muted": told_audio})})
    return Assembled(edit=edit.model_copy(update=told), faces=framing.faces)


def placed(edit: ClipEdit, faces: Sequence[FaceAt]) -> ClipEdit:
    """`edit` with its hook line and captions clear of each other, of faces, of the logo and of the apps' buttons."""
    return place_text(edit, faces, taken=_logo(edit))


def captioned(edit: ClipEdit, faces: Sequence[FaceAt]) -> ClipEdit:
    """`edit` with its captions placed; its hook line stays where it is."""
    return place_captions(edit, faces, taken=_logo(edit))


def _logo(edit: ClipEdit) -> tuple[Box, ...]:
    box = logo_box(edit.brand, edit.output.aspect, edit.output.size)
    return () if box is None else (box,)


def without_slivers(span: Span, shots: Sequence[Span], words: Sequence[Word]) -> Span:
    """`span` without a flash of the shot before or after: the edges move to the cut where nobody speaks between."""
    if not words or len(shots) < 2:
        return span
    first, last = min(shots), max(shots)
    start, end = span.start, span.end
    if first.end - span.start < _SLIVER and first.end <= words[0].start:
        start = first.end
    if span.end - last.start < _SLIVER and last.start >= words[-1].end:
        end = last.start
    return Span(start, end)


def _picture_size(source: Source, options: ClipOptions) -> Size:
    """The source's picture, or for sound alone the canvas that a picture is drawn on."""
    return source.video.size if source.video is not None else OUTPUT_SIZES[options.aspect]


def _frame(
    source: Source, wav: Path, span: Span, words: Sequence[Word], options: ClipOptions, on_progress: OnProgress
) -> Framing:
    if source.video is not None:
        return compose(
            source,
            span,
            words=words,
            wav=wav,
            aspect=options.aspect,
            layout=options.layout,
            on_progress=on_progress,
        )
    canvas = OUTPUT_SIZES[options.aspect]
    whole = CameraKey(at=span.start, x=0, y=0, width=canvas.width, height=canvas.height)
    return Framing(
        layouts=(LayoutSpan(span=span, layout="fit", panes=(Pane(camera=(whole,)),), why="There is sound only."),),
        faces=(),
        shots=(span,),
    )


def caption_words(words: Sequence[Word], swears: set[int], language: str) -> tuple[EditWord, ...]:
    marks = emphasise(words, language)
    return tuple(
        EditWord(
            text=masked(word.text) if index in swears else word.text,
            start=word.start,
            end=word.end,
            confidence=word.confidence,
            speaker=word.speaker,
            # What is hidden is not pointed at.
            emphasis=mark.emphasis and index not in swears,
            emoji=None if index in swears else mark.emoji,
        )
        for index, (word, mark) in enumerate(zip(words, marks, strict=True))
    )


def _copy(analysis: Analysis, highlight: Highlight, options: ClipOptions, language: str) -> tuple[PostText, str]:
    post, hook = write_copy(
        highlight.text,
        whole=analysis.transcript,
        language=language,
        keywords=highlight.keywords or options.keywords,
        # Only a judge gives a highlight its title.
        suggestion=(PostText(title=highlight.title[:100]), "") if highlight.title else None,
        decent=options.profanity != "off",
    )
    if options.profanity == "off":
        return post, hook
    hidden = PostText(
        title=masked_text(post.title, language),
        description=masked_text(post.description, language),
        hashtags=tuple(tag for tag in post.hashtags if masked_text(tag, language) == tag),
    )
    return hidden, masked_text(hook, language)


def _rate(source: Source, options: ClipOptions) -> Fraction:
    rate = source.video.frame_rate if source.video is not None else Fraction(30)
    return rate / 2 if rate > _SMOOTHEST and options.quality != "high" else rate
