import hashlib
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import numpy as np

from cliply.media.framing.faces import MODEL, SHA256, FaceFinder
from cliply.media.framing.frames import frames
from cliply.media.probe import probe
from cliply.media.types import Span


def test_the_weights_are_the_ones_that_were_checked() -> None:
    assert hashlib.sha256((files("cliply.media") / "data" / MODEL).read_bytes()).hexdigest() == SHA256


def test_both_people_of_a_two_shot_are_found(fixtures: Path) -> None:
    source = probe(fixtures / "reframe" / "two_shot_dev.mp4")
    frame = next(frames(source, Span(0, 1000), rate=Fraction(2), width=640))
    found = sorted(FaceFinder().find(frame.picture), key=lambda face: face.box.x)
    assert [round(face.box.centre[0] / 10) for face in found] == [17, 46]
    assert all(face.points[3:, 1].mean() > face.points[:2, 1].mean() for face in found)


def test_pictures_without_faces_or_with_hardly_any_pixels_give_none() -> None:
    finder = FaceFinder()
    assert finder.find(np.full((360, 640, 3), 128, np.uint8)) == []
    assert finder.find(np.full((16, 640, 3), 128, np.uint8)) == []
