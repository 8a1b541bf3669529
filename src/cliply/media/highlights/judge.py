"""What a judge (a language model) may do: reorder what was found and write copy. Never invent a moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from cliply.errors import CliplyError
from cliply.media.types import Highlight, OnProgress, no_progress

Verdict = Literal["must", "good", "fair", "weak"]
"""Categories: language models repeat them far more reliably than they repeat numbers."""
VERDICTS: tuple[Verdict, ...] = ("must", "good", "fair", "weak")

_SHOWN = 30
"""Candidates a judge reads: the chosen ones and the best of the rest."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A highlight as a judge sees it."""

    id: int
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge thinks of one candidate."""

    id: int
    verdict: Verdict
    place: int
    """Rank within the whole list, 0 is best."""
    reason: str = ""
    title: str = ""


class Judge(Protocol):
    """Reads a list of candidates and compares them with each other."""

    @property
    def name(self) -> str: ...

    def rerank(
        self, candidates: Sequence[Candidate], *, prompt: str, on_progress: OnProgress = no_progress
    ) -> tuple[Judgement, ...]:
        """At most one judgement for each candidate; ids that were not given are not returned. A title uses no fact
        that is not in the candidate's text. Raises a CliplyError when no judgement could be had."""
        ...


def judged(
    judge: Judge, highlights: Sequence[Highlight], *, prompt: str, on_progress: OnProgress = no_progress
) -> tuple[tuple[Highlight, ...], tuple[str, ...]]:
    """Highlights in the judge's order, and what went wrong, for the creator.

    The number of chosen ones stays. Those the judge did not see keep their order behind the others.
    """
    shown = sorted(range(len(highlights)), key=lambda index: (not highlights[index].chosen, index))[:_SHOWN]
    candidates = [_candidate(index, highlights[index]) for index in sorted(shown)]
    try:
        judgements = {each.id: each for each in judge.rerank(candidates, prompt=prompt, on_progress=on_progress)}
    except CliplyError as failed:
        return tuple(highlights), (f"The judge {judge.name} gave no answer, so the local ranking stands. {failed}",)
    return _reordered(highlights, [index for index in shown if index in judgements], judgements), ()


def _candidate(index: int, highlight: Highlight) -> Candidate:
    return Candidate(index, highlight.span.duration / 1000, highlight.text)


def _reordered(
    highlights: Sequence[Highlight], seen: list[int], judgements: dict[int, Judgement]
) -> tuple[Highlight, ...]:
    # The local rank breaks ties: a judge's order inside one verdict is weak evidence.
    def key(index: int) -> tuple[int, float, int]:
        judgement = judgements[index]
        return VERDICTS.index(judgement.verdict), judgement.place + index, index

    wanted = sum(each.chosen for each in highlights)
    order = [*sorted(seen, key=key), *(index for index in range(len(highlights)) if index not in judgements)]
    chosen = _apart(highlights, [index for index in order if not _weak(judgements.get(index))], wanted)
    scores = sorted((each.score for each in highlights), reverse=True)
    return tuple(
        replace(_with_copy(highlights[index], judgements.get(index)), chosen=index in chosen, score=scores[place])
        for place, index in enumerate(order)
    )


def _apart(highlights: Sequence[Highlight], order: Sequence[int], wanted: int) -> set[int]:
    """The first `wanted` of `order` that do not overlap one before."""
    apart: set[int] = set()
    for index in order:
        if len(apart) < wanted and not any(highlights[index].span.overlap(highlights[each].span) for each in apart):
            apart.add(index)
    return apart


def _weak(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.verdict == "weak"


def _with_copy(highlight: Highlight, judgement: Judgement | None) -> Highlight:
    if judgement is None:
        return highlight
    return replace(highlight, title=judgement.title or highlight.title, reason=judgement.reason or highlight.reason)
