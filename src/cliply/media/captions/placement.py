"""Where captions and hook line go: clear of faces, and of what the networks' apps draw over a clip."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cliply.media.captions.fonts import uncovered
from cliply.media.captions.hook import place_title
from cliply.media.captions.styles import CaptionStyle
from cliply.media.captions.typeset import PlacedBlock, Typesetter, blocks, middle_of, typesetter
from cliply.media.captions.zones import free_band, zones
from cliply.media.edit import ClipEdit, LayoutSpan, Pane
from cliply.media.framing.camera import box_at
from cliply.media.types import Box, FaceAt, Millis, Span

_STEPS = 60
_TOUCHED = 0.12
"""Share of a face from which text counts as covering it: less is hair, ear or chin."""
_AROUND = 0.06
"""Faces are taken larger by this share, since text that touches a face is already ugly."""
_LOWEST_HOOK = 0.5
_GRACE: Millis = 400
"""A face that passes behind the text for less than this is no finding."""


@dataclass(frozen=True, slots=True)
class CaptionBox:
    """What one screen of captions covers, in pixels of the finished picture."""

    span: Span
    """In clip time."""
    box: Box


@dataclass(frozen=True, slots=True)
class _SeenFace:
    at: Millis
    """In clip time."""
    box: Box


def choose_position(edit: ClipEdit, faces: Sequence[FaceAt]) -> float:
    """The middle of the captions, 0 top to 1 bottom, where they cover faces least, near where the style wants them.

    Where two pictures meet, the captions go on the seam if it is free. Faces are in source pixels and time.
    """
    setter = typesetter(edit)
    base = middle_of(_unplaced(edit), setter)
    placed = blocks(edit, setter, base)
    if not placed:
        return base
    height = setter.size.height
    half = setter.block_height(max(len(block.lines) for block in placed)) / 2 / height
    above = max(block.box.height for block in placed) / height - half
    top, bottom = free_band(edit.output.aspect)
    lowest, highest = top + above, bottom - half
    seam = _seam(edit)
    wanted = base if seam is None else seam
    seen = _visible(_projected(edit, faces), placed)
    hook = hook_box(edit, setter)
    until = edit.hook.milliseconds if edit.hook else 0

    def cost(middle: float) -> float:
        shift = (middle - base) * height
        moved = [(face, _moved(block.box, shift)) for face, block in seen]
        covered = sum(_covered(face.box, box) for face, box in moved) / max(1, len(moved))
        behind = 0.0
        if hook is not None:
            early = [_moved(block.box, shift) for block in placed if block.start < until]
            behind = sum(box.overlap(hook) > 0 for box in early) / max(1, len(early))
        return 10 * covered + 3 * behind + abs(middle - wanted)

    return round(_cheapest(cost, lowest, max(lowest, highest), wanted), 4)


def choose_hook_position(edit: ClipEdit, faces: Sequence[FaceAt]) -> float | None:
    """The middle of the hook line, as near to the top as no face is covered; None without a hook line."""
    setter = typesetter(edit)
    if edit.hook is None or not edit.hook.text.strip():
        return None
    unplaced = edit.model_copy(update={"hook": edit.hook.model_copy(update={"position": None})})
    box = hook_box(unplaced, setter)
    if box is None:
        return None
    height = setter.size.height
    base = box.centre[1] / height
    seen = [face for face in _projected(edit, faces) if face.at < edit.hook.milliseconds]

    def cost(middle: float) -> float:
        moved = _moved(box, (middle - base) * height)
        return 10 * sum(_covered(face.box, moved) for face in seen) / max(1, len(seen)) + (middle - base)

    return round(_cheapest(cost, base, max(base, _LOWEST_HOOK), base), 4)


def caption_box(edit: ClipEdit, style: CaptionStyle | None = None) -> tuple[CaptionBox, ...]:
    """What the captions of `edit` cover, screen by screen, in order of time."""
    setter = typesetter(edit, style)
    placed = blocks(edit, setter, middle_of(edit, setter))
    return tuple(CaptionBox(Span(block.start, block.end), block.box) for block in placed)


def hook_box(edit: ClipEdit, setter: Typesetter | None = None) -> Box | None:
    """What the hook line covers while it is shown."""
    if edit.hook is None or not edit.hook.text.strip():
        return None
    chosen = setter or typesetter(edit)
    size = chosen.style.hook.size
    return place_title(edit.hook.text, chosen, edit.language, size=size, middle=edit.hook.position).box


def conflicts(edit: ClipEdit, faces: Sequence[FaceAt]) -> list[str]:
    """What is wrong with where the text stands, one sentence each; empty if nothing is."""
    setter = typesetter(edit)
    placed = blocks(edit, setter, middle_of(edit, setter))
    seen = _projected(edit, faces)
    found = [*_over_faces(placed, seen), *_under_apps(edit, [block.box for block in placed], "caption text")]
    hook = hook_box(edit, setter)
    if hook is not None and edit.hook is not None:
        until = edit.hook.milliseconds
        found += _under_apps(edit, [hook], "hook line")
        early = [face for face in seen if face.at < until]
        if early and sum(_covered(face.box, hook) > _TOUCHED for face in early) > len(early) / 4:
            found.append("The hook line covers a face.")
        if any(block.start < until and block.box.overlap(hook) > 0 for block in placed):
            found.append("The captions run into the hook line.")
    text = "".join(token.text for block in placed for line in block.lines for token in (w.token for w in line.words))
    if missing := uncovered(text, setter.face):
        found.append(f"No font shows these characters of the captions: {' '.join(missing[:12])}")
    return found


def _over_faces(placed: Sequence[PlacedBlock], seen: Sequence[_SeenFace]) -> Iterator[str]:
    for block in placed:
        hits = [face.at for face, _ in _visible(seen, [block]) if _covered(face.box, block.box) > _TOUCHED]
        moments = sorted({face.at for face, _ in _visible(seen, [block])})
        step = (block.end - block.start) / max(1, len(moments))
        if hits and len(set(hits)) * step >= min(_GRACE, (block.end - block.start) / 2):
            yield f"The captions cover a face at {block.start / 1000:.1f} s."


def _under_apps(edit: ClipEdit, boxes: Sequence[Box], what: str) -> Iterator[str]:
    size = edit.output.size
    for zone in zones(edit.output.aspect):
        place = zone.place
        area = Box(place.x * size.width, place.y * size.height, place.width * size.width, place.height * size.height)
        if any(box.overlap(area) > 0.01 * box.area for box in boxes):
            yield f"The {what} reaches under the {zone.what} of {zone.network}."


def _projected(edit: ClipEdit, faces: Sequence[FaceAt]) -> list[_SeenFace]:
    """The faces as they are seen in the finished picture, in clip time."""
    layouts = sorted(edit.layouts, key=lambda layout: layout.span.start)
    starts = [layout.span.start for layout in layouts]
    seen: list[_SeenFace] = []
    for face in faces:
        at = bisect_right(starts, face.at) - 1
        if at < 0 or not any(span.contains(face.at) for span in edit.spans):
            continue
        clip_time = edit.clip_time(face.at)
        seen += (_SeenFace(clip_time, box) for box in _in_panes(edit, layouts[at], face))
    return sorted(seen, key=lambda face: face.at)


def _in_panes(edit: ClipEdit, layout: LayoutSpan, face: FaceAt) -> Iterator[Box]:
    for pane in layout.panes:
        window, target, scale_x, scale_y = _mapping(edit, pane, face.at)
        box = Box(
            target.x + (face.box.x - window.x) * scale_x,
            target.y + (face.box.y - window.y) * scale_y,
            face.box.width * scale_x,
            face.box.height * scale_y,
        )
        left, top = max(box.x, target.x), max(box.y, target.y)
        right, bottom = min(box.right, target.right), min(box.bottom, target.bottom)
        if right - left > 1 and bottom - top > 1:
            grown_x, grown_y = (right - left) * _AROUND / 2, (bottom - top) * _AROUND / 2
            yield Box(left - grown_x, top - grown_y, right - left + 2 * grown_x, bottom - top + 2 * grown_y)


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


def _seam(edit: ClipEdit) -> float | None:
    """Where one picture ends and the next begins below it, for the layout that is shown longest."""
    lasts: dict[float | None, int] = {}
    for layout in edit.layouts:
        panes = sorted(layout.panes, key=lambda pane: pane.place.y)
        edges = [pane.place.y for pane in panes if pane.place.y > 0.2]
        seam = min(edges, key=lambda edge: abs(edge - 0.6)) if edges else None
        shown = sum(layout.span.overlap(span) for span in edit.spans)
        lasts[seam] = lasts.get(seam, 0) + shown
    return max(lasts, key=lambda seam: lasts[seam]) if lasts else None


def _visible(seen: Sequence[_SeenFace], placed: Sequence[PlacedBlock]) -> list[tuple[_SeenFace, PlacedBlock]]:
    """Each face with the text that is on screen at its moment."""
    starts = [block.start for block in placed]
    pairs = []
    for face in seen:
        at = bisect_right(starts, face.at) - 1
        if at >= 0 and face.at < placed[at].end:
            pairs.append((face, placed[at]))
    return pairs


def _covered(face: Box, text: Box) -> float:
    return face.overlap(text) / face.area if face.area > 0 else 0.0


def _moved(box: Box, down: float) -> Box:
    return Box(box.x, box.y + down, box.width, box.height)


def _cheapest(cost: Callable[[float], float], lowest: float, highest: float, wanted: float) -> float:
    steps = [lowest + (highest - lowest) * step / _STEPS for step in range(_STEPS + 1)]
    return min([min(max(wanted, lowest), highest), *steps], key=cost)


def _unplaced(edit: ClipEdit) -> ClipEdit:
    return edit.model_copy(update={"captions": edit.captions.model_copy(update={"position": None})})
