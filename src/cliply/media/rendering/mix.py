"""The clip's sound, made sample by sample: cut without clicks, muted, levelled, and encoded once.

It is encoded before the picture: AAC moves peaks by up to a decibel, so the encoded file is measured and, when it
overshoots, encoded again with more room. That costs a hundredth of encoding the picture again.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from cliply.media import ffmpeg
from cliply.media.edit import Audio, ClipEdit
from cliply.media.probe import Source
from cliply.media.rendering.encoding import AUDIO_RATE, audio_arguments
from cliply.media.rendering.framemap import Cut, FrameMap, Run
from cliply.media.rendering.loudness import Level, Samples, limit, measure, ratio
from cliply.media.types import Millis, OnProgress, Span, no_progress

_RAW = "mix.f32"

# Shares of the work after decoding.
_LEVELLING, _ENCODING = 0.3, 0.7

_CROSSFADE = round(0.008 * AUDIO_RATE)
_FADE_IN = round(0.008 * AUDIO_RATE)
_FADE_OUT = round(0.020 * AUDIO_RATE)
_MUTE_FADE = round(0.005 * AUDIO_RATE)
_BLEEP_HERTZ = 1000

# Beyond this, noise would come up more than speech.
_MOST_GAIN = 40.0
_MOST_GAIN_WITHOUT_SPEECH = 20.0

# AAC overshoots by about this much at our bit rates; measured afterwards all the same.
_HEADROOM = 0.7
_TRIES = 4
_LOUDNESS_TOLERANCE = 0.3


@dataclass(frozen=True, slots=True)
class Mix:
    """The encoded sound of a clip."""

    path: Path
    level: Level
    """Of the encoded sound."""
    raw: Path
    """The same before encoding, as bare stereo float samples."""
    start: int
    """In `raw`, where the clip itself begins, after its intro."""
    length: int
    """Samples of the clip itself."""

    def body(self) -> Samples:
        """The clip's own sound."""
        whole = np.memmap(self.raw, np.float32, "r").reshape(-1, 2)
        return whole[self.start : self.start + self.length]


def mix(
    edit: ClipEdit,
    source: Source,
    frames: FrameMap,
    folder: Path,
    *,
    before: Samples | None = None,
    after: Samples | None = None,
    on_progress: OnProgress = no_progress,
) -> Mix:
    """Make the sound of `edit` as `sound.m4a` in `folder`; `before` and `after` are levelled sounds joined to it."""
    body = cut_sound(edit, source, frames, on_progress=on_progress)
    spoken = any(word.text for word in edit.words)
    most_gain = _MOST_GAIN if spoken else _MOST_GAIN_WITHOUT_SPEECH
    levelled(body, edit.audio, folder, most_gain=most_gain, on_progress=lambda _share: on_progress(_LEVELLING))
    if edit.audio.profanity == "bleep":
        _bleep(body, edit, frames)
    whole = np.concatenate([part for part in (before, body, after) if part is not None])
    path, level = _encoded(whole, edit, folder, on_progress=lambda _share: on_progress(_ENCODING))
    on_progress(1.0)
    return Mix(path, level, folder / _RAW, start=0 if before is None else len(before), length=len(body))


def cut_sound(edit: ClipEdit, source: Source, frames: FrameMap, *, on_progress: OnProgress = no_progress) -> Samples:
    """The clip's sound at its own level: as many samples as its frames last."""
    total = frames.sample(frames.frames, AUDIO_RATE)
    joined = np.zeros((total, 2), np.float32)
    if source.sound is None:
        return joined
    for run in frames.runs:
        start = max(Fraction(0), run.origin + Fraction(run.cuts[0].grid) / frames.rate - Fraction(1, 10))
        end = run.origin + Fraction(run.cuts[-1].end) / frames.rate + Fraction(1, 10)
        heard = decode(source, start, end - start, on_progress=on_progress)
        _lay(joined, heard, start, run, frames)
    _fade(joined, _FADE_IN, _FADE_OUT)
    for span in edit.audio.muted:
        for first, last in _clip_samples(span, frames):
            _mute(joined, first, last)
    return joined


