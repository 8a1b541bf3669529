"""Speaks the talk: one voice from a package, and a second, lower one made from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tools.demo_talk.dialogue import Line

Sound: TypeAlias = NDArray[np.float32]
RATE = 24_000
_LOWER = 0.82
"""Playing a voice this much slower lowers it like a larger throat; it is spoken faster first to keep the pace."""
_PACE = {"host": 1.0, "guest": 1.06}
_LOUDNESS = 0.13
"""Mean level while speaking, full scale 1: about -21 LUFS, as a talk is usually recorded."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line and where it stands in the sound, in seconds."""

    line: Line
    start: float
    end: float


def speak(lines: Sequence[Line]) -> tuple[Sound, tuple[Spoken, ...]]:
    """All lines one after the other, 24 kHz mono."""
    from hibari import Hibari

    voice = Hibari()
    lead = 0.4
    pieces: list[Sound] = [np.zeros(round(lead * RATE), np.float32)]
    spoken = []
    at = lead
    for number, line in enumerate(lines):
        pace = _PACE[line.speaker]
        if line.speaker == "host":
            sound = _lower(voice(line.text, speed=pace / _LOWER, seed=number))
        else:
            sound = np.asarray(voice(line.text, speed=pace, seed=number), np.float32)
        sound = _level(_trim(sound))
        length = len(sound) / RATE
        spoken.append(Spoken(line, at, at + length))
        pieces += [sound, np.zeros(round(line.pause * RATE), np.float32)]
        at += length + line.pause
    return _in_a_room(np.concatenate(pieces)), tuple(spoken)


def _lower(sound: NDArray[np.float32]) -> Sound:
    count = round(len(sound) / _LOWER)
    return np.asarray(np.interp(np.arange(count) * _LOWER, np.arange(len(sound)), sound), np.float32)


def _trim(sound: Sound) -> Sound:
    """Without the silence around it, but for 30 ms."""
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    margin = RATE * 30 // 1000
    return sound[max(0, heard[0] - margin) : heard[-1] + margin] if len(heard) else sound


def _level(sound: Sound) -> Sound:
    loud = sound[np.abs(sound) > 0.01]
    gain = _LOUDNESS / float(np.sqrt(np.mean(loud**2))) if len(loud) else 1.0
    return np.asarray(np.clip(sound * gain, -0.95, 0.95), np.float32)


def _in_a_room(sound: Sound) -> Sound:
    """With the faint noise of a room, since real recordings are never digitally silent."""
    noise = np.random.default_rng(7).normal(0, 1, len(sound))
    murmur = np.convolve(noise, np.ones(24) / 24, mode="same")
    return np.asarray(sound + 0.0012 * murmur, np.float32)


def opening(sound: Sound, frames: int, rate: int) -> NDArray[np.float64]:
    """How far a mouth stands open in each video frame, 0 to 1, from the sound's level."""
    step = RATE / rate
    level = np.array(
        [np.sqrt(np.mean(sound[round(index * step) : round((index + 1) * step) + 1] ** 2)) for index in range(frames)]
    )
    level = np.clip((level - 0.02) / 0.19, 0, 1) ** 0.7
    return np.convolve(level, [0.2, 0.6, 0.2], mode="same")
