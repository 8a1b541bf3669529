import pytest
from tests.media.captions.scenes import edit_of, spoken
from tests.media.captions.test_placement import faces_at

from cliply.media.captions.arrangement import place_text
from cliply.media.captions.placement import caption_boxes_until, conflicts, hook_box
from cliply.media.edit import ClipEdit
from cliply.media.types import Box, FaceAt

HOOK = "Nobody believed a single word that I told them"
TEXT = "so this is what I told them and nobody believed a single word of it " * 2

EVERYWHERE = tuple((top, 180) for top in range(180, 1600, 180))


def crowd(*rows: tuple[int, int]) -> list[FaceAt]:
    """Faces as wide as the picture, one above the other."""
    faces = [face for top, height in rows for face in faces_at(Box(90, top, 900, height), until=9000)]
    return sorted(faces, key=lambda face: face.at)


@pytest.mark.parametrize("style", ["bold", "plain", "karaoke"])
@pytest.mark.parametrize("rows", [((360, 450), (800, 350), (1130, 400)), ((330, 400), (700, 400), (1080, 450))])
def test_captions_never_run_into_the_hook_line_though_faces_are_everywhere(
    style: str, rows: tuple[tuple[int, int], ...]
) -> None:
    faces = crowd(*rows)

    found = conflicts(place_text(edit_of(spoken(TEXT), style=style, hook=HOOK), faces), faces)

    assert "The captions run into the hook line." not in found


def test_the_hook_line_goes_below_a_face_that_fills_the_upper_half() -> None:
    faces = faces_at(Box(90, 100, 900, 1000), until=9000)

    assert conflicts(place_text(edit_of(spoken(TEXT), hook="Nobody believed a single word of it"), faces), faces) == []


@pytest.mark.parametrize("taken", [Box(49, 180, 173, 173), Box(858, 180, 173, 173), Box(49, 1200, 300, 250)])
def test_hook_line_and_captions_keep_clear_of_what_is_taken(taken: Box) -> None:
    placed = place_text(edit_of(spoken(TEXT), hook=HOOK), [], taken=[taken])

    assert not [box for box in drawn(placed) if box.overlap(taken) > 0]
    assert conflicts(placed, []) == []


def drawn(edit: ClipEdit) -> list[Box]:
    hook = hook_box(edit)
    assert hook is not None
    return [hook, *caption_boxes_until(edit, edit.duration)]


@pytest.mark.slow
def test_a_hook_line_that_only_finds_room_on_eyes_and_mouth_is_left_to_the_cover() -> None:
    faces = crowd(*EVERYWHERE)
    edit = edit_of(spoken(TEXT), hook=HOOK)

    assert "The hook line covers a face." in conflicts(place_text(edit, faces), faces)
    assert place_text(edit, faces, may_leave_out=True).hook is None


@pytest.mark.slow
def test_a_hook_line_is_gone_before_a_face_comes_where_it_stands() -> None:
    close = [face for face in crowd(*EVERYWHERE) if face.at >= 2200]

    placed = place_text(edit_of(spoken(TEXT), hook=HOOK), close, may_leave_out=True)

    assert placed.hook is not None
    assert placed.hook.milliseconds == 2000
