"""Speech recognition by Deepgram, with speakers."""

from pathlib import Path
from typing import Any

from cliply.errors import LimitReached, Unavailable
from cliply.integrations.speech_api import SpeechApi, ticking
from cliply.media.speech.transcripts import language_code, tidy
from cliply.media.types import OnProgress, Transcript, Word, millis, no_progress

_LARGEST = 2 * 1024**3
"""Bytes that the service takes."""


class DeepgramTranscriber:
    """Implements `cliply.media.speech.transcriber.Transcriber` over Deepgram's pre-recorded audio API."""

    def __init__(
        self,
        key: str,
        *,
        url: str = "https://api.deepgram.com",
        model: str = "nova-3",
        timeout: float = 600.0,
        pause: float = 1.0,
    ) -> None:
        self._api = SpeechApi("Deepgram", url, {"Authorization": f"Token {key}"}, timeout, pause)
        self._model = model

    @property
    def name(self) -> str:
        return f"deepgram {self._model}"

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
        """See `Transcriber`; words carry speakers."""
        if sound.stat().st_size > _LARGEST:
            raise LimitReached("Deepgram takes recordings of up to 18 hours. Use --from and --to.")
        asked = {"model": self._model, "smart_format": "true", "diarize": "true"}
        asked |= {"language": language} if language else {"detect_language": "true"}

        def request() -> dict[str, Any]:
            return {"params": asked, "content": sound.read_bytes(), "headers": {"Content-Type": "audio/wav"}}

        answer = self._api.post("/v1/listen", request, ticking(on_progress, 0.5))
        try:
            channel = answer["results"]["channels"][0]
            words = tidy(_word(each) for each in channel["alternatives"][0]["words"])
            heard = language or language_code(str(channel.get("detected_language") or ""))
        except (KeyError, IndexError, TypeError, ValueError) as strange:
            raise Unavailable("Deepgram's answer has no words. Check the address.") from strange
        on_progress(1.0)
        return Transcript(language=heard, words=words, made_by=self.name)


def _word(told: dict[str, Any]) -> Word:
    speaker = told.get("speaker")
    return Word(
        text=str(told.get("punctuated_word") or told["word"]).strip(),
        start=millis(float(told["start"])),
        end=millis(float(told["end"])),
        confidence=round(min(1.0, max(0.0, float(told.get("confidence", 1.0)))), 3),
        speaker=_letter(speaker) if isinstance(speaker, int) else None,
    )


def _letter(number: int) -> str:
    """Speakers are A, B, C, ... after the first 26 by number."""
    return chr(ord("A") + number) if 0 <= number < 26 else str(number + 1)
