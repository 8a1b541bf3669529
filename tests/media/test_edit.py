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
