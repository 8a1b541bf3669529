"""Faults of a finished clip that can be mended for certain, by another cut."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pydantic import ValidationError

from cliply.media.documents import Finding
from cliply.media.edit import ClipEdit
from cliply.media.rendering.bumper import opening
from cliply.media.rendering.quality import cut_words
from cliply.media.speech.tighten import tighten
from cliply.media.types import Span


def repaired(edit: ClipEdit, findings: Sequence[Finding]) -> ClipEdit:
    """`edit` with the silences cut short that were found in its clip, and with whole words at its edges.

    The same edit where nothing can be done for certain.
    """
    words = [word.word for word in edit.words]
    begins = opening(edit)
    silences = [each.at for each in findings if each.check == "silence" and each.at]
    silent = [part for each in silences for part in _in_source(edit, Span(each.start - begins, each.end - begins))]
    whole = _whole_words(edit)
    spans = [piece for span in whole for piece in tighten(span, words, silent, "off", language=edit.language)]
    return _with_spans(edit, spans)


def _in_source(edit: ClipEdit, at: Span) -> Iterator[Span]:
    """The stretches of the source that are heard during `at`, a stretch of clip time."""
    begins = 0
    for span in edit.spans:
        heard = Span(span.start + at.start - begins, span.start + at.end - begins).clamp(span)
        if heard.duration > 0:
            yield heard
        begins += span.duration


def _whole_words(edit: ClipEdit) -> list[Span]:
    """The edit's spans, those that cut a word widened to hold it where that cuts no other."""
    spans = list(edit.spans)
    for index, span in enumerate(edit.spans):
        alone = edit.model_copy(update={"spans": (span,)})
        if not any(cut_words(alone)):
            continue
        touched = [word for word in edit.words if word.word.span.overlap(span) > 0]
        start, end = min(span.start, *(word.start for word in touched)), max(span.end, *(word.end for word in touched))
        wide = Span(max(0, start), min(edit.source.duration, end))
        if not any(cut_words(edit.model_copy(update={"spans": (wide,)}))):
            spans[index] = wide
    apart = all(one.end <= other.start for one, other in pairwise(spans))
    return spans if apart else list(edit.spans)


def _with_spans(edit: ClipEdit, spans: Sequence[Span]) -> ClipEdit:
    if tuple(spans) == edit.spans:
        return edit
    first, *rest = sorted(edit.layouts, key=lambda layout: layout.span.start)
    layouts = [first.model_copy(update={"span": Span(min(first.span.start, spans[0].start), first.span.end)}), *rest]
    last = layouts.pop()
    layouts.append(last.model_copy(update={"span": Span(last.span.start, max(last.span.end, spans[-1].end))}))
    try:
        return ClipEdit.model_validate(edit.model_dump() | {"spans": tuple(spans), "layouts": tuple(layouts)})
    except ValidationError:
        # A stretch that no layout shows.
        return edit
