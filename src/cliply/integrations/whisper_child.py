"""Runs alone in a limited process: recognises the speech of one WAV file and prints words as lines of JSON.

A process of its own can be stopped at once in the middle of a computation, and gives all its memory back.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cliply.errors import CliplyError
from cliply.integrations.whisper_models import load_files
from cliply.integrations.whisper_recogniser import BATCH, Recogniser
from cliply.integrations.whisper_windows import RATE, Chunk, sample_chunks, windows
from cliply.media.errors import ToolMissing

_PLACE_SECONDS = 300
_MOST_PLACES = 5
_SURE = 0.6
_DOUBTED_PLACES = 3
_TELLING = 3 * RATE
"""Shorter speech tells its language by chance."""
_CLEARLY, _HARDLY = 0.8, 0.05
_ALIKE = (
    {"da", "nn", "no", "sv"}, {"bs", "hr", "sl", "sr"}, {"cs", "sk"}, {"be", "ru", "uk"}, {"bg", "mk"}, {"hi", "ur"},
    {"id", "jw", "ms", "su"}, {"yue", "zh"}, {"ca", "es", "gl", "oc", "pt"}, {"af", "nl"}, {"de", "lb"}, {"fa", "tg"},
)  # fmt: skip
"""Languages that are taken for each other by ear."""
_LOADING = 0.05
"""Up to what share progress goes while the model is loaded and the first speech is looked for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the parent asks for."""

    wav: Path
    model: str
    language: str | None
    threads: int
    start: int
    """The sample to go on with."""
    doubting: bool
    """Whether to listen if `language` is what is spoken."""


def main(argument: str) -> None:
    told = json.loads(argument)
    request = Request(
        Path(told["wav"]), told["model"], told["language"], told["threads"], told["start"], told["doubting"]
    )
    try:
        _transcribe(request)
    except CliplyError as error:
        _say(error=str(error), kind=type(error).__name__)


def _transcribe(request: Request) -> None:
    recogniser: Recogniser | None = None
    name = ""
    language, sounds_like = request.language or "", ""
    _say(share=0.0, ahead=_LOADING)
    for window in windows(request.wav, start=request.start):
        if window.chunks:
            # Loaded only once somebody speaks.
            if recogniser is None:
                name, recogniser = load(request.model, request.threads)
                if request.doubting:
                    sounds_like = contradiction(recogniser, sample_chunks(request.wav, _DOUBTED_PLACES), language)
            language = language or choose_language(recogniser, request.wav, window.chunks)
            _say(share=window.start, ahead=window.at_chunk(BATCH))
            for number, words in enumerate(recogniser.recognise(window.chunks, language), 1):
                _say(
                    words=[[word.text, word.start, word.end, word.probability] for word in words],
                    share=window.at_chunk(number),
                    ahead=window.at_chunk(number - number % BATCH + BATCH),
                )
        _say(share=window.share, until=window.until, language=language, model=name, sounds_like=sounds_like)
    _say(done=True)


def load(model: str, threads: int) -> tuple[str, Recogniser]:
    """The weights' name, since a damaged model may have a whole one behind it, and the recogniser.

    Raises ToolMissing when they are absent, damaged, or not a Whisper model.
    """
    from faster_whisper import WhisperModel

    name, files = load_files(model)
    options: dict[str, Any] = {"device": "cpu", "compute_type": "int8", "cpu_threads": threads}
    try:
        if isinstance(files, Path):
            return name, Recogniser(WhisperModel(str(files), **options))
        return name, Recogniser(WhisperModel(name, files=files, **options))
    except (RuntimeError, ValueError, OSError) as broken:
        raise ToolMissing(f"The speech model “{name}” cannot be loaded; it is damaged or not for Whisper.") from broken


def choose_language(recogniser: Recogniser, wav: Path, first: tuple[Chunk, ...]) -> str:
    """The language of most of the recording, heard in several places.

    Where the detection is unsure, the likeliest two are tried and the one that gives the surer words wins.
    """
    import wave

    with wave.open(str(wav), "rb") as track:
        seconds = track.getnframes() / track.getframerate()
    places = min(_MOST_PLACES, 1 + int(seconds // _PLACE_SECONDS))
    chunks = list(first[:1]) if places == 1 else sample_chunks(wav, places) or list(first[:1])
    likely = recogniser.detect_language(chunks)
    if likely[0][1] >= _SURE or len(likely) == 1:
        return likely[0][0]
    longest = max(chunks, key=lambda chunk: chunk.samples.size)
    tried = {name: recogniser.decode([longest], name)[0].log_probability for name, _ in likely[:2]}
    return max(tried, key=lambda name: tried[name])


def contradiction(recogniser: Recogniser, chunks: Sequence[Chunk], named: str) -> str:
    """The language that every one of `chunks` clearly is in, if that is not `named`; else nothing."""
    heard = [chunk for chunk in chunks if len(chunk.samples) >= _TELLING]
    likely = [dict(recogniser.detect_language([chunk])) for chunk in heard]
    likeliest = {max(each, key=lambda name: each[name]) for each in likely}
    if len(likeliest) != 1:
        return ""
    other = likeliest.pop()
    if other == named or any({other, named} <= each for each in _ALIKE):
        return ""
    clear = all(each[other] >= _CLEARLY and each.get(named, 0.0) <= _HARDLY for each in likely)
    return other if clear else ""


def _say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
