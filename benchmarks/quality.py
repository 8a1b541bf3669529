"""How good the parts are, by public scorers on labelled data that is not part of this repository.

The data and the scorers are looked for beside the checkout, or where CLIPLY_FIXTURES and CLIPLY_SCORERS say; a section
whose data is absent says so.
"""

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tools.demo_talk.dialogue import TALK
from tools.demo_talk.voices import RATE, Sound, Spoken, speak
from tools.make_demo_video import write_wav

from benchmarks.material import FIXTURES
from benchmarks.registry import Row, at_least, at_most, benchmark, processor_time
from benchmarks.staging import stage_three
from cliply.cli import bench_chapters, bench_framing, bench_highlights, bench_speech
from cliply.cli.bench_data import episodes
from cliply.integrations.whisper import WhisperTranscriber
from cliply.media.highlights.embeddings import Embedder, Vectors
from cliply.media.probe import probe
from cliply.media.speech.alignment import align
from cliply.media.speech.sound import analyse_sound
from cliply.media.types import OnProgress, no_progress

SCORERS = Path(os.environ.get("CLIPLY_SCORERS", FIXTURES.parent / "bench"))
_MATCH = 1.5
"""Seconds within which a word of the transcript may be the one that a line begins with."""


def absent() -> list[Row]:
    return [Row(f"no labelled data at {FIXTURES.name}/; set CLIPLY_FIXTURES", "")]


def scored(scorer: str, *arguments: Path | str) -> str:
    """What a scorer prints."""
    command = [sys.executable, str(SCORERS / scorer), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@benchmark("word-errors")
def word_errors(folder: Path) -> Sequence[Row]:
    refs = FIXTURES / "audio" / "refs.json"
    if not refs.exists():
        return absent()
    bench_speech.run(refs, None, folder / "hyp.json", "auto")
    told = scored("asrbench.py", refs, folder / "hyp.json")
    total = re.search(r"TOTAL WER ([\d.]+) over (\d+) words", told)
    assert total is not None
    each = re.findall(r"^\| (\S+) \| \d+ \| ([\d.]+) \|", told, re.MULTILINE)
    worst = max(float(rate) for name, rate in each if "grid" not in name)
    silent = [file for file, ref in json.loads(refs.read_text()).items() if not ref["text"]]
    heard = json.loads((folder / "hyp.json").read_text())
    said = sum(len(heard[file]["words"]) for file in silent if file in heard)
    return [
        at_most(f"word error rate over {total[2]} words", float(total[1]), 0.06, digits=3),
        at_most("worst file outside GRID", worst, 0.20, digits=3),
        at_most("words where nobody speaks", said, 0, digits=0),
    ]


@benchmark("word-times")
def word_times(folder: Path) -> Sequence[Row]:
    """The made talk, whose lines begin at known samples: how far off the first word of each line is."""
    sound, spoken = speak(TALK)
    wav = folder / "talk.wav"
    write_wav(sound, wav)
    track = analyse_sound(probe(wav), folder)
    transcript = align(WhisperTranscriber().transcribe(track.wav, language="en"), track.wav)
    errors: list[float] = []
    for each in spoken:
        onset = _onset(sound, each)
        first = re.sub(r"\W", "", each.line.text.split()[0]).lower()
        same = [word for word in transcript.words if re.sub(r"\W", "", word.text).lower() == first]
        near = [abs(word.start / 1000 - onset) for word in same if abs(word.start / 1000 - onset) < _MATCH]
        errors.append(1000 * min(near) if near else float("inf"))
    within = statistics.mean(error <= 200 for error in errors)
    return [
        at_most(f"onsets of {len(errors)} first words, median error: ms", statistics.median(errors), 40, digits=0),
        at_least("the same within 200 ms, of all that were said", within, 0.90),
    ]


def _onset(sound: Sound, each: Spoken) -> float:
    """Second at which a line is first heard: 40 dB below its loudest moment."""
    line = np.abs(sound[round(each.start * RATE) : round(each.end * RATE)])
    return each.start + float(np.argmax(line > line.max() / 100)) / RATE


@benchmark("moments")
def moments(folder: Path) -> Sequence[Row]:
    if not (FIXTURES / "highlights").is_dir():
        return absent()
    rows: list[Row] = []
    for name, bar in (("laugh", 0.26), ("ami", 0.62)):
        data = FIXTURES / "highlights" / f"{name}_dev.jsonl.gz"
        embedder = _WatchedEmbedder()
        with processor_time() as used:
            bench_highlights.run(data, folder / f"{name}.json", embedder=embedder)
        hours = sum(episode.duration for episode in episodes(data)) / 3_600_000
        spent = (used.seconds - embedder.spent) / hours
        found = json.loads(scored("hlbench.py", "score", data, folder / f"{name}.json"))
        rows += [
            at_least(f"{name}: nDCG@10", found["ndcg@10"], bar, digits=3),
            at_least(f"{name}: starts at a sentence", found["start_ok"], 0.95),
            at_least(f"{name}: ends with a sentence", found["end_ok"], 0.95),
            at_most(f"{name}: starts on a dangling word", found["dangling_start"], 0.25, digits=3),
            Row(f"{name}: mean length, seconds", f"{found['len']:.0f}"),
            at_most(f"{name}: CPU-s for an hour of transcript, after embeddings", spent, 5),
            Row(f"{name}: CPU-s for its embeddings", f"{embedder.spent / hours:.1f}"),
        ]
    return rows


class _WatchedEmbedder(Embedder):
    """Knows the processor seconds that embedding took."""

    spent = 0.0

    def embed(self, texts: Sequence[str], on_progress: OnProgress = no_progress) -> Vectors:
        with processor_time() as used:
            vectors = super().embed(texts, on_progress)
        self.spent += used.seconds
        return vectors


@benchmark("chapters")
def chapters(folder: Path) -> Sequence[Row]:
    data = FIXTURES / "highlights" / "topics_dev.jsonl.gz"
    if not data.exists():
        return absent()
    bench_chapters.run(data, folder / "topics.json")
    found = json.loads(scored("segbench.py", "score", data, folder / "topics.json"))
    return [
        at_most("Pk", found["Pk"], 0.384, digits=3),
        at_least("border F1 within 30 s", found["bF1"], 0.25, digits=3),
    ]


_IN = {"webcam_noaudio": 0.97, "three_shot": 0.75}
"""The share of samples with the speaker's face inside that is wanted; .85 where two are to be seen."""


@benchmark("camera")
def camera(folder: Path) -> Sequence[Row]:
    labelled = sorted((FIXTURES / "reframe").glob("*.gt.json"))
    if not labelled:
        return absent()
    named = [(labels.name.removesuffix(".gt.json"), labels) for labels in labelled]
    staged = [(next(FIXTURES.rglob(f"{name}.mp4")), labels) for name, labels in named]
    rows: list[Row] = []
    for video, labels in [*staged, stage_three(folder)]:
        name = video.stem
        bench_framing.run(video, folder / f"{name}.json")
        found = json.loads(scored("reframebench.py", "score", labels, folder / f"{name}.json"))
        rows += [
            at_least(f"{name}: the speaker's face inside", found["in"], _IN.get(name, 0.85)),
            at_most(f"{name}: jumps a minute", found["jump"], 2, digits=1),
            at_most(f"{name}: pan, crop widths a second", found["pan"], 0.05, digits=3),
        ]
    return rows
