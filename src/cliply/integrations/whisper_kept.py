"""What a stopped recognition leaves behind, window after window, so that the next one goes on from there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from cliply.media.types import Word, millis

RawWord: TypeAlias = tuple[str, float, float, float]
"""Text, start and end in seconds, probability."""


@dataclass(slots=True)
class Kept:
    """The windows that were recognised; one line of JSON each in `file`, or in memory only."""

    file: Path | None = None
    until: int = 0
    """Samples of the recording that are done."""
    language: str = ""
    model: str = ""
    sounds_like: str = ""
    """The language that is clearly spoken, where another one was named."""
    words: list[Word] = field(default_factory=list)

    @classmethod
    def load(cls, file: Path | None) -> "Kept":
        """What is there; a line that was cut short by a kill, and all after it, counts for nothing."""
        kept = cls(file)
        if file is None or not file.exists():
            return kept
        whole = ""
        for line in file.read_text("utf-8", errors="replace").splitlines(keepends=True):
            try:
                kept._take(json.loads(line))
            except (ValueError, TypeError, KeyError):
                break
            whole += line
        file.write_text(whole, "utf-8")
        return kept

    def add(self, until: int, language: str, model: str, words: list[RawWord], sounds_like: str = "") -> None:
        """A window has been recognised up to the sample `until`."""
        told = {
            "until": until, "language": language, "model": model, "words": words,
            "sounds_like": sounds_like or self.sounds_like,
        }  # fmt: skip
        self._take(told)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(told) + "\n")

    def _take(self, told: dict[str, Any]) -> None:
        until, language, model = int(told["until"]), str(told["language"]), str(told["model"])
        self.sounds_like = str(told["sounds_like"])
        self.words += [_word(*each) for each in told["words"]]
        self.until, self.language, self.model = until, language, model


def _word(text: str, start: float, end: float, probability: float) -> Word:
    return Word(text.strip(), millis(start), millis(end), round(min(1.0, max(0.0, probability)), 3))
