"""Every stretch that could be cut: from a sentence start to a sentence end, within the wanted length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cliply.media.sentences import is_complete
from cliply.media.text import Ints
from cliply.media.types import Millis, Sentence, Span

_ENDS = 12
"""Ends tried for one start. More add windows that differ by a short sentence and cost time in proportion."""


@dataclass(frozen=True)
class Windows:
    """Candidates as arrays: sentence indexes, `last` included, and the times in milliseconds."""

    first: Ints
    last: Ints
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.first)

    @property
    def duration(self) -> Ints:
        return self.end - self.start

    def take(self, chosen: Ints) -> "Windows":
        return Windows(self.first[chosen], self.last[chosen], self.start[chosen], self.end[chosen])


def windows(
    sentences: Sequence[Sentence], shortest: Millis, longest: Millis, within: Span | None = None, *, punctuated: bool
) -> Windows:
    """Whole sentences only. Where the transcript has punctuation, a sentence that breaks off ends no window, nor does
    the one after it start one. At most 12 ends for a start, so the number grows with the length of the source."""
    starts = np.array([each.span.start for each in sentences], np.int64)
    ends = np.maximum.accumulate(np.array([each.span.end for each in sentences], np.int64)) if sentences else starts
    complete = np.array([is_complete(each) or not punctuated for each in sentences], bool)
    may_start = np.concatenate([[True], complete[:-1]]) if sentences else complete
    inside = np.ones(len(sentences), bool)
    if within is not None:
        inside = (starts >= within.start) & (ends <= within.end)
    firsts: list[int] = []
    lasts: list[int] = []
    for first in np.flatnonzero(may_start & inside):
        low = int(np.searchsorted(ends, starts[first] + shortest, side="left"))
        high = int(np.searchsorted(ends, starts[first] + longest, side="right"))
        choices = [last for last in range(max(low, int(first)), high) if complete[last] and inside[last]]
        if len(choices) > _ENDS:
            choices = [choices[round(step * (len(choices) - 1) / (_ENDS - 1))] for step in range(_ENDS)]
        firsts += [int(first)] * len(choices)
        lasts += choices
    first_array, last_array = np.array(firsts, np.int64), np.array(lasts, np.int64)
    return Windows(first_array, last_array, starts[first_array], ends[last_array])
