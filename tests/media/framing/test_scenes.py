from fractions import Fraction
from pathlib import Path

import pytest

from cliply.media import ffmpeg
from cliply.media.framing.frames import EVERY_FRAME, frames
from cliply.media.framing.scenes import find_cuts, look, refine, shots
from cliply.media.probe import probe
from cliply.media.types import Span

# In frames of 25 a second; key frames come only every ten seconds, so no cut lies on one.
CUTS = (33, 61, 103)


@pytest.fixture(scope="module")
def cut_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("scenes") / "cut.mp4"
    tests = [f"{test}=s=320x180:r=25" for test in ("testsrc2", "mandelbrot", "smptebars", "testsrc")]
    lengths = [CUTS[0], CUTS[1] - CUTS[0], CUTS[2] - CUTS[1], 40]
    parts = [
        f"{test},trim=end_frame={length},setsar=1,format=yuv420p[v{part}]"
        for part, (test, length) in enumerate(zip(tests, lengths, strict=True))
    ]
    graph = ";".join(parts) + ";[v0][v1][v2][v3]concat=n=4[v]"
    coded = ["-c:v", "libx264", "-bf", "3", "-g", "250", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]
    ffmpeg.run(["-filter_complex", graph, "-map", "[v]", *coded, "-y", str(file)])
    return file


@pytest.mark.parametrize(("rate", "skip"), [(Fraction(5), True), (EVERY_FRAME, True), (EVERY_FRAME, False)])
def test_cuts_are_found_on_the_exact_frame(cut_video: Path, rate: Fraction, skip: bool) -> None:
    source = probe(cut_video)
    seen = [look(frame) for frame in frames(source, Span(0, source.duration), rate=rate, width=320, skip=skip)]
    assert refine(source, find_cuts(seen, 40)) == [cut * 40 for cut in CUTS]


def test_a_flash_light_is_not_a_cut(tmp_path: Path) -> None:
    file = tmp_path / "flash.mp4"
    picture = "testsrc2=s=320x180:r=25:d=3,lutyuv=enable='eq(n,37)':y=235"
    ffmpeg.run(["-f", "lavfi", "-i", picture, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-y", str(file)])
    source = probe(file)
    seen = [look(frame) for frame in frames(source, Span(0, 3000), rate=EVERY_FRAME, width=320, skip=False)]
    assert find_cuts(seen, 40) == []


def test_shots_cover_the_span() -> None:
    assert shots(Span(100, 900), [50, 400, 400, 900]) == (Span(100, 400), Span(400, 900))
