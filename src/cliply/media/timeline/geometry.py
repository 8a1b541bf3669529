"""Where a layer's picture lies: the crop as the scale, position and trim that editing programs use."""

from dataclasses import dataclass

from cliply.media.timeline.shots import Layer
from cliply.media.types import Box, Size


@dataclass(frozen=True, slots=True)
class Transform:
    """How to draw the whole source picture so that the window lands on its place."""

    scale: float
    """Relative to the picture fitted inside the canvas, which is how Final Cut and Resolve begin."""
    x: float
    """From the middle of the canvas to the middle of the picture, in pixels of the canvas, rightwards."""
    y: float
    """The same, downwards."""


@dataclass(frozen=True, slots=True)
class Trim:
    """What is cut off on each side, in pixels of the source."""

    left: float
    top: float
    right: float
    bottom: float


def transform(layer: Layer, box: Box, source: Size, canvas: Size) -> Transform:
    width, height = layer.place.width * canvas.width, layer.place.height * canvas.height
    choose = min if layer.whole else max
    scale = choose(width / box.width, height / box.height)
    fitted = min(canvas.width / source.width, canvas.height / source.height)
    middle_x = (layer.place.x + layer.place.width / 2 - 0.5) * canvas.width
    middle_y = (layer.place.y + layer.place.height / 2 - 0.5) * canvas.height
    box_x, box_y = box.centre
    return Transform(
        scale / fitted,
        middle_x - (box_x - source.width / 2) * scale,
        middle_y - (box_y - source.height / 2) * scale,
    )


def trim(layer: Layer, box: Box, source: Size, canvas: Size) -> Trim | None:
    """What must be hidden so that the picture stays inside its place; None where the canvas hides it anyway."""
    if layer.whole:
        shown = box
    elif (layer.place.x, layer.place.y, layer.place.width, layer.place.height) == (0, 0, 1, 1):
        return None
    else:
        width, height = layer.place.width * canvas.width, layer.place.height * canvas.height
        scale = max(width / box.width, height / box.height)
        x, y = box.centre
        shown = Box(x - width / scale / 2, y - height / scale / 2, width / scale, height / scale)
    return Trim(
        max(0.0, shown.x),
        max(0.0, shown.y),
        max(0.0, source.width - shown.right),
        max(0.0, source.height - shown.bottom),
    )
