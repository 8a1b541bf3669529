"""`cliply bench chapters DATA --out PRED`: where new topics begin, for every episode of a data set."""

import json
from pathlib import Path

from cliply.cli.bench_data import episodes
from cliply.media.cache import write_text
from cliply.media.highlights.embeddings import Embedder
from cliply.media.highlights.sentences import split_sentences
from cliply.media.highlights.topics import chapters
from cliply.media.types import OnProgress, no_progress, seconds


def run(data: Path, out: Path, *, embedder: Embedder | None = None, on_progress: OnProgress = no_progress) -> None:
    """Writes {id: [start, ...]} in seconds; the start of the recording is implied."""
    trials = episodes(data)
    embedder = embedder or Embedder()
    predictions: dict[str, list[float]] = {}
    for number, episode in enumerate(trials):

        def tell(share: float, done: int = number) -> None:
            on_progress((done + share) / len(trials))

        sentences = split_sentences(episode.transcript)
        vectors = embedder.embed([each.text for each in sentences], tell)
        predictions[episode.id] = [seconds(at) for at in chapters(sentences, vectors, episode.duration)]
    write_text(out, json.dumps(predictions))
