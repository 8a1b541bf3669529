from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cliply.errors import Invalid, NotFound
from cliply.media.captions.sheet import style_sheet


@pytest.mark.slow
def test_the_sheet_shows_every_style_differently(tmp_path: Path) -> None:
    out = style_sheet(tmp_path / "styles.png", ["plain", "bold", "marker", "neon"])

    with Image.open(out) as sheet:
        picture = np.asarray(sheet.convert("RGB")).astype(int)
    cells = [picture[18:658, 18 + at * 378 : 378 + at * 378] for at in range(4)]
    for at, cell in enumerate(cells):
        assert all(np.abs(cell - other).max() > 100 for other in cells[at + 1 :])


def test_a_sheet_is_a_png_or_a_jpeg_of_styles_that_exist(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"\.png or \.jpg"):
        style_sheet(tmp_path / "styles.gif")
    with pytest.raises(NotFound, match="fancy"):
        style_sheet(tmp_path / "styles.png", ["fancy"])
