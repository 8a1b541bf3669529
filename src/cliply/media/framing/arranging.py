"""Where the panes of each layout lie, and how large a window each face gets."""

from collections.abc import Sequence
from dataclasses import dataclass

from cliply.media.edit import CameraKey, LayoutSpan, Pane, Place
from cliply.media.framing import camera
from cliply.media.framing.camera import Sight
from cliply.media.types import Box, Size, Span

# Height of a face as a share of its pane.
_FACE_IN_PANE = 0.40
# Beside a screen the face's own picture is often small, and nothing of the screen belongs in its pane.
_FACE_BESIDE_SCREEN = 0.5
# The least window around a face, in face sizes: nothing of the head is cut.
_LEAST_WIDE, _LEAST_HIGH = 1.5, 1.5
# How far a window reaches towards a neighbour, as a share of the way: shoulders, not half another face.
_OWN_SIDE = 0.55
# Windows smaller than this share of the picture's height would look soft.
_SMALLEST = 0.3
_LARGEST_ENLARGEMENT = 4.5
# A difference in shape of up to this is cropped away rather than filled with a blurred strip.
_SAME_SHAPE = 0.03


def whole(shot: Span, size: Size, ratio: float, why: str) -> LayoutSpan:
    """The whole picture: filling the place if it has its shape, on a blurred enlargement of itself if not."""
    if abs(size.ratio / ratio - 1) <= _SAME_SHAPE:
        frame = camera.window(size, ratio)
        key = camera.hold(shot.start, (size.width / 2, size.height / 2), frame, picture(size))
        return LayoutSpan(span=shot, layout="fit", panes=(Pane(camera=(key,)),), why=why)
    key = CameraKey(at=shot.start, x=0, y=0, width=size.width, height=size.height)
    return LayoutSpan(span=shot, layout="fit", panes=(Pane(camera=(key,), backdrop="blur"),), why=why)


def alone(shot: Span, inset: Box, why: str) -> LayoutSpan:
    """A picture in the picture without what is around it, on a blurred enlargement of itself."""
    key = CameraKey(at=shot.start, x=inset.x, y=inset.y, width=inset.width, height=inset.height)
    return LayoutSpan(span=shot, layout="fit", panes=(Pane(camera=(key,), backdrop="blur"),), why=why)


def soft(layout: LayoutSpan, output: Size) -> bool:
    """Whether a window would have to be enlarged so much that it looks blurred."""
    return any(enlarged(key.width, output.width * pane.place.width) for pane in layout.panes for key in pane.camera)


def enlarged(width: float, output: float) -> bool:
    """Whether a window looks soft at a width in the clip."""
    return output > _LARGEST_ENLARGEMENT * width


def picture(size: Size) -> Box:
    return Box(0, 0, size.width, size.height)


@dataclass(frozen=True, slots=True)
class Person:
    """Where somebody is in a shot."""

    sights: Sequence[Sight]
    within: Box
    """The picture they are in: the whole one, or a picture in it."""

    @property
    def usual(self) -> Box:
        return camera.usual(self.sights)

    def follow(self, shot: Span, frame: Size) -> tuple[CameraKey, ...]:
        return camera.follow(shot, self.sights, frame, self.within)


def split(shot: Span, people: Sequence[Person], size: Size, ratio: float, why: str) -> LayoutSpan:
    """Two to four people at once, each in a pane, in the order in which they sit."""
    ordered = sorted(people, key=lambda person: person.usual.centre[0])
    places = _places(len(ordered), ratio)
    panes = []
    for place, person in zip(places, ordered, strict=True):
        others = [other for other in ordered if other is not person]
        frame = _face_window(person, others, size, ratio * place.width / place.height)
        panes.append(Pane(place=place, camera=person.follow(shot, frame)))
    return LayoutSpan(span=shot, layout="split" if len(panes) == 2 else "grid", panes=tuple(panes), why=why)


def _places(count: int, ratio: float) -> list[Place]:
    if count == 2:
        # Beside each other unless that makes towers of them.
        return _row(2, 0, 1) if ratio > 0.9 else [*_row(1, 0, 0.5), *_row(1, 0.5, 0.5)]
    if count == 3:
        return _row(3, 0, 1) if ratio > 1.3 else [*_row(1, 0, 0.5), *_row(2, 0.5, 0.5)]
    return [*_row(2, 0, 0.5), *_row(2, 0.5, 0.5)]


def _row(count: int, y: float, height: float) -> list[Place]:
    return [Place(x=index / count, y=y, width=1 / count, height=height) for index in range(count)]


def _face_window(
    person: Person, others: Sequence[Person], size: Size, shape: float, share: float = _FACE_IN_PANE
) -> Size:
    """A window of a shape around a face: near, without the neighbours' faces if there is room for that."""
    face, extent = person.usual, camera.extent(person.sights)
    height = max(face.height / share, _SMALLEST * size.height if others else 0.0)
    for other in others:
        apart = abs(other.usual.centre[0] - face.centre[0])
        height = min(height, max(1.0, _OWN_SIDE * 2 * apart) / shape)
    least = max(_LEAST_HIGH * extent.height, _LEAST_WIDE * extent.width / shape)
    height = min(max(height, least), person.within.height, person.within.width / shape)
    return Size(max(2, int(height * shape)), max(2, int(height)))


def stack(shot: Span, person: Person, screen: Box, size: Size, ratio: float, why: str) -> LayoutSpan:
    """A screen or slide shown uncut, with whoever talks about it in the rest of the picture."""
    if screen.width / screen.height > ratio:
        share = min(0.6, ratio / (screen.width / screen.height))
        screen_place, face_place = Place(height=share), Place(y=share, height=1 - share)
    else:
        share = min(0.75, (screen.width / screen.height) / ratio)
        screen_place, face_place = Place(width=share), Place(x=share, width=1 - share)
    shape = ratio * face_place.width / face_place.height
    frame = _face_window(person, [], size, shape, _FACE_BESIDE_SCREEN)
    key = CameraKey(at=shot.start, x=screen.x, y=screen.y, width=screen.width, height=screen.height)
    exact = abs(screen.width / screen.height / (ratio * screen_place.width / screen_place.height) - 1) < 0.01
    shown = Pane(place=screen_place, camera=(key,), backdrop="none" if exact else "blur")
    beside = Pane(place=face_place, camera=person.follow(shot, frame))
    return LayoutSpan(span=shot, layout="stack", panes=(shown, beside), why=why)
