"""Which engines a command uses: the transcriber, the judge, a given transcript."""

from pathlib import Path

import typer

from cliply.cli.console import settings
from cliply.errors import Unavailable
from cliply.media.cache import Cache, write_text
from cliply.media.fingerprint import fingerprint
from cliply.media.highlights.judge import Judge
from cliply.media.probe import Source
from cliply.media.speech.transcriber import Transcriber
from cliply.media.speech.transcripts import embedded_transcript, transcript_json

MODEL_HELP = "Speech model: auto, base, tiny.en, a folder with a faster-whisper model, or a service: deepgram, openai."


def transcriber(model: str) -> Transcriber:
    """The transcriber that `--model` names. Raises ToolMissing or Unavailable if it cannot work."""
    if model == "deepgram":
        from cliply.integrations.deepgram import DeepgramTranscriber

        service = settings().deepgram
        if service.key is None:
            raise Unavailable("Deepgram needs a key: set CLIPLY_DEEPGRAM__KEY, or use --model auto.")
        return DeepgramTranscriber(service.key.get_secret_value(), url=service.url, model=service.model)
    if model == "openai":
        from cliply.integrations.openai import OpenAITranscriber

        own = settings().openai
        return OpenAITranscriber(own.key.get_secret_value() if own.key else None, url=own.url, model=own.model)
    from cliply.integrations.whisper import WhisperTranscriber

    return WhisperTranscriber(model)


def judge() -> Judge | None:
    """The language model that may rerank, if one is configured."""
    wanted = settings().judge
    if wanted.model is None:
        return None
    from cliply.integrations.judge import OpenAIJudge

    key = wanted.key.get_secret_value() if wanted.key else None
    return OpenAIJudge(wanted.url, wanted.model, key=key, token_limit=wanted.budget)


def given_transcript(named: str | None, source: Source, cache: Cache) -> Path | None:
    """The transcript file that `--transcript` names; `embedded` unpacks the video's own subtitles."""
    if named is None:
        return None
    if named != "embedded":
        return Path(named)
    if not source.subtitles:
        raise typer.BadParameter("This file has no text subtitles inside; leave --transcript out.")
    folder = cache.folder(fingerprint(source.path))
    unpacked = folder / "embedded.json"
    write_text(unpacked, transcript_json(embedded_transcript(source, source.subtitles[0].index, folder)))
    return unpacked
