"""Windows that say the same thing over and over: test recordings, refrains, transcripts of a stuck recogniser."""

from collections.abc import Sequence

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.types import Sentence
from cliply.media.wording.text import Floats, terms

_LEAST = 4
"""Words: "Yes, I think so." may be said as often as anybody likes."""
_USUAL = 0.2
"""Of the words of a window; a speaker who comes back to a sentence once makes a point of it."""


def said_again(windows: Windows, sentences: Sequence[Sentence]) -> Floats:
    """0 to 1 for each window: how much of it is sentences that it has said before, beyond what is usual."""
    said = [tuple(terms(each.text)) for each in sentences]
    words = np.array([len(each) for each in said], np.float64)
    total = np.concatenate([[0.0], np.cumsum(words)])
    repeated = np.zeros(len(windows))
    before: dict[tuple[str, ...], int] = {}
    for index, each in enumerate(said):
        if len(each) < _LEAST:
            continue
        if (earlier := before.get(each)) is not None:
            repeated[(windows.first <= earlier) & (windows.last >= index)] += words[index]
        before[each] = index
    share = repeated / np.maximum(1.0, total[windows.last + 1] - total[windows.first])
    out: Floats = np.clip((share - _USUAL) / (1 - _USUAL), 0, 1)
    return out
