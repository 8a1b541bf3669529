from pathlib import Path

import pytest

from cliply.errors import Invalid, NotFound
from cliply.media.brand import load_brand


def test_paths_are_found_beside_the_brand_file(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"x")
    (tmp_path / "brand.toml").write_text('logo = "logo.png"\ncolour = "#FFD400"\n')
    brand = load_brand(tmp_path / "brand.toml")
    assert brand.logo == tmp_path / "logo.png"
    assert brand.colour == "#FFD400"
    assert brand.font is None


@pytest.mark.parametrize(
    ("text", "said"),
    [('color = "#FFD400"', "color"), ('colour = "yellow"', "colour"), ("logo = ", "cannot be read")],
)
def test_a_wrong_brand_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "brand.toml").write_text(text)
    with pytest.raises(Invalid, match=said):
        load_brand(tmp_path / "brand.toml")


def test_a_logo_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "brand.toml").write_text('logo = "gone.png"')
    with pytest.raises(NotFound, match=r"gone\.png"):
        load_brand(tmp_path / "brand.toml")
    with pytest.raises(NotFound, match="brand file"):
        load_brand(tmp_path / "none.toml")


def test_a_font_must_be_a_font(tmp_path: Path) -> None:
    (tmp_path / "font.exe").write_bytes(b"x")
    (tmp_path / "brand.toml").write_text('font = "font.exe"')
    with pytest.raises(Invalid, match=r"\.ttf"):
        load_brand(tmp_path / "brand.toml")
