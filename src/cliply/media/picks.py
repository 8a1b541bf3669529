"""The numbers by which `cliply more` picks moments: given once, and never to another moment of the same folder."""

from collections.abc import Iterable, Sequence
from itertools import count

from cliply.errors import NotFound
from cliply.media.documents import CandidateEntry, ClipsDocument
from cliply.media.types import Highlight, Span


def number_moments(highlights: Sequence[Highlight], previous: ClipsDocument | None) -> dict[Span, int]:
    """Every moment's number: the one it has in `previous`, or the next that is free.

    Chosen ones come last, so that what a creator sees is numbered from 1 on; they have numbers all the same, since
    one that could not be made is a candidate.
    """
    numbers: dict[Span, int] = {}
    if previous is not None:
        numbers |= {each.span: each.pick for each in previous.clips if each.pick is not None}
        numbers |= {each.span: each.pick for each in previous.candidates}
    free = count(max(numbers.values(), default=0) + 1)
    for highlight in sorted(highlights, key=lambda each: each.chosen):
        if highlight.span not in numbers:
            numbers[highlight.span] = next(free)
    return numbers


def picked_candidates(
    document: ClipsDocument, picks: Iterable[int]
) -> tuple[tuple[CandidateEntry, ...], tuple[str, ...]]:
    """The candidates with these numbers, and a word on each of them that is a clip already.

    Raises NotFound for a number that no moment has.
    """
    wanted = tuple(dict.fromkeys(picks))
    left = {each.pick: each for each in document.candidates}
    made = {each.pick: each for each in document.clips if each.pick is not None}
    if unknown := [str(pick) for pick in wanted if pick not in left and pick not in made]:
        if not left:
            raise NotFound("Nothing is left to pick: every moment that was found is a clip already.")
        raise NotFound(f"There is no candidate {', '.join(unknown)}. Those left have the numbers {_ranges(left)}.")
    notes = (f"Candidate {pick} is a clip already: {made[pick].files.video}." for pick in wanted if pick in made)
    return tuple(left[pick] for pick in wanted if pick in left), tuple(notes)


def _ranges(numbers: Iterable[int]) -> str:
    """1 to 4, 6, 9 to 12."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
