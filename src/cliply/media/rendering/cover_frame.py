"""Choose the moment for a cover: whoever speaks, sharp, eyes open, face to the camera; not in a blink or a blend."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cliply.media.captions.seen import is_shown, shown_windows
from cliply.media.document import Document
from cliply.media.edit import ClipEdit
from cliply.media.framing.faces import Face, FaceFinder
from cliply.media.framing.frames import Frame, Picture, frames
from cliply.media.probe import Source
from cliply.media.rendering.eyes import CLOSED, Eye, look_at_eye, narrower, openness
from cliply.media.rendering.likeness import Look, look_of, novelty
from cliply.media.types import Box, FaceAt, Millis, OnProgress, Span, no_progress

_RATE = Fraction(3)
_WIDTH = 960
_MOST: Millis = 20_000
"""Of the clip that is looked through; enough for sixty frames."""

_LOOKED_AT = 20
"""Frames in which faces are searched: the sharpest, those of who speaks first."""
_NEAR_CUT: Millis = 160
_FINDER_WIDTH = 640

_NEAR: Millis = 250
"""A face is where it was that long before or after."""
_SPEAKING: Millis = 700
"""Who speaks is judged over that long before and after: between two words a mouth is still."""

_SHARP, _EYES, _SPEAKS, _FRONT, _SMILE, _LARGE, _EARLY = 0.27, 0.30, 0.22, 0.12, 0.10, 0.06, 0.05
_NEW = 0.5
"""What a frame gains that looks unlike the other clips' covers."""


class Chosen(Document):
    """The moment of a cover, and what it looks like."""

    at: Millis
    look: Look | None = None
    """None where the picture was not looked at."""


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
    speaks: float = 0.0
    early: float = 0.0

    @property
    def score(self) -> float:
        merits = (
            (_SHARP, self.sharp), (_EYES, self.eyes), (_SPEAKS, self.speaks), (_FRONT, self.front),
            (_SMILE, self.smile), (_LARGE, self.large), (_EARLY, self.early),
        )  # fmt: skip
        return sum(weight * value for weight, value in merits)


def best_moment(
    edit: ClipEdit,
    source: Source,
    faces: Sequence[FaceAt],
    *,
    others: Sequence[Look] = (),
    on_progress: OnProgress = no_progress,
) -> Chosen:
    """The source moment for the cover, unlike the covers of `others`; the clip's beginning when there is nothing to
    choose from."""
    speakers = _speakers(edit, faces)
    found = sorted(_frames(edit, source, speakers, on_progress), key=lambda each: -each.sharp * (1 + each.speaks))
    if not found:
        return Chosen(at=edit.spans[0].start)
    finder = FaceFinder()
    seen = _compared([_with_face(each, finder, edit, speakers) for each in found[:_LOOKED_AT]])
    on_progress(0.9)
    looks = [_look(each, edit) for each in seen]
    # A blink looks unlike every other cover as well.
    new = [each.eyes * share if each.face else share for each, share in zip(seen, novelty(looks, others), strict=True)]
    worth = [each.score + _NEW * share for each, share in zip(seen, new, strict=True)]
    best = max(range(len(seen)), key=lambda index: (worth[index], -seen[index].at))
    return Chosen(at=seen[best].at, look=looks[best])


def _look(candidate: Candidate, edit: ClipEdit) -> Look:
    luma = candidate.frame.luma
    scale = luma.shape[1] / edit.source.size.width
    windows = shown_windows(edit, candidate.at)
    whole = Box(0, 0, luma.shape[1], luma.shape[0])
    shown = _scaled(windows[0], scale) if len(windows) == 1 else whole
    return look_of(luma, shown, candidate.face.box if candidate.face else None)


def _scaled(box: Box, scale: float) -> Box:
    return Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)


def _speakers(edit: ClipEdit, faces: Sequence[FaceAt]) -> list[FaceAt]:
    """The faces that the clip shows, each as likely speaking as it is around its moment."""
    shown = [face for face in faces if is_shown(edit, face)]
    of = defaultdict[int, list[FaceAt]](list)
    for face in shown:
        of[face.person].append(face)
    return [
        replace(face, speaking=max(each.speaking for each in of[face.person] if abs(each.at - face.at) <= _SPEAKING))
        for face in shown
    ]


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
            near = [face for face in faces if abs(face.at - frame.at) <= _NEAR]
            lead = max(near, key=lambda face: face.box.area * (1 + 2 * face.speaking), default=None)
            part = _part(frame.luma, lead.box, scale) if lead else frame.luma
            speaks = lead.speaking if lead else 0.0
            early = max(0.0, 1 - edit.clip_time(frame.at) / _MOST)
            yield Candidate(frame.at, frame, sharpness(part), speaks=speaks, early=early)
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
    near = [known for known in faces if abs(known.at - candidate.at) <= _NEAR]
    face = max(found, key=lambda each: _wanted(each, scale, near))
    known = _same(face, scale, near)
    if near and known is None:
        # Somebody whom the clip does not show at this moment.
        return candidate
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
        speaks=known.speaking if known else 0.0,
    )


def _wanted(face: Face, scale: float, near: Sequence[FaceAt]) -> float:
    """Large faces, and among them those that the clip shows and the one that speaks."""
    known = _same(face, scale, near)
    return face.box.area * (1 + 2 * known.speaking if known else 0.1)


def _same(face: Face, scale: float, near: Sequence[FaceAt]) -> FaceAt | None:
    """The face among those that are known near this moment."""

    def shared(known: FaceAt) -> float:
        return face.box.overlap(_scaled(known.box, scale)) / face.box.area

    best = max(near, key=shared, default=None)
    return best if best is not None and shared(best) > 0.3 else None


def _part(luma: Picture, box: Box, scale: float) -> Picture:
    top, left = max(0, int(box.y * scale)), max(0, int(box.x * scale))
    return luma[top : int(box.bottom * scale) + 1, left : int(box.right * scale) + 1]


def _compared(seen: Sequence[Candidate]) -> list[Candidate]:
    """Frames with a face, each compared with the others; only where none has one, those without."""
    compared = [each for each in seen if each.face is not None] or seen
    sharp, smile, large = (_shares([getattr(each, name) for each in compared]) for name in ("sharp", "smile", "large"))
    opened = openness([each.eye for each in compared])
    return [
        replace(each, sharp=sharp[index], eyes=opened[index], smile=smile[index], large=large[index])
        for index, each in enumerate(compared)
    ]


def _shares(values: Sequence[float]) -> list[float]:
    """Each value's place between the lowest and the highest, 0 to 1."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high - low > 1e-6 else 1.0 for value in values]
