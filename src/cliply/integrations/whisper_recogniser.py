"""Chunks of speech to words with Whisper, and what keeps it from making words up."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cliply.integrations.whisper_windows import RATE, Chunk

BATCH = 4
"""Chunks that are decoded together."""
_BEAM = 2
_LOOP = 4
"""A word that often in a row is a loop; people stop at three."""
_COMPRESSIBLE = 2.4
"""Whisper's own limit for text that repeats itself, used when a chunk is decoded again."""
_CIRCULAR = 3.0
"""Above Whisper's limit: speeches that begin each sentence alike reach 2.5, loops go far beyond."""
_UNSURE = -1.0
"""Whisper's own limit for the mean log-probability of a decoding."""
_PASSED_OVER = 2 * RATE
"""Speech, in samples, of which something must have been recognised; between sentences there may be half as much."""
_BESIDE = RATE // 10
"""What of it belongs to the word before."""
_DOUBTFUL, _CERTAIN = -0.8, 0.5
_UNSPACED = ("ja", "zh", "yue", "th", "lo", "my", "km", "bo")
"""Languages that are written without spaces between words."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A word as it was recognised, in seconds of the recording."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Decoding:
    """What one chunk was decoded to; times in seconds of the chunk."""

    words: tuple[Heard, ...]
    log_probability: float
    """Mean over the tokens."""
    no_speech: float
    """How sure the model is that nobody speaks."""

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)


class Recogniser:
    """A loaded Whisper model."""

    def __init__(self, model: Any) -> None:
        from faster_whisper import BatchedInferencePipeline

        self._model = model
        self._pipeline = BatchedInferencePipeline(model)

    @property
    def languages(self) -> list[str]:
        return list(self._model.supported_languages)

    def detect_language(self, chunks: Sequence[Chunk]) -> list[tuple[str, float]]:
        """Languages with their probability, likeliest first, over all `chunks`."""
        if len(self.languages) == 1 or not chunks:
            return [("en", 1.0)]
        total: dict[str, float] = {}
        for chunk in chunks:
            _, _, told = self._model.detect_language(chunk.samples)
            for language, probability in told:
                total[language] = total.get(language, 0.0) + probability * len(chunk.samples)
        weight = sum(len(chunk.samples) for chunk in chunks)
        return sorted(((name, share / weight) for name, share in total.items()), key=lambda each: -each[1])

    def recognise(self, chunks: Sequence[Chunk], language: str) -> Iterator[tuple[Heard, ...]]:
        """Words of each chunk, in seconds of the recording; nothing where nobody speaks."""
        for first in range(0, len(chunks), BATCH):
            batch = chunks[first : first + BATCH]
            for chunk, decoding in zip(batch, self.decode(batch, language), strict=True):
                sure = self._repaired(chunk, decoding, language)
                yield () if nobody_speaks(sure) else self._completed(chunk, sure, language)

    def decode(self, chunks: Sequence[Chunk], language: str) -> list[Decoding]:
        """Decode up to a batch of chunks at once."""
        import numpy as np

        ends = np.cumsum([len(chunk.samples) for chunk in chunks])
        starts = [0, *ends[:-1].tolist()]
        segments, _ = self._pipeline.transcribe(
            np.concatenate([chunk.samples for chunk in chunks]),
            language=language,
            # Half a sample more, so that the library's rounding down gives the same sample again.
            clip_timestamps=[
                {"start": (start + 0.5) / RATE, "end": (int(end) + 0.5) / RATE}
                for start, end in zip(starts, ends, strict=True)
            ],
            beam_size=_BEAM,
            batch_size=BATCH,
            word_timestamps=True,
        )
        told: list[list[Any]] = [[] for _ in chunks]
        for segment in segments:
            middle = (segment.start + segment.end) / 2 * RATE
            told[min(len(chunks) - 1, int(np.searchsorted(ends, middle)))].append(segment)
        return [_decoding(segments, start / RATE) for segments, start in zip(told, starts, strict=True)]

    def _completed(self, chunk: Chunk, decoding: Decoding, language: str) -> tuple[Heard, ...]:
        """The words of a chunk, with those that the decoder passed over.

        It takes a change of voice for the end of what is said, and leaves out all that follows. What it left out is
        decoded by itself, as often as that brings something to light.
        """
        words = list(_placed(chunk, whole_words(decoding.words, language)))
        for rest in unheard(chunk, decoding.words):
            again = self._repaired(rest, self.decode([rest], language)[0], language)
            if is_certain(again):
                words += self._completed(rest, again, language)
        return tuple(sorted(words, key=lambda word: word.start))

    def _repaired(self, chunk: Chunk, decoding: Decoding, language: str) -> Decoding:
        """The decoding, made again with rising temperature if it went round in circles."""
        if not loops(decoding):
            return decoding
        segments, _ = self._model.transcribe(
            chunk.samples,
            language=language,
            beam_size=_BEAM,
            word_timestamps=True,
            condition_on_previous_text=False,
            temperature=[0.0, 0.2, 0.4, 0.6],
            compression_ratio_threshold=_COMPRESSIBLE,
        )
        again = _decoding(list(segments), 0.0)
        return Decoding(without_loops(again.words), again.log_probability, again.no_speech)


def loops(decoding: Decoding) -> bool:
    """Whether the decoder repeated itself: words without time in a row, the same word again and again."""
    words = decoding.words
    timeless = [word.end - word.start <= 0.001 for word in words]
    if any(all(timeless[at : at + 3]) for at in range(len(timeless) - 2)):
        return True
    if len(without_loops(words)) < len(words):
        return True
    text = decoding.text.encode()
    return len(text) > 80 and len(text) / len(zlib.compress(text)) > _CIRCULAR


def without_loops(words: Sequence[Heard]) -> tuple[Heard, ...]:
    """`words` with every phrase of up to six words that comes `_LOOP` times in a row kept once."""
    spoken = [_bare(word.text) for word in words]
    keep = [True] * len(words)
    for size in range(1, 7):
        at = 0
        while at + size * _LOOP <= len(words):
            phrase, times = spoken[at : at + size], 1
            while spoken[at + size * times : at + size * (times + 1)] == phrase:
                times += 1
            if times >= _LOOP and any(phrase):
                keep[at + size : at + size * times] = [False] * (size * (times - 1))
                at += size * times
            else:
                at += 1
    return tuple(word for word, kept in zip(words, keep, strict=True) if kept)


def whole_words(words: Sequence[Heard], language: str) -> tuple[Heard, ...]:
    """Words that the decoder cut at a hyphen or an apostrophe put together again, as in “real-time”."""
    if language in _UNSPACED:
        return tuple(words)
    whole: list[Heard] = []
    for word in words:
        if whole and not word.text.startswith(" "):
            before = whole[-1]
            whole[-1] = Heard(
                before.text + word.text, before.start, word.end, min(before.probability, word.probability)
            )
        else:
            whole.append(word)
    return tuple(whole)


def nobody_speaks(decoding: Decoding) -> bool:
    """Whether the words are made up: a decoding that is unsure of all it says, of sound that is hardly speech."""
    if not decoding.words:
        return True
    sure = sum(word.probability for word in decoding.words) / len(decoding.words)
    if decoding.log_probability < _UNSURE and (decoding.no_speech > 0.3 or sure < 0.15):
        return True
    return decoding.no_speech > 0.6 and sure < 0.4


def is_certain(decoding: Decoding) -> bool:
    """Whether there is no doubt that this was said: what was passed over may be laughter, music or noise as well."""
    if nobody_speaks(decoding) or loops(decoding) or decoding.log_probability < _DOUBTFUL:
        return False
    return sum(word.probability for word in decoding.words) >= _CERTAIN * len(decoding.words)


def unheard(chunk: Chunk, words: Sequence[Heard]) -> list[Chunk]:
    """The stretches of speech without a word in them, as chunks of their own; `words` in seconds of the chunk."""
    edges = [0, *(edge for word in words for edge in (round(word.start * RATE), round(word.end * RATE)))]
    edges.append(len(chunk.samples))
    gaps = [(edges[at] + _BESIDE * (at > 0), edges[at + 1]) for at in range(0, len(edges), 2)]
    return [chunk.part(start, end) for start, end in gaps if end - start >= _PASSED_OVER]


def _decoding(segments: Sequence[Any], offset: float) -> Decoding:
    words = tuple(
        Heard(word.word, float(word.start) - offset, float(word.end) - offset, float(word.probability))
        for segment in segments
        for word in segment.words or ()
    )
    tokens = [len(segment.tokens) for segment in segments]
    weight = max(1, sum(tokens))
    return Decoding(
        words,
        sum(segment.avg_logprob * count for segment, count in zip(segments, tokens, strict=True)) / weight,
        max((float(segment.no_speech_prob) for segment in segments), default=1.0),
    )


def _placed(chunk: Chunk, words: Iterable[Heard]) -> Iterator[Heard]:
    """Words in seconds of the recording; a word never reaches over the silence that was left out of the chunk."""
    for word in words:
        piece = chunk.piece_of(word.start, word.end)
        start, end = (
            (piece.start + min(max(0.0, at * RATE - piece.at), piece.length)) / RATE for at in (word.start, word.end)
        )
        yield Heard(word.text, start, end, word.probability)


def _bare(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
