"""Text measured without knowing its language: terms, how rare they are here, and how central a sentence is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

_TERM = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_COMMON = 0.08
"""A term in more than this share of the sentences carries no topic in any language."""
_ROUNDS = 25
_DAMPING = 0.85


def terms(text: str) -> list[str]:
    """Lower-case terms: words, and pairs of characters in scripts that are written without spaces."""
    out: list[str] = []
    for word in _TERM.findall(text.lower().replace("’", "'")):
        if _UNSPACED.match(word):
            out += [word[index : index + 2] for index in range(max(1, len(word) - 1))]
        else:
            out.append(word)
    return out


@dataclass(frozen=True)
class TermTable:
    """Which topical terms stand in which sentence, as a sparse matrix of TF-IDF weights."""

    sentences: int
    terms: tuple[str, ...]
    rows: Ints
    columns: Ints
    weights: Floats
    """TF-IDF, not normalised."""
    first_use: Floats
    """For each sentence, the sum of the weights of terms that nobody used before."""
    mass: Floats
    """For each sentence, the sum of its weights."""

    @cached_property
    def unit_weights(self) -> Floats:
        norm = np.sqrt(np.bincount(self.rows, self.weights**2, self.sentences))
        return self.weights / np.maximum(norm[self.rows], 1e-9)

    def centrality(self) -> Floats:
        """TextRank over the cosine of sentences; mean 1. Never forms the matrix, so the cost is linear."""
        if not len(self.rows):
            return np.ones(self.sentences)
        unit, size = self.unit_weights, len(self.terms)
        own = np.bincount(self.rows, unit**2, self.sentences)

        def spread(values: Floats) -> Floats:
            by_term = np.bincount(self.columns, unit * values[self.rows], size)
            return np.bincount(self.rows, unit * by_term[self.columns], self.sentences) - own * values

        degree = np.maximum(spread(np.ones(self.sentences)), 1e-9)
        rank = np.ones(self.sentences)
        for _ in range(_ROUNDS):
            rank = 1 - _DAMPING + _DAMPING * spread(rank / degree)
        return rank


def term_table(texts: Sequence[str], stop: frozenset[str] = frozenset()) -> TermTable:
    """`stop`: function words of the language, if known; what is too common here is dropped in any language."""
    documents = [[term for term in terms(text) if len(term) > 1 and term not in stop] for text in texts]
    seen_in: dict[str, int] = {}
    for document in documents:
        for term in set(document):
            seen_in[term] = seen_in.get(term, 0) + 1
    common = max(3.0, _COMMON * len(texts))
    vocabulary = {term: index for index, term in enumerate(term for term, count in seen_in.items() if count <= common)}
    idf = {term: np.log((1 + len(texts)) / seen_in[term]) for term in vocabulary}
    rows, columns, weights = [], [], []
    first_use, mass = np.zeros(len(texts)), np.zeros(len(texts))
    used: set[str] = set()
    for row, document in enumerate(documents):
        for term in document:
            if term not in vocabulary:
                continue
            mass[row] += idf[term]
            if term not in used:
                used.add(term)
                first_use[row] += idf[term]
            if seen_in[term] > 1:
                rows.append(row)
                columns.append(vocabulary[term])
                weights.append(idf[term])
    return TermTable(
        len(texts),
        tuple(vocabulary),
        np.array(rows, np.int64),
        np.array(columns, np.int64),
        np.array(weights, np.float64),
        first_use,
        mass,
    )
