import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.media.framing.camera import Sight, box_at, follow, window
from cliply.media.types import Box, Size, Span

PICTURE = Box(0, 0, 1280, 720)
FRAME = window(Size(1280, 720), 9 / 16)


def sights(xs: list[float], every: int = 300, face: float = 150) -> list[Sight]:
    return [Sight(index * every, Box(x, 200, face, 1.4 * face)) for index, x in enumerate(xs)]


def test_the_window_has_the_wanted_shape() -> None:
    assert Size(405, 720) == FRAME
    assert window(Size(1, 1), 9 / 16) == Size(1, 1)


def test_a_nodding_head_does_not_move_the_camera() -> None:
    nods = [600 + 25 * float(np.sin(index)) for index in range(60)]
    assert len(follow(Span(0, 18_000), sights(nods), FRAME, PICTURE)) == 1


def test_one_wrong_box_does_not_move_the_camera() -> None:
    places = [600.0] * 20 + [690.0] + [600.0] * 20
    assert len(follow(Span(0, 12_300), sights(places), FRAME, PICTURE)) == 1


def test_a_change_of_seat_is_one_glide() -> None:
    keys = follow(Span(0, 12_000), sights([200.0] * 20 + [800.0] * 20), FRAME, PICTURE)
    assert [key.move for key in keys] == ["cut", "cut", "glide"]
    assert keys[2].at - keys[1].at >= 500


def test_the_camera_does_not_move_just_before_the_shot_ends() -> None:
    assert len(follow(Span(0, 6200), sights([200.0] * 19 + [800.0] * 2), FRAME, PICTURE)) == 1


@pytest.mark.slow
@given(st.lists(st.floats(-60, 60), min_size=30, max_size=60), st.floats(0, 1130))
def test_a_wandering_face_stays_in_the_window(steps: list[float], start: float) -> None:
    places = np.clip(start + np.cumsum(steps) * 0.3, 0, 1130)
    seen = sights([float(x) for x in places])
    keys = follow(Span(0, 300 * len(seen)), seen, FRAME, PICTURE)
    shown = [box_at(keys, sight.at) for sight in seen]
    assert all(box.x >= 0 and box.right <= 1280.1 for box in shown)
    inside = [box.x <= sight.box.x and sight.box.right <= box.right for box, sight in zip(shown, seen, strict=True)]
    assert sum(inside) >= 0.8 * len(inside)


def test_a_low_window_puts_the_eyes_near_the_upper_third() -> None:
    key = follow(Span(0, 3000), sights([600.0] * 10), Size(300, 400), PICTURE)[0]
    eyes = 200 + 0.4 * 210
    assert 0.25 < (eyes - key.y) / key.height < 0.42
