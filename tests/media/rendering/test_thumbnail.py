"""Covers show a good moment in both shapes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.media.clips import follow, key, make

from cliply.media.edit import Cover
from cliply.media.probe import probe
from cliply.media.rendering.cover_frame import best_moment, sharpness
from cliply.media.rendering.thumbnail import make_cover, wide_window
from cliply.media.types import Box, FaceAt, Size, Span

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "15")


def test_a_cover_is_written_in_both_shapes(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "testsrc2=s=640x360:r=30:d=3", None, *_X264)
    edit = follow(source, [Span(500, 2500)], cover=Cover(at=1000))
    assert make_cover(edit, source, (), tmp_path / "c.jpg", tmp_path / "w.jpg").at == 1000
    assert Image.open(tmp_path / "c.jpg").size == (1080, 1920)
    assert Image.open(tmp_path / "w.jpg").size == (1280, 720)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.mp4", "c.jpg", "w.jpg"]


def test_colours_of_a_cover_are_those_of_the_picture(tmp_path: Path) -> None:
    picture = "color=c=0xE67814:s=1280x720:r=30:d=1,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    source = make(tmp_path / "a.mp4", picture, None, *_X264)
    make_cover(follow(source, [Span(0, 900)]), source, (), tmp_path / "c.jpg", tmp_path / "w.jpg")
    for name, row in (("c.jpg", 960), ("w.jpg", 360)):
        middle = np.asarray(Image.open(tmp_path / name).convert("RGB"))[row, 500].astype(int)
        assert np.abs(middle - (230, 120, 20)).max() <= 6


def test_the_sharp_moment_is_chosen(tmp_path: Path) -> None:
    blurred = "testsrc2=s=640x360:r=30:d=4,gblur=sigma=6:enable='lt(t,2)+gt(t,3)'"
    source = make(tmp_path / "a.mp4", blurred, None, *_X264)
    assert 2000 <= best_moment(follow(source, [Span(0, 4000)]), source, ()).at <= 3000


def test_a_title_is_written_on_both(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "color=c=gray:s=640x360:r=30:d=2", None, *_X264)
    bare, titled = (follow(source, [Span(0, 1500)], cover=Cover(at=500, title=title)) for title in (None, "Why now"))
    pictures = []
    for edit in (bare, titled):
        make_cover(edit, source, (), tmp_path / "c.jpg", tmp_path / "w.jpg")
        pictures.append([np.asarray(Image.open(tmp_path / name).convert("L"), int) for name in ("c.jpg", "w.jpg")])
    for without, with_title in zip(*pictures, strict=True):
        assert 0.002 < (np.abs(without - with_title) > 60).mean() < 0.3


def test_sound_alone_gets_a_cover(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp3", None, "sine=duration=2")
    edit = follow(source, [Span(0, 1500)], cover=Cover(title="Listen"))
    make_cover(edit, source, (), tmp_path / "c.jpg", tmp_path / "w.jpg")
    assert np.asarray(Image.open(tmp_path / "c.jpg").convert("L")).std() > 5


def test_sharp_pictures_are_sharper_and_dark_ones_worse() -> None:
    import cv2

    noise = np.random.default_rng(1).integers(0, 255, (200, 160), np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)
    assert sharpness(noise) > 3 * sharpness(blurred) > 0
    assert sharpness(np.asarray(blurred // 12, np.uint8)) < 0.3 * sharpness(blurred)


@pytest.mark.parametrize("size", [Size(1920, 1080), Size(640, 480), Size(2560, 1080)])
def test_the_wide_window_is_inside_the_picture(size: Size) -> None:
    window = wide_window(size, [Box(size.width - 50, 0, 50, 50)])
    assert window is not None
    assert window.width / window.height == pytest.approx(16 / 9)
    assert window.right <= size.width + 0.01
    assert window.bottom <= size.height + 0.01
    assert wide_window(Size(1080, 1920), []) is None


@pytest.mark.parametrize("top", [60, 200, 340])
def test_a_title_covers_neither_eyes_nor_mouth(tmp_path: Path, top: int) -> None:
    source = make(tmp_path / "a.mp4", "color=c=gray:s=1280x720:r=30:d=2", None, *_X264)
    face = FaceAt(at=500, box=Box(540, top, 180, 240), person=1)
    pictures = []
    for title in (None, "The one habit that changed my life"):
        edit = follow(source, [Span(0, 1500)], cover=Cover(at=500, title=title))
        make_cover(edit, source, [face], tmp_path / "c.jpg", tmp_path / "w.jpg")
        pictures.append(np.asarray(Image.open(tmp_path / "c.jpg").convert("L"), int))
    written = np.abs(pictures[0] - pictures[1]) > 40
    assert written.any()
    # The window is 405 by 720 in the middle of the picture, enlarged to the cover.
    scale = 1920 / 720
    for first, last in ((0.32, 0.48), (0.68, 0.82)):
        rows = slice(int((top + first * 240) * scale), int((top + last * 240) * scale))
        assert not written[rows].any()


def test_a_cover_differs_from_those_of_other_clips(tmp_path: Path) -> None:
    halves = "smptebars=s=640x360:r=30:d=4,hflip=enable='gt(t,2)'"
    source = make(tmp_path / "a.mp4", halves, None, *_X264)
    edit = follow(source, [Span(0, 4000)])
    first = best_moment(edit, source, ())
    assert first.look is not None
    second = best_moment(edit, source, (), others=[first.look])
    assert (first.at < 2000) is (second.at >= 2000)


@pytest.mark.slow
@pytest.mark.parametrize(("person", "left"), [("lbax4n", 140), ("swiz3n", 715)])
def test_a_cover_shows_who_is_framed_while_he_speaks(fixtures: Path, person: str, left: int) -> None:
    source = probe(fixtures / "reframe" / "two_shot_dev.mp4")
    labels = json.loads((fixtures / "reframe" / "two_shot_dev.gt.json").read_text())
    people = {name: number for number, name in enumerate(sorted({turn[2] for turn in labels["turns"]}))}
    faces = [
        FaceAt(round(each["t"] * 1000), Box(x0, y0, x1 - x0, y1 - y0), people[name], float(name == each["active"]))
        for each in labels["samples"]
        for name, (x0, y0, x1, y1) in zip(
            (each["active"], *(people.keys() - {each["active"]})), (each["box"], *each["others"]), strict=True
        )
    ]
    window = Box(left, 150, 405, 570)
    chosen = best_moment(follow(source, [Span(0, 18_000)], key(0, window)), source, faces)
    assert [name for start, end, name in labels["turns"] if start <= chosen.at / 1000 < end] == [person]
