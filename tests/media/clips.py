"""Small sources and edits for the tests of rendering."""

from collections.abc import Sequence
from pathlib import Path

from cliply.media import ffmpeg
from cliply.media.edit import CameraKey, Captions, ClipEdit, LayoutSpan, Output, Pane, SourceFile
from cliply.media.probe import Source, probe
from cliply.media.types import Box, Size, Span

_SQUARE = Size(720, 720)
TONE = "sine=frequency=440:sample_rate=48000:duration={seconds}"


def make(path: Path, picture: str | None, sound: str | None, *options: str) -> Source:
    """Write a file from lavfi descriptions and probe it."""
    inputs: list[str] = []
    for each in (picture, sound):
        inputs += ["-f", "lavfi", "-i", each] if each else []
    ffmpeg.run([*inputs, *options, "-y", f"file:{path}"])
    return probe(path)


def key(at: int, box: Box, move: str = "cut") -> CameraKey:
    return CameraKey.model_validate(
        {"at": at, "x": box.x, "y": box.y, "width": box.width, "height": box.height, "move": move}
    )


def follow(source: Source, spans: Sequence[Span], *keys: CameraKey, **more: object) -> ClipEdit:
    """A draft of `source` without captions; shows a centred square unless told otherwise."""
    size = source.video.size if source.video else None
    if size is not None and not keys:
        side = min(size.width, size.height)
        keys = (key(0, Box((size.width - side) / 2, (size.height - side) / 2, side, side)),)
    whole = Span(0, max(source.duration, spans[-1].end) + 1000)
    layout = LayoutSpan(span=whole, layout="follow", panes=(Pane(camera=keys or (key(0, Box(0, 0, 720, 720)),)),))
    values: dict[str, object] = {
        "source": SourceFile(path=source.path, fingerprint="", size=(size or _SQUARE), duration=source.duration),
        "spans": tuple(spans),
        "layouts": (layout,),
        "captions": Captions(show=False),
        "output": Output(
            aspect="1:1", quality="draft", frame_rate=str(source.video.frame_rate) if source.video else "30"
        ),
    }
    return ClipEdit.model_validate(values | more)
