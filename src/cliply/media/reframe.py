"""How each stretch of a clip is framed: shots, faces and who speaks become layouts and camera paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cliply.media import camera
from cliply.media.camera import Sight
from cliply.media.edit import OUTPUT_SIZES, Aspect, CameraKey, LayoutSpan, Pane
from cliply.media.options import LayoutChoice
from cliply.media.probe import Source
from cliply.media.scenes import find_cuts, refine, shots
from cliply.media.tracking import Track, track, watch
from cliply.media.types import Box, FaceAt, OnProgress, Size, Span, Word, no_progress


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stretch of the source is framed, in source time."""

    layouts: tuple[LayoutSpan, ...]
    """Cover the stretch exactly, in order."""
    faces: tuple[FaceAt, ...]
    shots: tuple[Span, ...]


def compose(
    source: Source,
    span: Span,
    *,
    words: Sequence[Word] = (),
    wav: Path | None = None,
    aspect: Aspect = "9:16",
    layout: LayoutChoice = "auto",
    on_progress: OnProgress = no_progress,
) -> Framing:
    """Frame `span` of a source with pictures.

    `wav` is the source's sound as `analyse_sound` makes it. Raises Unreadable when no picture can be had.
    """
    if source.video is None:
        raise ValueError("a source without pictures cannot be framed")
    size = source.video.size
    watched = watch(source, span, on_progress=on_progress)
    cuts = refine(source, find_cuts(watched.looks, 1000 / float(source.video.rate)), on_progress=on_progress)
    divided = shots(span, cuts)
    tracks = track(watched, divided)
    layouts = [
        _frame_shot(shot, [each for each in tracks if each.shot == index], size, aspect)
        for index, shot in enumerate(divided)
    ]
    faces = [FaceAt(seen.at, seen.box, number) for number, each in enumerate(tracks) for seen in each.observations]
    return Framing(tuple(layouts), tuple(sorted(faces, key=lambda face: face.at)), divided)


def _frame_shot(shot: Span, tracks: Sequence[Track], size: Size, aspect: Aspect) -> LayoutSpan:
    ratio = OUTPUT_SIZES[aspect].ratio
    whole = Box(0, 0, size.width, size.height)
    if size.ratio <= ratio * 1.03 or not tracks:
        return _fitted(shot, size, "Nobody is to be seen." if not tracks else "The picture already has this shape.")
    frame = camera.window(size, ratio)
    largest = max(tracks, key=lambda each: each.box.area * len(each.observations))
    sights = [Sight(seen.at, seen.box) for seen in largest.observations]
    return LayoutSpan(span=shot, layout="follow", panes=(Pane(camera=camera.follow(shot, sights, frame, whole)),))


def _fitted(shot: Span, size: Size, why: str) -> LayoutSpan:
    key = CameraKey(at=shot.start, x=0, y=0, width=size.width, height=size.height)
    return LayoutSpan(span=shot, layout="fit", panes=(Pane(camera=(key,), backdrop="blur"),), why=why)
