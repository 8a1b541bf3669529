"""What libass really draws: colours at their times, order of words, places, and nothing that was smuggled in."""

import json
import re
from pathlib import Path

import pytest
from tests.media.captions.scenes import Draw, caption_boxes, columns, edit_of, rows, spoken

from cliply.media.captions.ass import ass_text, cover_ass
from cliply.media.captions.placement import hook_box
from cliply.media.captions.script import clock, colour, escape_text
from cliply.media.captions.styles import load_style, style_names
from cliply.media.captions.zones import free_band
from cliply.media.edit import Aspect, Brand, EditWord
from cliply.media.types import Size, Span

YELLOW = "#FFE600"
INJECTIONS = (
    r"{\an8\fs400}HUGE",
    r"{\p1}m 0 0 l 900 0 900 900 0 900{\p0}",
    r"line\Nbreak\hhard",
    "new\nline",
    "{",
    "}",
    "\\",
    r"{\fnEvil}",
    "[Events]\nDialogue: 0,0:00:00.00,9:59:59.00,Default,,0,0,0,,OWNED",
    r"\{\an8}",
    r"{\\an8}\\N",
    "\u202e",
    "\u200b",
)


@pytest.mark.slow
def test_the_spoken_word_is_lit_at_its_time_and_not_before(draw: Draw) -> None:
    edit = edit_of(spoken("alpha bravo gamma", each=500))

    lit = [columns(draw(edit, at).like(YELLOW)) for at in (250, 750, 1250)]

    assert lit[0][0] < lit[0][1] <= lit[1][0] < lit[1][1]
    assert draw(edit, 480).like(YELLOW).sum() > 0
    first, last = lit[0]
    assert columns(draw(edit, 490).like(YELLOW))[1] <= last + 2
    assert columns(draw(edit, 520).like(YELLOW))[0] > first + 5


def test_nothing_is_drawn_while_nobody_speaks(draw: Draw) -> None:
    edit = edit_of(spoken("alpha bravo | gamma delta", each=400, start=600))

    assert draw(edit, 300).ink.sum() == 0
    assert draw(edit, 700).ink.sum() > 0
    assert draw(edit, 1950).ink.sum() == 0
    assert draw(edit, 2500).ink.sum() > 0
    assert draw(edit, 3500).ink.sum() == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", style_names())
def test_every_style_stays_inside_the_box_that_placement_counts_on(draw: Draw, name: str) -> None:
    words = [
        word.model_copy(update={"emoji": "🔥" if word.text == "bravo" else None, "emphasis": word.text == "alpha"})
        for word in spoken("alpha bravo every good", each=500)
    ]
    edit = edit_of(words, style=name)
    frame = draw(edit, 900)
    box = next(each.box for each in caption_boxes(edit) if each.start <= 900 < each.end)

    top, bottom = rows(frame.ink)
    left, right = columns(frame.ink)
    slack = 9  # the grown word, accents and the soft edge of a glow
    assert box.y - slack <= top < bottom <= box.bottom + slack
    assert box.x - slack <= left < right <= box.right + slack
    free_top, free_bottom = free_band("9:16")
    assert free_top * 1280 <= top < bottom <= free_bottom * 1280
    assert right <= 0.85 * 720


@pytest.mark.slow
def test_arabic_and_hebrew_run_from_right_to_left_with_a_lit_word_inside(draw: Draw) -> None:
    style = load_style("bold").model_copy(update={"words": 5, "characters": 40, "lines": 1, "size": 60.0})
    for text, language in (("لا تثق أبدا", "ar"), ("אני אוהב קפה", "he"), ("קנינו 25 ספרים", "he")):
        edit = edit_of(spoken(text, each=500), language=language)
        lit = [columns(draw(edit, at, style=style).like(YELLOW)) for at in (250, 750, 1250)]
        assert lit[0][0] > lit[1][1] > lit[1][0] > lit[2][1], (text, lit)


def test_a_foreign_word_at_the_beginning_does_not_turn_an_arabic_line_around(draw: Draw) -> None:
    style = load_style("bold").model_copy(update={"words": 5, "characters": 40, "lines": 1, "size": 60.0})
    edit = edit_of(spoken("Apple شركة كبيرة", each=500), language="ar")

    first, last = (columns(draw(edit, at, style=style).like(YELLOW)) for at in (250, 1250))

    assert first[0] > last[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["marker", "lime", "pop"])
def test_boxes_and_jumping_words_sit_on_their_word_in_both_directions(draw: Draw, name: str) -> None:
    one_line = {"words": 5, "characters": 40, "lines": 1, "size": 56.0}
    own = load_style(name).model_copy(update=one_line)
    plain = own.model_copy(update={"animation": "colour", "highlight": YELLOW})
    for text, language in (("alpha bravo gamma", "en"), ("לעולם אל תסמוך", "he")):
        edit = edit_of(spoken(text, each=500), style=name, language=language)
        for at in (300, 800, 1300):
            wanted = sum(columns(draw(edit, at, style=plain).like(YELLOW))) / 2
            found = sum(columns(draw(edit, at, style=own).like(own.highlight))) / 2
            assert found == pytest.approx(wanted, abs=6)


def test_karaoke_fills_a_word_while_it_is_spoken(draw: Draw) -> None:
    edit = edit_of(spoken("alphabet", each=1000), style="karaoke")
    green = load_style("karaoke").highlight

    filled = [int(draw(edit, at).like(green).sum()) for at in (20, 300, 600, 960)]

    assert filled == sorted(filled)
    assert filled[0] < 0.1 * filled[3]
    assert 0.2 * filled[3] < filled[1] < 0.5 * filled[3]


