"""A creator's logo: made as large as it will be shown, and laid in its corner clear of what the apps draw there."""

import struct
from pathlib import Path

from cliply.errors import Invalid
from cliply.media.edit import Aspect, Brand
from cliply.media.types import Size

_FORMATS = ("PNG", "JPEG", "WEBP")
"""Nothing else is opened, whatever the file's name says: some formats would start another program."""
_MOST_PIXELS = 40_000_000
# What Pillow raises for damaged files.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error)
_MARGIN = 0.045
"""From the sides, as a share of the width."""

# On an upright picture the apps cover a strip at the top and their buttons and text at the bottom.
_UPRIGHT_TOP, _UPRIGHT_BOTTOM = 0.07, 0.22


def check_logo(path: Path) -> None:
    """Raise Invalid unless the file is a picture that can be a logo; reads no more than it must."""
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as image:
            wide, high = image.size
            image.draft("RGB", (16, 16))
            if wide * high <= _MOST_PIXELS:
                image.load()
    except (*_BROKEN, Image.DecompressionBombError) as broken:
        raise _unusable(path) from broken
    if wide * high > _MOST_PIXELS:
        raise Invalid(f"The logo {path} has {wide} × {high} pixels. Save it smaller, 2000 pixels wide at most.")


def write_logo(path: Path, width: float, size: Size, folder: Path) -> Path:
    """The logo as a PNG in `folder`, `width` (a share) of the picture wide. Raises Invalid when it is no picture."""
    from PIL import Image

    check_logo(path)
    wide = max(2, round(width * size.width / 2) * 2)
    made = folder / "logo.png"
    try:
        with Image.open(path, formats=_FORMATS) as image:
            picture = image.convert("RGBA")
            high = max(2, round(picture.height * wide / picture.width / 2) * 2)
            # A banner on its end must not fill the picture.
            shrink = min(1.0, size.height * width / high)
            fitted = (max(2, int(wide * shrink / 2) * 2), max(2, int(high * shrink / 2) * 2))
            picture.resize(fitted, Image.Resampling.LANCZOS).save(made)
    except _BROKEN as broken:
        raise _unusable(path) from broken
    return made


def _unusable(path: Path) -> Invalid:
    return Invalid(f"The logo {path} cannot be read as a picture. Save it as PNG or JPEG.")


def logo_filter(brand: Brand, aspect: Aspect, logo_input: int, picture: str, out: str) -> str:
    """Lays input `logo_input` over the label `picture`."""
    vertical, side = brand.logo_corner.split("-")
    upright = aspect in ("9:16", "4:5")
    top, bottom = (_UPRIGHT_TOP, _UPRIGHT_BOTTOM) if upright else (0.0, 0.0)
    x = f"W*{_MARGIN}" if side == "left" else f"W-w-W*{_MARGIN}"
    y = f"H*{top}+W*{_MARGIN}" if vertical == "top" else f"H-h-H*{bottom}-W*{_MARGIN}"
    return (
        f"[{logo_input}:v:0]scale=out_color_matrix=bt709:out_range=tv,format=yuva420p[{out}_logo];\n"
        f"[{picture}][{out}_logo]overlay=x='{x}':y='{y}':format=yuv420:eof_action=repeat[{out}]"
    )
