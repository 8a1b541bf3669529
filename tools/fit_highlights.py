"""Fit `src/cliply/media/data/highlight_weights.json`: tools/fit_highlights.py --bench FOLDER DATA.jsonl.gz...

Each data set counts as much as the share given to its kind of gold; weights are drawn by a ridge towards priors that
say what is known about interviews and what a creator would call a clean clip, so that the sets move a weight only as
far as they have evidence. Figures printed are cross-validated over episodes: an episode is never scored by weights
that saw it. `FOLDER` holds the scorer, hlbench.py.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cliply.cli.bench_data import episodes
from cliply.media.highlights.arcs import arc_features, arc_starts, awaits_answer
from cliply.media.highlights.asides import asides, sponsor_reads
from cliply.media.highlights.candidates import Windows, windows
from cliply.media.highlights.edges import end_features, start_features
from cliply.media.highlights.embeddings import Embedder
from cliply.media.highlights.features import FeatureTable, window_features
from cliply.media.highlights.ranking import Weights, score
from cliply.media.highlights.repetition import said_again
from cliply.media.highlights.selection import alternatives, best_set
from cliply.media.highlights.sentences import split_sentences
from cliply.media.highlights.signals import sentence_signals
from cliply.media.wording.cues import cues
from cliply.media.wording.text import Floats, term_table

WEIGHTS = Path(__file__).parents[1] / "src" / "cliply" / "media" / "data" / "highlight_weights.json"
SHARES = {"events": 0.2, "mass": 0.8}
"""Of laughs and of summaries. Laughs are the easier signal: at equal shares they drown the informative moments."""
RIDGE = 0.1
SAMPLE = 1500
FOLDS = 5
EXPLAINED = 0.35
"""Typical deviation of the fitted part when the target's is 1; turns priors into the units of the fit."""

PRIORS: dict[str, dict[str, float]] = {
    "substance": {"centrality": 0.2, "first_use": 0.1, "rarity": 0.05, "agenda": 0.0, "cause": 0.0},
    "emotion": {
        "question": 0.0,
        "you": 0.0,
        "absolute": 0.05,
        "self": 0.0,
        "emotion": 0.05,
        "lively": 0.0,
        "story": 0.05,
    },
    "delivery": {
        "exchange": 0.3,
        "crosstalk": -0.3,
        "long_sentences": -0.25,
        "fragments": -0.05,
        "monologue": -0.15,
        "backchannel": 0.0,
        "filler": 0.0,
    },
    "length": {"log_duration": 0.5},
}
"""In deviations of the final score for one deviation of the feature."""
FIXED: dict[str, dict[str, float]] = {
    "hook": {
        "start_question": 0.1,
        "start_you": 0.05,
        "start_absolute": 0.05,
        "start_contrast": 0.05,
        "start_number": 0.05,
        "start_story": 0.1,
    },
    "standalone": {
        "start_dangling": -0.5,
        "start_reply": -0.45,
        "start_reference": -0.1,
        "start_answer": -0.1,
        "start_quoted": -0.5,
        "opens_arc": 0.5,
        "head": -0.4,
        "start_greeting": -0.5,
        "start_continues": -0.1,
        "sponsor_read": -8.0,
        "housekeeping": -0.15,
        "greeting": -0.2,
        "opening_minutes": -1.0,
        "closing_minutes": -1.0,
    },
    "payoff": {
        "ends_arc": 1.0,
        "tail": -0.8,
        "end_turn": 0.05,
        "end_question": -0.3,
        "end_conclusion": 0.1,
        "end_continues": -0.15,
        "end_pause": 0.05,
        "end_trails": -0.15,
        "end_reply": -0.05,
        "end_listener": -0.4,
        "end_quoted": -0.4,
    },
    "substance": {"guest": 1.0, "told_centrality": 0.2, "pointed": 0.1, "said_again": -8.0},
    "emotion": {"direct": 0.4, "exclamation": 0.15},
    "delivery": {"told_length": -0.2, "energy": 0.2, "swing": 0.15, "pace": 0.05, "dead_air": -6.0},
    "focus": {"cohesion": 0.05, "crossed": -1.0},
    "match": {"match": 8.0},
}
"""Not fitted: how a clip should begin and end, and what the sets do not hold (sound, wishes, sponsor reads)."""


@dataclass
class Trial:
    """One episode with everything that scoring it needs."""

    row: dict[str, Any]
    windows: Windows
    features: FeatureTable
    target: Floats
    sample: Any


