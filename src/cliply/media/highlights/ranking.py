"""Features to scores: one set of weights for every source, kept as data and fitted by `tools/fit_highlights.py`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from cliply.media.highlights.features import FeatureTable
from cliply.media.wording.text import Floats

DIMENSIONS = ("hook", "standalone", "payoff", "substance", "emotion", "delivery", "focus", "match")
"""Those that a creator reads about; the weights also hold `length`, which orders but says nothing of a moment."""


@dataclass(frozen=True)
class Weights:
    """How much each feature counts, and in which dimension a creator reads about it."""

    dimensions: Mapping[str, Mapping[str, float]]

    @property
    def flat(self) -> dict[str, float]:
        return {name: weight for weights in self.dimensions.values() for name, weight in weights.items()}


@dataclass(frozen=True)
class Scores:
    """One row a window. `total` is the sum of the dimensions; only differences within a source mean anything."""

    total: Floats
    dimensions: dict[str, Floats]


@cache
def packaged_weights() -> Weights:
    data = json.loads((files("cliply.media") / "data" / "highlight_weights.json").read_text("utf-8"))
    return Weights(data["dimensions"])


def score(table: FeatureTable, weights: Weights) -> Scores:
    parts = {
        dimension: np.sum([weight * table.column(name) for name, weight in weighted.items()], axis=0)
        if weighted
        else np.zeros(table.rows)
        for dimension, weighted in weights.dimensions.items()
    }
    total = np.sum(list(parts.values()), axis=0) if parts else np.zeros(table.rows)
    return Scores(total, parts)


def percentiles(values: Floats) -> Floats:
    """0 for the lowest to 100 for the highest; equal values share their middle rank."""
    if len(values) < 2:
        return np.full(len(values), 100.0)
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    shared: Floats = 100 * (below + upto - 1) / 2 / (len(values) - 1)
    return shared
