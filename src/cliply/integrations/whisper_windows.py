"""Cut a long recording into what the recogniser takes: stretches of speech, packed into chunks of at most 30 seconds.

Read a few minutes at a time, so that memory does not grow with the length of the recording.
"""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]

RATE = 16_000
_WINDOW = 240 * RATE
_CHUNK = 30 * RATE


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of speech inside a chunk, in samples."""

    at: int
    """Where it begins in the chunk."""
    start: int
    """Where it begins in the recording."""
    length: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Pieces of speech joined without the silence between them."""

    samples: Samples
    pieces: tuple[Piece, ...]

    def piece_of(self, start: float, end: float) -> Piece:
        """The piece that holds most of a word, given in seconds of the chunk."""
        return max(
            self.pieces,
            key=lambda piece: min(end * RATE, piece.at + piece.length) - max(start * RATE, piece.at),
        )

    def part(self, start: int, end: int) -> "Chunk":
        """What lies between two samples of the chunk."""
        pieces, length = list[Piece](), 0
        for piece in self.pieces:
            first, last = max(start, piece.at), min(end, piece.at + piece.length)
            if first < last:
                pieces.append(Piece(length, piece.start + first - piece.at, last - first))
                length += last - first
        return Chunk(self.samples[start:end], tuple(pieces))


@dataclass(frozen=True, slots=True)
class Window:
    """A few minutes of the recording."""

    chunks: tuple[Chunk, ...]
    start: float
    """The share of the recording that lies before it."""
    share: float
    """The share of the recording up to its end."""
    until: int
    """The sample of the recording that the next window begins with."""

    def at_chunk(self, number: int) -> float:
        """The share of the recording up to the end of that many chunks."""
        return self.start + (self.share - self.start) * min(1.0, number / max(1, len(self.chunks)))


def windows(wav: Path, *, length: int = _WINDOW, start: int = 0) -> Iterator[Window]:
    """The recording from the sample `start` on, window after window, each cut where nobody speaks."""
    with wave.open(str(wav), "rb") as track:
        total = track.getnframes()
        while start < total:
            track.setpos(start)
            samples = _samples(track, length)
            if not samples.size:
                return
            last = start + samples.size >= total
            speech = speech_spans(samples)
            end = samples.size
            # What the window's edge cuts off is heard whole in the next window.
            if not last and len(speech) > 1:
                end = speech.pop()[0]
            share = min(1.0, (start + end) / total)
            yield Window(tuple(_chunks(samples, speech, start)), start / total, share, start + end)
            start += end


def sample_chunks(wav: Path, places: int) -> list[Chunk]:
    """One chunk of speech from each of `places` parts of the recording, where there is any."""
    found: list[Chunk] = []
    with wave.open(str(wav), "rb") as track:
        total = track.getnframes()
        for place in range(places):
            track.setpos(total * place // places)
            samples = _samples(track, 2 * _CHUNK)
            if chunks := list(_chunks(samples, speech_spans(samples), 0)):
                found.append(max(chunks, key=lambda chunk: chunk.samples.size))
    return found


def _samples(track: wave.Wave_read, length: int) -> Samples:
    return np.frombuffer(track.readframes(length), dtype="<i2").astype(np.float32) / np.float32(32768)


def speech_spans(samples: Samples) -> list[tuple[int, int]]:
    """Where somebody speaks, from the voice activity detector, in samples; none longer than a chunk."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if not samples.any():
        return []
    options = VadOptions(max_speech_duration_s=_CHUNK / RATE, min_silence_duration_ms=160)
    spans: list[dict[str, Any]] = get_speech_timestamps(samples, options)
    return [(int(span["start"]), int(span["end"])) for span in spans if span["end"] > span["start"]]


def _chunks(samples: Samples, speech: list[tuple[int, int]], offset: int) -> Iterator[Chunk]:
    pending: list[tuple[int, int]] = []
    for span in speech:
        if pending and sum(end - start for start, end in [*pending, span]) > _CHUNK:
            yield _join(samples, pending, offset)
            pending = []
        pending.append(span)
    if pending:
        yield _join(samples, pending, offset)


def _join(samples: Samples, spans: list[tuple[int, int]], offset: int) -> Chunk:
    lengths = [end - start for start, end in spans]
    places = [0, *np.cumsum(lengths[:-1]).tolist()]
    pieces = tuple(
        Piece(at, offset + start, length) for at, (start, _), length in zip(places, spans, lengths, strict=True)
    )
    return Chunk(np.concatenate([samples[start:end] for start, end in spans]), pieces)
