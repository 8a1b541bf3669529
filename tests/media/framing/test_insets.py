import cv2
import numpy as np

from cliply.media.framing.frames import Picture
from cliply.media.framing.insets import find_inset
from cliply.media.types import Box

# The looked-at picture is 512 wide, the source 1920.
SCALE = 3.75
FACE = Box(430 * SCALE, 200 * SCALE, 40 * SCALE, 52 * SCALE)


def still(background: int = 245, *, seed: int = 0) -> Picture:
    """A webcam in the lower right corner of a bright slide; the person in it moves a little with `seed`."""
    picture = np.full((288, 512), background, np.uint8)
    picture[170:280, 385:495] = 90
    cv2.ellipse(picture, (450 + seed, 225), (22, 30), 0, 0, 360, 190, -1)
    cv2.ellipse(picture, (450 + seed, 285), (45, 30), 0, 180, 360, 40, -1)
    picture[280:] = background
    return picture


def test_a_webcam_in_the_corner_of_a_slide_ends_at_its_edges() -> None:
    found = find_inset([still(), still(seed=3)], FACE, SCALE)
    assert found is not None
    for side, edge in ((found.x, 385), (found.y, 170)):
        assert edge * SCALE < side < (edge + 4) * SCALE
    for side, edge in ((found.right, 495), (found.bottom, 280)):
        assert (edge - 4) * SCALE < side < edge * SCALE


def test_the_border_of_the_picture_may_be_a_side() -> None:
    halves = np.full((288, 512), 60, np.uint8)
    halves[:, 256:] = 140
    found = find_inset([halves, halves], Box(350 * SCALE, 90 * SCALE, 70 * SCALE, 90 * SCALE), SCALE)
    assert found is not None
    assert found.x > 256 * SCALE
    assert (found.y, found.right, found.bottom) == (0, 512 * SCALE, 288 * SCALE)


def test_somebody_in_a_room_is_in_no_inset() -> None:
    room = np.full((288, 512), 120, np.uint8)
    assert find_inset([room], Box(200 * SCALE, 100 * SCALE, 80 * SCALE, 100 * SCALE), SCALE) is None
    # A door frame beside the head reaches down to a table, and not along a whole side of anything.
    room[20:140, 150:154] = 30
    room[230:, :] = 70
    assert find_inset([room], Box(180 * SCALE, 60 * SCALE, 60 * SCALE, 70 * SCALE), SCALE) is None


def test_edges_that_move_are_none() -> None:
    stills = []
    for step in range(5):
        picture = np.full((288, 512), 120, np.uint8)
        picture[:, 150 + 9 * step :] = 160
        picture[:, 330 + 9 * step :] = 90
        stills.append(picture)
    assert find_inset(stills, Box(220 * SCALE, 100 * SCALE, 60 * SCALE, 80 * SCALE), SCALE) is None


def test_a_shot_without_stills_has_no_insets() -> None:
    assert find_inset([], FACE, SCALE) is None