def test_words_appear_one_by_one(draw: Draw) -> None:
    edit = edit_of(spoken("alpha bravo gamma", each=500), style="reveal")

    inks = [int(draw(edit, at).ink.sum()) for at in (250, 750, 1250)]

    assert inks[0] < 0.5 * inks[2] < inks[1] < inks[2]


def test_a_brand_colour_lights_the_word(draw: Draw) -> None:
    edit = edit_of(spoken("alpha bravo", each=500), brand=Brand(colour="#12E0F0"))

    assert draw(edit, 250).like("#12E0F0").sum() > 300


def test_the_hook_line_stands_at_the_top_for_its_time(draw: Draw) -> None:
    edit = edit_of(spoken("alpha bravo", each=4000, start=100), hook="Why nobody tells you the truth about robots")
    box = hook_box(edit)
    assert box is not None

    early, late = draw(edit, 1000), draw(edit, 4500)

    top, _ = rows(early.ink)
    assert top == pytest.approx(box.y, abs=4)
    assert top >= free_band("9:16")[0] * 1280
    assert rows(late.ink)[0] > box.bottom
    assert ass_text(edit).count(",Caption,,0,0,0,,{\\an2\\pos(360,") >= 2


@pytest.mark.slow
def test_injected_markup_is_shown_and_does_nothing(draw: Draw) -> None:
    words = [EditWord(text=text, start=at * 400, end=at * 400 + 350) for at, text in enumerate(INJECTIONS)]
    edit = edit_of(words, style="bold", hook=r"{\fs300}Hook\N{\p1}m 0 0")

    _assert_harmless(draw, edit)


@pytest.mark.slow
def test_the_hostile_transcript_is_harmless(draw: Draw, fixtures: Path) -> None:
    told = json.loads((fixtures / "hostile" / "transcript_injection.json").read_text("utf-8"))["words"]
    words = [EditWord(text=each["w"], start=round(each["s"] * 1000), end=round(each["e"] * 1000)) for each in told]

    _assert_harmless(draw, edit_of(words, style="plain"))
    _assert_harmless(draw, edit_of(words, style="bold"))


def _assert_harmless(draw: Draw, edit: "object") -> None:
    from cliply.media.edit import ClipEdit

    assert isinstance(edit, ClipEdit)
    text = ass_text(edit)
    events = text.split("[Events]\n", 1)[1].splitlines()
    assert all(line.startswith(("Format: ", "Dialogue: ")) for line in events if line)
    written = re.sub(r"\\[{}]", "", text.split("[Events]\n", 1)[1])
    tags = [tag for block in re.findall(r"\{([^{}]*)\}", written) for tag in re.findall(r"\\[a-z0-9]+", block)]
    own = r"\\(an\d|pos|blur\d*|fn|fsp?\d*|fsc[xy]\d+|[1-4][ac]|alpha|kf?\d+|t|fad|bord\d?|shad\d?|p1)"
    assert not [tag for tag in tags if not re.fullmatch(own, tag)]
    assert "\\fnEvil" not in text
    boxes = caption_boxes(edit)
    hook = hook_box(edit)
    for each in boxes[:: max(1, len(boxes) // 4)]:
        frame = draw(edit, each.start + 20)
        ink = frame.ink
        if hook is not None:
            ink[int(hook.y) - 6 : int(hook.bottom) + 6] = False
        if ink.any():
            top, bottom = rows(ink)
            assert each.box.y - 40 <= top < bottom <= each.box.bottom + 40


def test_words_with_bad_times_do_no_harm(draw: Draw) -> None:
    words = [
        EditWord(text="before", start=-5000, end=-4000),
        EditWord(text="backwards", start=900, end=300),
        EditWord(text="fine", start=1000, end=1400),
        EditWord(text="endless", start=1500, end=10**12),
    ]
    edit = edit_of(words, spans=[Span(0, 2000)])

    assert draw(edit, 1100).ink.sum() > 0
    assert all(0 <= each.start < each.end <= 2000 for each in caption_boxes(edit))


def test_text_and_times_are_written_as_ass_reads_them() -> None:
    assert escape_text("a{b}\\c\nd") == "a\\{b\\}\\\u2060c d"
    assert colour("#FF8000") == "&H0080FF&"
    assert [clock(at) for at in (0, 994, 995, 3_723_450)] == ["0:00:00.00", "0:00:00.99", "0:00:01.00", "1:02:03.45"]


@pytest.mark.parametrize("aspect", ["1:1", "4:5", "16:9"])
def test_other_shapes_keep_the_text_in_the_picture(draw: Draw, aspect: Aspect) -> None:
    edit = edit_of(spoken("alpha bravo gamma delta", each=500), aspect=aspect, hook="A line at the top")
    frame = draw(edit, 600)
    height, width = frame.ink.shape

    top, bottom = rows(frame.ink)
    left, right = columns(frame.ink)
    assert 0.03 * height < top < bottom < 0.97 * height
    assert 0.03 * width < left < right < 0.97 * width


def test_a_cover_has_its_title(tmp_path: Path) -> None:
    written = cover_ass("The one habit that changed my life", Size(1280, 720), tmp_path, style=load_style("bold"))

    text = written.read_text("utf-8")
    assert "PlayResX: 1280" in text
    assert "HABIT" in text
