"""The whole command, and its parts before the render: analysis against a bare decode, speech against bare Whisper."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.demo_talk.dialogue import TALK
from tools.make_demo_video import make

from benchmarks.material import source_1080p30
from benchmarks.registry import Row, at_most, benchmark, processor_time
from benchmarks.render import STOCK_WALL, plain, stock
from cliply.media import ffmpeg
from cliply.media.edits import load_edits
from cliply.media.framing.frames import frames
from cliply.media.framing.reframe import compose
from cliply.media.framing.scenes import look
from cliply.media.framing.tracking import RATE, WIDTH
from cliply.media.probe import probe
from cliply.media.speech.sound import analyse_sound
from cliply.media.types import Span

_GIB = 1024**3
_SAMPLE = 0.2


def talk(minutes: int) -> Path:
    """The demo talk, played again and again until it lasts `minutes`; made once and kept."""
    folder = Path(tempfile.gettempdir()) / f"cliply-benchmarks-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    once, whole = folder / "talk.mp4", folder / f"talk-{minutes}.mp4"
    if not once.exists():
        make(TALK, once)
    if not whole.exists():
        part = whole.with_suffix(".part")
        copied = ["-c", "copy", "-t", str(60 * minutes), "-f", "mp4", "-y", f"file:{part}"]
        ffmpeg.run(["-stream_loop", "-1", *ffmpeg.guarded(once), *copied])
        part.replace(whole)
    return whole


@dataclass(slots=True)
class Run:
    """What one run of the command took."""

    cpu_seconds: float
    peak_bytes: int
    """Memory of all its processes together, at most."""
    said: list[tuple[float, str]]
    """What it printed to stderr, with the second it was printed at."""

    def at(self, beginning: str, ending: str) -> float:
        return next(second for second, line in self.said if line.startswith(beginning) and line.endswith(ending))


def cliply(*arguments: object, cache: Path) -> Run:
    """Run the command in a process of its own and watch it."""
    command = [sys.executable, "-m", "cliply", *map(str, arguments)]
    said: list[tuple[float, str]] = []
    with processor_time() as used:
        began = time.monotonic()
        running = subprocess.Popen(
            command,
            env={**os.environ, "CLIPLY_CACHE": str(cache)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        peak = _Peak(running.pid)
        assert running.stderr is not None
        said.extend((time.monotonic() - began, line.strip()) for line in running.stderr)
        if running.wait() != 0:
            raise RuntimeError(said[-1][1] if said else "the command failed")
    return Run(used.seconds, peak.stop(), said)


class _Peak:
    """Samples the memory of a process and all that it started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._highest = 0
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return self._highest

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE):
            self._highest = max(self._highest, _memory_of_tree(self._pid))


def _memory_of_tree(root: int) -> int:
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        pid = int(status.parent.name)
        parents[pid] = int(told["PPid"])
        sizes[pid] = int(told.get("VmRSS", "0 kB").split()[0]) * 1024
    tree = {root}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(sizes.get(pid, 0) for pid in tree)


@benchmark("analysis")
def analysis(folder: Path) -> Sequence[Row]:
    source = probe(talk(10))
    seconds = source.duration / 1000
    with processor_time() as sound:
        analyse_sound(source, folder)
    with processor_time() as decoded:
        ffmpeg.run([*ffmpeg.guarded(source.path), "-map", "0:v:0", "-f", "null", "-"])
    chosen = probe(source_1080p30())
    span = Span(0, chosen.duration)
    with processor_time() as seen:
        for frame in frames(chosen, span, rate=RATE, width=WIDTH):
            look(frame)
    with processor_time() as framed:
        compose(chosen, span, words=(), wav=None, aspect="9:16", layout="auto")
    shown = span.duration / 1000
    return [
        at_most("whole source (sound): CPU-s per source second", sound.seconds / seconds, 0.012, digits=4),
        Row("the same against decoding the source once", f"{sound.seconds / decoded.seconds:.2f} ×"),
        at_most(
            "pictures inside chosen ranges, before the face model: CPU-s per second",
            seen.seconds / shown,
            0.08,
            digits=3,
        ),
        Row("framing, face model included: CPU-s per second of a clip", f"{framed.seconds / shown:.2f}"),
    ]


