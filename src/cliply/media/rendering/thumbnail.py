"""The cover: the clip's best frame in the clip's own layout, upright and wide, with its title if it has one."""

from collections.abc import Sequence
from pathlib import Path

from cliply.media.captions.ass import cover_ass
from cliply.media.captions.fonts import font_environment
from cliply.media.captions.styles import load_style
from cliply.media.edit import ClipEdit
from cliply.media.probe import Source
from cliply.media.rendering.cover_frame import best_moment
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.stills import Lettering, at_moment, landscape, write_still
from cliply.media.rendering.windows import scenes
from cliply.media.scratch import scratch_folder
from cliply.media.types import Box, FaceAt, Millis, OnProgress, Size, no_progress

PORTRAIT = Size(1080, 1920)
WIDE = Size(1280, 720)

_ABOVE, _BELOW = 0.22, 0.76
_WIDE_TITLE = 0.87


def make_cover(
    edit: ClipEdit,
    source: Source,
    faces: Sequence[FaceAt],
    portrait: Path,
    wide: Path,
    *,
    on_progress: OnProgress = no_progress,
) -> Millis:
    """Write the cover as two JPEGs, 1080 × 1920 and 1280 × 720. Returns the source moment it shows.

    Raises RenderFailed when the source gives no picture at that moment.
    """
    at = edit.cover.at
    if at is None:
        at = best_moment(edit, source, faces, on_progress=on_progress) if source.video else edit.spans[0].start
    near = [face.box for face in faces if abs(face.at - at) <= 250]
    still = at_moment(edit, source, at)
    with scratch_folder("cover") as scratch:
        folder = Path(scratch)
        above = _face_height(still, source, near) >= 0.5
        write_still(still, source, PORTRAIT, portrait, _title(edit, PORTRAIT, _ABOVE if above else _BELOW, folder))
        on_progress(0.95)
        laid = landscape(still, at, wide_window(edit.source.size, near))
        write_still(laid, source, WIDE, wide, _title(edit, WIDE, _WIDE_TITLE, folder))
    on_progress(1.0)
    return at


def _title(edit: ClipEdit, size: Size, position: float, folder: Path) -> Lettering | None:
    if not edit.cover.title:
        return None
    own = folder / f"{size.width}"
    own.mkdir()
    style = load_style(edit.captions.style)
    written = cover_ass(
        edit.cover.title, size, own, style=style, brand=edit.brand, position=position, language=edit.language
    )
    return Lettering(f"ass={written.name}", own, font_environment(own, edit.brand.font))


def _face_height(still: ClipEdit, source: Source, boxes: Sequence[Box]) -> float:
    """Where on the upright cover the largest face's middle lies, 0 top to 1 bottom; 0.5 if none is known."""
    if not boxes or source.video is None:
        return 0.5
    frames = frame_map(still, source)
    paths = scenes(still, frames, source.video.size, still.output.size)[0].paths
    box = max(boxes, key=lambda each: each.area)
    for path in paths:
        window = path.at(0)
        if window.overlap(box) > 0.5 * box.area:
            place = path.pane.place
            return place.y + place.height * (box.centre[1] - window.y) / window.height
    return 0.5


def wide_window(size: Size, boxes: Sequence[Box]) -> Box | None:
    """A 16:9 window of the picture around the faces; None when the picture is upright and must be shown whole."""
    if size.ratio < 1.2:
        return None
    width = min(size.width, size.height * 16 / 9)
    height = width * 9 / 16
    x = sum(box.centre[0] for box in boxes) / len(boxes) if boxes else size.width / 2
    y = sum(box.centre[1] for box in boxes) / len(boxes) if boxes else size.height / 2
    left, top = min(max(0.0, x - width / 2), size.width - width), min(max(0.0, y - height / 2), size.height - height)
    return Box(left, top, width, height)
