import cv2
import numpy as np

from cliply.media.framing.frames import Picture
from cliply.media.framing.screens import find_screen
from cliply.media.types import Box, Size

SIZE = Size(1280, 720)


def slide(left: int, lines: int = 6) -> Picture:
    picture = np.full((360, 640), 245, np.uint8)
    for line in range(lines):
        place = (left, 40 + 50 * line)
        cv2.putText(picture, "Measure it before you tune it", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 20, 1, cv2.LINE_AA)
    return picture


def test_a_slide_without_a_face_is_a_screen_to_be_shown_whole() -> None:
    found = find_screen([slide(30), slide(30)], None, SIZE)
    assert found is not None
    assert found.part is None


def test_all_text_beside_a_face_is_kept() -> None:
    found = find_screen([slide(20)], Box(1100, 480, 90, 120), SIZE)
    assert found is not None
    assert found.part is not None
    assert found.part.x == 0
    assert 800 < found.part.right < 1100


def test_text_under_the_face_keeps_the_whole_picture() -> None:
    found = find_screen([slide(220)], Box(700, 590, 90, 120), SIZE)
    assert found is not None
    assert found.part in (Box(0, 0, 1280, 720), Box(0, 0, 1280, 470))


def test_moving_pictures_and_large_panels_are_no_screens() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (2, 360, 640)).astype(np.uint8)
    assert find_screen(list(noise), None, SIZE) is None
    panels = np.full((360, 640), 40, np.uint8)
    panels[80:300, 30:300] = panels[80:300, 340:610] = 180
    assert find_screen([panels, panels], Box(200, 200, 120, 160), SIZE) is None
