"""How well a window answers what the creator asked for."""

from collections.abc import Sequence

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.highlights.embeddings import Vectors
from cliply.media.highlights.features import sum_over
from cliply.media.types import Sentence
from cliply.media.wording.text import Floats, terms

_STEM = 4
"""Terms that share so many first letters and differ by a short ending are taken for forms of one word."""
_ENDING = 3


def match_column(
    windows: Windows,
    sentences: Sequence[Sentence],
    prompt: str,
    keywords: Sequence[str],
    stop: frozenset[str],
    vectors: Vectors | None,
    wish: Vectors | None,
) -> Floats | None:
    """0 to 1, 1 for the best match; None if nothing was asked for, all 0 if nothing answers.

    `wish` is the embedding of the prompt and of each keyword, one row each.
    """
    wanted = [phrase for phrase in _wanted(prompt, keywords, stop) if phrase]
    if not wanted:
        return None
    said = np.array([_share_said(terms(sentence.text), wanted) for sentence in sentences])
    # The square root: the second mention tells less than the first.
    lexical = np.sqrt(sum_over(windows, said))
    if vectors is None or wish is None or not len(wish):
        return _to_best(lexical)
    closeness = np.maximum(0, (vectors @ wish.T).max(1)).astype(np.float64) ** 2
    meant = sum_over(windows, closeness) / np.maximum(1, windows.last + 1 - windows.first)
    return _to_best(_to_best(lexical) + _to_best(meant))


def answers(
    sentences: Sequence[Sentence],
    prompt: str,
    keywords: Sequence[str],
    stop: frozenset[str],
    vectors: Vectors | None,
    wish: Vectors | None,
) -> Floats:
    """How well each sentence answers: what it says of what was asked for, then how near it is in meaning."""
    wanted = [phrase for phrase in _wanted(prompt, keywords, stop) if phrase]
    said: Floats = np.array([_share_said(terms(each.text), wanted) if wanted else 0.0 for each in sentences])
    if vectors is None or wish is None or not len(wish):
        return said
    near: Floats = np.maximum(0, (vectors @ wish.T).max(1)).astype(np.float64)
    return np.add(said, near)


def said_keywords(text: str, keywords: Sequence[str]) -> list[str]:
    """Those of the keywords that are said in `text`."""
    said = terms(text)
    return [each for each in keywords if (phrase := terms(each)) and _share_said(said, [phrase]) > 0]


def _wanted(prompt: str, keywords: Sequence[str], stop: frozenset[str]) -> list[list[str]]:
    return [terms(keyword) for keyword in keywords] + [[term] for term in terms(prompt) if term not in stop]


def _to_best(values: Floats) -> Floats:
    # Not in deviations: what is asked for may be said once in three hours, and then it must win.
    best = values.max(initial=0.0)
    return values / best if best > 0 else np.zeros(len(values))


def _share_said(said: list[str], wanted: list[list[str]]) -> float:
    return sum(all(any(_same(term, each) for each in said) for term in phrase) for phrase in wanted) / len(wanted)


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _STEM and longer.startswith(shorter) and len(longer) - len(shorter) <= _ENDING
