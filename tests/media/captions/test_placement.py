from collections.abc import Sequence

import pytest
from tests.media.captions.scenes import caption_boxes, edit_of, spoken

from cliply.media.captions.hook import cover_setter, place_cover_title
from cliply.media.captions.placement import (
    choose_hook_position,
    choose_title_position,
    conflicts,
    hook_box,
    hook_length,
    place_captions,
)
from cliply.media.captions.seen import SeenFace
from cliply.media.captions.styles import load_style
from cliply.media.captions.zones import free_band, free_width, zones
from cliply.media.edit import Aspect, Brand, CameraKey, Captions, ClipEdit, LayoutSpan, Pane, Place
from cliply.media.types import Box, FaceAt, Size, Span

TEXT = "so this is what I told them and nobody believed a single word of it"


def choose_position(edit: ClipEdit, faces: Sequence[FaceAt]) -> float | None:
    return place_captions(edit, faces).captions.position


def placed(edit: ClipEdit, position: float | None) -> ClipEdit:
    return edit.model_copy(update={"captions": edit.captions.model_copy(update={"position": position})})


def faces_at(box: Box, *, until: int = 6000) -> list[FaceAt]:
    return [FaceAt(at=at, box=box, person=1) for at in range(0, until, 250)]


def with_layout(edit: ClipEdit, *panes: Pane) -> ClipEdit:
    layout = LayoutSpan(span=edit.layouts[0].span, layout="split", panes=panes)
    return edit.model_copy(update={"layouts": (layout,)})


def camera(*keys: tuple[int, float, float, float, float, str]) -> tuple[CameraKey, ...]:
    return tuple(
        CameraKey.model_validate({"at": at, "x": x, "y": y, "width": w, "height": h, "move": move})
        for at, x, y, w, h, move in keys
    )


def test_without_faces_captions_go_where_the_style_wants_them() -> None:
    assert choose_position(edit_of(spoken(TEXT)), []) == pytest.approx(0.66, abs=0.03)


@pytest.mark.parametrize("top", [200, 500, 900, 1150])
def test_captions_stay_clear_of_a_face_wherever_it_is(top: int) -> None:
    edit = edit_of(spoken(TEXT))
    faces = faces_at(Box(340, top, 400, 420))

    chosen = placed(edit, choose_position(edit, faces))

    assert conflicts(chosen, faces) == []


def test_captions_over_a_face_are_reported() -> None:
    edit = placed(edit_of(spoken(TEXT)), 0.5)

    found = conflicts(edit, faces_at(Box(340, 760, 400, 420)))

    assert found
    assert all("cover a face" in each for each in found)


def test_a_face_is_followed_through_a_gliding_camera() -> None:
    """The face stands still in the source; the camera tilts, so it ends where the captions are."""
    edit = edit_of(spoken(TEXT))
    tilting = camera((0, 0, 600, 540, 960, "cut"), (3000, 0, 600, 540, 960, "cut"), (4000, 0, 0, 540, 960, "glide"))
    tilted = with_layout(edit, Pane(camera=tilting))
    face = faces_at(Box(170, 600, 200, 220))

    assert not [each for each in conflicts(placed(tilted, 0.66), face) if "at 0." in each]
    assert [each for each in conflicts(placed(tilted, 0.66), face) if "cover a face" in each]


def test_a_face_outside_the_camera_does_not_matter() -> None:
    edit = with_layout(edit_of(spoken(TEXT)), Pane(camera=camera((0, 0, 0, 540, 960, "cut"))))

    assert conflicts(placed(edit, 0.6), faces_at(Box(700, 1100, 300, 300))) == []


def test_a_face_on_a_blurred_backdrop_is_found_where_it_is_shown() -> None:
    wide = Pane(camera=camera((0, 0, 0, 1080, 607, "cut")), backdrop="blur")
    edit = with_layout(edit_of(spoken(TEXT)), wide)
    face = faces_at(Box(440, 150, 200, 300))

    assert conflicts(placed(edit, 0.7), face) == []
    assert conflicts(placed(edit, 0.5), face)
    assert conflicts(placed(edit, choose_position(edit, face)), face) == []


