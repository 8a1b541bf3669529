"""`cliply bench highlights DATA --out PRED`: ranked windows for every episode of a data set."""

import json
from pathlib import Path

from cliply.cli.bench_data import episodes
from cliply.media.cache import write_text
from cliply.media.highlights import HighlightOptions, find_highlights
from cliply.media.highlights.embeddings import Embedder
from cliply.media.types import Millis, OnProgress, no_progress, seconds

WINDOWS = 10
"""The scorer looks at so many."""


def run(
    data: Path,
    out: Path,
    *,
    shortest: Millis = 15_000,
    longest: Millis = 60_000,
    embedder: Embedder | None = None,
    on_progress: OnProgress = no_progress,
) -> None:
    """Writes {id: [[start, end], ...]} in seconds, best first: the best set of ten, then the best of the rest.

    The default lengths are those of `cliply clip`, so that the figures are those of the product.
    """
    trials = episodes(data)
    embedder = embedder or Embedder()
    options = HighlightOptions(shortest=shortest, longest=longest, count=WINDOWS)
    predictions: dict[str, list[list[float]]] = {}
    for number, episode in enumerate(trials):

        def tell(share: float, done: int = number) -> None:
            on_progress((done + share) / len(trials))

        findings = find_highlights(
            episode.transcript, episode.duration, options=options, embedder=embedder, on_progress=tell
        )
        ranked = sorted(findings.highlights, key=lambda each: not each.chosen)
        predictions[episode.id] = [[seconds(each.span.start), seconds(each.span.end)] for each in ranked]
    write_text(out, json.dumps(predictions))
