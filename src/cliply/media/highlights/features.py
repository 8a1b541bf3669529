"""The feature table of all windows, each column comparable within one source."""

from dataclasses import dataclass

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.highlights.signals import Signals
from cliply.media.types import Millis
from cliply.media.wording.text import Floats

_SHRINK_SECONDS = 12.0
"""A short window's rate is drawn towards the mean of the source as if so much average talk were part of it;
otherwise the extremes are always the shortest windows."""
_LIVELY, _CALM, _CROSSTALK = 10.0, 3.0, 15.0
"""Changes of speaker a minute."""
_LONG_SENTENCE, _FRAGMENT, _MONOLOGUE = 15, 3, 150
"""Words."""
_EDGE: Millis = 300_000
_ENOUGH: Millis = 25_000
_BEYOND = 0.25
"""In talks and interviews length beyond enough counts for so much less: it mostly adds what has nothing to do with the
point. What is lively in a conversation goes on for as long as a clip can."""
_SPONSOR_SECONDS = 3.0
"""So much of a sponsor read spoils a window."""
_OWN_SCALE = frozenset(["sponsor_read", "main_speaker", "asker", "match", "dead_air", "said_again"])
"""Measured absolutely, not in deviations from the source's mean."""
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
    arcs: dict[str, Floats],
    duration: Millis,
    extra: dict[str, Floats],
) -> FeatureTable:
    """`extra`: more window columns; those of the sound are standardised here like the others."""
    columns: dict[str, Floats] = {}
    for name, counts in signals.counts.items():
        if name not in _OWN_SCALE:
            columns[name] = standardise(_rates(windows, counts, signals.divisors[signals.per[name]], signals))
    for name, values in starts.items():
        columns[name] = values[windows.first]
    for name, values in ends.items():
        columns[name] = values[windows.last]
    columns |= {name: values if name in _OWN_SCALE else standardise(values) for name, values in extra.items()}
    columns |= _turn_taking(windows, signals)
    # A conversation has no arcs of question and answer to keep to.
    columns |= {name: values * signals.led for name, values in arcs.items()}
    # “So the queen gives the orders?” leans on nothing, and where something new begins after the end, nothing goes on.
    columns["start_dangling"] = columns["start_dangling"] * (1 - columns["opens_arc"] / 2)
    columns["end_continues"] = columns["end_continues"] * (1 - columns["ends_arc"])
    columns |= _of_tellers(columns, signals.told)
    columns |= _position(windows, duration, signals)
    return FeatureTable(columns, len(windows))


def standardise(values: Floats) -> Floats:
    if not len(values):
        return values
    deviation = values.std()
    if deviation < 1e-9:
        return np.zeros(len(values))
    out: Floats = np.clip((values - values.mean()) / deviation, -_LIMIT, _LIMIT)
    return out


def _rates(windows: Windows, counts: Floats, divisor: Floats, signals: Signals) -> Floats:
    typical = signals.typical
    prior = _SHRINK_SECONDS / max(1e-9, signals.divisors["seconds"][typical].sum())
    sums = sum_over(windows, counts) + prior * counts[typical].sum()
    out: Floats = sums / (sum_over(windows, divisor) + prior * divisor[typical].sum())
    return out


def sum_over(windows: Windows, values: Floats) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    out: Floats = total[windows.last + 1] - total[windows.first]
    return out


def _turn_taking(windows: Windows, signals: Signals) -> dict[str, Floats]:
    """How quickly people take turns, and how long their sentences are, on absolute scales.

    Standardised rates would mislead here: people liven up to about ten changes of speaker a minute, in any
    recording, and beyond fifteen they talk at the same time. In an interview a question and its answer is all the
    exchange there is to want; quicker talk is small talk.
    """
    words = signals.divisors["words"]
    said = sum_over(windows, words)
    rate = sum_over(windows, signals.counts["turns"]) / sum_over(windows, signals.divisors["seconds"]) * 60
    told = signals.told
    turn_words = np.expm1(signals.counts["turn_length"] / words)
    return {
        "exchange": np.minimum(rate, _LIVELY * (1 - told) + _CALM * told) / _LIVELY,
        "crosstalk": np.maximum(0, rate - _CROSSTALK) / _LIVELY,
        "long_sentences": sum_over(windows, words * np.maximum(0, np.log(words / _LONG_SENTENCE))) / said,
        "fragments": sum_over(windows, words * (words <= _FRAGMENT)) / said,
        "monologue": (1 - told) * sum_over(windows, words * (turn_words > _MONOLOGUE)) / said,
        # “Oh, nice.”: the listener's word is no ending when the teller has had the last one of substance.
        "end_listener": told * (1 - signals.counts["main_speaker"] / words)[windows.last] * signals.several,
        "guest": told * sum_over(windows, signals.counts["main_speaker"]) / said,
        "sponsor_read": np.minimum(1, sum_over(windows, signals.counts["sponsor_read"]) / _SPONSOR_SECONDS),
    }


def _of_tellers(columns: dict[str, Floats], told: float) -> dict[str, Floats]:
    """What marks the moments that editors open interviews with; in meetings the same words are procedure."""

    def mean(*names: str) -> Floats:
        return standardise(np.sum([columns[name] for name in names], axis=0)) * told

    return {
        "direct": mean("question", "you", "absolute"),
        "pointed": mean("contrast", "advice", "emotion"),
        "told_centrality": mean("centrality"),
        "told_length": mean("length"),
        # What opens a subject is the business of a meeting, but only the host's part of an interview.
        "first_use": columns["first_use"] * (1 - told),
        "agenda": columns["agenda"] * (1 - told),
    }


def _position(windows: Windows, duration: Millis, signals: Signals) -> dict[str, Floats]:
    """How deep a window lies in the first and the last minutes, where greetings and good-byes are said."""
    edge = min(_EDGE, 0.08 * duration) + 1
    formal = 0.25 + 0.75 * signals.told  # a meeting comes to its business sooner than an interview
    return {
        "opening_minutes": formal * np.clip(2 - 2 * windows.start / edge, 0, 1),
        "closing_minutes": formal * np.clip(2 - 2 * (duration - windows.end) / edge, 0, 1),
        "log_duration": _length(windows, signals.led),
    }


def _length(windows: Windows, led: float) -> Floats:
    relative = np.log(np.maximum(1, windows.duration) / _ENOUGH)
    out: Floats = np.where(relative > 0, relative * (1 - led * (1 - _BEYOND)), relative)
    return out
