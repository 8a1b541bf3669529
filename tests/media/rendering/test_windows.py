"""Camera windows always lie inside the picture."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.media.clips import key
from tests.media.rendering.test_framemap import source

from cliply.media.edit import ClipEdit, LayoutSpan, Output, Pane, Place, SourceFile
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.windows import Scene, fitted, scenes
from cliply.media.types import Box, Size, Span

_PICTURE = Size(1920, 1080)
_UPRIGHT = Size(1080, 1920)
_length = st.floats(-5000, 5000, allow_nan=False)


@given(_length, _length, st.floats(0, 9000), st.floats(0, 9000), st.sampled_from([None, 9 / 16, 1.0, 16 / 9]))
def test_any_window_becomes_one_inside_the_picture(
    x: float, y: float, width: float, height: float, shape: float | None
) -> None:
    box = fitted(Box(x, y, width, height), _PICTURE, shape)
    assert box.x >= 0
    assert box.y >= 0
    assert box.right <= _PICTURE.width + 1e-6
    assert box.bottom <= _PICTURE.height + 1e-6
    assert shape is None or abs(box.width / box.height - shape) < 1e-6


def arranged(spans: list[Span], *layouts: LayoutSpan) -> list[Scene]:
    talk = source("30")
    edit = ClipEdit(
        source=SourceFile(path=talk.path, fingerprint="", size=_PICTURE, duration=talk.duration),
        spans=tuple(spans),
        layouts=layouts,
        output=Output(),
    )
    return scenes(edit, frame_map(edit, talk), _PICTURE, _UPRIGHT)


def test_the_same_arrangement_is_one_scene_over_camera_cuts_and_layout_spans() -> None:
    one = Pane(camera=(key(0, Box(0, 0, 607.5, 1080)), key(1500, Box(900, 0, 607.5, 1080))))
    other = Pane(camera=(key(0, Box(500, 0, 608, 1080)),))
    whole = arranged(
        [Span(1000, 3000)],
        LayoutSpan(span=Span(0, 2000), layout="follow", panes=(one,)),
        LayoutSpan(span=Span(2000, 4000), layout="follow", panes=(other,)),
    )
    assert len(whole) == 1
    at = [round(whole[0].paths[0].at(frame).x) for frame in (0, 14, 15, 29, 30, 59)]
    assert at == [0, 0, 900, 900, 500, 500]


def test_another_arrangement_or_size_is_another_scene() -> None:
    one = Pane(camera=(key(0, Box(0, 0, 607.5, 1080)), key(2000, Box(600, 300, 303.75, 540))))
    halves = [
        Pane(place=Place(x=0, y=top, width=1, height=0.5), camera=(key(0, Box(0, 0, 800, 711)),)) for top in (0, 0.5)
    ]
    parts = arranged(
        [Span(1000, 4000)],
        LayoutSpan(span=Span(0, 3000), layout="follow", panes=(one,)),
        LayoutSpan(span=Span(3000, 4000), layout="split", panes=tuple(halves)),
    )
    assert [(part.start, part.end, len(part.paths)) for part in parts] == [(0, 30, 1), (30, 60, 1), (60, 90, 2)]


def test_a_glide_arrives_at_its_key() -> None:
    keys = (key(1000, Box(0, 0, 607.5, 1080)), key(2000, Box(400, 0, 607.5, 1080), "glide"))
    (scene,) = arranged([Span(1000, 3000)], LayoutSpan(span=Span(0, 4000), layout="follow", panes=(Pane(camera=keys),)))
    path = [scene.paths[0].at(frame).x for frame in range(60)]
    assert path[0] == 0
    assert path[30:] == [400] * 30
    assert all(one <= other for one, other in pairwise(path))
