"""What nobody clips: sponsor reads."""

from collections.abc import Sequence

import numpy as np

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
_WEIGHTS = {"sponsor_sure": 2.0, "sponsor_strong": 1.0, "url": 1.0, "url_bare": 0.34, "sponsor": 0.34}


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


def _within(sentences: Sequence[Sentence], first: int, last: int) -> bool:
    return sentences[last].span.end - sentences[first].span.start <= 2 * _LONGEST_TURN
