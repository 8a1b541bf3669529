"""Word times corrected to the sound: forced alignment where there is a model of the language, a shift elsewhere."""

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cliply.media.speech.levels import measure_levels
from cliply.media.speech.passages import Passage, halves, passages
from cliply.media.speech.pronunciation import pronounce, spoken
from cliply.media.speech.transcripts import tidy
from cliply.media.types import Millis, OnProgress, Span, Transcript, Word, no_progress

# How far each recogniser's word starts lie from the sound, in the median over recordings with known times.
_SHIFTS: dict[str, Millis] = {"whisper base": 60, "whisper tiny.en": -90}
_FRAME: Millis = 10
_SEARCH = "passage"
_ENGLISH_SHARE = 0.8
# Recognisers leave out hesitations; without them the next word would be stretched over “uh”.
_HESITATIONS = {"+uh+": "AH", "+um+": "AH M"}


def align(transcript: Transcript, wav: Path, on_progress: OnProgress = no_progress) -> Transcript:
    """`transcript` with word times that fit `wav`, 16 kHz mono from the same time 0; texts are not changed.

    The result is in order, every word has a length and none overlaps another. A language that is not named is taken
    for English if nearly all its words are.
    """
    if not transcript.words:
        return transcript
    shift = _SHIFTS.get(transcript.made_by, 0)
    moved = replace(transcript, words=_shifted(transcript.words, shift))
    if transcript.language not in ("", "en"):
        return replace(moved, words=tidy(moved.words))
    aligner = EnglishAligner()
    if not transcript.language:
        if aligner.share_known(moved.words) < _ENGLISH_SHARE:
            return replace(moved, words=tidy(moved.words))
        moved = replace(moved, language="en")
    levels = measure_levels(wav, on_progress=lambda share: on_progress(0.05 * share))
    words: list[Word] = []
    parts = passages(moved.words, levels)[::-1]
    with wave.open(str(wav), "rb") as track:
        while parts:
            part = parts.pop()
            on_progress(0.05 + 0.95 * part.first / len(moved.words))
            if (placed := _in_passage(aligner, track, moved.words, part)) is not None:
                words += placed
            elif smaller := halves(moved.words, part, levels):
                parts += smaller[::-1]
            else:
                words += moved.words[part.first : part.last]
    on_progress(1.0)
    return replace(moved, words=tidy(words))


class EnglishAligner:
    """Forced alignment with the acoustic model of American English in the pocketsphinx package."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # Noise between words is common in real recordings; the package's own chance of it is for dictation.
        self._decoder: Any = Decoder(samprate=16000.0, lm=None, loglevel="FATAL", fillprob=0.1)
        for name, phones in _HESITATIONS.items():
            self._decoder.add_word(name, phones, True)

    def share_known(self, words: Sequence[Word]) -> float:
        """How many of the first 300 words the dictionary has."""
        said = [part for word in words[:300] for part in spoken(word.text) or ["?"]]
        return sum(self._phones(part) is not None for part in said) / max(1, len(said))

    def align(self, words: Sequence[str], samples: bytes) -> list[tuple[Millis, Millis]] | None:
        """Start and end of each written word, from the start of `samples`; None where they do not fit.

        A word that is not said in letters or digits gets no time of its own: it begins and ends where the one
        before it ends.
        """
        said = [spoken(word) for word in words]
        flat = [part for parts in said for part in parts]
        if not flat:
            return None
        for part in set(flat):
            if self._phones(part) is None:
                self._decoder.add_word(part, pronounce(part, self._phones), True)
        times = self._times(flat, samples)
        return _gathered(said, times) if times is not None else None

    def _phones(self, word: str) -> str | None:
        found: str | None = self._decoder.lookup_word(word)
        return found

    def _times(self, flat: list[str], samples: bytes) -> list[tuple[Millis, Millis]] | None:
        decoder = self._decoder
        # One state between any two words, on which hesitations may be heard any number of times.
        steps = [(at, at + 1, 1.0, word) for at, word in enumerate(flat)]
        steps += [(at, at, 0.1, name) for at in range(len(flat) + 1) for name in _HESITATIONS]
        try:
            decoder.add_fsg(_SEARCH, decoder.create_fsg(_SEARCH, 0, len(flat), steps))
            decoder.activate_search(_SEARCH)
            decoder.start_utt()
            decoder.process_raw(samples, full_utt=True)
            decoder.end_utt()
        except (RuntimeError, ValueError):
            return None
        found = [
            (segment.start_frame * _FRAME, (segment.end_frame + 1) * _FRAME)
            for segment in decoder.seg() or ()
            if segment.word[0] not in "<[+"
        ]
        return found if len(found) == len(flat) else None


def _gathered(said: Sequence[Sequence[str]], times: Sequence[tuple[Millis, Millis]]) -> list[tuple[Millis, Millis]]:
    gathered: list[tuple[Millis, Millis]] = []
    at = 0
    for parts in said:
        if parts:
            gathered.append((times[at][0], times[at + len(parts) - 1][1]))
            at += len(parts)
        else:
            end = times[at - 1][1] if at else times[0][0]
            gathered.append((end, end))
    return gathered


def _in_passage(
    aligner: EnglishAligner, track: wave.Wave_read, words: Sequence[Word], part: Passage
) -> Sequence[Word] | None:
    inside = words[part.first : part.last]
    samples = _samples(track, part.span)
    times = aligner.align([word.text for word in inside], samples) if samples else None
    if times is None:
        return None
    offset = part.span.start
    return [
        replace(word, start=offset + start, end=offset + end) for word, (start, end) in zip(inside, times, strict=True)
    ]


def _samples(track: wave.Wave_read, span: Span) -> bytes:
    rate = track.getframerate()
    start = min(track.getnframes(), span.start * rate // 1000)
    track.setpos(start)
    return track.readframes(span.duration * rate // 1000)


def _shifted(words: Sequence[Word], by: Millis) -> tuple[Word, ...]:
    return tuple(replace(word, start=max(0, word.start + by), end=max(0, word.end + by)) for word in words)
