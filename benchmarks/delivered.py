"""What a finished file sounds like, and how far its captions are from its words; both measured in the file itself."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from tools.demo_talk.dialogue import TALK
from tools.demo_talk.voices import RATE, Sound, speak
from tools.make_demo_video import write_wav

from benchmarks.material import FIXTURES, onsets, still_edit, still_video
from benchmarks.registry import Row, at_most, benchmark
from cliply.media import ffmpeg
from cliply.media.edit import Captions, EditWord, Quality
from cliply.media.rendering.loudness import measure
from cliply.media.rendering.render import render
from cliply.media.types import Span

_WANTED = -14.0
_RECORDED = (
    ("two_cities.wav", 0.0),
    ("katie_steve_two_speakers.wav", -20.0),
    ("jfk.flac", -34.0),
    ("sonnet_p003.mp3", 20.0),
)
"""Speech of several rooms and microphones, made quieter or driven into clipping by so many decibels."""
_MADE = (0.0, -34.0, 20.0)


@benchmark("sound")
def sound(folder: Path) -> Sequence[Row]:
    files = list(_recordings(folder))
    off, peaks = [], []
    for wav in files:
        source = still_video(wav, wav.with_suffix(".mp4"))
        span = Span(0, min(source.duration, 45_000))
        for quality in get_args(Quality):
            edit = still_edit(source, (span,), words=(EditWord(text="spoken", start=0, end=1000),), quality=quality)
            heard = measure(render(edit, source, folder / "clip.mp4").path)
            off.append(abs(heard.loudness - _WANTED))
            peaks.append(heard.true_peak)
    return [
        at_most(f"{len(off)} clips of quiet, clipped and plain speech: off -14 LUFS by", max(off), 1, unit=" LU"),
        at_most("their highest true peak", max(peaks), -1.5, unit=" dBTP"),
    ]


def _recordings(folder: Path) -> Iterator[Path]:
    """Speech as files of 48 kHz, each at its own level."""
    talk, _ = speak(TALK)
    write_wav(talk, folder / "talk.wav")
    levels = [(folder / "talk.wav", gain) for gain in _MADE]
    levels += [(FIXTURES / "audio" / name, gain) for name, gain in _RECORDED if (FIXTURES / "audio" / name).exists()]
    for number, (path, gain) in enumerate(levels):
        made = folder / f"level-{number}.wav"
        ffmpeg.run([*ffmpeg.guarded(path), "-af", f"volume={gain}dB", "-ar", "48000", "-y", f"file:{made}"])
        yield made


_BURST = 0.12
_SECONDS = 80
_PHRASE = 12
"""Words in each of the spans that are joined; every other phrase is left out."""


@benchmark("captions")
def captions(folder: Path) -> Sequence[Row]:
    """Words that begin with a burst of noise, over a picture that stands still: whatever moves is the caption."""
    # Uneven, so that a caption that is a whole word late cannot pass for one in time.
    starts = np.cumsum(np.random.default_rng(3).uniform(0.3, 0.6, 160)) + 1
    starts = starts[starts < _SECONDS - 1]
    write_wav(_bursts(starts), folder / "bursts.wav")
    at = [round(1000 * start) for start in starts]
    words = tuple(EditWord(text=f"word{number}", start=begin, end=begin + 250) for number, begin in enumerate(at))
    # Each span begins and ends a tenth of a second before a burst: none is cut.
    phrases = range(_PHRASE, len(at) - _PHRASE, 2 * _PHRASE)
    spans = tuple(Span(at[first] - 100, at[first + _PHRASE] - 100) for first in phrases)
    rows = []
    for rate in ("25", "30", "30000/1001"):
        source = still_video(folder / "bursts.wav", folder / "bursts.mp4", rate=rate)
        edit = still_edit(source, spans, words=words, captions=Captions(), rate=rate)
        drifts = _drifts(render(edit, source, folder / "clip.mp4").path)
        worst = max(drifts) if len(drifts) == _PHRASE * len(spans) else float("inf")
        what = f"{len(drifts)} words in {len(spans)} spans at {rate} frames a second: caption against sound, at most"
        rows.append(at_most(what, worst, 80, unit=" ms", digits=0))
    return rows


def _bursts(starts: NDArray[np.float64]) -> Sound:
    sound = np.zeros(_SECONDS * RATE, np.float32)
    noise = 0.3 * np.random.default_rng(5).uniform(-1, 1, round(_BURST * RATE)).astype(np.float32)
    for start in starts:
        at = round(start * RATE)
        sound[at : at + len(noise)] = noise
    return sound


def _drifts(path: Path) -> list[float]:
    """For each burst that is heard in a file: milliseconds to the nearest change of its picture."""
    changes = np.array(_changes(path))
    return [float(np.abs(changes - burst).min()) * 1000 for burst in onsets(path)]


def _changes(path: Path) -> list[float]:
    """Seconds at which the picture begins to change after it stood still."""
    import av

    times: list[float] = []
    before: NDArray[np.int16] | None = None
    moved = False
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            small = frame.to_ndarray(format="gray")[::4, ::4].astype(np.int16)
            moves = before is not None and bool(np.count_nonzero(np.abs(small - before) > 12) > 20)
            if moves and not moved:
                times.append(frame.time or 0.0)
            before, moved = small, moves
    return times
