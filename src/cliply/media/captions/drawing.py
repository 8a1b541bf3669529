"""Shapes as ASS vector drawings."""

from cliply.media.captions.script import alpha, colour, number
from cliply.media.types import Box

# A quarter circle by one cubic Bezier curve: distance of the control points, as a share of the radius.
_CIRCLE = 0.5523


def rounded(box: Box, radius: float, *, fill: str, opacity: float = 1.0) -> str:
    """A filled rectangle with round corners, as the text of an event."""
    width, height = round(box.width), round(box.height)
    r = min(round(radius), width // 2, height // 2)
    tags = (
        rf"{{\an7\pos({number(box.x)},{number(box.y)})\bord0\shad0\blur0\1c{colour(fill)}"
        rf"\1a{alpha(opacity)}\fscx100\fscy100\p1}}"
    )
    if r <= 0:
        return f"{tags}m 0 0 l {width} 0 {width} {height} 0 {height}"
    k = round(r * (1 - _CIRCLE))
    return (
        f"{tags}m {r} 0 l {width - r} 0 b {width - k} 0 {width} {k} {width} {r} "
        f"l {width} {height - r} b {width} {height - k} {width - k} {height} {width - r} {height} "
        f"l {r} {height} b {k} {height} 0 {height - k} 0 {height - r} l 0 {r} b 0 {k} {k} 0 {r} 0"
    )