def trial(row: dict[str, Any], transcript: Any, duration: int, vectors: Any, bench: Any) -> Trial:
    sentences = split_sentences(transcript)
    known = cues("en")
    embedded = vectors([each.text for each in sentences])
    reads = sponsor_reads(sentences, known)
    avoided = asides(sentences, known, reads)
    found = windows(
        sentences,
        15_000,
        60_000,
        punctuated=True,
        open_ended=awaits_answer(sentences, known),
        avoided=avoided,
    )
    table = term_table([each.text for each in sentences], known.words["stop"])
    features = window_features(
        found,
        sentence_signals(sentences, table, known, embedded, reads, avoided),
        start_features(sentences, known, embedded),
        end_features(sentences, known),
        arc_features(found, sentences, arc_starts(sentences, known, avoided)),
        duration,
        {"said_again": said_again(found, sentences)},
    )
    start, end, gold = found.start / 1000, found.end / 1000, np.zeros(len(found))
    for a, b, mass in bench.mass_points(row):
        moment = b - a < 1e-6
        gold += mass * (
            ((start <= a) & (a <= end + 2))
            if moment
            else np.clip(np.minimum(b, end) - np.maximum(a, start), 0, None) / (b - a)
        )
    chosen = np.random.default_rng(0).choice(len(found), min(SAMPLE, len(found)), replace=False)
    return Trial(row, found, features, (gold - gold.mean()) / (gold.std() + 1e-9), chosen)


def fit(
    trials: list[Trial],
    priors: dict[str, dict[str, float]] = PRIORS,
    ridge: float = RIDGE,
    shares: dict[str, float] = SHARES,
) -> dict[str, float]:
    """Weights of the fitted features, scaled so that they give a score of deviation 1 within a source."""
    names = [name for group in priors.values() for name in group]
    prior = np.array([value for group in priors.values() for value in group.values()])
    kinds = [each.row["gold"]["kind"] for each in trials]
    square, product, spread = np.zeros((len(names), len(names))), np.zeros(len(names)), np.zeros(len(names))
    for each, kind in zip(trials, kinds, strict=True):
        columns = np.stack([each.features.column(name)[each.sample] for name in names], 1)
        columns = columns - columns.mean(0)
        weight = shares[kind] / kinds.count(kind) / len(columns)
        square += weight * columns.T @ columns
        product += weight * columns.T @ each.target[each.sample]
        spread += columns.var(0) / len(trials)
    scale = np.sqrt(spread) + 1e-9
    start = EXPLAINED * prior / scale
    # The penalty is on weights times deviations, so that it does not depend on a feature's unit.
    found = np.linalg.solve(square + ridge * np.diag(scale**2), product + ridge * scale**2 * start)
    deviation = np.mean(
        [sum(w * each.features.column(n) for w, n in zip(found, names, strict=True)).std() for each in trials]
    )
    return dict(zip(names, (found / deviation).tolist(), strict=True))


def combined(fitted: dict[str, float], fixed: dict[str, dict[str, float]] = FIXED) -> Weights:
    groups = {dimension: dict(values) for dimension, values in fixed.items()}
    for dimension, values in PRIORS.items():
        groups.setdefault(dimension, {}).update({name: round(fitted[name], 3) for name in values})
    order = ("hook", "standalone", "payoff", "substance", "emotion", "delivery", "focus", "match", "length")
    return Weights({dimension: groups.get(dimension, {}) for dimension in order})


def predict(each: Trial, weights: Weights) -> list[list[float]]:
    total = score(each.features, weights).total
    chosen = best_set(each.windows, total, np.zeros(len(total), np.int64), 10, padded=True)
    ranked = [*chosen, *alternatives(each.windows, total, chosen, 5)]
    return [[each.windows.start[index] / 1000, each.windows.end[index] / 1000] for index in ranked]


def cross_validated(
    trials: list[Trial], bench: Any, fixed: dict[str, dict[str, float]] = FIXED, **options: Any
) -> dict[str, dict[str, float]]:
    rows: dict[str, list[dict[str, float]]] = {}
    for fold in range(FOLDS):
        weights = combined(fit([each for index, each in enumerate(trials) if index % FOLDS != fold], **options), fixed)
        for each in trials[fold::FOLDS]:
            rows.setdefault(each.row["gold"]["kind"], []).append(bench.score_episode(each.row, predict(each, weights)))
    names = ("ndcg@10", "lift@10", "start_ok", "end_ok", "dangling_start", "len")
    return {
        kind: {name: round(float(np.mean([row[name] for row in found])), 3) for name in names}
        for kind, found in rows.items()
    }


def load(data: list[Path], bench: Any, vectors: Any) -> list[Trial]:
    out = []
    for path in data:
        for row, episode in zip(bench.load(path), episodes(path), strict=True):
            out.append(trial(row, episode.transcript, episode.duration, vectors, bench))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("data", type=Path, nargs="+")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.bench))
    import hlbench  # type: ignore[import-not-found]  # lives outside the project

    trials = load(arguments.data, hlbench, Embedder().embed)
    print("cross-validated:", json.dumps(cross_validated(trials, hlbench)))
    weights = combined(fit(trials))
    WEIGHTS.write_text(json.dumps({"version": 1, "dimensions": weights.dimensions}, indent=1) + "\n", "utf-8")
    print(f"written: {WEIGHTS}")


if __name__ == "__main__":
    main()
