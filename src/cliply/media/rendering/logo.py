"""A creator's logo: made as large as it will be shown, and laid in its corner clear of what the apps draw there."""

import json
from pathlib import Path

from cliply.errors import Invalid
from cliply.media import isolation
from cliply.media.edit import Aspect, Brand
from cliply.media.isolation import GIB, Limits
from cliply.media.types import Box, Size

_MODULE = "cliply.media.rendering.logo_picture"
_LIMITS = Limits(wall_seconds=60, cpu_seconds=20, memory_bytes=2 * GIB, output_bytes=100_000_000)
_MOST_PIXELS = 40_000_000
_MARGIN = 0.045
"""From the sides, as a share of the width."""

# On an upright picture the apps cover a strip at the top and their buttons and text at the bottom.
_UPRIGHT_TOP, _UPRIGHT_BOTTOM = 0.07, 0.22


def check_logo(path: Path) -> Size:
    """The picture's size. Raises Invalid unless the file is a picture that can be a logo."""
    told = isolation.answer(_MODULE, path.absolute(), limits=_LIMITS)
    if told is None:
        raise _unusable(path)
    wide, high = json.loads(told)
    if wide * high > _MOST_PIXELS:
        raise Invalid(f"The logo {path} has {wide} × {high} pixels. Save it smaller, 2000 pixels wide at most.")
    return Size(wide, high)


def logo_box(brand: Brand, aspect: Aspect, size: Size) -> Box | None:
    """What the logo covers of the finished picture; None without one. Raises Invalid when it is no picture."""
    if brand.logo is None:
        return None
    own = check_logo(brand.logo)
    wide, most_high = _largest(brand.logo_width, size)
    width = min(float(wide), most_high * own.width / own.height)
    height = width * own.height / own.width
    vertical, side = brand.logo_corner.split("-")
    top, bottom = _margins(aspect)
    margin = _MARGIN * size.width
    x = margin if side == "left" else size.width - width - margin
    y = top * size.height + margin if vertical == "top" else size.height * (1 - bottom) - height - margin
    return Box(x, y, width, height)


def write_logo(path: Path, width: float, size: Size, folder: Path) -> Path:
    """The logo as a PNG in `folder`, `width` (a share) of the picture wide. Raises Invalid when it is no picture."""
    check_logo(path)
    wide, most_high = _largest(width, size)
    picture = isolation.answer(_MODULE, path.absolute(), str(wide), str(most_high), limits=_LIMITS)
    if picture is None:
        raise _unusable(path)
    made = folder / "logo.png"
    made.write_bytes(picture)
    return made


def _largest(share: float, size: Size) -> tuple[int, int]:
    """Width and, for a banner on its end, greatest height in pixels."""
    return max(2, round(share * size.width / 2) * 2), max(2, round(size.height * share))


def _margins(aspect: Aspect) -> tuple[float, float]:
    """What is kept free above and below, as shares of the height."""
    return (_UPRIGHT_TOP, _UPRIGHT_BOTTOM) if aspect in ("9:16", "4:5") else (0.0, 0.0)


def _unusable(path: Path) -> Invalid:
    return Invalid(f"The logo {path} cannot be read as a picture. Save it as PNG or JPEG.")


def logo_filter(brand: Brand, aspect: Aspect, logo_input: int, picture: str, out: str) -> str:
    """Lays input `logo_input` over the label `picture`."""
    vertical, side = brand.logo_corner.split("-")
    top, bottom = _margins(aspect)
    x = f"W*{_MARGIN}" if side == "left" else f"W-w-W*{_MARGIN}"
    y = f"H*{top}+W*{_MARGIN}" if vertical == "top" else f"H-h-H*{bottom}-W*{_MARGIN}"
    return (
        f"[{logo_input}:v:0]scale=out_color_matrix=bt709:out_range=tv,format=yuva420p[{out}_logo];\n"
        f"[{picture}][{out}_logo]overlay=x='{x}':y='{y}':format=yuv420:eof_action=repeat[{out}]"
    )
