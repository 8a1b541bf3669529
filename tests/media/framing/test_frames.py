from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from cliply.media import ffmpeg
from cliply.media.errors import Cancelled
from cliply.media.framing.frames import EVERY_FRAME, frames
from cliply.media.probe import probe
from cliply.media.types import Span


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 25 frames a second, with B-frames, whose brightness counts the seconds."""
    file = tmp_path_factory.mktemp("frames") / "talk.mp4"
    picture = "color=gray:s=320x180:r=25:d=4,geq=lum='60+40*floor(T)':cb=128:cr=128"
    coded = ["-c:v", "libx264", "-bf", "3", "-g", "50", "-pix_fmt", "yuv420p"]
    ffmpeg.run(["-f", "lavfi", "-i", picture, *coded, "-y", str(file)])
    return file


def test_frames_come_at_their_own_times_and_only_from_the_span(talk: Path) -> None:
    source = probe(talk)
    seen = list(frames(source, Span(900, 2100), rate=EVERY_FRAME, width=160, skip=False))
    assert [frame.at for frame in seen] == list(range(920, 2100, 40))
    assert [round((float(frame.luma.mean()) - 60) / 40) for frame in seen] == [frame.at // 1000 for frame in seen]


def test_skipping_frames_keeps_the_times_of_the_others(talk: Path) -> None:
    source = probe(talk)
    seen = list(frames(source, Span(0, 4000), rate=EVERY_FRAME, width=160))
    assert len(seen) < 60
    assert all(frame.at % 40 == 0 for frame in seen)
    assert [round((float(frame.luma.mean()) - 60) / 40) for frame in seen] == [frame.at // 1000 for frame in seen]


def test_the_rate_is_kept_on_average(talk: Path) -> None:
    seen = list(frames(probe(talk), Span(0, 4000), rate=Fraction(10), width=160, skip=False))
    assert len(seen) == 40
    assert all(80 <= later.at - earlier.at <= 120 for earlier, later in pairwise(seen))


def test_a_stopped_look_passes_on_what_stopped_it(talk: Path) -> None:
    def stop(_share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        list(frames(probe(talk), Span(0, 4000), rate=Fraction(5), width=160, on_progress=stop))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("rotated_90.mov", (568, 320, 3)),
        ("sar_2by3.mp4", (270, 320, 3)),
        ("hevc_10bit.mp4", (200, 200, 3)),
        ("portrait_digital_silence.mp4", (606, 320, 3)),
    ],
)
def test_pictures_are_square_and_the_right_way_up(fixtures: Path, name: str, shape: tuple[int, int, int]) -> None:
    frame = next(frames(probe(fixtures / "video" / name), Span(0, 1000), rate=Fraction(2), width=320))
    assert frame.picture.shape == shape
    assert frame.picture.std() > 5


def test_a_variable_frame_rate_gives_the_times_of_the_file(fixtures: Path) -> None:
    source = probe(fixtures / "video" / "phone_hevc_vfr_face_then_noface.mov")
    every = {frame.at for frame in frames(source, Span(0, 6000), rate=EVERY_FRAME, width=64, skip=False)}
    gaps = {later - earlier for earlier, later in pairwise(sorted(every))}
    assert len(gaps) > 3
    assert {frame.at for frame in frames(source, Span(1000, 4000), rate=Fraction(5), width=64)} <= every


def test_sound_alone_gives_no_frames(fixtures: Path) -> None:
    assert not list(frames(probe(fixtures / "audio" / "jfk.flac"), Span(0, 1000), rate=Fraction(2), width=64))
