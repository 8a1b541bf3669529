import cv2
import numpy as np

from cliply.media.framing.frames import Picture
from cliply.media.rendering.eyes import CLOSED, Eye, look_at_eye, openness

MIDDLE = np.array([100, 100], np.float32)


def face(height: int, dark: int, soft: float = 0.0) -> Picture:
    picture = np.full((200, 200), 170, np.uint8)
    cv2.ellipse(picture, (100, 100), (15, height), 0, 0, 360, dark, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), soft), np.uint8) if soft else picture


def look(picture: Picture) -> Eye:
    return look_at_eye(picture, MIDDLE, 100.0)


def test_an_open_eye_is_higher_than_a_closed_one() -> None:
    wide, shut = look(face(14, 40)), look(face(2, 40))
    assert wide.height > 2 * shut.height > 0


def test_the_shadow_of_a_lid_in_soft_light_is_no_open_eye() -> None:
    awake, blink = look(face(9, 60)), look(face(15, 130, soft=5))
    assert blink.height > awake.height
    scores = openness([awake, awake, awake, blink])
    assert scores[3] < 0.5 * scores[0]


def test_wide_eyes_are_no_better_than_open_ones() -> None:
    scores = openness([look(face(height, 40)) for height in (2, 9, 9, 9, 14)])
    assert scores[0] < 0.3
    assert scores[1] == scores[4] == 1.0


def test_eyes_at_the_border_of_the_picture_are_not_seen() -> None:
    assert look_at_eye(face(9, 40), np.array([3, 3], np.float32), 100.0) == CLOSED
    assert openness([CLOSED, CLOSED]) == [0.0, 0.0]
