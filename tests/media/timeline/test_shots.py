from fractions import Fraction

import pytest

from cliply.media.edit import ClipEdit, Output
from cliply.media.timeline.geometry import transform, trim
from cliply.media.timeline.shots import lay_out, window
from cliply.media.types import Span

RATES = [Fraction(rate) for rate in ("24000/1001", "25", "30000/1001", "30", "50", "60")]


@pytest.mark.parametrize("rate", RATES)
def test_shots_follow_each_other_without_gap_and_as_long_as_the_clip(edit: ClipEdit, rate: Fraction) -> None:
    cut = lay_out(edit, "clip", rate=rate, start=100)
    at = 100
    for shot in cut.shots:
        assert shot.record == at
        assert shot.count > 0
        at += shot.count
    assert cut.frames == round(Fraction(edit.duration, 1000) * rate)


@pytest.mark.parametrize("rate", RATES)
def test_two_hundred_jump_cuts_do_not_drift(edit: ClipEdit, rate: Fraction) -> None:
    spans = tuple(Span(at, at + 137) for at in range(0, 200 * 173, 173))
    cut = lay_out(edit.model_copy(update={"spans": spans}), "clip", rate=rate)
    for index, span in enumerate(spans):
        shot = next(shot for shot in cut.shots if shot.first == round(Fraction(span.start, 1000) * rate))
        assert abs(shot.record - Fraction(137 * index, 1000) * rate) <= Fraction(1, 2)


def test_a_layout_change_inside_a_span_begins_a_new_shot(edit: ClipEdit) -> None:
    assert [shot.layout for shot in lay_out(edit, "clip").shots] == ["follow", "follow", "split", "split", "fit"]


def test_a_camera_cut_is_two_keys_one_frame_apart_and_a_glide_is_eased(edit: ClipEdit) -> None:
    keys = lay_out(edit, "clip").shots[0].layers[0].keys
    assert [(key.frame, key.box.x, key.eased) for key in keys] == [
        (30, 100, False), (59, 100, False), (60, 800, False), (90, 800, False), (120, 1000, True),
    ]  # fmt: skip


def test_the_camera_is_where_the_renderer_has_it(edit: ClipEdit) -> None:
    camera, rate = edit.layouts[0].panes[0].camera, Fraction(30)
    assert window(camera, 0, rate).x == 100
    assert window(camera, 60, rate).x == 800
    assert window(camera, 105, rate).x == 900
    assert 800 < window(camera, 97, rate).x < 860, "slow at the start of a glide"
    assert window(camera, 500, rate).x == 1000


def test_every_layer_lands_on_its_place(edit: ClipEdit) -> None:
    canvas, source = edit.output.size, edit.source.size
    fitted = min(canvas.width / source.width, canvas.height / source.height)
    for shot in lay_out(edit, "clip").shots:
        for layer in shot.layers:
            for key in layer.keys:
                move = transform(layer, key.box, source, canvas)
                scale = move.scale * fitted
                left = canvas.width / 2 + move.x + (key.box.x - source.width / 2) * scale
                top = canvas.height / 2 + move.y + (key.box.y - source.height / 2) * scale
                place = layer.place
                if layer.whole or layer.blurred:
                    assert left + key.box.width * scale / 2 == pytest.approx(canvas.width / 2)
                else:
                    assert left == pytest.approx(place.x * canvas.width, abs=1.5)
                    assert top == pytest.approx(place.y * canvas.height, abs=1.5)
                    assert key.box.width * scale == pytest.approx(place.width * canvas.width, abs=3)


def test_panes_are_trimmed_to_their_windows_and_a_full_picture_is_not(edit: ClipEdit) -> None:
    shots = lay_out(edit, "clip").shots
    size, canvas = edit.source.size, edit.output.size
    assert trim(shots[0].layers[0], shots[0].layers[0].keys[0].box, size, canvas) is None
    lower = shots[2].layers[1]
    cropped = trim(lower, lower.keys[0].box, size, canvas)
    assert cropped is not None
    assert (cropped.left, cropped.top, cropped.right, cropped.bottom) == pytest.approx((840, 60, 0, 60))


def test_words_that_are_muted_are_muted_in_the_shot_they_fall_into(edit: ClipEdit) -> None:
    cut = lay_out(edit.model_copy(update={"output": Output(frame_rate="30")}), "clip")
    assert [shot.muted for shot in cut.shots] == [((45, 9),), (), (), (), ()]
