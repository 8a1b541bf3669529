"""Captions change with the frame nearest to the word's sound, however often the clip jumps."""

from fractions import Fraction
from itertools import pairwise

import pytest
from tests.media.clips import follow
from tests.media.rendering.test_framemap import source

from cliply.media.edit import EditWord, Output
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.heard import heard_words
from cliply.media.types import Span

SPANS = [Span(1000 + 1237 * index, 1000 + 1237 * index + 711 + index % 7) for index in range(40)]


@pytest.mark.parametrize("rate", ["25", "30", "30000/1001", "24000/1001"])
def test_a_caption_changes_within_half_a_frame_of_its_word(rate: str) -> None:
    starts = [span.start + offset for span in SPANS for offset in (60, 233, 401)]
    words = tuple(EditWord(text="so", start=at, end=at + 120) for at in starts)
    talk = source(rate)
    plain = follow(talk, SPANS)
    edit = plain.model_copy(update={"words": words, "output": Output(frame_rate=rate)})
    frames = frame_map(edit, talk)
    cuts = [(run, cut) for run in frames.runs for cut in run.cuts]
    moved = heard_words(edit, frames).words
    for at, word in zip(starts, moved, strict=True):
        run, cut = next((run, cut) for run, cut in cuts if cut.span.contains(at))
        heard = cut.clip / frames.rate + Fraction(at, 1000) - run.origin - cut.grid / frames.rate
        shown = -(-Fraction(edit.clip_time(word.start), 1000) * frames.rate // 1) / frames.rate
        assert abs(shown - heard) <= Fraction(1, 2) / frames.rate + Fraction(2, 1000)


def test_words_stay_in_their_cut_and_in_order() -> None:
    words = tuple(
        EditWord(text="so", start=start, end=end)
        for span in SPANS
        for start, end in ((span.start, span.start + 1), (span.start + 2, span.end - 3), (span.end - 3, span.end))
    )
    talk = source("30000/1001")
    edit = follow(talk, SPANS).model_copy(update={"words": words})
    moved = heard_words(edit, frame_map(edit, talk)).words
    for before, after in zip(words, moved, strict=True):
        span = next(each for each in SPANS if each.contains(before.start))
        assert span.start <= after.start < after.end <= span.end
    assert all(one.start <= other.start for one, other in pairwise(moved))


def test_a_word_that_was_cut_away_stays_where_it_was() -> None:
    talk = source("30")
    away = EditWord(text="um", start=SPANS[0].end + 40, end=SPANS[0].end + 200)
    edit = follow(talk, SPANS).model_copy(update={"words": (away,)})
    assert heard_words(edit, frame_map(edit, talk)).words == (away,)
