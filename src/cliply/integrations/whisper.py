"""Speech recognition on this machine: Whisper in 8-bit integers, run in a process of its own."""

import json
import math
import os
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cliply.errors import Invalid
from cliply.integrations import whisper_models
from cliply.integrations.whisper_kept import Kept, RawWord
from cliply.integrations.whisper_models import AUTO, ModelFound, available_models, check
from cliply.media import isolation
from cliply.media.errors import ToolMissing, TooMuch
from cliply.media.isolation import Limits
from cliply.media.speech.transcripts import tidy
from cliply.media.types import OnProgress, Transcript, no_progress

__all__ = ["ModelFound", "WhisperTranscriber", "available_models", "check"]

_ENVIRONMENT = {
    # The library would otherwise look for a newer model on the network.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # One arena a thread would triple the memory for nothing.
    "MALLOC_ARENA_MAX": "2",
}
_USUAL = 0.06
"""Seconds of work for a second of sound, on two ordinary cores."""
_SLOWEST = 20
"""Times the length of the sound that the slowest machine may take with the largest model."""


class Course:
    """Where recognition is, also between two reports: they come once for a batch of up to two minutes of speech.

    The share goes on at the pace so far, slower the nearer it is to what will be reported next, and never past that.
    """

    def __init__(self, usual: float) -> None:
        """`usual` is how many seconds the whole takes on an ordinary machine; used until the first report."""
        self._pace = 1 / max(1.0, usual)
        self._began: float | None = None
        self._reached = self._ahead = self._when = self._shown = 0.0

    def reach(self, share: float, ahead: float, now: float) -> None:
        """Told at time `now`: the share done, and the share that the next report will bring."""
        if self._began is None:
            self._began = self._when = now
        elif share > 0 and now > self._began:
            self._pace = share / (now - self._began)
        if share > self._reached:
            self._when = now
        self._reached, self._ahead = share, max(share, ahead)

    def at(self, now: float) -> float:
        """The share at time `now`; it never goes back."""
        way = self._ahead - self._reached
        if way > 0:
            going = (now - self._when) * self._pace / way
            self._shown = max(self._shown, self._reached + way * (1 - math.exp(-going)))
        self._shown = max(self._shown, self._reached)
        return self._shown


class WhisperTranscriber:
    """Implements `cliply.media.speech.transcriber.Transcriber` with faster-whisper."""

    def __init__(self, model: str | Path = AUTO, *, threads: int | None = None) -> None:
        """`model` is auto, a name in `whisper_models.NAMES`, or the folder of a CTranslate2 model."""
        self._model = str(model)
        self._threads = threads or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)

    @property
    def name(self) -> str:
        if self._model not in (AUTO, *whisper_models.NAMES):
            return f"whisper {Path(self._model).name} {whisper_models.folder_digest(Path(self._model))}"
        best = next((each.model for each in available_models() if self._model in (AUTO, each.model)), self._model)
        return f"whisper {best}"

    def check(self, language: str | None = None) -> None:
        """Raise ToolMissing unless the model is there, Invalid when it does not know the language; quick."""
        check(self._model)
        whisper_models.check_language(self.name, language)

    def transcribe(
        self,
        sound: Path,
        *,
        language: str | None = None,
        kept: Path | None = None,
        on_progress: OnProgress = no_progress,
    ) -> Transcript:
        """See `Transcriber`."""
        self.check(language)
        heard, window = Kept.load(kept), list[RawWord]()
        doubting = language is not None and not heard.sounds_like
        for told in self._answers(sound, heard.language or language, heard.until, on_progress, doubting=doubting):
            window += told.get("words", ())
            if "until" in told:
                model = told["model"] or heard.model
                heard.add(told["until"], told["language"], model, window, told["sounds_like"])
                window = []
        return Transcript(
            heard.language or language or "",
            tidy(heard.words),
            made_by=self._made_by(heard.model),
            sounds_like=heard.sounds_like,
        )

    def _made_by(self, model: str) -> str:
        """Which weights were really used: a damaged bundle gives way to the next one."""
        bundled = self._model in (AUTO, *whisper_models.NAMES)
        return f"whisper {model}" if bundled and model else self.name

    def _answers(
        self, sound: Path, language: str | None, start: int, on_progress: OnProgress, *, doubting: bool
    ) -> Iterator[dict[str, Any]]:
        """What the child says of the sound from the sample `start` on, while progress is told.

        The child dies if that raises. With `doubting` it listens whether `language` is what is spoken.
        """
        request = {
            "wav": str(sound.absolute()),
            "model": self._model if self._model in (AUTO, *whisper_models.NAMES) else str(Path(self._model).absolute()),
            "language": language,
            "threads": self._threads,
            "start": start,
            "doubting": doubting,
        }
        command: list[str | Path] = [
            sys.executable, "-I", "-m", "cliply.integrations.whisper_child", json.dumps(request),
        ]  # fmt: skip
        course, rest, done = Course(_seconds(sound) * _USUAL), b"", False
        with isolation.start(command, limits=_limits(sound), environment=_ENVIRONMENT) as child:
            for chunk in child.chunks(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    told = json.loads(line)
                    _raise(told)
                    done = told.get("done", done)
                    if "share" in told:
                        course.reach(told["share"], told.get("ahead", told["share"]), time.monotonic())
                    yield told
                on_progress(course.at(time.monotonic()))
            finished = child.wait()
        if not done:
            raise _failure(finished.stderr)


def _seconds(sound: Path) -> float:
    with wave.open(str(sound), "rb") as track:
        return track.getnframes() / track.getframerate()


def _limits(sound: Path) -> Limits:
    slowest = 300 + _SLOWEST * _seconds(sound)
    return Limits(wall_seconds=slowest, cpu_seconds=int(slowest * 4), memory_bytes=12 * isolation.GIB)


def _raise(told: dict[str, Any]) -> None:
    if "error" in told:
        raise Invalid(told["error"]) if told["kind"] == "Invalid" else ToolMissing(told["error"])


def _failure(stderr: str) -> Exception:
    if "MemoryError" in stderr or "bad_alloc" in stderr:
        return TooMuch(
            "Speech recognition needs more memory than there is. Close other programs, or use --model tiny.en."
        )
    if "No module named" in stderr:
        return ToolMissing("Speech recognition is not installed. Install it with: pip install faster-whisper")
    last = [line.strip() for line in stderr.splitlines() if line.strip()]
    return ToolMissing(f"Speech recognition stopped unexpectedly: {(last or ['no reason given'])[-1][:200]}")
