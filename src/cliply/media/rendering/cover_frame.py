"""Choose the moment for a cover: sharp, eyes open, face to the camera; not in a blink, a blur or a blend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cliply.media.edit import ClipEdit
from cliply.media.framing.faces import Face, FaceFinder
from cliply.media.framing.frames import Frame, Picture, frames
from cliply.media.probe import Source
from cliply.media.rendering.eyes import CLOSED, Eye, look_at_eye, narrower, openness
from cliply.media.types import Box, FaceAt, Millis, OnProgress, Span, no_progress

_RATE = Fraction(3)
_WIDTH = 960
_MOST: Millis = 20_000
"""Of the clip that is looked through; enough for sixty frames."""

_LOOKED_AT = 14
"""Frames in which faces are searched: the sharpest."""
_NEAR_CUT: Millis = 160
_FINDER_WIDTH = 640

_SHARP, _EYES, _FRONT, _SMILE, _LARGE = 0.34, 0.34, 0.14, 0.10, 0.08


@dataclass(frozen=True, slots=True)
class Candidate:
    """A frame and what speaks for it; all but `at` compared with the others, 0 to 1."""

    at: Millis
    frame: Frame
    sharp: float
    face: Face | None = None
    eye: Eye = CLOSED
    """The more closed of both."""
    eyes: float = 0.0
    front: float = 0.0
    smile: float = 0.0
    large: float = 0.0

    @property
    def score(self) -> float:
        return _SHARP * self.sharp + _EYES * self.eyes + _FRONT * self.front + _SMILE * self.smile + _LARGE * self.large


def best_moment(
    edit: ClipEdit, source: Source, faces: Sequence[FaceAt], *, on_progress: OnProgress = no_progress
) -> Millis:
    """The source moment for the cover; the clip's beginning when there is nothing to choose from."""
    found = sorted(_frames(edit, source, faces, on_progress), key=lambda each: -each.sharp)[:_LOOKED_AT]
    if not found:
        return edit.spans[0].start
    finder = FaceFinder()
    seen = [_with_face(each, finder, edit, faces) for each in found]
    on_progress(0.9)
    # A frame without the face has none of its merits, so it is only taken when no frame has one.
    return max(_compared(seen), key=lambda each: (each.score, -each.at)).at


def _frames(edit: ClipEdit, source: Source, faces: Sequence[FaceAt], on_progress: OnProgress) -> Iterator[Candidate]:
    left = _MOST
    for span in edit.spans:
        inside = Span(span.start + _NEAR_CUT, min(span.end - _NEAR_CUT, span.start + left))
        left -= max(0, span.duration)
        if inside.duration <= 0:
            continue
        for frame in frames(source, inside, rate=_RATE, width=_WIDTH):
            on_progress(0.8 * (1 - max(0, left) / _MOST))
            scale = frame.luma.shape[1] / edit.source.size.width
            boxes = [face.box for face in faces if abs(face.at - frame.at) <= 250]
            part = _part(frame.luma, max(boxes, key=lambda box: box.area), scale) if boxes else frame.luma
            yield Candidate(frame.at, frame, sharpness(part))
        if left <= 0:
            return


def sharpness(luma: Picture) -> float:
    """How much fine detail there is at a common size; less where it is too dark or too bright."""
    import cv2

    if min(luma.shape) < 8:
        return 0.0
    small = cv2.resize(luma, (160, max(8, round(160 * luma.shape[0] / luma.shape[1]))), interpolation=cv2.INTER_AREA)
    detail = float(cv2.Laplacian(small, cv2.CV_32F).var())
    mean = float(small.mean())
    light = min(1.0, max(0.0, (mean - 12) / 50), max(0.0, (250 - mean) / 30))
    return float(light * detail**0.5)


def _with_face(candidate: Candidate, finder: FaceFinder, edit: ClipEdit, faces: Sequence[FaceAt]) -> Candidate:
    import cv2

    picture = candidate.frame.picture
    factor = min(1.0, _FINDER_WIDTH / picture.shape[1])
    small = np.asarray(cv2.resize(picture, None, fx=factor, fy=factor), np.uint8)
    found = [face.scaled(1 / factor) for face in finder.find(small)]
    if not found:
        return candidate
    scale = picture.shape[1] / edit.source.size.width
    face = max(found, key=lambda each: _wanted(each, candidate.at, scale, faces))
    left, right, nose = face.points[0], face.points[1], face.points[2]
    apart = max(1.0, float(np.hypot(*(right - left))))
    turned = abs(float(nose[0] - (left[0] + right[0]) / 2)) / apart
    smile = float(np.hypot(*(face.points[4] - face.points[3]))) / apart
    luma = candidate.frame.luma
    return replace(
        candidate,
        face=face,
        sharp=sharpness(_part(luma, face.box, 1.0)),
        eye=narrower(look_at_eye(luma, left, apart), look_at_eye(luma, right, apart)),
        front=max(0.0, 1 - 2.5 * turned),
        smile=smile,
        large=face.box.area,
    )


def _wanted(face: Face, at: Millis, scale: float, faces: Sequence[FaceAt]) -> float:
    """Large faces, and among them the one that speaks."""
    speaking = 0.0
    for known in faces:
        box = Box(known.box.x * scale, known.box.y * scale, known.box.width * scale, known.box.height * scale)
        if abs(known.at - at) <= 250 and face.box.overlap(box) > 0.3 * face.box.area:
            speaking = max(speaking, known.speaking)
    return face.box.area * (1 + 2 * speaking)


def _part(luma: Picture, box: Box, scale: float) -> Picture:
    top, left = max(0, int(box.y * scale)), max(0, int(box.x * scale))
    return luma[top : int(box.bottom * scale) + 1, left : int(box.right * scale) + 1]


def _compared(seen: Sequence[Candidate]) -> list[Candidate]:
    with_face = [each for each in seen if each.face is not None]
    if not with_face:
        return list(seen)

    def share(value: float, values: Sequence[float]) -> float:
        low, high = min(values), max(values)
        return (value - low) / (high - low) if high - low > 1e-6 else 1.0

    sharp, smile, large = ([getattr(each, name) for each in with_face] for name in ("sharp", "smile", "large"))
    opened = openness([each.eye for each in with_face])
    return [
        replace(
            each,
            sharp=share(each.sharp, sharp),
            eyes=eyes,
            smile=share(each.smile, smile),
            large=share(each.large, large),
        )
        for each, eyes in zip(with_face, opened, strict=True)
    ]
