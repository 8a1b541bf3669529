"""The cover: the clip's best frame in the clip's own layout, upright and wide, with its title if it has one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cliply.media.captions.ass import cover_ass
from cliply.media.captions.fonts import font_environment
from cliply.media.captions.hook import cover_setter
from cliply.media.captions.placement import choose_title_position
from cliply.media.captions.seen import SeenFace, seen_faces
from cliply.media.captions.styles import load_style
from cliply.media.edit import ClipEdit
from cliply.media.probe import Source
from cliply.media.rendering.cover_frame import Chosen, best_moment
from cliply.media.rendering.likeness import Look
from cliply.media.rendering.stills import Lettering, at_moment, landscape, write_still
from cliply.media.scratch import scratch_folder
from cliply.media.types import Box, FaceAt, Millis, OnProgress, Size, no_progress

PORTRAIT = Size(1080, 1920)
WIDE = Size(1280, 720)

_NEAR: Millis = 250
"""A face is where it was that long before or after."""
# Where a title stands best: above a face or on a chest; on a wide cover low, where no player draws its buttons.
_UPRIGHT_TITLE, _WIDE_TITLE = (0.24, 0.76), (0.8,)


def make_cover(
    edit: ClipEdit,
    source: Source,
    faces: Sequence[FaceAt],
    portrait: Path,
    wide: Path,
    *,
    others: Sequence[Look] = (),
    on_progress: OnProgress = no_progress,
) -> Chosen:
    """Write the cover as two JPEGs, 1080 × 1920 and 1280 × 720. Returns the source moment it shows.

    Where the edit names no moment, the best one is looked for that is unlike `others`. Raises RenderFailed when the
    source gives no picture at that moment.
    """
    chosen = choose_moment(edit, source, faces, others=others, on_progress=on_progress)
    at = chosen.at
    still = at_moment(edit, source, at)
    shown = still.spans[0].start
    near = [replace(face, at=shown) for face in faces if abs(face.at - at) <= _NEAR]
    with scratch_folder("cover") as scratch:
        folder = Path(scratch)
        title = _title(still, near, PORTRAIT, _UPRIGHT_TITLE, folder)
        write_still(still, source, PORTRAIT, portrait, title)
        on_progress(0.95)
        laid = landscape(still, at, wide_window(edit.source.size, [face.box for face in near]))
        write_still(laid, source, WIDE, wide, _title(laid, near, WIDE, _WIDE_TITLE, folder))
    on_progress(1.0)
    return chosen


def choose_moment(
    edit: ClipEdit,
    source: Source,
    faces: Sequence[FaceAt],
    *,
    others: Sequence[Look] = (),
    on_progress: OnProgress = no_progress,
) -> Chosen:
    """The moment that the edit names, or the best one."""
    if edit.cover.at is not None:
        return Chosen(at=edit.cover.at)
    if source.video is None:
        return Chosen(at=edit.spans[0].start)
    return best_moment(edit, source, faces, others=others, on_progress=on_progress)


def _title(
    still: ClipEdit, faces: Sequence[FaceAt], size: Size, wanted: Sequence[float], folder: Path
) -> Lettering | None:
    title = still.cover.title
    if not title or not title.strip():
        return None
    own = folder / f"{size.width}"
    own.mkdir()
    style = load_style(still.captions.style)
    setter = cover_setter(title, size, style, still.brand)
    seen = [_on_cover(face, still.output.size, size) for face in seen_faces(still, faces)]
    position = choose_title_position(title, setter, seen, wanted, still.language)
    written = cover_ass(title, size, own, style=style, brand=still.brand, position=position, language=still.language)
    return Lettering(f"ass={written.name}", own, font_environment(own, still.brand.font))


def _on_cover(face: SeenFace, shown: Size, cover: Size) -> SeenFace:
    """A face of the clip's picture where it is on the cover, which shows the whole of it in its middle."""
    scale = min(cover.width / shown.width, cover.height / shown.height)
    x, y = (cover.width - shown.width * scale) / 2, (cover.height - shown.height * scale) / 2

    def placed(box: Box) -> Box:
        return Box(x + box.x * scale, y + box.y * scale, box.width * scale, box.height * scale)

    return SeenFace(face.at, placed(face.box), tuple(placed(each) for each in face.features))


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
