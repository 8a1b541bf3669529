import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from cliply.errors import Invalid, NotFound
from cliply.media.edit import CameraKey, ClipEdit, LayoutSpan, Output, Pane, Place, SourceFile
from cliply.media.edits import load_edit, load_edits
from cliply.media.types import Size, Span


def an_edit(spans: tuple[Span, ...] = (Span(1000, 3000), Span(4000, 6000))) -> ClipEdit:
    whole = CameraKey(at=0, x=656, y=0, width=608, height=1080)
    layout = LayoutSpan(span=Span(0, 10_000), layout="follow", panes=(Pane(camera=(whole,)),))
    source = SourceFile(path=Path("talk.mp4"), fingerprint="", size=Size(1920, 1080), duration=10_000)
    return ClipEdit(source=source, spans=spans, layouts=(layout,))


def test_clip_time_skips_what_was_cut_out() -> None:
    edit = an_edit()
    assert edit.duration == 4000
    assert [edit.clip_time(at) for at in (500, 1000, 2500, 3500, 4000, 5000, 9000)] == [
        0,
        0,
        1500,
        2000,
        2000,
        3000,
        4000,
    ]


def test_an_edit_survives_its_file(tmp_path: Path) -> None:
    file = tmp_path / "01.edit.json"
    file.write_text(an_edit().model_dump_json())
    loaded = load_edit(file)
    assert loaded.source.path == tmp_path / "talk.mp4"
    assert loaded.model_copy(update={"source": an_edit().source}) == an_edit()


@pytest.mark.parametrize("spans", [(Span(3000, 1000),), (Span(0, 2000), Span(1000, 3000)), (Span(-5, 100),), ()])
def test_impossible_spans_are_refused(spans: tuple[Span, ...]) -> None:
    with pytest.raises(ValidationError):
        an_edit(spans)


def test_a_moment_without_layout_is_refused_and_named() -> None:
    with pytest.raises(ValidationError, match="no layout covers the source from 10000 to 12000"):
        an_edit((Span(9000, 12_000),))


def test_an_unknown_name_in_an_edit_file_is_told(tmp_path: Path) -> None:
    told = json.loads(an_edit().model_dump_json())
    told["captoins"] = {}
    (tmp_path / "x.edit.json").write_text(json.dumps(told))
    with pytest.raises(Invalid, match="captoins"):
        load_edit(tmp_path / "x.edit.json")


def test_a_missing_edit_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_edit(tmp_path / "none.edit.json")
    with pytest.raises(NotFound):
        load_edits(tmp_path)


def test_drafts_are_two_thirds_of_the_size_in_every_shape() -> None:
    for aspect in ("9:16", "1:1", "4:5", "16:9"):
        full = Output(aspect=aspect).size
        draft = Output(aspect=aspect, quality="draft").size
        assert (draft.width, draft.height) == (full.width * 2 // 3, full.height * 2 // 3)
        assert draft.width % 2 == draft.height % 2 == 0


@pytest.mark.parametrize("rate", ["0", "30/0", "0/1", "1000", "1/2", "-30"])
def test_a_frame_rate_that_no_player_shows_is_refused(rate: str) -> None:
    with pytest.raises(ValidationError):
        Output(frame_rate=rate)


def test_a_camera_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.edit.json").write_text(an_edit().model_dump_json().replace('"x":656.0', '"x":NaN'))
    with pytest.raises(Invalid, match="x"):
        load_edit(tmp_path / "a.edit.json")


@pytest.mark.parametrize("wrong", [{"x": -0.1}, {"y": 1}, {"width": 0}, {"height": 2}])
def test_a_place_outside_the_picture_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Place.model_validate(wrong)


def changed(tmp_path: Path, **more: object) -> Path:
    file = tmp_path / "x.edit.json"
    file.write_text(json.dumps(json.loads(an_edit().model_dump_json()) | more))
    return file


WHOLE = {"at": 0, "x": 656, "y": 0, "width": 608, "height": 1080}


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        ({"x": 1700}, r"“camera”, entry 2: “x” 1700 .* Choose “x” from 0 to 1312"),
        ({"y": -40}, "“y” -40"),
        ({"width": 0}, "“width” is 0"),
        ({"height": 4000}, "from 1 to 1080"),
    ],
)
def test_a_camera_beyond_the_picture_is_refused_with_its_entry(
    tmp_path: Path, camera: dict[str, int], said: str
) -> None:
    panes = [{"camera": [WHOLE, {**WHOLE, "at": 900, **camera}]}]
    layouts = [{"span": {"start": 0, "end": 10_000}, "layout": "follow", "panes": panes}]
    with pytest.raises(Invalid, match=said):
        load_edit(changed(tmp_path, layouts=layouts))


def test_a_word_that_ends_before_it_starts_is_refused(tmp_path: Path) -> None:
    words = [{"text": "so", "start": 1000, "end": 1200}, {"text": "well", "start": 1500, "end": 1400}]
    with pytest.raises(Invalid, match="“words”, entry 2: “well” ends at 1400, before it starts at 1500"):
        load_edit(changed(tmp_path, words=words))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"spans": []}, "“spans” needs at least 1 entry"),
        ({"words": [{"text": "a", "start": 1, "end": 2, "loud": 1}]}, "“words”, entry 1, “loud” is no name"),
        ({"output": {"frame_rate": "900"}}, "“output”, “frame_rate”: a frame rate is from 1 to 120"),
        ({"output": {"quality": "best"}}, "“output”, “quality” must be one of 'draft', 'standard' or 'high'"),
        ({"brand": {"colour": "red"}}, "“brand”, “colour” must be a colour such as #FFE600"),
        ({"spans": [{"start": 0, "end": 12_000}]}, "let the “span” of one of the “layouts” reach over that too"),
        ({"words": 3}, "“words” must be a list"),
        ({"words": [{"text": "a", "start": "soon", "end": 2}]}, "“words”, entry 1, “start” must be a whole number"),
    ],
)
def test_what_is_wrong_in_an_edit_is_named_in_plain_words(tmp_path: Path, more: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        load_edit(changed(tmp_path, **more))
    assert not [jargon for jargon in ("Value error", "validation", "Tuple", "Input") if jargon in str(refused.value)]


def test_broken_json_is_named_with_its_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "x.edit.json").write_text('{"spans": [],\n "words": [}\n')
    with pytest.raises(Invalid, match="not JSON, or was cut short, at line 2, column 12"):
        load_edit(tmp_path / "x.edit.json")


def test_a_style_that_is_not_there_stays_as_it_was_written(tmp_path: Path) -> None:
    assert load_edit(changed(tmp_path, captions={"style": "karoke"})).captions.style == "karoke"
