"""From scored windows to the best set: no overlap, a variety of topics, as many as are good."""

import math
from collections.abc import Sequence

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.types import Millis
from cliply.media.wording.text import Floats, Ints

_POOREST = 20.0
"""Per cent of the different moments of a recording that are not worth a clip, however short or good it is."""
_PEAK = 4.0
"""Values are raised to this power: one outstanding clip is worth more than two fair ones that need its place, and
a good passage is not split in two."""
_MARGIN = 0.01
"""Of the range of scores: even the last one that was asked for must be worth something to the choice."""
_REPEAT = 0.8
"""What is left of a window's value for each clip too many from its topic."""
_ROUNDS = 6
_TOUCH = 0.1
"""Alternatives may share this much of the shorter one with a better one."""


def wanted_count(duration: Millis) -> int:
    """4 for five minutes, 8 for half an hour, 11 for an hour, 18 for three hours: people come back for a choice of
    clips, and the best moments thin out as a recording grows."""
    return max(1, round(1 + 1.3 * math.sqrt(duration / 60_000)))


def best_set(windows: Windows, scores: Floats, topics: Ints, count: int, *, padded: bool) -> list[int]:
    """Indexes of at most `count` windows that together are worth most; not `padded`: the good ones, or one."""
    if not len(windows):
        return []
    chosen = _best_above(windows, scores, topics, count, _floor(windows, scores))
    if len(chosen) < (count if padded else 1):
        # Asked for a number, people get it; and the best moment of a short recording is better than nothing.
        least = count if padded else 1
        least_of_all = float(scores.min()) - _MARGIN * float(np.ptp(scores)) - 1e-6
        chosen = _best_above(windows, scores, topics, least, least_of_all)
    return sorted(chosen, key=lambda index: (-scores[index], windows.start[index]))


def _floor(windows: Windows, scores: Floats) -> float:
    """What a good window must beat, measured on windows that do not repeat each other.

    A percentile of all windows would say how many of them overlap the best moment, and leave out the third best of
    three good ones.
    """
    different = alternatives(windows, scores, [], len(windows))
    return float(np.percentile(scores[different], _POOREST))


def _best_above(windows: Windows, scores: Floats, topics: Ints, count: int, floor: float) -> list[int]:
    value = np.maximum(0, scores - floor) ** _PEAK
    chosen: list[int] = []
    fair = max(1, math.ceil(2 * count / max(1, len(set(topics.tolist())))))
    for _ in range(_ROUNDS):
        chosen = _schedule(windows, value, count)
        crowded = [topic for topic in set(topics[chosen].tolist()) if (topics[chosen] == topic).sum() > fair]
        if not crowded:
            break
        kept = {best for topic in crowded for best in _best_of(chosen, topics, scores, topic, fair)}
        repeats = np.isin(topics, crowded)
        repeats[list(kept)] = False
        value = np.where(repeats, value * _REPEAT, value)
    return chosen


def _best_of(chosen: list[int], topics: Ints, scores: Floats, topic: int, fair: int) -> list[int]:
    return sorted((each for each in chosen if topics[each] == topic), key=lambda each: -scores[each])[:fair]


def _schedule(windows: Windows, value: Floats, count: int) -> list[int]:
    """Weighted interval scheduling with at most `count` intervals, by dynamic programming over their ends."""
    useful = np.flatnonzero(value > 0)
    order = useful[np.lexsort((windows.start[useful], windows.end[useful]))]
    ends = windows.end[order]
    before = np.searchsorted(ends, windows.start[order], side="right")
    best = np.zeros((len(order) + 1, count + 1))
    for row, index in enumerate(order, start=1):
        best[row] = best[row - 1]
        np.maximum(best[row, 1:], best[before[row - 1], :-1] + value[index], out=best[row, 1:])
    chosen, row, left = [], len(order), int(best[-1].argmax())
    while row > 0 and left > 0:
        if best[row, left] > best[row - 1, left]:
            chosen.append(int(order[row - 1]))
            row, left = int(before[row - 1]), left - 1
        else:
            row -= 1
    return chosen


def alternatives(windows: Windows, scores: Floats, taken: Sequence[int], most: int) -> list[int]:
    """The best of the rest that repeat neither the `taken` ones nor each other, best first."""
    length = windows.end - windows.start
    free = np.ones(len(windows), bool)
    ranks = np.empty(len(windows))
    ranks[np.lexsort((windows.start, -scores))] = np.arange(len(windows))

    def take(index: int) -> None:
        shared = np.minimum(windows.end, windows.end[index]) - np.maximum(windows.start, windows.start[index])
        free[shared > _TOUCH * np.minimum(length, length[index])] = False

    for index in taken:
        take(index)
    out: list[int] = []
    while len(out) < most and free.any():
        best = int(np.where(free, ranks, np.inf).argmin())
        out.append(best)
        take(best)
    return out
