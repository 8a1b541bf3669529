"""Which engines a command uses: the transcriber, the judge, a given transcript."""

from pathlib import Path

import typer

from cliply.cli.console import settings
from cliply.errors import Invalid
from cliply.integrations import engines
from cliply.media.cache import Cache, write_text
from cliply.media.fingerprint import fingerprint
from cliply.media.highlights.judge import Judge
from cliply.media.probe import Source
from cliply.media.speech.transcriber import Transcriber
from cliply.media.speech.transcripts import embedded_transcript, transcript_json

MODEL_HELP = "Speech model: auto, base, tiny.en, a folder with a faster-whisper model, or a service: deepgram, openai."

TRANSCRIPT_HELP = "Use these words: a JSON, SRT or VTT file, or `embedded` for the video's own subtitles."


def transcriber(model: str) -> Transcriber:
    """The transcriber that `--model` names. Raises ToolMissing or Unavailable if it cannot work."""
    return engines.transcriber(model, settings())


def check(chosen: Transcriber, language: str | None) -> None:
    """Raise like `Transcriber.check`; a language that it does not know is a mistake in the command."""
    try:
        chosen.check(language)
    except Invalid as unknown:
        raise typer.BadParameter(str(unknown)) from unknown


def judge() -> Judge | None:
    """The language model that may rerank, if one is configured."""
    return engines.judge(settings())


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
