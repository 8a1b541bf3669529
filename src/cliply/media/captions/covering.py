"""What text covers: faces, eyes and mouths behind it, and other text."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from cliply.media.captions.seen import SeenFace
from cliply.media.captions.typeset import PlacedBlock, Typesetter
from cliply.media.types import Box

TOUCHED = 0.03
"""Share of eyes or mouth from which text hides something of them."""
_MUCH = 0.25
"""Share of a face that is too much to cover even where eyes and mouth stay free."""
GAP = 0.012
"""Between hook line and captions, as a share of the height: closer, they read as one."""


def faces_behind(seen: Sequence[SeenFace], placed: Sequence[PlacedBlock]) -> tuple[tuple[SeenFace, ...], ...]:
    """For each block the faces that are seen while it is on screen."""
    starts = [block.start for block in placed]
    behind: list[list[SeenFace]] = [[] for _ in placed]
    for face in seen:
        at = bisect_right(starts, face.at) - 1
        if at >= 0 and face.at < placed[at].end:
            behind[at].append(face)
    return tuple(map(tuple, behind))


def with_gap(box: Box, height: float) -> Box:
    gap = GAP * height
    return Box(box.x, box.y - gap, box.width, box.height + 2 * gap)


def touches(box: Box, taken: Sequence[Box], height: float) -> bool:
    return any(with_gap(each, height).overlap(box) > 0 for each in taken)


def matters(face: SeenFace, text: Box) -> bool:
    return covered_features(face, text) > TOUCHED or share_covered(face.box, text) > _MUCH


def covered_features(face: SeenFace, text: Box) -> float:
    """The share of eyes or mouth that text hides, whichever is more."""
    return max((share_covered(feature, text) for feature in face.features), default=0.0)


def share_covered(face: Box, text: Box) -> float:
    return face.overlap(text) / face.area if face.area > 0 else 0.0


def emoji_box(block: PlacedBlock, setter: Typesetter) -> Iterator[Box]:
    if block.emoji is not None:
        _, x, y = block.emoji
        yield Box(x - setter.emoji_size / 2, y - setter.emoji_size / 2, setter.emoji_size, setter.emoji_size)


def text_box(block: PlacedBlock, setter: Typesetter) -> Box:
    box = block.box
    top = max([box.y, *(each.bottom for each in emoji_box(block, setter))])
    return Box(box.x, top, box.width, box.bottom - top)
