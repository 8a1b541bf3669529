"""Where a recording turns to another subject."""

from collections.abc import Sequence

import numpy as np

from cliply.media.embeddings import Vectors
from cliply.media.types import Millis, Sentence

_SIDE: Millis = 90_000
_APART: Millis = 150_000
_EVERY: Millis = 420_000


def chapters(sentences: Sequence[Sentence], embeddings: Vectors | None, duration: Millis) -> tuple[Millis, ...]:
    """Start times of new topics, the first excluded."""
    if embeddings is None or len(sentences) < 8:
        return ()
    starts = np.array([each.span.start for each in sentences])
    sums = np.vstack([np.zeros((1, embeddings.shape[1])), np.cumsum(embeddings, 0)])
    low = np.searchsorted(starts, starts - _SIDE)
    high = np.searchsorted(starts, starts + _SIDE)
    index = np.arange(len(starts))
    left, right = sums[index] - sums[low], sums[high] - sums[index]
    norm = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1) + 1e-9
    gap = 1 - (left * right).sum(1) / norm
    gap[(starts < _APART) | (starts > duration - _APART)] = -1
    out: list[int] = []
    for best in np.argsort(-gap, kind="stable"):
        if len(out) >= duration // _EVERY or gap[best] < 0:
            break
        if all(abs(starts[best] - other) >= _APART for other in out):
            out.append(int(starts[best]))
    return tuple(sorted(out))
