"""One edit that has everything: jump cuts, a camera that cuts and glides, two panes, a backdrop, muted words."""

from pathlib import Path

import pytest

from cliply.media.edit import (
    Audio,
    CameraKey,
    ClipEdit,
    EditWord,
    LayoutSpan,
    Output,
    Pane,
    Place,
    PostText,
    SourceFile,
)
from cliply.media.types import Size, Span

ODD_NAME = 'a talk ☃ & "two" #3\n<x>.mp4'


def key(at: int, x: float, *, y: float = 0, width: float = 608, height: float = 1080, glide: bool = False) -> CameraKey:
    return CameraKey(at=at, x=x, y=y, width=width, height=height, move="glide" if glide else "cut")


@pytest.fixture
def edit(tmp_path: Path) -> ClipEdit:
    follow = LayoutSpan(
        span=Span(0, 8000),
        layout="follow",
        panes=(Pane(camera=(key(0, 100), key(2000, 800), key(3000, 800), key(4000, 1000, glide=True))),),
    )
    top, bottom = Place(height=0.5), Place(y=0.5, height=0.5)
    split = LayoutSpan(
        span=Span(8000, 22_000),
        layout="split",
        panes=(
            Pane(place=top, camera=(key(0, 0, width=1080, height=960),)),
            Pane(place=bottom, camera=(key(0, 840, y=60, width=1080, height=960),)),
        ),
    )
    fit = LayoutSpan(
        span=Span(22_000, 40_000), layout="fit", panes=(Pane(backdrop="blur", camera=(key(0, 0, width=1920),)),)
    )
    spoken = ["Hello", "there", "<world>", "&", "“friends”", "this", "is", "a", "test", "of", "what", "is", "kept"]
    return ClipEdit(
        source=SourceFile(path=tmp_path / ODD_NAME, fingerprint="", size=Size(1920, 1080), duration=60_000),
        spans=(Span(1000, 5000), Span(7003, 9000), Span(20_000, 24_017)),
        words=tuple(EditWord(text=text, start=1000 + 400 * at, end=1380 + 400 * at) for at, text in enumerate(spoken)),
        layouts=(follow, split, fit),
        audio=Audio(muted=(Span(1500, 1800),)),
        output=Output(frame_rate="30000/1001"),
        post=PostText(title="A & B <c>"),
    )
