"""Camera keys as paths on the clip's frame grid: windows that lie inside the picture and have their pane's shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cliply.media.edit import CameraKey, ClipEdit, LayoutSpan, Pane
from cliply.media.rendering.expressions import smoothstep
from cliply.media.rendering.framemap import FrameMap
from cliply.media.types import Box, Size

# Windows whose sizes differ by less than this are one size: the difference is rounding, not a zoom.
_SAME_SIZE = 0.01


@dataclass(frozen=True, slots=True)
class Stretch:
    """A camera from frame `start` up to `end`: still, or going from `begin` to `finish` during `leaves`..`arrives`.

    The way may be longer than the stretch, when a layout changes in the middle of it.
    """

    start: int
    end: int
    begin: Box
    finish: Box
    leaves: int
    arrives: int

    @property
    def moves(self) -> bool:
        return self.begin != self.finish

    @property
    def zooms(self) -> bool:
        return not _same_size(self.begin, self.finish)

    def at(self, frame: int) -> Box:
        share = smoothstep((frame - self.leaves) / max(1, self.arrives - self.leaves)) if self.moves else 0.0
        return _between(self.begin, self.finish, share)


@dataclass(frozen=True, slots=True)
class PanePath:
    """A pane and where its camera is; stretches follow each other without gaps."""

    pane: Pane
    stretches: tuple[Stretch, ...]

    def at(self, frame: int) -> Box:
        for stretch in self.stretches:
            if frame < stretch.end:
                return stretch.at(frame)
        return self.stretches[-1].at(frame)

    def clipped(self, start: int, end: int) -> "PanePath":
        inside = [
            replace(stretch, start=max(start, stretch.start), end=min(end, stretch.end))
            for stretch in self.stretches
            if stretch.start < end and stretch.end > start
        ]
        return PanePath(self.pane, tuple(inside))


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames `start` up to `end` of the clip with one arrangement of panes."""

    start: int
    end: int
    paths: tuple[PanePath, ...]

    @property
    def frames(self) -> int:
        return self.end - self.start


def scenes(edit: ClipEdit, frames: FrameMap, picture: Size, canvas: Size) -> list[Scene]:
    """The clip as scenes: a new one only where the arrangement or the size of a window changes."""
    laid = [
        Scene(start, end, tuple(_path(pane, frames, start, end, picture, canvas) for pane in layout.panes))
        for layout, start, end in _laid_out(edit, frames)
    ]
    return [part for scene in _joined(laid) for part in _split_by_size(scene)]


def _laid_out(edit: ClipEdit, frames: FrameMap) -> list[tuple[LayoutSpan, int, int]]:
    ordered = sorted(edit.layouts, key=lambda layout: layout.span.start)
    pieces: list[tuple[LayoutSpan, int, int]] = []
    for cut in frames.cuts:
        at, first = cut.span.start, cut.clip
        while at < cut.span.end:
            layout = next(layout for layout in ordered if layout.span.start <= at < layout.span.end)
            at = min(layout.span.end, cut.span.end)
            last = cut.clip + cut.count if at == cut.span.end else frames.frame(at)
            if last > first:
                pieces.append((layout, first, last))
            first = max(first, last)
    return pieces


def _path(pane: Pane, frames: FrameMap, start: int, end: int, picture: Size, canvas: Size) -> PanePath:
    shape = canvas.ratio * pane.place.width / pane.place.height if pane.backdrop == "none" else None
    keys = sorted(pane.camera, key=lambda key: key.at)
    stretches = [
        stretch
        for stretch in _stretches(keys, [fitted(key.box, picture, shape) for key in keys], frames)
        if stretch.start < end and stretch.end > start
    ]
    return PanePath(pane, tuple(stretches)).clipped(start, end)


def _stretches(keys: Sequence[CameraKey], boxes: Sequence[Box], frames: FrameMap) -> Iterable[Stretch]:
    boxes = _settled(boxes)
    times = [frames.frame(key.at) for key in keys]
    yield Stretch(-1, times[0], boxes[0], boxes[0], -1, times[0])
    for index, (start, end) in enumerate(pairwise(times)):
        target = boxes[index + 1] if keys[index + 1].move == "glide" else boxes[index]
        yield Stretch(start, end, boxes[index], target, start, end)
    yield Stretch(times[-1], frames.frames + 1, boxes[-1], boxes[-1], times[-1], frames.frames + 1)


def fitted(box: Box, picture: Size, shape: float | None) -> Box:
    """`box` moved and, where it must be, shrunk to lie inside the picture; cut to `shape` (width by height)."""
    width, height = max(2.0, box.width), max(2.0, box.height)
    if shape is not None:
        width, height = (width, width / shape) if width / height < shape else (height * shape, height)
        shrink = min(1.0, picture.width / width, picture.height / height)
        width, height = width * shrink, height * shrink
    width, height = min(width, picture.width), min(height, picture.height)
    x, y = box.centre
    left = min(max(0.0, x - width / 2), picture.width - width)
    top = min(max(0.0, y - height / 2), picture.height - height)
    return Box(left, top, width, height)


def _settled(boxes: Sequence[Box]) -> list[Box]:
    """Boxes nearly as large as the one before get exactly its size, so that they need no scaler of their own."""
    settled = [boxes[0]]
    for box in boxes[1:]:
        last = settled[-1]
        if _same_size(box, last):
            x, y = box.centre
            settled.append(Box(x - last.width / 2, y - last.height / 2, last.width, last.height))
        else:
            settled.append(box)
    return settled


def _same_size(one: Box, other: Box) -> bool:
    return abs(one.width / other.width - 1) < _SAME_SIZE and abs(one.height / other.height - 1) < _SAME_SIZE


def _between(one: Box, other: Box, share: float) -> Box:
    def mid(a: float, b: float) -> float:
        return a + (b - a) * share

    return Box(mid(one.x, other.x), mid(one.y, other.y), mid(one.width, other.width), mid(one.height, other.height))


def _joined(laid: Sequence[Scene]) -> list[Scene]:
    """Neighbours with the same panes in the same places become one scene whose camera cuts."""
    whole: list[Scene] = []
    for scene in laid:
        if whole and _arrangement(whole[-1]) == _arrangement(scene):
            before = whole.pop()
            paths = [
                PanePath(one.pane, (*one.stretches, *other.stretches))
                for one, other in zip(before.paths, scene.paths, strict=True)
            ]
            whole.append(Scene(before.start, scene.end, tuple(paths)))
        else:
            whole.append(scene)
    return whole


def _arrangement(scene: Scene) -> object:
    return [(path.pane.place, path.pane.backdrop) for path in scene.paths]


def _split_by_size(scene: Scene) -> list[Scene]:
    borders = {scene.start, scene.end}
    for path in scene.paths:
        for one, other in pairwise(path.stretches):
            if one.zooms or other.zooms or not _same_size(one.finish, other.begin):
                borders.add(other.start)
    ordered = sorted(borders)
    return [
        Scene(start, end, tuple(path.clipped(start, end) for path in scene.paths)) for start, end in pairwise(ordered)
    ]
