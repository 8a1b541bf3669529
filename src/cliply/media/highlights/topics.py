"""Where a recording turns to another subject: chapter marks, and variety for the choice of highlights."""

from collections.abc import Sequence

import numpy as np

from cliply.media.highlights.embeddings import Vectors
from cliply.media.types import Millis, Sentence
from cliply.media.wording.cues import cues, normalise
from cliply.media.wording.text import Floats, Ints, term_table

_EVERY: Millis = 700_000
"""People mark a new topic about this often in an hour of talk."""
_APART: Millis = 120_000
_EDGE: Millis = 60_000
_SIDES: tuple[Millis, ...] = (60_000, 150_000)
"""How far before and after a sentence is compared; both, since topics differ in size."""
_ANNOUNCED: Millis = 20_000
_FLOOR = 1.5
"""A border must stand out from the other sentences by this much, in deviations of the summed evidence."""
_WEIGHTS = {"content": 1.0, "speakers": 1.0, "announced": 0.5, "floor": 0.7}
_LEXICAL_DIMENSIONS = 512


def chapters(
    sentences: Sequence[Sentence], embeddings: Vectors | None, duration: Millis, language: str = "en"
) -> tuple[Millis, ...]:
    """Start times of new topics, in order; the beginning is not one of them.

    Four kinds of evidence: other content than before (TextTiling: Hearst 1997, with sentence vectors), other people
    talking, words that announce a topic, and somebody taking the floor. Without `embeddings`, terms are compared.
    """
    starts = np.array([each.span.start for each in sentences], np.int64)
    wanted = round(duration / _EVERY)
    inside = (starts >= _EDGE) & (starts <= duration - _EDGE)
    if not wanted or not inside.any():
        return ()
    vectors = embeddings if embeddings is not None else lexical_vectors(sentences)
    evidence = _standardised(_evidence(sentences, starts, vectors, language))
    out: list[int] = []
    for index in np.argsort(np.where(inside, -evidence, np.inf), kind="stable"):
        if len(out) == wanted or not inside[index] or evidence[index] < _FLOOR:
            break
        if all(abs(int(starts[index]) - other) >= _APART for other in out):
            out.append(int(starts[index]))
    return tuple(sorted(out))


def lexical_vectors(sentences: Sequence[Sentence]) -> Vectors:
    """A stand-in for embeddings in any language: TF-IDF terms hashed into 512 signed dimensions, rows of length 1."""
    table = term_table([each.text for each in sentences])
    place = np.array([_hash(term) for term in table.terms], np.int64)
    out = np.zeros((len(sentences), _LEXICAL_DIMENSIONS), np.float32)
    if len(place):
        hashed = place[table.columns]
        sign = np.where(hashed & 1, 1.0, -1.0)
        np.add.at(out, (table.rows, (hashed >> 1) % _LEXICAL_DIMENSIONS), table.weights * sign)
    unit: Vectors = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    return unit


def _hash(term: str) -> int:
    # Python's own hash differs from run to run.
    value = 2166136261
    for byte in term.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def _evidence(sentences: Sequence[Sentence], starts: Ints, vectors: Vectors, language: str) -> Floats:
    words = np.array([each.last - each.first for each in sentences], np.float64)
    # "Yeah" and "okay" have vectors too, but no content; a very long sentence must not outvote its surroundings.
    content = vectors * (np.minimum(words, 25) * (words > 3))[:, None]
    names = {name: column for column, name in enumerate(dict.fromkeys(each.speaker for each in sentences))}
    talk = np.zeros((len(sentences), len(names)))
    talk[np.arange(len(sentences)), [names[each.speaker] for each in sentences]] = words
    known = cues(language[:2].lower())
    announcing = np.array([min(2, known.count("agenda", normalise(each.text))) for each in sentences], np.float64)
    total = np.zeros(len(sentences))
    for side in _SIDES:
        for kind, measured in (("content", _distance(content, starts, side)), ("speakers", _shift(talk, starts, side))):
            total += _WEIGHTS[kind] * _standardised(measured)
    before, after = _around(announcing, starts, _ANNOUNCED)
    total += _WEIGHTS["announced"] * (_standardised(before) + _standardised(after))
    return total + _WEIGHTS["floor"] * _standardised(_around(words, starts, _ANNOUNCED)[1])


def _around(values: Floats, starts: Ints, side: Millis) -> tuple[Floats, Floats]:
    """Sums over what starts within `side` before each sentence, and from it on."""
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0, dtype=np.float64)])
    index = np.arange(len(starts))
    low, high = np.searchsorted(starts, starts - side), np.searchsorted(starts, starts + side)
    return sums[index] - sums[low], sums[high] - sums[index]


def _distance(values: Floats, starts: Ints, side: Millis) -> Floats:
    before, after = _around(values, starts, side)
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    out: Floats = 1 - (before * after).sum(1) / np.maximum(lengths, 1e-9)
    return out


def _shift(talk: Floats, starts: Ints, side: Millis) -> Floats:
    """Share of the talk that would have to change speakers."""
    before, after = _around(talk, starts, side)
    before = before / np.maximum(before.sum(1, keepdims=True), 1e-9)
    after = after / np.maximum(after.sum(1, keepdims=True), 1e-9)
    out: Floats = np.abs(before - after).sum(1) / 2
    return out


def _standardised(values: Floats) -> Floats:
    out: Floats = (values - values.mean()) / (values.std() + 1e-9)
    return out
