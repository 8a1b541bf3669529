"""The transcriber and the language model that the settings name."""

from cliply.errors import Unavailable
from cliply.infra.settings import Settings
from cliply.media.highlights.judge import Judge
from cliply.media.speech.transcriber import Transcriber


def transcriber(model: str, settings: Settings) -> Transcriber:
    """The transcriber called `model`. Raises ToolMissing or Unavailable if it cannot work."""
    if model == "deepgram":
        from cliply.integrations.deepgram import DeepgramTranscriber

        service = settings.deepgram
        if service.key is None:
            raise Unavailable("Deepgram needs a key: set CLIPLY_DEEPGRAM__KEY, or use --model auto.")
        return DeepgramTranscriber(service.key.get_secret_value(), url=service.url, model=service.model)
    if model == "openai":
        from cliply.integrations.openai import OpenAITranscriber

        own = settings.openai
        return OpenAITranscriber(own.key.get_secret_value() if own.key else None, url=own.url, model=own.model)
    from cliply.integrations.whisper import WhisperTranscriber

    return WhisperTranscriber(model)


def judge(settings: Settings) -> Judge | None:
    """The language model that may rerank, if one is configured."""
    wanted = settings.judge
    if wanted.model is None:
        return None
    from cliply.integrations.judge import OpenAIJudge

    key = wanted.key.get_secret_value() if wanted.key else None
    return OpenAIJudge(wanted.url, wanted.model, key=key, token_limit=wanted.budget)
