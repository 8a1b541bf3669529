import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from cliply.cli.bench_framing import run
from cliply.media.edit import OUTPUT_SIZES, Aspect
from cliply.media.framing.reframe import Framing, compose
from cliply.media.options import LayoutChoice
from cliply.media.probe import probe
from cliply.media.types import Box, Span


def framed(file: Path, aspect: Aspect = "9:16", layout: LayoutChoice = "auto", until: int = 4000) -> Framing:
    source = probe(file)
    return compose(source, Span(0, min(until, source.duration)), aspect=aspect, layout=layout)


def whole_face_share(labels: Path, crops: Path) -> float:
    """How often the speaker's labelled face lies wholly in one crop."""
    samples = [each for each in json.loads(labels.read_text())["samples"] if each["box"]]
    path = json.loads(crops.read_text())["crops"]
    inside = 0
    for sample in samples:
        now = [crop for crop in path if crop["t"] <= sample["t"] + 1e-3][-1]
        x0, y0, x1, y1 = sample["box"]
        inside += any(
            pane["x"] <= x0 and x1 <= pane["x"] + pane["w"] and pane["y"] <= y0 and y1 <= pane["y"] + pane["h"]
            for pane in now.get("panes", [now])
        )
    return inside / len(samples)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "least"),
    [("reframe/two_shot_dev", 0.85), ("reframe/cut_interview_dev", 0.85), ("video/webcam_noaudio", 0.97)],
)
def test_the_speaker_is_wholly_in_the_picture(fixtures: Path, tmp_path: Path, video: str, least: float) -> None:
    crops = tmp_path / "crops.json"
    run(fixtures / f"{video}.mp4", crops)
    labels = fixtures / "reframe" / f"{Path(video).name}.gt.json"
    assert whole_face_share(labels, crops) >= least


@pytest.mark.slow
@pytest.mark.parametrize("aspect", ["9:16", "1:1", "4:5", "16:9"])
def test_windows_have_the_shape_of_their_place_and_lie_in_the_picture(fixtures: Path, aspect: Aspect) -> None:
    for name in ("video/film_three_people_bw.mp4", "reframe/two_shot_dev.mp4"):
        source = probe(fixtures / name)
        assert source.video is not None
        size = source.video.size
        for choice in ("auto", "follow", "split", "stack", "fit"):
            framing = framed(fixtures / name, aspect, choice, until=1500)
            for pane in (pane for layout in framing.layouts for pane in layout.panes):
                place = OUTPUT_SIZES[aspect].ratio * pane.place.width / pane.place.height
                for key in pane.camera:
                    assert key.x >= 0
                    assert key.y >= 0
                    assert key.x + key.width <= size.width + 0.1
                    assert key.y + key.height <= size.height + 0.1
                    assert pane.backdrop == "blur" or key.width / key.height == pytest.approx(place, rel=0.02)


@pytest.mark.slow
def test_layouts_cover_the_stretch_without_gaps(fixtures: Path) -> None:
    source = probe(fixtures / "reframe" / "cut_interview_dev.mp4")
    framing = compose(source, Span(2000, 7000))
    assert framing.shots == (Span(2000, 3000), Span(3000, 6000), Span(6000, 7000))
    assert framing.layouts[0].span.start == 2000
    assert framing.layouts[-1].span.end == 7000
    assert all(one.span.end == other.span.start for one, other in pairwise(framing.layouts))
    assert all(Span(2000, 7000).contains(face.at) for face in framing.faces)


def test_portrait_input_passes_whole(fixtures: Path) -> None:
    framing = framed(fixtures / "video" / "portrait_digital_silence.mp4", until=1000)
    (layout,) = framing.layouts
    assert layout.layout == "fit"
    assert layout.panes[0].camera[0].box == Box(0, 0, 480, 908)


def test_where_nobody_is_to_be_seen_the_whole_picture_is_shown(fixtures: Path) -> None:
    framing = framed(fixtures / "video" / "silhouette_noface_quiet.mp4")
    assert {layout.layout for layout in framing.layouts} == {"fit"}
    assert all(pane.backdrop == "blur" for layout in framing.layouts for pane in layout.panes)


def test_two_people_without_a_voice_are_both_shown(fixtures: Path) -> None:
    (layout,) = framed(fixtures / "reframe" / "two_shot_dev.mp4", until=2000).layouts
    assert layout.layout == "split"
    left, right = (pane.camera[0].box for pane in layout.panes)
    assert left.right < right.x + 0.3 * right.width
    assert {pane.place.y for pane in layout.panes} == {0, 0.5}


@pytest.mark.parametrize("name", ["one_frame.mp4", "thin_18x2000.mp4", "real_bitmap.mp4", "truncated_mdat.mp4"])
def test_odd_files_are_framed_without_harm(fixtures: Path, name: str) -> None:
    source = probe(fixtures / "hostile" / name)
    framing = compose(source, Span(0, source.duration))
    assert framing.layouts[0].span.start == 0
    assert framing.layouts[-1].span.end == source.duration
    assert Fraction(framing.layouts[0].panes[0].camera[0].width) > 0


def test_nothing_beside_a_picture_in_the_picture_is_shown_with_a_face(fixtures: Path) -> None:
    (layout,) = framed(fixtures / "reframe" / "two_shot_dev.mp4", until=2000).layouts
    left, right = (pane.camera[0].box for pane in layout.panes)
    # Where the staging puts the two recordings on its dark ground.
    for shown, tile in ((left, Box(60, 174, 554, 438)), (right, Box(660, 174, 554, 438))):
        assert shown.overlap(tile) > 0.999 * shown.area