_PLAIN_WHISPER = """
import sys
from faster_whisper import BatchedInferencePipeline, WhisperModel
from cliply.integrations.whisper_models import load_files
name, files = load_files("base")
model = WhisperModel(name, device="cpu", compute_type="int8", cpu_threads=2, files=files)
said, _ = BatchedInferencePipeline(model).transcribe(sys.argv[1], batch_size=4, beam_size=2, word_timestamps=True)
print(sum(len(each.words) for each in said))
"""


@benchmark("speech")
def speech(folder: Path) -> Sequence[Row]:
    source = probe(talk(10))
    wav = analyse_sound(source, folder).wav
    with processor_time() as bare:
        subprocess.run([sys.executable, "-c", _PLAIN_WHISPER, str(wav)], check=True, stdout=subprocess.DEVNULL)
    ours = cliply("transcribe", source.path, cache=folder / "cache")
    seconds = source.duration / 1000
    return [
        Row("speech to aligned words: CPU-s per source second", f"{ours.cpu_seconds / seconds:.3f}"),
        Row(
            "the same against faster-whisper alone, same model and settings", f"{ours.cpu_seconds / bare.seconds:.2f} ×"
        ),
    ]


@benchmark("whole")
def whole(folder: Path) -> Sequence[Row]:
    """Ten minutes of 1080p to five clips of thirty seconds, against the sum of what it is made of."""
    source = talk(10)
    cache, out = folder / "cache", folder / "clips"
    spoken = cliply("transcribe", source, cache=folder / "other")
    run = cliply("clip", source, "--out", out, "--count", 5, "--min", 28, "--max", 34, cache=cache)
    found = probe(source)
    renders = framing = 0.0
    made = json.loads((out / "clips.json").read_text())["clips"]
    edits = list(load_edits(out).values())
    began = time.monotonic()
    stock(edits[0], found, folder)
    pace = (time.monotonic() - began) / (edits[0].span.duration / 1000)
    for edit in edits:
        with processor_time() as rendered:
            plain(edit, found, folder, "zscale={width}:{height}:filter=bicubic")
        renders += rendered.seconds
        with processor_time() as framed:
            compose(found, edit.span, words=(), wav=None, aspect="9:16", layout="auto")
        framing += framed.seconds
    parts = spoken.cpu_seconds + framing + renders
    words_done = run.at("Writing down the words", "done")
    first_done = run.at("Making clips 1/", "done")
    return [
        at_most(
            f"{len(made)} clips: CPU-s against transcription, framing and plain renders", run.cpu_seconds / parts, 1.25
        ),
        at_most("first clip after the transcript, seconds", first_done - words_done, 20, digits=0),
        at_most(
            "the same at the pace of the machine that the bar was set on, seconds",
            (first_done - words_done) * STOCK_WALL / pace,
            20,
            digits=0,
        ),
        Row("all of it, seconds on this machine", f"{run.said[-1][0]:.0f}"),
        Row("CPU-s per source second", f"{run.cpu_seconds / (found.duration / 1000):.3f}"),
    ]


@benchmark("long")
def long(folder: Path) -> Sequence[Row]:
    """Growth with the length of the source, and memory for three hours; one draft clip each."""
    spent: dict[int, Run] = {}
    for minutes in (10, 60, 180):
        out = folder / f"clips-{minutes}"
        arguments = ("clip", talk(minutes), "--out", out, "--count", 1, "--quality", "draft")
        spent[minutes] = cliply(*arguments, cache=folder / f"cache-{minutes}")
    growth = spent[60].cpu_seconds / spent[10].cpu_seconds
    return [
        at_most("60 minutes against 10: CPU-s", growth, 6.0),
        at_most("peak memory, 3 hours, all processes: GiB", spent[180].peak_bytes / _GIB, 2.0),
        *(
            Row(
                f"{minutes} minutes: CPU-s per source second, peak GiB",
                f"{run.cpu_seconds / 60 / minutes:.3f}, {run.peak_bytes / _GIB:.2f}",
            )
            for minutes, run in spent.items()
        ),
    ]
