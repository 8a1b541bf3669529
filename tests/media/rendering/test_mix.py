"""The clip's sound: exact, without clicks, as loud as wanted."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media.clips import follow, make

from cliply.media.edit import Audio, EditWord
from cliply.media.probe import Source
from cliply.media.rendering.encoding import AUDIO_RATE
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.loudness import Samples, limit, measure, ratio
from cliply.media.rendering.mix import Mix, cut_sound, mix
from cliply.media.types import Span

_PICTURE = "color=c=gray:s=64x64:r=30:d={seconds}"
_VOICE = "aevalsrc='{gain}*sin(2*PI*(150+80*sin(3*t))*t)*(0.55+0.45*sin(11*t))':s=48000:d={seconds}"
_SPOKEN = (EditWord(text="hello", start=0, end=900),)


def talk(path: Path, sound: str | None, *options: str, seconds: int = 8) -> Source:
    picture = _PICTURE.format(seconds=seconds)
    return make(path, picture, sound and sound.format(seconds=seconds, gain=0.1), "-c:v", "libx264", *options)


def mixed(source: Source, spans: list[Span], folder: Path, **more: object) -> tuple[Mix, Samples]:
    edit = follow(source, spans, words=_SPOKEN, **more)
    made = mix(edit, source, frame_map(edit, source), folder)
    return made, made.body()


@pytest.mark.parametrize("gain", [0.006, 0.1, 0.9])
def test_sound_reaches_the_wanted_loudness_under_the_wanted_peak(tmp_path: Path, gain: float) -> None:
    source = make(tmp_path / "a.wav", None, _VOICE.format(seconds=8, gain=gain))
    made, _ = mixed(source, [Span(500, 7500)], tmp_path)
    assert abs(made.level.loudness + 14) <= 1
    assert made.level.true_peak <= -1.5
    assert measure(made.path) == made.level


def test_another_loudness_can_be_wanted(tmp_path: Path) -> None:
    source = make(tmp_path / "a.wav", None, _VOICE.format(seconds=8, gain=0.2))
    made, _ = mixed(source, [Span(500, 7500)], tmp_path, audio=Audio(loudness=-20, true_peak=-3))
    assert abs(made.level.loudness + 20) <= 1
    assert made.level.true_peak <= -3


def test_digital_silence_stays_silent(tmp_path: Path) -> None:
    source = make(tmp_path / "a.wav", None, "anullsrc=r=44100:cl=stereo,atrim=duration=4")
    made, samples = mixed(source, [Span(0, 3000)], tmp_path)
    assert made.level.silent
    assert not samples.any()


def test_a_source_without_sound_gives_silence_of_the_clips_length(tmp_path: Path) -> None:
    source = talk(tmp_path / "a.mp4", None, seconds=3)
    _, samples = mixed(source, [Span(0, 2000)], tmp_path)
    assert len(samples) == 2 * AUDIO_RATE
    assert not samples.any()


def test_cuts_are_exact_to_the_sample(tmp_path: Path) -> None:
    """A ramp tells at each sample what moment it came from."""
    source = make(tmp_path / "a.wav", None, "aevalsrc='t/10':s=48000:d=9", "-c:a", "pcm_f32le")
    spans = [Span(1000, 1500), Span(3000, 3200), Span(5000, 6000)]
    edit = follow(source, spans)
    samples = cut_sound(edit, source, frame_map(edit, source))[:, 0]
    assert len(samples) == round(1.7 * AUDIO_RATE)
    # Mono in two channels is 3 dB lower in each.
    for at, moment in ((0.25, 1.25), (0.6, 3.1), (1.2, 5.5)):
        assert samples[round(at * AUDIO_RATE)] == pytest.approx(moment / 10 * np.sqrt(0.5), abs=2e-5)


def test_jump_cuts_do_not_click(tmp_path: Path) -> None:
    source = make(tmp_path / "a.wav", None, "sine=frequency=220:sample_rate=48000:duration=9", "-c:a", "pcm_f32le")
    spans = [Span(at, at + 217) for at in range(500, 8500, 431)]
    edit = follow(source, spans)
    samples = cut_sound(edit, source, frame_map(edit, source))[:, 0]
    steepest = 2 * np.pi * 220 / AUDIO_RATE * np.abs(samples).max()
    assert np.abs(np.diff(samples)).max() < 1.6 * steepest


def test_touching_spans_are_joined_without_a_trace(tmp_path: Path) -> None:
    source = make(tmp_path / "a.wav", None, "sine=frequency=220:sample_rate=48000:duration=6", "-c:a", "pcm_f32le")
    whole, parts = [Span(1000, 4000)], [Span(1000, 1777), Span(1777, 2500), Span(2500, 4000)]
    one, other = (
        cut_sound(edit, source, frame_map(edit, source)) for edit in (follow(source, whole), follow(source, parts))
    )
    assert np.abs(one - other).max() < 1e-5


def test_muted_words_are_silent_or_bleeped(tmp_path: Path) -> None:
    source = make(tmp_path / "a.wav", None, _VOICE.format(seconds=6, gain=0.2))
    muted = (Span(2000, 2500),)
    middle = slice(round(1.05 * AUDIO_RATE), round(1.45 * AUDIO_RATE))
    _, silent = mixed(source, [Span(1000, 4000)], tmp_path, audio=Audio(muted=muted))
    assert not silent[middle].any()
    _, bleeped = mixed(source, [Span(1000, 4000)], tmp_path, audio=Audio(muted=muted, profanity="bleep"))
    spectrum = np.abs(np.fft.rfft(bleeped[middle, 0]))
    assert spectrum.argmax() * AUDIO_RATE / len(bleeped[middle]) == pytest.approx(1000, abs=5)


def test_sound_that_starts_late_keeps_its_place(tmp_path: Path) -> None:
    source = talk(tmp_path / "a.mkv", "sine=frequency=440:sample_rate=48000:duration={seconds}", "-c:a", "pcm_s16le")
    late = make(
        tmp_path / "late.mkv", None, None, "-i", str(source.path), "-itsoffset", "1.5", "-i", str(source.path),
        "-map", "0:v", "-map", "1:a", "-c", "copy",
    )  # fmt: skip
    edit = follow(late, [Span(500, 4500)])
    samples = cut_sound(edit, late, frame_map(edit, late))
    first = np.flatnonzero(np.abs(samples[:, 0]) > 0.01)[0]
    assert first / AUDIO_RATE == pytest.approx(1.0, abs=0.005)


def test_six_channels_become_two(fixtures: Path, tmp_path: Path) -> None:
    from cliply.media.probe import probe

    source = probe(fixtures / "audio" / "surround_5_1.flac")
    made, samples = mixed(source, [Span(0, 1000)], tmp_path)
    assert samples.shape == (AUDIO_RATE, 2)
    assert made.level.true_peak <= -1.5


def test_the_limiter_holds_peaks_between_samples_and_changes_nothing_below(tmp_path: Path) -> None:
    at = np.arange(AUDIO_RATE) / AUDIO_RATE
    # A quarter of the sampling rate, an eighth of a turn off: its peaks lie between samples, 3 dB above them.
    wave = np.sin(2 * np.pi * 12_000 * at + np.pi / 4) * np.where((at > 0.4) & (at < 0.6), 1.2, 0.2)
    samples = np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)
    before = samples.copy()
    limit(samples, -2.0)
    raw = tmp_path / "limited.f32"
    samples.tofile(raw)
    assert measure(raw, raw_rate=AUDIO_RATE).true_peak <= -1.9
    untouched = slice(0, round(0.3 * AUDIO_RATE))
    assert np.array_equal(samples[untouched], before[untouched])
    assert np.abs(samples).max() > ratio(-2.0) * 0.6


def test_frames_and_samples_end_together_at_odd_rates(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "color=c=gray:s=64x64:r=30000/1001:d=5", "sine=duration=5", "-c:v", "libx264")
    edit = follow(source, [Span(at, at + 123) for at in range(0, 4000, 250)])
    frames = frame_map(edit, source)
    samples = cut_sound(edit, source, frames)
    assert abs(Fraction(len(samples), AUDIO_RATE) - frames.frames / frames.rate) < Fraction(1, AUDIO_RATE)
