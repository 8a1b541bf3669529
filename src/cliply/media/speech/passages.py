"""Part a transcript into passages that can be aligned on their own: cut in pauses, long enough to hold together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cliply.media.speech.levels import Levels
from cliply.media.types import Millis, Span, Word

_SHORTEST: Millis = 6_000
_LONGEST: Millis = 20_000
_APART: Millis = 1_500
"""Words further apart never share a passage: the sound between them would only tempt the search."""
_FEWEST = 4
"""Words in a passage that is still worth halving."""
_NEAR: Millis = 450
"""How far recognised times may lie from the pause they belong to."""
_MARGIN: Millis = 600


@dataclass(frozen=True, slots=True)
class Passage:
    """Words `first` up to, not including, `last`, and where they are spoken."""

    first: int
    last: int
    span: Span


def passages(words: Sequence[Word], levels: Levels) -> list[Passage]:
    """All of `words` in order."""
    pauses = [_pause(words, index, levels.silences) for index in range(1, len(words))]
    cuts: list[int] = [0]
    while cuts[-1] < len(words):
        cuts.append(_next_cut(words, pauses, cuts[-1]))
    return [Passage(first, last, _span(words, pauses, first, last, levels.duration)) for first, last in pairwise(cuts)]


def halves(words: Sequence[Word], part: Passage, levels: Levels) -> list[Passage]:
    """A passage that could not be aligned, cut at its longest pause or in the middle; nothing if it is too short."""
    if part.last - part.first < _FEWEST:
        return []
    inside = range(part.first + 2, part.last - 1)
    pauses = {index: _pause(words, index, levels.silences) for index in range(part.first + 1, part.last)}
    middle = (part.first + part.last) / 2
    cut = max(inside, key=lambda index: (pause.duration if (pause := pauses[index]) else 0, -abs(index - middle)))
    pause = pauses[cut]
    at = (pause.start + pause.end) // 2 if pause else (words[cut - 1].end + words[cut].start) // 2
    at = min(max(at, part.span.start), part.span.end)
    return [
        Passage(part.first, cut, Span(part.span.start, at)),
        Passage(cut, part.last, Span(at, part.span.end)),
    ]


def _pause(words: Sequence[Word], index: int, silences: Sequence[Span]) -> Span | None:
    """The pause before word `index`: the longest silence near the boundary that is nearer to no other boundary."""
    before, after = words[index - 1], words[index]
    gap = Span(before.end, max(before.end, after.start))
    middle = (gap.start + gap.end) // 2
    near = Span(gap.start - _NEAR, gap.end + _NEAR)
    best: Span | None = None
    for silence in _between(silences, near):
        centre = (silence.start + silence.end) // 2
        inside = silence.overlap(gap) > 0 or abs(centre - middle) <= _NEAR
        closer = _closer_boundary(words, index, centre, abs(centre - middle))
        if inside and not closer and (best is None or silence.duration > best.duration):
            best = silence
    return best


def _between(silences: Sequence[Span], span: Span) -> Sequence[Span]:
    from bisect import bisect_left

    first = bisect_left(silences, span.start, key=lambda silence: silence.end)
    last = bisect_left(silences, span.end, key=lambda silence: silence.start)
    return silences[first:last]


def _closer_boundary(words: Sequence[Word], index: int, centre: Millis, distance: Millis) -> bool:
    for other in (index - 1, index + 1):
        if 1 <= other < len(words):
            middle = (words[other - 1].end + words[other].start) // 2
            if abs(middle - centre) < distance:
                return True
    return False


def _next_cut(words: Sequence[Word], pauses: Sequence[Span | None], first: int) -> int:
    """The index where the passage that begins with word `first` ends."""
    best, longest = 0, -1
    start = words[first].start
    for index in range(first + 1, len(words)):
        if words[index].start - words[index - 1].end >= _APART:
            return index
        length = words[index - 1].end - start
        if length > _LONGEST and best:
            return best
        pause = pauses[index - 1]
        if length >= _SHORTEST and pause is not None and pause.duration > longest:
            best, longest = index, pause.duration
        if length > 2 * _LONGEST:
            return index
    return len(words) if words[-1].end - start <= _LONGEST or not best else best


def _span(words: Sequence[Word], pauses: Sequence[Span | None], first: int, last: int, duration: Millis) -> Span:
    """From the middle of the pause before to the middle of the pause after, not far beyond the words."""
    start, end = words[first].start - _MARGIN, words[last - 1].end + _MARGIN
    if first > 0:
        pause = pauses[first - 1]
        edge = (pause.start + pause.end) // 2 if pause else (words[first - 1].end + words[first].start) // 2
        start = max(start, edge)
    if last < len(words):
        pause = pauses[last - 1]
        edge = (pause.start + pause.end) // 2 if pause else (words[last - 1].end + words[last].start) // 2
        end = min(end, edge)
    start = max(0, start)
    return Span(start, max(start, min(end, duration)))
