"""The feature table of all windows, each column comparable within one source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.highlights.signals import Signals
from cliply.media.highlights.text import Floats
from cliply.media.types import Millis

_SHRINK_SECONDS = 12.0
"""A short window's rate is drawn towards the mean of the source as if so much average talk were part of it;
otherwise the extremes are always the shortest windows."""
_LIMIT = 3.0
"""No single feature may count for more than so many standard deviations."""


@dataclass(frozen=True)
class FeatureTable:
    """Columns by name, one row a window; standardised within the source (mean 0, deviation 1) unless binary."""

    columns: dict[str, Floats]
    rows: int

    def column(self, name: str) -> Floats:
        """A feature that cannot be measured here is neutral."""
        return self.columns.get(name, np.zeros(self.rows))


def window_features(
    windows: Windows,
    signals: Signals,
    starts: dict[str, Floats],
    ends: dict[str, Floats],
    duration: Millis,
    extra: dict[str, Floats],
) -> FeatureTable:
    """`extra`: more window columns (delivery, match), standardised here like the others."""
    columns: dict[str, Floats] = {}
    for name, counts in signals.counts.items():
        columns[name] = standardise(_rates(windows, counts, signals.divisors[signals.per[name]], signals))
    for name, values in starts.items():
        columns[name] = values[windows.first]
    for name, values in ends.items():
        columns[name] = values[windows.last]
    columns |= {name: standardise(values) for name, values in extra.items()}
    columns |= _position(windows, duration)
    return FeatureTable(columns, len(windows))


def standardise(values: Floats) -> Floats:
    if not len(values):
        return values
    deviation = values.std()
    if deviation < 1e-9:
        return np.zeros(len(values))
    return np.clip((values - values.mean()) / deviation, -_LIMIT, _LIMIT)


def _rates(windows: Windows, counts: Floats, divisor: Floats, signals: Signals) -> Floats:
    seconds = signals.divisors["seconds"]
    prior = _SHRINK_SECONDS / max(1e-9, seconds.sum())
    sums = sum_over(windows, counts) + prior * counts.sum()
    return sums / (sum_over(windows, divisor) + prior * divisor.sum())


def sum_over(windows: Windows, values: Floats) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return total[windows.last + 1] - total[windows.first]


def _position(windows: Windows, duration: Millis) -> dict[str, Floats]:
    """How deep a window lies in the first and the last minutes, where greetings and good-byes are said."""
    edge = min(180_000.0, 0.08 * duration) + 1
    middle = (windows.start + windows.end) / 2
    return {
        "opening_minutes": np.clip(1 - windows.start / edge, 0, 1),
        "closing_minutes": np.clip(1 - (duration - windows.end) / edge, 0, 1),
        "late": middle / max(1, duration) - 0.5,
        "log_duration": np.log(np.maximum(1, windows.duration) / 30_000),
    }


def names_of(tables: Sequence[FeatureTable]) -> list[str]:
    return sorted({name for table in tables for name in table.columns})
