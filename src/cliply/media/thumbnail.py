"""The cover: the sharpest frame of a clip in which its speaker looks good, in the clip's own layout."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cliply.media.edit import ClipEdit
from cliply.media.frames import Frame, frames
from cliply.media.probe import Source
from cliply.media.stills import at_moment, landscape, write_still
from cliply.media.types import Box, FaceAt, Millis, OnProgress, Size, Span, no_progress

PORTRAIT = Size(1080, 1920)
WIDE = Size(1280, 720)

_RATE = Fraction(3)
_WIDTH = 640
_MOST: Millis = 20_000


def make_cover(
    edit: ClipEdit,
    source: Source,
    faces: Sequence[FaceAt],
    portrait: Path,
    wide: Path,
    *,
    on_progress: OnProgress = no_progress,
) -> Millis:
    """Write the cover as two JPEGs, 1080 × 1920 and 1280 × 720. Returns the source moment it shows."""
    at = edit.cover.at if edit.cover.at is not None else best_moment(edit, source, faces, on_progress=on_progress)
    still = at_moment(edit, source, at)
    write_still(still, source, PORTRAIT, portrait)
    write_still(landscape(still, at, wide_window(edit.source.size, _near(faces, at))), source, WIDE, wide)
    on_progress(1.0)
    return at


def best_moment(
    edit: ClipEdit, source: Source, faces: Sequence[FaceAt], *, on_progress: OnProgress = no_progress
) -> Millis:
    best, best_score = edit.spans[0].start, -1.0
    left = _MOST
    for span in edit.spans:
        if left <= 0:
            break
        for frame in frames(source, Span(span.start, min(span.end, span.start + left)), rate=_RATE, width=_WIDTH):
            on_progress(0.0)
            score = _sharpness(frame, edit.source.size, _near(faces, frame.at))
            if score > best_score:
                best, best_score = frame.at, score
        left -= span.duration
    return best


def _near(faces: Sequence[FaceAt], at: Millis) -> list[Box]:
    return [face.box for face in faces if abs(face.at - at) <= 250]


def _sharpness(frame: Frame, size: Size, boxes: Sequence[Box]) -> float:
    import cv2

    luma: NDArray[np.uint8] = frame.luma
    if boxes:
        scale = luma.shape[1] / size.width
        box = max(boxes, key=lambda box: box.area)
        luma = luma[
            max(0, int(box.y * scale)) : int(box.bottom * scale) + 1,
            max(0, int(box.x * scale)) : int(box.right * scale) + 1,
        ]
    return float(cv2.Laplacian(luma, cv2.CV_32F).var())


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
