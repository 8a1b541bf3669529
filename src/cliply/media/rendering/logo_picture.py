"""Runs alone in a limited process: turns a stranger's picture into a PNG of the wanted size, on stdout."""

import io
import json
import sys
from pathlib import Path

from PIL import Image

_FORMATS = ("PNG", "JPEG", "WEBP")
"""Nothing else is opened, whatever the file's name says: some formats would start another program."""
_MOST_PIXELS = 40_000_000


def measured(path: Path) -> str:
    """Width and height as JSON, once the picture was found to be whole; one that is too large is not decoded."""
    with Image.open(path, formats=_FORMATS) as image:
        wide, high = image.size
        image.draft("RGB", (16, 16))
        if wide * high <= _MOST_PIXELS:
            image.load()
    return json.dumps([wide, high])


def fitted(path: Path, wide: int, most_high: int) -> bytes:
    """A PNG `wide` pixels wide, or less where it would be higher than `most_high`."""
    with Image.open(path, formats=_FORMATS) as image:
        picture = image.convert("RGBA")
    high = max(2, round(picture.height * wide / picture.width / 2) * 2)
    # A banner on its end must not fill the picture.
    shrink = min(1.0, most_high / high)
    size = (max(2, int(wide * shrink / 2) * 2), max(2, int(high * shrink / 2) * 2))
    written = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(written, "PNG")
    return written.getvalue()


if __name__ == "__main__":
    Image.MAX_IMAGE_PIXELS = None  # our own limit is lower, and is told in plain words
    logo = Path(sys.argv[1])
    sys.stdout.buffer.write(
        fitted(logo, int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 2 else measured(logo).encode()
    )