def decode(source: Source, start: Fraction, length: Fraction, *, on_progress: OnProgress = no_progress) -> Samples:
    """Stereo sound of the source from `start` for `length` seconds; silence where it has none."""
    wanted = round(length * AUDIO_RATE)
    heard = np.zeros((wanted, 2), np.float32)
    if source.sound is None:
        return heard
    # Sound that starts late is padded at its start, gaps in it are filled.
    filters = f"aresample={AUDIO_RATE}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=stereo"
    arguments = ["-ss", ffmpeg.time_argument(start), "-t", ffmpeg.time_argument(length), "-vn"]
    arguments += [*ffmpeg.guarded(source.path), "-map", f"0:a:{source.sound.index}", "-af", filters]
    data = ffmpeg.read(
        [*arguments, "-f", "f32le", "pipe:1"], at_most=(wanted + AUDIO_RATE) * 8, on_progress=on_progress
    )
    got = np.frombuffer(data, np.float32, len(data) // 8 * 2).reshape(-1, 2)[:wanted]
    heard[: len(got)] = np.nan_to_num(got, posinf=1, neginf=-1)
    return np.clip(heard, -4, 4, out=heard)


def _lay(joined: Samples, heard: Samples, start: Fraction, run: Run, frames: FrameMap) -> None:
    """Put the run's cuts into the clip, each a few milliseconds longer than its frames so that neighbours blend."""
    half = _CROSSFADE // 2
    # A clip's first frame may begin up to a frame before the file does.
    padded = np.pad(heard, ((AUDIO_RATE // 10, AUDIO_RATE // 10), (0, 0)))
    for index, cut in enumerate(run.cuts):
        first, last = frames.sample(cut.clip, AUDIO_RATE), frames.sample(cut.clip + cut.count, AUDIO_RATE)
        at = round((run.origin + cut.grid / frames.rate - start) * AUDIO_RATE) + AUDIO_RATE // 10
        seamless_before = index > 0 and run.cuts[index - 1].end == cut.grid
        seamless_after = index + 1 < len(run.cuts) and run.cuts[index + 1].grid == cut.end
        lead = half if first > 0 and not seamless_before else 0
        tail = half if last < len(joined) and not seamless_after else 0
        piece = padded[at - lead : at + (last - first) + tail].copy()
        _fade(piece, 2 * lead, 2 * tail)
        joined[first - lead : first - lead + len(piece)] += piece


def _fade(samples: Samples, rise: int, fall: int) -> None:
    """Equal power at both ends, in place."""
    rise, fall = min(rise, len(samples) // 2), min(fall, len(samples) // 2)
    if rise:
        samples[:rise] *= _quarter_sine(rise)
    if fall:
        samples[-fall:] *= _quarter_sine(fall)[::-1]


def _quarter_sine(length: int) -> Samples:
    curve = np.sin((np.arange(length) + 0.5) / length * (np.pi / 2))
    return curve.astype(np.float32)[:, None]


def _clip_samples(span: Span, frames: FrameMap) -> list[tuple[int, int]]:
    """A stretch of the source as sample ranges of the clip; several where jump cuts split it."""
    found = []
    for cut in frames.cuts:
        shared = span.clamp(cut.span)
        if shared.duration > 0:
            first = frames.sample(cut.clip, AUDIO_RATE)
            found.append((first + _samples(shared.start, cut), first + _samples(shared.end, cut)))
    return found


def _samples(at: Millis, cut: Cut) -> int:
    return (at - cut.span.start) * AUDIO_RATE // 1000


def _mute(samples: Samples, first: int, last: int) -> None:
    first, last = max(0, first), min(len(samples), last)
    gain = np.zeros((max(0, last - first), 1), np.float32)
    fade = min(_MUTE_FADE, len(gain) // 2)
    if fade:
        gain[:fade] = _quarter_sine(fade)[::-1]
        gain[-fade:] = _quarter_sine(fade)
    samples[first:last] *= gain


def levelled(
    samples: Samples,
    audio: Audio,
    folder: Path,
    *,
    most_gain: float = _MOST_GAIN,
    on_progress: OnProgress = no_progress,
) -> None:
    """Bring `samples` to the wanted loudness, in place, their peaks under the wanted ceiling. Silence stays silent."""
    before = _measured(samples, folder, on_progress)
    if before.silent:
        return
    ceiling = audio.true_peak - _HEADROOM
    samples *= np.float32(ratio(min(audio.loudness - before.loudness, most_gain)))
    for _ in range(3):
        limit(samples, ceiling)
        short = audio.loudness - _measured(samples, folder, on_progress).loudness
        # What the limiter took away is given back, as long as it is loudness that can be had.
        if abs(short) < _LOUDNESS_TOLERANCE or audio.loudness - before.loudness > most_gain:
            return
        samples *= np.float32(ratio(short))
    limit(samples, ceiling)


def _measured(samples: Samples, folder: Path, on_progress: OnProgress) -> Level:
    raw = folder / "sound.f32"
    try:
        samples.tofile(raw)
        return measure(raw, raw_rate=AUDIO_RATE, peak=False, on_progress=on_progress)
    finally:
        raw.unlink(missing_ok=True)


def _bleep(samples: Samples, edit: ClipEdit, frames: FrameMap) -> None:
    """A tone over each muted stretch, a little quieter than the speech around it."""
    height = ratio(edit.audio.loudness - 4)
    for span in edit.audio.muted:
        for first, last in _clip_samples(span, frames):
            tone = np.sin(np.arange(last - first) * (2 * np.pi * _BLEEP_HERTZ / AUDIO_RATE)) * height
            piece = np.repeat(tone.astype(np.float32)[:, None], 2, axis=1)
            _fade(piece, _MUTE_FADE, _MUTE_FADE)
            samples[first : first + len(piece)] += piece[: max(0, len(samples) - first)]


def _encoded(samples: Samples, edit: ClipEdit, folder: Path, on_progress: OnProgress) -> tuple[Path, Level]:
    raw, path = folder / _RAW, folder / "sound.m4a"
    room = _HEADROOM
    for _ in range(_TRIES):
        samples.tofile(raw)
        arguments = ["-f", "f32le", "-ar", str(AUDIO_RATE), "-ac", "2", "-i", f"file:{raw}"]
        arguments += [*audio_arguments(edit.output.quality), "-y", f"file:{path}"]
        ffmpeg.run(arguments, on_progress=on_progress)
        level = measure(path, on_progress=on_progress)
        over = level.true_peak - edit.audio.true_peak
        if over <= 0:
            break
        room += over + 0.2
        limit(samples, edit.audio.true_peak - room)
    return path, level
