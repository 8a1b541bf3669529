"""Edits made of plain sentences, and what is seen in a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cliply.media.captions.styles import CaptionStyle
from cliply.media.captions.typeset import PlacedBlock, blocks, middle_of, typesetter
from cliply.media.edit import (
    Aspect,
    Brand,
    CameraKey,
    Captions,
    ClipEdit,
    EditWord,
    Hook,
    LayoutSpan,
    Output,
    Pane,
    SourceFile,
)
from cliply.media.types import Millis, Size, Span

BACKGROUND = (48, 80, 122)


def spoken(text: str, *, each: Millis = 300, start: Millis = 0) -> tuple[EditWord, ...]:
    """The words of `text`, one every `each` milliseconds; a bar is a pause of a second."""
    words: list[EditWord] = []
    at = start
    for word in text.split():
        if word == "|":
            at += 1000
            continue
        words.append(EditWord(text=word, start=at, end=at + each - 20))
        at += each
    return tuple(words)


def caption_boxes(edit: ClipEdit) -> tuple[PlacedBlock, ...]:
    """Every screen of captions where it stands, in order of time."""
    setter = typesetter(edit)
    return blocks(edit, setter, middle_of(edit, setter))


def edit_of(
    words: Sequence[EditWord],
    *,
    style: str = "bold",
    language: str = "en",
    aspect: Aspect = "9:16",
    hook: str | None = None,
    position: float | None = None,
    brand: Brand | None = None,
    spans: Sequence[Span] | None = None,
) -> ClipEdit:
    end = max([word.end for word in words if word.end < 600_000] + [1000]) + 1500
    size = Size(1080, 1920)
    whole = CameraKey(at=0, x=0, y=0, width=size.width, height=size.height)
    return ClipEdit(
        source=SourceFile(path=Path("/talk.mp4"), fingerprint="0", size=size, duration=end),
        spans=tuple(spans or [Span(0, end)]),
        words=tuple(words),
        layouts=(LayoutSpan(span=Span(0, end), layout="follow", panes=(Pane(camera=(whole,)),)),),
        captions=Captions(style=style, position=position),
        hook=Hook(text=hook) if hook else None,
        brand=brand or Brand(),
        output=Output(aspect=aspect, quality="draft"),
        language=language,
    )


@dataclass(frozen=True)
class Frame:
    pixels: NDArray[Any]
    fonts: tuple[Path, ...]
    """The font files that libass chose."""
    said: str

    @property
    def ink(self) -> NDArray[Any]:
        return np.asarray(np.abs(self.pixels.astype(int) - BACKGROUND).max(axis=2) > 60)

    def like(self, colour: str, tolerance: int = 40) -> NDArray[Any]:
        """Where the picture has this colour."""
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        return np.asarray(np.abs(self.pixels.astype(int) - wanted).max(axis=2) < tolerance)


def columns(mask: NDArray[Any]) -> tuple[int, int]:
    """First and last column that has anything."""
    found = np.flatnonzero(mask.any(axis=0))
    return int(found[0]), int(found[-1])


def rows(mask: NDArray[Any]) -> tuple[int, int]:
    found = np.flatnonzero(mask.any(axis=1))
    return int(found[0]), int(found[-1])


class Draw(Protocol):
    """What the `draw` fixture gives."""

    def __call__(self, edit: ClipEdit, at: Millis, *, style: CaptionStyle | None = None) -> Frame: ...
