"""What nobody clips: sponsor reads, greetings, good-byes."""

from collections.abc import Sequence

import numpy as np

from cliply.media.highlights.arcs import is_question
from cliply.media.highlights.candidates import Flags
from cliply.media.types import Millis, Sentence
from cliply.media.wording.cues import Cues, normalise
from cliply.media.wording.text import Floats, Ints

_SEED = 2.0
"""Evidence, in strong cues, that makes a stretch a sponsor read."""
_NEAR: Millis = 25_000
"""Cues so near to each other support each other."""
_JOIN: Millis = 90_000
"""Seeds so near belong to one read."""
_LONGEST_TURN: Millis = 150_000
"""A turn up to this length that holds a seed is a read as a whole; a longer one only around its seeds."""
_PAUSE: Millis = 750
"""Where speakers are not known, a read goes no further than a pause that stands for a change of speaker or subject."""
_OPENING: Millis = 120_000
_CLOSING: Millis = 180_000
_SHARE = 0.2
"""Greetings are looked for in the first minutes and good-byes in the last, of a short recording in a part of it."""
_APART: Millis = 12_000
"""Formalities so near to each other belong to one passage."""
_FIRST = 3
"""Sentences: what is said before a greeting that comes so early belongs to it ("Ben here.")."""
_LEAVING: Millis = 30_000
"""What is said after good-bye, so near to the end."""
_WEIGHTS = {"sponsor_sure": 2.0, "sponsor_strong": 1.0, "url": 1.0, "url_bare": 0.34, "sponsor": 0.34}


def asides(sentences: Sequence[Sentence], cues: Cues, reads: Floats) -> Flags:
    """Sentences that no clip should touch. `reads`: what `sponsor_reads` found."""
    out: Flags = (reads > 0) | formalities(sentences, cues)
    return out


def formalities(sentences: Sequence[Sentence], cues: Cues) -> Flags:
    """The passages at both ends in which people greet, introduce each other, thank and say good-bye."""
    size = len(sentences)
    marked = np.zeros(size, bool)
    if not size:
        return marked
    start, end = sentences[0].span.start, sentences[-1].span.end
    part = _SHARE * (end - start)
    texts = [normalise(each.text) for each in sentences]
    met = [index for index in range(size) if cues.count("formal_opening", texts[index])]
    left = [index for index in range(size) if cues.count("formal_closing", texts[index])]
    opening = [index for index in met if sentences[index].span.start - start <= min(_OPENING, part)]
    closing = [index for index in left if end - sentences[index].span.end <= min(_CLOSING, part)]
    for group in (opening, closing):
        for first, last in _passages(sentences, group):
            marked[first : last + 1] = True
    if opening and opening[0] < _FIRST:
        marked[: opening[0]] = True
    if closing and end - sentences[closing[-1]].span.end <= _LEAVING:
        marked[closing[-1] :] = True
    return marked


def _passages(sentences: Sequence[Sentence], found: list[int]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for index in found:
        if out and sentences[index].span.start - sentences[out[-1][1]].span.end <= _APART:
            out[-1] = (out[-1][0], index)
        else:
            out.append((index, index))
    return out


def sponsor_reads(sentences: Sequence[Sentence], cues: Cues) -> Floats:
    """1 for every sentence of a sponsor read.

    One mention proves nothing, since people talk about sponsors and web sites; but an offer, an address and a call to
    act within half a minute do. The read reaches beyond its cues, to the borders of the speaker's turn.
    """
    size = len(sentences)
    evidence = np.zeros(size)
    for index, sentence in enumerate(sentences):
        text = normalise(sentence.text)
        evidence[index] = sum(min(2, cues.count(kind, text)) * weight for kind, weight in _WEIGHTS.items())
    middle = np.array([(each.span.start + each.span.end) // 2 for each in sentences], np.int64)
    total = np.concatenate([[0.0], np.cumsum(evidence)])
    around = (
        total[np.searchsorted(middle, middle + _NEAR, side="right")] - total[np.searchsorted(middle, middle - _NEAR)]
    )
    seeds = np.flatnonzero((evidence > 0) & (around >= _SEED))
    marked = np.zeros(size)
    for low, high in _joined(seeds, middle):
        first, last = _reach(sentences, low, high)
        first, last = _framed(sentences, cues, (first, low), (high, last))
        marked[first : last + 1] = 1
    return marked


def _joined(seeds: Ints, middle: Ints) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for seed in seeds.tolist():
        if out and middle[seed] - middle[out[-1][1]] <= _JOIN:
            out[-1] = (out[-1][0], seed)
        else:
            out.append((seed, seed))
    return out


def _reach(sentences: Sequence[Sentence], low: int, high: int) -> tuple[int, int]:
    """The turn around the seeds; where it is long, or speakers are not known, the time around them."""
    first, last = low, high
    while first > 0 and sentences[first - 1].speaker == sentences[low].speaker and _within(sentences, first - 1, high):
        first -= 1
    while (
        last + 1 < len(sentences)
        and sentences[last + 1].speaker == sentences[high].speaker
        and _within(sentences, low, last + 1)
    ):
        last += 1
    if sentences[last].span.end - sentences[first].span.start <= _LONGEST_TURN:
        return first, last
    start, end = sentences[low].span.start - _NEAR, sentences[high].span.end + _NEAR
    while first < low and sentences[first].span.start < start:
        first += 1
    while last > high and sentences[last].span.end > end:
        last -= 1
    return first, last


def _framed(
    sentences: Sequence[Sentence], cues: Cues, before: tuple[int, int], after: tuple[int, int]
) -> tuple[int, int]:
    """The reach from `before[0]` to `after[1]`, cut where a read says that it begins or ends, and, where speakers are
    not known, at the first pause on either side of its seeds."""
    (first, low), (high, last) = before, after
    known = len({each.speaker for each in sentences}) > 1
    start = low
    while start > first and not cues.count("sponsor_start", normalise(sentences[start].text)):
        if not known and _pause(sentences, start - 1) >= _PAUSE:
            break
        start -= 1
    stop = high
    while stop < last and not cues.count("sponsor_end", normalise(sentences[stop].text)):
        following = sentences[stop + 1]
        resumes = cues.count("sponsor_end", normalise(following.text)) > 0
        # What is asked after the last call to buy is asked of the guest.
        if not resumes and (is_question(following, cues) or (not known and _pause(sentences, stop) >= _PAUSE)):
            break
        stop += 1
    return start, stop


def _pause(sentences: Sequence[Sentence], index: int) -> Millis:
    """After the sentence at `index`."""
    return sentences[index + 1].span.start - sentences[index].span.end


def _within(sentences: Sequence[Sentence], first: int, last: int) -> bool:
    return sentences[last].span.end - sentences[first].span.start <= 2 * _LONGEST_TURN
