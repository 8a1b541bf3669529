import numpy as np

from cliply.media.framing.frames import Picture
from cliply.media.rendering.likeness import Look, likeness, look_of, novelty
from cliply.media.types import Box

WHOLE = Box(0, 0, 320, 180)


def noise(seed: int) -> Picture:
    import cv2

    coarse = np.random.default_rng(seed).integers(0, 255, (9, 16), np.uint8)
    return np.asarray(cv2.resize(coarse, (320, 180), interpolation=cv2.INTER_CUBIC), np.uint8)


def mixed(one: Picture, other: Picture, share: float) -> Look:
    return look_of(np.asarray(one * (1 - share) + other * share, np.uint8), WHOLE, None)


def test_the_same_picture_is_alike_also_darker_and_another_is_not() -> None:
    one = noise(1)
    look = look_of(one, WHOLE, None)
    assert likeness(look, [look_of(np.asarray(one // 2, np.uint8), WHOLE, None)]) > 0.99
    assert likeness(look, [look_of(noise(2), WHOLE, None)]) < 0.5
    assert likeness(look, []) == 0.0


def test_the_same_room_with_another_face_in_it_is_less_alike() -> None:
    room, face = noise(1), Box(120, 60, 60, 60)
    other = room.copy()
    other[60:120, 120:180] = noise(5)[60:120, 120:180]
    look = look_of(room, WHOLE, face)
    assert likeness(look, [look_of(other, WHOLE, face)]) < likeness(look, [look_of(room, WHOLE, face)]) - 0.1


def test_where_all_are_alike_what_differs_most_is_still_told() -> None:
    one, other = noise(1), noise(2)
    looks = [mixed(one, other, share) for share in (0.0, 0.2, 0.4)]
    shares = novelty(looks, [looks[0]])
    assert shares[0] == 0.0
    assert shares[0] < shares[1] < shares[2] == 1.0
    assert max(novelty(looks[:2], [looks[0]])) < 0.7
    assert novelty(looks, []) == [0.0, 0.0, 0.0]
    assert novelty([], looks) == []


def test_a_picture_of_one_colour_is_alike_only_to_its_like() -> None:
    plain = look_of(np.full((180, 320), 90, np.uint8), WHOLE, None)
    assert likeness(plain, [plain]) == 1.0
    assert likeness(plain, [look_of(noise(1), WHOLE, None)]) == 0.0
