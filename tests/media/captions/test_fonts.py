from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from tests.media.captions.scenes import Draw, columns, edit_of, spoken

from cliply.errors import Invalid, NotFound
from cliply.media.captions import fonts
from cliply.media.edit import Brand

SAMPLES = {
    "fr": "Ça coûte déjà",
    "vi": "Tiếng Việt rất đẹp",
    "ru": "Никогда не верь",
    "el": "Ποτέ μην εμπιστεύεσαι",
    "ja": "今日はとても良い天気ですね",
    "zh": "今天的天气真好",
    "ko": "오늘은 날씨가 좋네요",
    "ar": "لا تثق أبدا",
    "he": "לעולם אל תסמוך",
    "hi": "कभी भी जल्दी",
    "th": "วันนี้อากาศดีมาก",
    "bn": "আমি তোমাকে ভালোবাসি",
    "ta": "நான் உன்னை",
    "ka": "გამარჯობა მსოფლიო",
    "en": "fire 🔥 heart ❤️ 👩‍👩‍👧",
}


@pytest.mark.parametrize("language", SAMPLES)
def test_every_character_of_a_language_has_a_font(language: str) -> None:
    for family in fonts.families():
        assert fonts.uncovered(SAMPLES[language], fonts.face(family)) == ()


def test_a_character_that_no_font_shows_is_reported() -> None:
    assert fonts.uncovered("ok \U00013000 ok", fonts.face("Anton")) == ("\U00013000",)


@pytest.mark.parametrize("language", ["vi", "ja", "ar", "hi", "th", "en"])
def test_libass_draws_each_script_with_our_fonts_only(draw: Draw, language: str) -> None:
    frame = draw(edit_of(spoken(SAMPLES[language], each=900), language=language, style="podcast"), 100)

    ours = {fonts.FOLDER, fonts.face(fonts.CJK).path.parent}
    assert frame.fonts
    assert {path.parent for path in frame.fonts} <= ours
    assert "failed to find" not in frame.said
    assert frame.ink.sum() > 500


def test_a_script_does_not_come_out_as_boxes(draw: Draw) -> None:
    """Boxes for missing letters all look the same, letters do not."""
    pictures = []
    for letter in "今日ح":
        ink = draw(edit_of(spoken(letter * 3), language="en", style="plain"), 100).ink
        left, right = columns(ink)
        pictures.append((right - left, int(ink.sum())))
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize("family", fonts.families())
def test_measured_width_is_the_drawn_width(draw: Draw, family: str) -> None:
    from cliply.media.captions.styles import load_style

    style = load_style("plain").model_copy(update={"font": family, "size": 90.0, "outline": load_style("lime").outline})
    edit = edit_of(spoken("Hamburg", each=900))
    ink = draw(edit, 100, style=style).ink
    left, right = columns(ink)

    setter_em = 90 * 720 / 1080
    expected = fonts.advance("Hamburg", fonts.face(family)) * setter_em
    outline = 2 * 5 * 720 / 1080
    assert right - left - outline == pytest.approx(expected, rel=0.045)  # the letters' own margins


def test_a_word_is_never_set_in_two_fonts_of_one_script() -> None:
    # Montserrat holds μ and π as mathematical signs, but not Greek.
    families = {run.face.family for run in fonts.runs("εμπιστεύεσαι", fonts.face("Montserrat Black"))}

    assert families == {"Noto Sans Bold"}


def test_the_font_of_a_clip_follows_its_main_script() -> None:
    anton = fonts.face("Anton")

    assert fonts.suited("Never trust a robot", anton) is anton
    assert fonts.suited("Sony means 音 in this long sentence", anton) is anton
    assert fonts.suited("今日はとても良い天気ですね", anton).family == fonts.CJK


def test_marks_and_joined_emoji_stay_with_their_letter() -> None:
    assert list(fonts.clusters("e\u0301a👩‍👩‍👧🇫🇷🇩🇪กำ")) == ["e\u0301", "a", "👩‍👩‍👧", "🇫🇷", "🇩🇪", "กำ"]


def test_an_unknown_font_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="Anton"):
        fonts.face("Comic Sans")


def test_a_brand_font_replaces_the_font_of_the_style(draw: Draw, tmp_path: Path) -> None:
    brand = tmp_path / "own.ttf"
    _font_of_blocks(brand)
    edit = edit_of(spoken("abc", each=900), style="plain", brand=Brand(font=brand))

    frame = draw(edit, 100)

    assert frame.fonts[0].name == "brand.ttf"
    left, right = columns(frame.ink)
    assert right - left == pytest.approx(3 * 62 * 720 / 1080, rel=0.1)


def test_a_brand_font_that_is_no_font_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "own.ttf"
    broken.write_bytes(b"\0\1\0\0not a font")

    with pytest.raises(Invalid, match="TTF or OTF"):
        fonts.brand_face(broken)
    with pytest.raises(NotFound):
        fonts.brand_face(tmp_path / "absent.ttf")


def _font_of_blocks(path: Path) -> None:
    """A font whose small letters are all one solid square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (1000, 700), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    block = pen.glyph()
    names = [".notdef", "space", *"abcdefghijklmnopqrstuvwxyz"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({32: "space"} | {ord(name): name for name in names if len(name) == 1})
    builder.setupGlyf({name: block if len(name) == 1 else TTGlyphPen(None).glyph() for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)


@pytest.mark.slow
def test_a_brand_font_with_one_damaged_table_is_refused_before_it_is_used(tmp_path: Path) -> None:
    shipped = next(path for path in sorted(fonts.FOLDER.glob("*.ttf")) if "GPOS" in TTFont(path))
    data, table = bytearray(shipped.read_bytes()), TTFont(shipped).reader.tables["GPOS"]
    data[table.offset : table.offset + table.length] = b"\xff" * table.length
    damaged = tmp_path / "damaged.ttf"
    damaged.write_bytes(data)
    assert fonts.brand_face(shipped).shows("a")
    with pytest.raises(Invalid, match="damaged"):
        fonts.brand_face(damaged)
