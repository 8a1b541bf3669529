from pathlib import Path

import pytest

from cliply.errors import Invalid, NotFound
from cliply.media.captions.fonts import BRAND
from cliply.media.captions.styles import CaptionStyle, dressed, load_style, readable_on, style_names
from cliply.media.edit import Brand


def test_there_are_at_least_a_dozen_styles_and_all_are_described() -> None:
    names = style_names()

    assert len(names) >= 12
    assert "bold" in names
    assert all(load_style(name).description for name in names)


def test_no_two_styles_look_the_same() -> None:
    looks = {
        load_style(name).model_copy(update={"name": "", "description": ""}).model_dump_json() for name in style_names()
    }

    assert len(looks) == len(style_names())


def test_a_style_of_ones_own_is_read_by_its_path(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('font = "Anton"\nhighlight = "#12AB34"\n[outline]\nwidth = 4\n')

    style = load_style(own)

    assert (style.name, style.font, style.highlight, style.outline.width) == ("mine", "Anton", "#12AB34", 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colr = "#FFFFFF"', "no setting “colr”"),
        ("[panel]\nradiuss = 3", "no setting “panel”, “radiuss”; there are: around, colour, opacity, padding, radius"),
        ('colour = "red"', "“colour” must be a colour such as #FFE600"),
        ('font = "Papyrus"', "no font “Papyrus”; there are: Anton, "),
        ("size = 3", "“size” must be at least 24."),
        ('animation = "dance"', "“animation” must be one of 'none', 'colour'"),
        ("size = ", "not valid TOML"),
    ],
)
def test_a_wrong_style_file_says_what_to_change(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(text)

    with pytest.raises(Invalid) as refused:
        load_style(str(own))
    assert said in str(refused.value)


def test_an_unknown_style_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="karaoke"):
        load_style("fancy")


def test_a_brand_replaces_colour_and_font() -> None:
    style = dressed(CaptionStyle(), Brand(colour="#102030", font=Path("own.ttf")))

    assert (style.highlight, style.on_highlight, style.font) == ("#102030", "#FFFFFF", BRAND)
    assert style.hook.background == "#102030"


def test_letters_on_a_colour_can_be_read() -> None:
    assert [readable_on(colour) for colour in ("#FFE600", "#000080", "#FFFFFF")] == ["#000000", "#FFFFFF", "#000000"]
