"""`cliply bench speech REFS --out HYP`: what is heard in every file of a data set, with word times."""

import json
import tempfile
from pathlib import Path
from typing import Any

from cliply.cli import engines
from cliply.errors import Invalid, NotFound
from cliply.media.cache import write_text
from cliply.media.errors import NoSpeech
from cliply.media.highlights.sentences import join_words
from cliply.media.probe import probe
from cliply.media.speech.alignment import align
from cliply.media.speech.sound import analyse_sound
from cliply.media.speech.transcriber import Transcriber
from cliply.media.types import OnProgress, Transcript, no_progress


def run(
    refs: Path,
    media_root: Path | None,
    out: Path,
    model: str,
    *,
    on_progress: OnProgress = no_progress,
) -> None:
    """Writes {file: {"text", "words": [[word, start, end], ...]}}, times in seconds.

    The keys of `refs` are files relative to `media_root`, or to the folder of `refs`. Raises Invalid for a file of
    another shape, NotFound for a missing recording.
    """
    files = _files(refs)
    transcriber = engines.transcriber(model)
    heard: dict[str, Any] = {}
    for number, name in enumerate(files):

        def tell(share: float, done: int = number) -> None:
            on_progress((done + share) / len(files))

        transcript = _hear((media_root or refs.parent) / name, transcriber, tell)
        heard[name] = {
            "text": join_words([word.text for word in transcript.words]),
            "words": [[word.text, word.start / 1000, word.end / 1000] for word in transcript.words],
        }
    write_text(out, json.dumps(heard, ensure_ascii=False, indent=1) + "\n")


def _files(refs: Path) -> list[str]:
    try:
        told = json.loads(refs.read_text(encoding="utf-8"))
    except FileNotFoundError as absent:
        raise NotFound(f"{refs} does not exist. Name a JSON file whose keys are sound or video files.") from absent
    except (OSError, ValueError) as broken:
        raise Invalid(
            f"{refs} cannot be read as JSON. Give a JSON file whose keys are sound or video files."
        ) from broken
    if not isinstance(told, dict):
        raise Invalid(f"{refs} must hold one JSON object whose keys are sound or video files.")
    return list(told)


def _hear(file: Path, transcriber: Transcriber, on_progress: OnProgress) -> Transcript:
    with tempfile.TemporaryDirectory(prefix="cliply-bench-") as folder:
        try:
            sound = analyse_sound(probe(file), Path(folder))
        except NoSpeech:
            return Transcript("", ())
        transcript = transcriber.transcribe(sound.wav, on_progress=lambda share: on_progress(0.9 * share))
        return align(transcript, sound.wav, on_progress=lambda share: on_progress(0.9 + 0.1 * share))
