"""A clip appears whole or not at all, and is what was asked for."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media.clips import TONE, follow, key, make

from cliply.errors import Invalid, LimitReached, NotAllowed
from cliply.media.edit import Brand, Captions, EditWord, Hook, Output
from cliply.media.errors import Cancelled, RenderFailed
from cliply.media.probe import Source
from cliply.media.rendering.loudness import measure
from cliply.media.rendering.render import render
from cliply.media.rendering.verify import Expected, verify
from cliply.media.types import Box, Size, Span

# Renders for each.
pytestmark = pytest.mark.slow

_X264 = ("-c:v", "libx264", "-preset", "ultrafast")


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("source") / "talk.mp4"
    return make(path, "testsrc2=s=320x180:r=30:d=4", TONE.format(seconds=4), *_X264, "-g", "60", "-c:a", "aac")


def test_a_clip_is_what_was_asked_for(talk: Source, tmp_path: Path) -> None:
    shares: list[float] = []
    made = render(follow(talk, [Span(500, 2000)]), talk, tmp_path / "clip.mp4", on_progress=shares.append)
    assert (made.frames, made.duration, made.size) == (45, 1500, Size(720, 720))
    assert abs(made.loudness + 14) <= 1
    assert measure(made.path).true_peak <= -1.5
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert made.cpu_seconds > 0
    with av.open(str(made.path)) as file:
        video = file.streams.video[0]
        assert (video.codec_context.pix_fmt, video.codec_context.color_trc, str(video.average_rate)) == (
            "yuv420p",
            1,
            "30",
        )
        assert video.sample_aspect_ratio in (None, 1)
    data = made.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]


def test_the_same_edit_gives_the_same_file(talk: Source, tmp_path: Path) -> None:
    edit = follow(talk, [Span(500, 1200)])
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda name: render(edit, talk, tmp_path / name, threads=1).path, ("a.mp4", "b.mp4"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_cancelled_render_leaves_nothing(talk: Source, tmp_path: Path, share: float) -> None:
    def stop(done: float) -> None:
        if done >= share:
            raise Cancelled

    with pytest.raises(Cancelled):
        render(follow(talk, [Span(0, 3000)]), talk, tmp_path / "clip.mp4", on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_clip_stays_when_a_new_one_fails(talk: Source, tmp_path: Path) -> None:
    out = tmp_path / "clip.mp4"
    out.write_bytes(b"earlier")
    gone = Source(tmp_path / "gone.mp4", talk.container, talk.duration, 1, talk.video, None)
    with pytest.raises(RenderFailed):
        render(follow(talk, [Span(0, 1000)]), gone, out)
    assert out.read_bytes() == b"earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]


def test_leftovers_of_killed_renders_are_removed(talk: Source, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = tmp_path / f".cliply-{ended.pid}-abc.part", tmp_path / f".cliply-{os.getppid()}-abc.part"
    for left in (dead, alive):
        left.touch()
        os.utime(left, (1, 1))
    render(follow(talk, [Span(0, 300)]), talk, tmp_path / "clip.mp4")
    assert not dead.exists()
    assert alive.exists()


@pytest.mark.parametrize(
    "name", ["-dash.mp4", "a\nb.mp4", "\u202egnp.mp4", "50%d 'quote' [x];,.mp4", "🎬 é.mp4", "n" * 250 + ".mp4"]
)
def test_any_name_works(talk: Source, tmp_path: Path, name: str) -> None:
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(talk.path.read_bytes())
    named = Source(path, talk.container, talk.duration, talk.bytes, talk.video, talk.sound)
    made = render(follow(named, [Span(0, 300)]), named, tmp_path / name)
    assert made.path.name == name
    assert made.frames == 9


def test_a_missing_folder_and_a_full_disk_are_told_before_the_work(
    talk: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = follow(talk, [Span(0, 1000)])
    with pytest.raises(NotAllowed, match="cannot be used"):
        render(edit, talk, tmp_path / "absent" / "clip.mp4")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1 << 20))
    with pytest.raises(LimitReached, match="MB are free"):
        render(edit, talk, tmp_path / "clip.mp4")


def test_verify_tells_what_is_wrong(talk: Source, tmp_path: Path) -> None:
    made = render(follow(talk, [Span(0, 1000)]), talk, tmp_path / "clip.mp4")
    right = Expected(made.size, Fraction(30), 30)
    verify(made.path, right)
    with pytest.raises(RenderFailed, match="30 frames instead of 60"):
        verify(made.path, Expected(made.size, right.rate, 60))
    with pytest.raises(RenderFailed, match="720 × 720"):
        verify(made.path, Expected(Size(1080, 1080), right.rate, 30))
    data = made.path.read_bytes()
    made.path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RenderFailed):
        verify(made.path, right)


def test_captions_logo_intro_and_outro_are_in_the_one_file(talk: Source, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGBA", (300, 100), (255, 0, 0, 255)).save(tmp_path / "logo.png")
    intro = make(tmp_path / "in.mp4", "color=c=lime:s=160x160:r=25:d=1", TONE.format(seconds=1), *_X264).path
    brand = Brand(logo=tmp_path / "logo.png", logo_corner="bottom-left", intro=intro, outro=intro)
    words = (EditWord(text="hello", start=600, end=1400),)
    edit = follow(
        talk, [Span(500, 1500)], words=words, captions=Captions(), hook=Hook(text="Look", milliseconds=800), brand=brand
    )
    made = render(edit, talk, tmp_path / "clip.mp4")
    assert made.frames == 90
    assert abs(made.loudness + 14) <= 1
    with av.open(str(made.path)) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    for at in (15, 75):
        assert np.abs(pictures[at][360, 360].astype(int) - (0, 255, 0)).max() < 30
    red = pictures[45][:, :, 0].astype(int) - pictures[45][:, :, 1:].max(axis=2)
    rows, columns = np.nonzero(red[600:, :200] > 180)
    assert len(rows) > 2000
    assert columns.min() > 20
    plain = render(
        edit.model_copy(update={"captions": Captions(show=False), "hook": None}), talk, tmp_path / "bare.mp4"
    )
    with av.open(str(plain.path)) as file:
        bare = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert np.abs(pictures[45].astype(int) - bare[45]).mean() > 1


def test_a_logo_that_is_no_picture_is_refused(talk: Source, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_text("no")
    with pytest.raises(Invalid, match="logo"):
        render(follow(talk, [Span(0, 500)], brand=Brand(logo=tmp_path / "logo.png")), talk, tmp_path / "clip.mp4")


def test_sound_alone_gets_a_picture_that_moves(tmp_path: Path) -> None:
    sound = make(tmp_path / "talk.mp3", None, "aevalsrc='0.3*sin(2*PI*300*t)*gt(mod(t,2),1)':s=44100:d=4")
    made = render(follow(sound, [Span(500, 3500)]), sound, tmp_path / "clip.mp4")
    assert made.frames == 90
    with av.open(str(made.path)) as file:
        ink = [int((frame.to_ndarray(format="gray") > 200).sum()) for frame in file.decode(video=0)]
    assert ink[30] > 4 * ink[5]


@pytest.mark.parametrize(
    "spans", [(Span(500, 3000),), (Span(0, 400), Span(1000, 1400), Span(2600, 3000)), (Span(2500, 3500),)]
)
def test_the_last_frame_is_held_where_the_sound_goes_on(tmp_path: Path, spans: tuple[Span, ...]) -> None:
    source = make(tmp_path / "short.mp4", "testsrc2=s=320x180:r=25:d=2", TONE.format(seconds=5), *_X264)
    made = render(follow(source, spans), source, tmp_path / "clip.mp4")
    assert made.frames == 25 * sum(span.duration for span in spans) // 1000
    pictures = _pictures(made.path)
    assert np.abs(pictures[-1] - pictures[-8]).mean() < 2  # nothing moves any more
    assert pictures[-1].std() > 20


@pytest.mark.parametrize("spans", [(Span(500, 3000),), (Span(0, 1000),)])
def test_the_first_frame_is_shown_before_a_picture_that_begins_late(tmp_path: Path, spans: tuple[Span, ...]) -> None:
    picture, late = "testsrc2=s=320x180:r=25:d=4", ("-vf", "setpts=PTS+2/TB")
    source = make(tmp_path / "late.mkv", picture, TONE.format(seconds=6), *_X264, *late)
    made = render(follow(source, spans), source, tmp_path / "clip.mp4")
    assert made.frames == 25 * sum(span.duration for span in spans) // 1000
    pictures = _pictures(made.path)
    assert np.abs(pictures[0] - pictures[8]).mean() < 2
    assert pictures[0].std() > 20


def _pictures(clip: Path) -> list[np.ndarray]:
    with av.open(str(clip)) as file:
        return [frame.to_ndarray(format="gray").astype(float) for frame in file.decode(video=0)]


def test_a_source_without_sound_gets_a_silent_one(tmp_path: Path) -> None:
    source = make(tmp_path / "mute.mp4", "testsrc2=s=320x180:r=25:d=2", None, *_X264)
    made = render(follow(source, [Span(0, 1000)]), source, tmp_path / "clip.mp4")
    assert made.frames == 25
    assert measure(made.path).silent


def test_a_varying_frame_rate_becomes_constant(tmp_path: Path) -> None:
    drop = "testsrc2=s=320x180:r=30:d=3,select='not(between(mod(n,10),3,5))'"
    source = make(tmp_path / "vfr.mp4", drop, TONE.format(seconds=3), *_X264, "-fps_mode", "vfr")
    made = render(
        follow(source, [Span(300, 2300)], output=Output(aspect="1:1", quality="draft")), source, tmp_path / "c.mp4"
    )
    with av.open(str(made.path)) as file:
        times = [packet.pts for packet in file.demux(video=0) if packet.pts is not None]
    assert set(np.diff(np.sort(times))) == {512}
    assert made.frames == 60


@pytest.mark.parametrize("rate", ["30", "30000/1001"])
def test_two_hundred_jump_cuts_keep_sound_and_picture_together(tmp_path: Path, rate: str) -> None:
    """Each kept stretch holds one flash and one beep that begin together; see benchmarks/jump_cuts.py."""
    from benchmarks.jump_cuts import flash_and_beep, offsets

    source = flash_and_beep(tmp_path / "flash.mp4", rate, 202)
    spans = [Span(second * 1000 - 137, second * 1000 + 161) for second in range(1, 201)]
    made = render(follow(source, spans, key(0, Box(0, 0, 64, 64))), source, tmp_path / "clip.mp4")
    found = offsets(made.path)
    assert len(found) == 200
    assert max(map(abs, found)) <= 4
