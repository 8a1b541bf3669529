"""Every stretch that could be cut: from a sentence start to a sentence end, within the wanted length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from cliply.media.highlights.sentences import is_complete
from cliply.media.types import Millis, Sentence, Span
from cliply.media.wording.text import Ints

Flags: TypeAlias = npt.NDArray[np.bool_]

_ENDS = 12
"""Ends tried for one start. More add windows that differ by a short sentence and cost time in proportion."""
_INTERRUPTION: Millis = 8_000
"""After so much dead air somebody begins afresh: what lies on both sides is not one moment."""


@dataclass(frozen=True)
class Windows:
    """Candidates as arrays: sentence indexes, `last` included, and the times in milliseconds."""

    first: Ints
    last: Ints
    start: Ints
    end: Ints
    dead: Ints
    """Milliseconds of dead air inside, which are cut out of the clip."""

    def __len__(self) -> int:
        return len(self.first)

    @property
    def duration(self) -> Ints:
        """Of the clip."""
        return self.end - self.start - self.dead

    def take(self, chosen: Ints) -> "Windows":
        return Windows(self.first[chosen], self.last[chosen], self.start[chosen], self.end[chosen], self.dead[chosen])


def windows(
    sentences: Sequence[Sentence],
    shortest: Millis,
    longest: Millis,
    within: Span | None = None,
    *,
    punctuated: bool,
    open_ended: Flags | None = None,
    avoided: Flags | None = None,
    dead: Ints | None = None,
) -> Windows:
    """Whole sentences only. Where the transcript has punctuation, a sentence that breaks off ends no window, nor does
    the one after it start one. At most 12 ends for a start, so the number grows with the length of the source.

    No window ends on an `open_ended` sentence, holds an `avoided` one or reaches over a long stretch of `dead` air
    (milliseconds after each sentence), unless nothing else is left. Dead air does not count for the shortest length.
    """
    if not sentences:
        none = np.zeros(0, np.int64)
        return Windows(none, none, none, none, none)
    starts = np.array([each.span.start for each in sentences], np.int64)
    ends = np.maximum.accumulate(np.array([each.span.end for each in sentences], np.int64))
    complete = np.array([is_complete(each) or not punctuated for each in sentences], bool)
    may_start = np.concatenate([[True], complete[:-1]])
    if within is not None:
        inside = (starts >= within.start) & (ends <= within.end)
        complete, may_start = complete & inside, may_start & inside
    # Where people talk at the same time, a cut at one's sentence end would fall into another's word.
    clear = np.concatenate([[True], ends[:-1] <= starts[1:]])
    clear_end = np.concatenate([clear[1:], [True]])
    closed = ~open_ended if open_ended is not None else np.ones(len(sentences), bool)
    kept = avoided if avoided is not None else np.zeros(len(sentences), bool)
    nothing = np.zeros(len(sentences), bool)
    silent = dead if dead is not None else np.zeros(len(sentences), np.int64)
    before = np.concatenate([[0], np.cumsum(silent)[:-1]]).astype(np.int64)
    walls = silent > _INTERRUPTION
    for begin, finish, barred, walled in (
        (may_start & clear, complete & clear_end & closed, kept, walls),
        (may_start, complete & closed, kept, walls),
        (may_start, complete, kept, walls),
        (may_start, complete, kept, nothing),
        (may_start, complete & closed, nothing, walls),
        (may_start, complete, nothing, nothing),
    ):
        until = np.minimum(_next(barred), _next(walled) + 1)
        first, last = _pairs(starts, ends, before, begin & ~barred, finish, until, shortest, longest)
        if len(first):
            break
    return Windows(first, last, starts[first], ends[last], before[last] - before[first])


def _next(marked: Flags) -> Ints:
    """For each sentence the first marked one from it on; one past the last where there is none."""
    size = len(marked)
    return np.minimum.accumulate(np.where(marked, np.arange(size), size)[::-1])[::-1].astype(np.int64)


def _pairs(
    starts: Ints,
    ends: Ints,
    dead_before: Ints,
    may_start: Flags,
    may_end: Flags,
    until: Ints,
    shortest: Millis,
    longest: Millis,
) -> tuple[Ints, Ints]:
    firsts: list[int] = []
    lasts: list[int] = []
    possible = np.flatnonzero(may_end)
    heard = ends - dead_before
    for first in np.flatnonzero(may_start).tolist():
        begun = starts[first] - dead_before[first]
        low = max(first, int(np.searchsorted(heard, begun + shortest, side="left")))
        high = min(int(np.searchsorted(ends, starts[first] + longest, side="right")), int(until[first]))
        choices = possible[np.searchsorted(possible, low) : np.searchsorted(possible, high)].tolist()
        if len(choices) > _ENDS:
            choices = [choices[round(step * (len(choices) - 1) / (_ENDS - 1))] for step in range(_ENDS)]
        firsts += [first] * len(choices)
        lasts += choices
    return np.array(firsts, np.int64), np.array(lasts, np.int64)
