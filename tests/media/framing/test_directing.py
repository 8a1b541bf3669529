from collections.abc import Sequence

import numpy as np

from cliply.media.edit import LayoutSpan
from cliply.media.framing.directing import Scene, Shape, direct
from cliply.media.framing.faces import Face
from cliply.media.framing.speaking import Speaking
from cliply.media.framing.tracking import Observation, Track
from cliply.media.framing.voices import Voices
from cliply.media.options import LayoutChoice
from cliply.media.types import Box, Size, Span

SHOT = Span(0, 6000)
SHAPE = Shape(Size(1280, 720), Size(1080, 1920))
QUIET = Voices(0, np.zeros(60), np.zeros(60, bool), np.zeros((60, 12)))


def person(box: Box) -> Track:
    points = np.zeros((5, 2), np.float32)
    return Track(0, [Observation(at, Face(box, points, 0.9)) for at in range(0, 6000, 300)])


def framed(
    faces: Sequence[Box], insets: Sequence[Box | None], *, shape: Shape = SHAPE, choice: LayoutChoice = "auto"
) -> LayoutSpan:
    scene = Scene(
        SHOT, [person(face) for face in faces], Speaking((), np.zeros((60, len(faces))), 0, 0.0), None, insets
    )
    (layout,) = direct(scene, shape, QUIET, choice)
    return layout


def test_a_player_in_a_corner_is_shown_with_the_game() -> None:
    webcam = Box(940, 500, 320, 200)
    layout = framed([Box(1060, 560, 70, 90)], [webcam])
    assert layout.layout == "stack"
    game, player = (pane.camera[0].box for pane in layout.panes)
    assert game == Box(0, 0, 1280, 720)
    assert player.overlap(webcam) == player.area


def test_a_tile_that_is_too_small_to_be_cut_is_shown_whole_without_its_surroundings() -> None:
    tile = Box(300, 160, 520, 390)
    layout = framed([Box(500, 260, 130, 170)], [tile])
    assert layout.layout == "fit"
    assert layout.panes[0].camera[0].box == tile
    assert layout.panes[0].backdrop == "blur"


def test_a_large_tile_is_filled_with_its_own_picture_only() -> None:
    tile = Box(500, 5, 770, 710)
    layout = framed([Box(790, 200, 220, 330)], [tile])
    assert layout.layout == "follow"
    shown = layout.panes[0].camera[0].box
    assert shown.overlap(tile) == shown.area


def test_somebody_in_a_plain_room_is_followed() -> None:
    layout = framed([Box(790, 200, 220, 330)], [None])
    assert layout.layout == "follow"
    assert layout.panes[0].camera[0].box.height == 720


def test_a_clip_of_the_picture_s_own_shape_leaves_nothing_out() -> None:
    wide = Shape(SHAPE.size, Size(1920, 1080))
    choices: tuple[LayoutChoice, ...] = ("auto", "follow", "split")
    for choice in choices:
        layout = framed([Box(1060, 560, 70, 90)], [Box(940, 500, 320, 200)], shape=wide, choice=choice)
        assert layout.panes[0].camera[0].box == Box(0, 0, 1280, 720)


def test_what_a_player_plays_is_kept_where_a_split_was_asked_for() -> None:
    assert framed([Box(1060, 560, 70, 90)], [Box(940, 500, 320, 200)], choice="split").layout == "stack"
