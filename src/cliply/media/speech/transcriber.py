"""What a transcriber is: sound in, words with times out."""

from pathlib import Path
from typing import Protocol

from cliply.media.types import OnProgress, Transcript, no_progress


class Transcriber(Protocol):
    """Turns sound into words. Implementations live in `cliply.integrations`."""

    @property
    def name(self) -> str:
        """The engine and its model; part of the key under which a transcript is kept."""
        ...

    def check(self, language: str | None = None) -> None:
        """Raise ToolMissing or Unavailable if it cannot work, Invalid if it does not know `language`; quick, so that it
        can be asked before anything else."""
        ...

    def transcribe(
        self,
        sound: Path,
        *,
        language: str | None = None,
        kept: Path | None = None,
        on_progress: OnProgress = no_progress,
    ) -> Transcript:
        """Words of `sound`, a WAV file of 16 kHz, one channel, 16 bits.

        `language` is an ISO 639-1 code, or None to detect it. Times are corrected to the sound. Silence and noise
        give no words, not an error. In the file `kept` an engine of this machine leaves what it has done if it is
        stopped, and goes on from there when it is asked again. Raises ToolMissing when the model is absent or damaged,
        and Unavailable when a service does not answer.
        """
        ...
