"""A creator's logo: made as large as it will be shown, and laid in its corner clear of what the apps draw there."""

from pathlib import Path

from cliply.errors import Invalid
from cliply.media.edit import Aspect, Brand
from cliply.media.types import Size

_MARGIN = 0.045
"""From the sides, as a share of the width."""

# On an upright picture the apps cover a strip at the top and their buttons and text at the bottom.
_UPRIGHT_TOP, _UPRIGHT_BOTTOM = 0.07, 0.22


def write_logo(path: Path, width: float, size: Size, folder: Path) -> Path:
    """The logo as a PNG in `folder`, `width` (a share) of the picture wide. Raises Invalid when it is no picture."""
    from PIL import Image, UnidentifiedImageError

    wide = max(2, round(width * size.width / 2) * 2)
    made = folder / "logo.png"
    try:
        with Image.open(path) as image:
            picture = image.convert("RGBA")
            high = max(2, round(picture.height * wide / picture.width / 2) * 2)
            # A banner on its end must not fill the picture.
            shrink = min(1.0, size.height * width / high)
            fitted = (max(2, int(wide * shrink / 2) * 2), max(2, int(high * shrink / 2) * 2))
            picture.resize(fitted, Image.Resampling.LANCZOS).save(made)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as broken:
        raise Invalid(f"The logo {path} cannot be read as a picture. Save it as PNG or JPEG.") from broken
    return made


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
