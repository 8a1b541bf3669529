"""The talk's two slides."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tools.demo_talk.dialogue import Shot

_INK, _PALE, _ACCENT = (38, 34, 30), (112, 104, 96), (214, 138, 20)


def paint(shot: Shot, width: int, height: int) -> NDArray[np.uint8]:
    """A slide in blue, green, red; the lower right corner is left free for a face."""
    picture = Image.new("RGB", (width, height), (250, 247, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 24, height), fill=_ACCENT)
    if shot == "slide-dance":
        _write(draw, (110, 90), "The waggle dance", 96, _INK)
        _bullets(draw, ("Danced in the dark, on a wall of wax", "The angle to “up” is the angle to the sun",
                        "Its length tells how far to fly"), 280)  # fmt: skip
        _dance(draw, 640, 800)
    else:
        _write(draw, (110, 90), "How far? Count the seconds", 96, _INK)
        _bars(draw)
        _write(draw, (110, 800), "Karl von Frisch, Nobel Prize 1973", 56, _PALE)
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR), np.uint8)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: tuple[int, int, int]) -> None:
    draw.text(at, text, fill=colour, font=ImageFont.load_default(size))


def _bullets(draw: ImageDraw.ImageDraw, texts: tuple[str, ...], top: int) -> None:
    for index, text in enumerate(texts):
        y = top + index * 100
        draw.rectangle((116, y + 24, 136, y + 44), fill=_ACCENT)
        _write(draw, (170, y), text, 56, _INK)


def _dance(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """A figure of eight with the waggle run through its middle."""
    for side in (-1, 1):
        box = (min(x, x + side * 300), y - 150, max(x, x + side * 300), y + 150)
        draw.arc(box, 0, 360, fill=_PALE, width=8)
    waves = [(x + 22 * np.sin(step * 1.3), y + 150 - step * 10) for step in range(31)]
    draw.line(waves, fill=_ACCENT, width=14, joint="curve")
    draw.polygon([(x - 30, y - 140), (x + 34, y - 140), (x, y - 200)], fill=_ACCENT)


def _bars(draw: ImageDraw.ImageDraw) -> None:
    for index, (label, length) in enumerate((("1 second", "1 km"), ("2 seconds", "2 km"), ("5 seconds", "5 km"))):
        y = 270 + index * 120
        _write(draw, (110, y + 8), label, 56, _INK)
        end = 470 + 170 * int(length.split()[0])
        draw.rounded_rectangle((470, y, end, y + 84), 14, fill=_ACCENT)
        _write(draw, (end + 24, y + 8), length, 56, _INK)