def test_captions_go_on_the_seam_of_two_pictures_when_it_is_free() -> None:
    upper = Pane(place=Place(y=0, height=0.5), camera=camera((0, 0, 0, 1080, 960, "cut")))
    lower = Pane(place=Place(y=0.5, height=0.5), camera=camera((0, 0, 960, 1080, 960, "cut")))
    edit = with_layout(edit_of(spoken(TEXT)), upper, lower)
    faces = [*faces_at(Box(390, 250, 300, 350)), *faces_at(Box(390, 1250, 300, 350))]

    assert choose_position(edit, faces) == pytest.approx(0.5, abs=0.03)
    assert conflicts(placed(edit, choose_position(edit, faces)), faces) == []


@pytest.mark.parametrize("aspect", ["9:16", "4:5", "1:1", "16:9"])
def test_the_chosen_place_is_clear_of_the_apps(aspect: Aspect) -> None:
    edit = edit_of(spoken(TEXT), aspect=aspect, hook="Nobody believed me")

    assert conflicts(placed(edit, choose_position(edit, [])), []) == []


def test_captions_under_the_apps_are_reported() -> None:
    found = conflicts(placed(edit_of(spoken(TEXT)), 0.9), [])

    assert any("TikTok" in each for each in found)
    assert any("YouTube Shorts" in each for each in found)


def test_the_hook_line_moves_below_a_face_at_the_top() -> None:
    edit = edit_of(spoken(TEXT), hook="Nobody believed me")
    faces = faces_at(Box(300, 180, 480, 420))

    position = choose_hook_position(edit, faces)

    assert position is not None
    assert edit.hook is not None
    moved = edit.model_copy(update={"hook": edit.hook.model_copy(update={"position": position})})
    box = hook_box(moved)
    assert box is not None
    assert box.y >= 600 * 2 / 3
    assert "The hook line covers a face." in conflicts(edit, faces)
    assert conflicts(placed(moved, choose_position(moved, faces)), faces) == []


def test_captions_that_run_into_the_hook_line_are_reported() -> None:
    edit = placed(edit_of(spoken(TEXT), hook="Nobody believed me"), 0.16)

    assert "The captions run into the hook line." in conflicts(edit, [])


def test_missing_letters_are_reported() -> None:
    assert any("No font shows" in each for each in conflicts(edit_of(spoken("hello \U00013000")), []))


def test_boxes_come_in_order_of_time() -> None:
    boxes = caption_boxes(edit_of(spoken(TEXT)))

    assert [each.start for each in boxes] == sorted(each.start for each in boxes)


def test_the_free_part_of_a_tall_picture_leaves_room_for_buttons() -> None:
    top, bottom = free_band("9:16")

    assert 0.09 <= top < bottom <= 0.8
    assert free_width("9:16", 0.6, 0.7) <= 0.7 < free_width("9:16", 0.15, 0.3)
    assert {zone.network for zone in zones("9:16")} == {"YouTube Shorts", "TikTok"}


