"""Where faces are seen in the finished picture, and which part of each must not be covered."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cliply.media.edit import ClipEdit, LayoutSpan, Pane
from cliply.media.framing.camera import box_at
from cliply.media.types import Box, FaceAt, Millis

_MOST = 0.8
_AROUND = 0.06
"""Faces are taken larger by this share, since text that touches a face is already ugly."""
# Shares of a face as YuNet boxes it, with its eyes at 0.37 to 0.43 of the height and its mouth at 0.72 to 0.77;
# the lower edge leaves room for a mouth that is open.
_EYES = Box(0.08, 0.30, 0.84, 0.20)
_MOUTH = Box(0.20, 0.66, 0.60, 0.18)


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face at one moment, in pixels of the finished picture."""

    at: Millis
    """In clip time."""
    box: Box
    """What is shown of it."""
    features: tuple[Box, ...]
    """What is shown of its eyes and of its mouth."""


def seen_faces(edit: ClipEdit, faces: Sequence[FaceAt]) -> list[SeenFace]:
    """The faces that the clip shows, in order of time; `faces` are in source pixels and time."""
    layouts = sorted(edit.layouts, key=lambda layout: layout.span.start)
    starts = [layout.span.start for layout in layouts]
    seen: list[SeenFace] = []
    for face in faces:
        at = bisect_right(starts, face.at) - 1
        if at < 0 or not any(span.contains(face.at) for span in edit.spans):
            continue
        clip_time = edit.clip_time(face.at)
        seen += _in_panes(edit, layouts[at], face, clip_time)
    return sorted(seen, key=lambda face: face.at)


def is_shown(edit: ClipEdit, face: FaceAt) -> bool:
    """Whether most of the face is in the picture when it is there."""
    return any(face.box.overlap(window) > _MOST * face.box.area for window in shown_windows(edit, face.at))


def shown_windows(edit: ClipEdit, at: Millis) -> list[Box]:
    """The parts of the source's picture that are shown at a moment of the source."""
    layouts = (layout for layout in edit.layouts if layout.span.contains(at))
    return [box_at(pane.camera, at) for layout in layouts for pane in layout.panes]


def _in_panes(edit: ClipEdit, layout: LayoutSpan, face: FaceAt, clip_time: Millis) -> Iterator[SeenFace]:
    for pane in layout.panes:
        window, target, scale_x, scale_y = _mapping(edit, pane, face.at)
        whole = Box(
            target.x + (face.box.x - window.x) * scale_x,
            target.y + (face.box.y - window.y) * scale_y,
            face.box.width * scale_x,
            face.box.height * scale_y,
        )
        box = _within(whole, target)
        if box is None:
            continue
        features = (_within(_part(whole, share), target) for share in (_EYES, _MOUTH))
        yield SeenFace(clip_time, _grown(box), tuple(each for each in features if each is not None))


def _mapping(edit: ClipEdit, pane: Pane, at: Millis) -> tuple[Box, Box, float, float]:
    """The camera's window, where it lands in the finished picture, and the scale across and down."""
    size = edit.output.size
    window = box_at(pane.camera, at)
    place = Box(
        pane.place.x * size.width,
        pane.place.y * size.height,
        pane.place.width * size.width,
        pane.place.height * size.height,
    )
    scale_x, scale_y = place.width / window.width, place.height / window.height
    if pane.backdrop == "none":
        return window, place, scale_x, scale_y
    scale = min(scale_x, scale_y)
    width, height = window.width * scale, window.height * scale
    x, y = place.centre
    return window, Box(x - width / 2, y - height / 2, width, height), scale, scale


def _part(face: Box, share: Box) -> Box:
    return Box(
        face.x + share.x * face.width,
        face.y + share.y * face.height,
        share.width * face.width,
        share.height * face.height,
    )


def _within(box: Box, place: Box) -> Box | None:
    left, top = max(box.x, place.x), max(box.y, place.y)
    width, height = min(box.right, place.right) - left, min(box.bottom, place.bottom) - top
    return Box(left, top, width, height) if width > 1 and height > 1 else None


def _grown(box: Box) -> Box:
    wider, higher = box.width * _AROUND, box.height * _AROUND
    return Box(box.x - wider / 2, box.y - higher / 2, box.width + wider, box.height + higher)
