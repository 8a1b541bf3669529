"""Speech recognition by any service that speaks OpenAI's transcription protocol."""

import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cliply.errors import Unavailable
from cliply.integrations.speech_api import SpeechApi, ticking
from cliply.media.speech.levels import measure_levels
from cliply.media.speech.subtitles import Cue, cue_words
from cliply.media.speech.transcripts import language_code, tidy
from cliply.media.types import Millis, OnProgress, Span, Transcript, Word, millis, no_progress

_PART: Millis = 10 * 60 * 1000
"""Well below the protocol's 25 MB, which are 13 minutes."""


class OpenAITranscriber:
    """A `Transcriber` over `/audio/transcriptions`; the model must give word times."""

    def __init__(
        self,
        key: str | None,
        *,
        url: str = "https://api.openai.com/v1",
        model: str = "whisper-1",
        timeout: float = 600.0,
        pause: float = 1.0,
        part: Millis = _PART,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._api = SpeechApi("The speech service", url, headers, timeout, pause)
        self._model = model
        self._part = part

    @property
    def name(self) -> str:
        return f"openai {self._model}"

    def check(self, language: str | None = None) -> None:  # noqa: ARG002 - the service knows its languages
        self._api.check()

    def transcribe(
        self,
        sound: Path,
        *,
        language: str | None = None,
        kept: Path | None = None,  # noqa: ARG002 - the service answers once, at its end
        on_progress: OnProgress = no_progress,
    ) -> Transcript:
        """See `Transcriber`. A long recording is sent in parts that are cut in pauses."""
        parts = _parts(sound, self._part)
        words: list[Word] = []
        heard = language or ""
        for number, span in enumerate(parts):
            told = self._ask(sound, span, heard or None, ticking(on_progress, number / len(parts)))
            try:
                words += [_later(word, span.start) for word in _words(told)]
                heard = heard or language_code(str(told.get("language") or ""))
            except (KeyError, TypeError, ValueError, AttributeError) as strange:
                raise Unavailable(
                    "The speech service gives no word times. Use a model that does, such as whisper-1."
                ) from strange
        on_progress(1.0)
        return Transcript(language=heard, words=tidy(words), made_by=self.name)

    def _ask(self, sound: Path, span: Span, language: str | None, tick: Any) -> Any:
        def request() -> dict[str, Any]:
            fields: dict[str, Any] = {
                "model": self._model,
                "response_format": "verbose_json",
                "timestamp_granularities[]": ["word", "segment"],
            }
            if language:
                fields["language"] = language
            return {"data": fields, "files": {"file": ("speech.wav", _cut(sound, span), "audio/wav")}}

        return self._api.post("/audio/transcriptions", request, tick)


def _parts(sound: Path, longest: Millis) -> list[Span]:
    """The recording in parts of at most `longest`, each cut in the longest pause of its last third."""
    levels = measure_levels(sound)
    parts, start = [], 0
    while levels.duration - start > longest:
        late = Span(start + longest * 2 // 3, start + longest)
        pauses = [silence.clamp(late) for silence in levels.silences if silence.overlap(late)]
        best = max(pauses, key=lambda pause: pause.duration, default=Span(late.end, late.end))
        end = (best.start + best.end) // 2
        parts.append(Span(start, end))
        start = end
    return [*parts, Span(start, levels.duration)]


def _cut(sound: Path, span: Span) -> bytes:
    out = io.BytesIO()
    with wave.open(str(sound), "rb") as source, wave.open(out, "wb") as part:
        rate = source.getframerate()
        part.setparams(source.getparams())
        source.setpos(min(source.getnframes(), span.start * rate // 1000))
        part.writeframes(source.readframes(span.duration * rate // 1000))
    return out.getvalue()


def _words(told: dict[str, Any]) -> Iterator[Word]:
    """Words with punctuation, which the protocol gives in the text only; spread over segments if it gives no words."""
    if timed := told.get("words"):
        written = _written(str(told.get("text") or "").split(), [str(each["word"]) for each in timed])
        for text, each in zip(written, timed, strict=True):
            yield Word(text.strip(), millis(float(each["start"])), millis(float(each["end"])))
        return
    for segment in told.get("segments") or ():
        cue = Cue(millis(float(segment["start"])), millis(float(segment["end"])), str(segment["text"]))
        yield from cue_words(cue)
    if told.get("text") and not told.get("segments"):
        raise ValueError("text without times")


def _written(tokens: Sequence[str], words: Sequence[str]) -> list[str]:
    """Each word as the text writes it; the bare word where the text cannot be followed."""
    written, at = [], 0
    for word in words:
        ahead = range(at, min(len(tokens), at + 4))
        match = next((index for index in ahead if _bare(tokens[index]) == _bare(word)), None)
        written.append(word if match is None else tokens[match])
        at = at if match is None else match + 1
    return written


def _bare(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _later(word: Word, by: Millis) -> Word:
    return replace(word, start=word.start + by, end=word.end + by)