def test_a_layout_gets_a_place_of_its_own_where_one_for_the_clip_would_cover_a_face() -> None:
    edit = edit_of(spoken(f"{TEXT} {TEXT} {TEXT}"))
    end = edit.spans[0].end
    close = edit.layouts[0].model_copy(update={"span": Span(0, end // 2)})
    panes = (
        Pane(place=Place(y=0, height=0.5), camera=camera((end // 2, 0, 0, 1080, 960, "cut"))),
        Pane(place=Place(y=0.5, height=0.5), camera=camera((end // 2, 0, 960, 1080, 960, "cut"))),
    )
    two = LayoutSpan(span=Span(end // 2, end), layout="split", panes=panes)
    edit = edit.model_copy(update={"layouts": (close, two)})
    faces = [
        *(FaceAt(at=at, box=Box(240, 480, 600, 900), person=0) for at in range(0, end // 2, 250)),
        *(FaceAt(at=at, box=Box(390, 200, 300, 400), person=0) for at in range(end // 2, end, 250)),
        *(FaceAt(at=at, box=Box(390, 1150, 300, 400), person=1) for at in range(end // 2, end, 250)),
    ]

    chosen = place_captions(edit, faces)

    assert conflicts(chosen, faces) == []
    assert len({box.box.y for box in caption_boxes(chosen)}) > 1
    assert conflicts(placed(edit, 0.5), faces)
    assert conflicts(placed(edit, 0.74), faces)


def test_captions_of_a_close_face_stand_on_its_neck_rather_than_its_mouth() -> None:
    edit = edit_of(spoken(TEXT))
    faces = faces_at(Box(140, 480, 800, 920))

    chosen = place_captions(edit, faces)

    assert conflicts(chosen, faces) == []
    assert chosen.captions.position is not None
    assert chosen.captions.position > 0.7


def test_captions_below_a_close_face_keep_off_its_chin_in_a_single_line() -> None:
    edit = edit_of(spoken(TEXT))
    faces = faces_at(Box(140, 460, 800, 920))

    chosen = place_captions(edit, faces)

    assert chosen.captions.lines == 1
    assert min(block.box.y for block in caption_boxes(chosen)) > (460 + 920) * 2 / 3
    assert all(block.box.bottom <= 0.8 * 1280 + 1 for block in caption_boxes(chosen))


@pytest.mark.parametrize("box", [Box(340, 500, 400, 420), Box(140, 980, 800, 920)])
def test_captions_keep_their_lines_where_there_is_room_or_none_helps(box: Box) -> None:
    assert place_captions(edit_of(spoken(TEXT)), faces_at(box)).captions.lines is None


def test_as_many_lines_as_a_person_wants_are_kept() -> None:
    edit = edit_of(spoken(TEXT)).model_copy(update={"captions": Captions(lines=2)})
    assert place_captions(edit, faces_at(Box(140, 460, 800, 920))).captions.lines == 2


def test_an_emoji_that_would_cover_a_mouth_is_left_out() -> None:
    words = tuple(each.model_copy(update={"emoji": "🐝"}) for each in spoken(TEXT))
    edit = edit_of(words).model_copy(update={"captions": Captions(lines=2)})
    close = faces_at(Box(140, 480, 800, 920))

    chosen = place_captions(edit, close)

    assert place_captions(edit, []).words == words
    assert conflicts(chosen, close) == []
    assert conflicts(chosen.model_copy(update={"words": words}), close)


def test_an_emoji_that_would_stand_on_a_chin_is_left_out() -> None:
    words = tuple(each.model_copy(update={"emoji": "🐝"}) for each in spoken(TEXT))
    edit = edit_of(words)
    chin = faces_at(Box(340, 580, 400, 640))

    chosen = place_captions(edit, chin)

    assert conflicts(chosen.model_copy(update={"words": words}), chin) == []
    assert all(word.emoji is None for word in chosen.words)


def test_screens_that_cover_a_face_are_one_finding() -> None:
    edit = placed(edit_of(spoken(TEXT)), 0.5)
    faces = faces_at(Box(340, 760, 400, 420), until=2000)
    screens = len(caption_boxes(edit))

    found = [each for each in conflicts(edit, faces) if "cover a face" in each]

    assert len(found) == 1
    assert f"of {screens} screens" in found[0]
    assert f"in {screens} of" not in found[0]


def stacked(edit: ClipEdit) -> ClipEdit:
    slide = Pane(place=Place(height=0.32), camera=camera((0, 0, 0, 1080, 608, "cut")))
    face = Pane(place=Place(y=0.32, height=0.68), camera=camera((0, 0, 608, 1080, 1312, "cut")))
    layout = LayoutSpan(span=edit.layouts[0].span, layout="stack", panes=(slide, face))
    return edit.model_copy(update={"layouts": (layout,)})


def test_nothing_is_written_on_a_slide_that_is_there_to_be_read() -> None:
    edit = stacked(edit_of(spoken(TEXT), hook="How far is it to the flowers?"))
    assert edit.hook is not None
    faces = faces_at(Box(380, 1100, 320, 420))
    hook = edit.hook.model_copy(update={"position": choose_hook_position(edit, faces)})

    chosen = place_captions(edit.model_copy(update={"hook": hook}), faces)

    written = hook_box(chosen)
    assert written is not None
    assert written.y >= 0.31 * edit.output.size.height
    assert all(block.box.y >= 0.31 * edit.output.size.height for block in caption_boxes(chosen))
    assert conflicts(chosen, faces) == []


def test_captions_move_at_the_very_cut_where_the_place_changes() -> None:
    edit = edit_of(spoken("one two three four five six"))
    (whole,) = edit.layouts
    first = whole.model_copy(update={"span": Span(0, 700), "caption_position": 0.3})
    second = whole.model_copy(update={"span": Span(700, whole.span.end), "caption_position": 0.7})

    boxes = caption_boxes(edit.model_copy(update={"layouts": (first, second)}))

    height = edit.output.size.height
    assert {700} <= {block.start for block in boxes}
    assert all(block.box.centre[1] == pytest.approx(0.3 * height, abs=30) for block in boxes if block.start < 700)
    assert all(block.box.centre[1] == pytest.approx(0.7 * height, abs=30) for block in boxes if block.start >= 700)


@pytest.mark.parametrize(("turned", "shown"), [(2600, 2600), (900, 4000), (5000, 4000)])
def test_the_hook_line_leaves_when_a_slide_appears_and_it_has_been_read(turned: int, shown: int) -> None:
    edit = edit_of(spoken(TEXT), hook="How far is it?")
    (whole,) = edit.layouts
    slide = stacked(edit).layouts[0].model_copy(update={"span": Span(turned, whole.span.end)})
    spoken_first = whole.model_copy(update={"span": Span(0, turned)})
    assert hook_length(edit.model_copy(update={"layouts": (spoken_first, slide)})) == shown


def test_captions_stand_below_a_whole_picture_rather_than_on_its_edge() -> None:
    edit = edit_of(spoken(TEXT))
    (whole,) = edit.layouts
    for height, clear in ((607, True), (1500, False)):
        pane = Pane(camera=camera((0, 0, 0, 1080, height, "cut")), backdrop="blur")
        fit = whole.model_copy(update={"layout": "fit", "panes": (pane,)})
        chosen = place_captions(edit.model_copy(update={"layouts": (fit,)}), [])
        below = (0.5 + height / 1920 / 2) * edit.output.size.height
        assert all(block.box.y >= below - 1 for block in caption_boxes(chosen)) is clear


@pytest.mark.parametrize("style", ["bold", "karaoke", "plain", "punch"])
@pytest.mark.parametrize("position", [0.15, 0.4, 0.45, 0.6])
def test_a_hook_line_is_as_wide_as_is_free_where_it_stands_whatever_its_style(style: str, position: float) -> None:
    edit = edit_of(spoken(TEXT), style=style, hook="Nobody believed the wonderful things I told everybody")
    assert edit.hook is not None
    moved = edit.model_copy(update={"hook": edit.hook.model_copy(update={"position": position})})

    assert not [each for each in conflicts(moved, []) if "hook line reaches under" in each]


def test_a_title_hides_nobodys_eyes_though_there_are_many_other_faces() -> None:
    size, style = Size(1280, 720), load_style("bold")
    setter = cover_setter("Fellow Americans and country", size, style, Brand())
    eyes = SeenFace(0, Box(500, 520, 220, 130), (Box(540, 545, 140, 40),))
    others = [SeenFace(0, Box(40, top, 90, 90), (Box(50, top + 20, 70, 20),)) for top in range(10, 310)]

    middle = choose_title_position("Fellow Americans and country", setter, [eyes, *others], (0.8,), "en")

    box = place_cover_title("Fellow Americans and country", setter, "en", middle).box
    assert box.overlap(eyes.features[0]) == 0
