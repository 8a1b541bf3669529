import os
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from cliply.errors import LimitReached
from cliply.media import ffmpeg
from cliply.media.errors import Cancelled, ToolMissing, TooMuch, Unreadable
from cliply.media.isolation import GIB, Limits

ENDLESS = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10", "-f", "null", "-"]


@pytest.fixture
def other_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Lets a test name another ffmpeg in IMAGEIO_FFMPEG_EXE, and forgets it afterwards."""
    ffmpeg.program.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    ffmpeg.program.cache_clear()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    ffmpeg.run(
        ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10", "-f", "lavfi", "-i", "sine=f=440", "-t", "1",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", f"file:{path}"]
    )  # fmt: skip
    return path


def test_progress_rises_to_all_of_the_length(tmp_path: Path) -> None:
    shares: list[float] = []
    arguments = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=640x360:r=30",
        "-t",
        "8",
        "-c:v",
        "libx264",
        f"file:{tmp_path}/out.mp4",
    ]
    ffmpeg.run(arguments, length=Fraction(8), on_progress=shares.append)
    assert shares == sorted(shares)
    assert max(shares) > 0.9


def test_a_callback_that_raises_stops_ffmpeg_at_once() -> None:
    began: list[float] = []

    def stop(_share: float) -> None:
        began.append(time.monotonic())
        raise Cancelled

    with pytest.raises(Cancelled):
        ffmpeg.run(ENDLESS, on_progress=stop)
    assert time.monotonic() - began[0] < 1


def test_a_failure_tells_the_last_words() -> None:
    with pytest.raises(Unreadable, match="No such file"):
        ffmpeg.run(["-i", "file:/nowhere/at/all.mp4", "-f", "null", "-"])


def test_the_wall_limit_holds() -> None:
    with pytest.raises(TooMuch, match="limit"):
        ffmpeg.run(ENDLESS, limits=Limits(wall_seconds=1))


def test_the_processor_limit_is_not_taken_for_a_finished_file(tmp_path: Path) -> None:
    arguments = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=1920x1080:r=60",
        "-t",
        "600",
        "-c:v",
        "libx264",
        f"file:{tmp_path}/out.mp4",
    ]
    with pytest.raises(TooMuch):
        ffmpeg.run(arguments, limits=Limits(cpu_seconds=1))


def test_the_memory_limit_is_named_as_such() -> None:
    arguments = ["-f", "lavfi", "-i", "testsrc2=s=7680x4320", "-frames:v", "2", "-c:v", "libx264", "-f", "null", "-"]
    with pytest.raises(TooMuch, match="memory"):
        ffmpeg.run(arguments, limits=Limits(memory_bytes=GIB // 2))


def test_the_output_limit_holds(tmp_path: Path) -> None:
    arguments = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2",
        "-t",
        "60",
        "-c:v",
        "rawvideo",
        "-f",
        "nut",
        f"file:{tmp_path}/out.nut",
    ]
    with pytest.raises(TooMuch):
        ffmpeg.run(arguments, limits=Limits(output_bytes=1 << 20))
    assert (tmp_path / "out.nut").stat().st_size <= 1 << 20


def test_a_bomb_is_refused_while_it_unpacks() -> None:
    with pytest.raises(TooMuch, match="unpacks"):
        ffmpeg.read(["-f", "lavfi", "-i", "testsrc2", "-f", "rawvideo", "pipe:1"], at_most=10 << 20)


def test_a_stream_gives_exactly_what_ffmpeg_writes(clip: Path) -> None:
    frames = ffmpeg.read([*ffmpeg.guarded(clip), "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"])
    assert len(frames) == 10 * 160 * 90


def test_a_stream_that_breaks_says_so_after_the_last_chunk(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:2000])
    with pytest.raises(Unreadable):
        list(ffmpeg.stream([*ffmpeg.guarded(broken), "-f", "null", "-"]))


def test_a_stream_left_halfway_leaves_no_child() -> None:
    chunks = ffmpeg.stream(["-f", "lavfi", "-i", "testsrc2", "-f", "rawvideo", "pipe:1"])
    assert any(chunks)
    before = len(list(Path("/proc/self/fd").iterdir()))
    chunks.close()
    assert len(list(Path("/proc/self/fd").iterdir())) < before


@pytest.mark.parametrize(
    "script",
    ["ffconcat version 1.0\nfile clip.mp4\n", "#EXTM3U\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n"],
    ids=["concat", "playlist"],
)
def test_a_script_with_a_video_name_does_not_open_its_neighbour(clip: Path, script: str) -> None:
    disguised = clip.with_name("disguised.mp4")
    disguised.write_text(script)
    with pytest.raises(Unreadable):
        ffmpeg.run([*ffmpeg.guarded(disguised), "-f", "null", "-"], folder=clip.parent)


def test_a_name_that_looks_like_an_option_or_a_protocol_is_a_file(clip: Path) -> None:
    for name in ("-y.mp4", "concat:a.mp4", "http:x.mp4", "new\nline.mp4", "a|b.mp4"):
        odd = clip.with_name(name)
        odd.write_bytes(clip.read_bytes())
        ffmpeg.run([*ffmpeg.guarded(odd), "-f", "null", "-"])


def test_times_are_handed_over_to_the_microsecond() -> None:
    assert ffmpeg.time_argument(Fraction(1001, 30000)) == "0.033367"
    assert ffmpeg.time_argument(Fraction(3600)) == "3600.000000"
    assert ffmpeg.time_argument(Fraction(1, 3)) == "0.333333"


def test_a_named_program_that_does_not_run_is_explained(other_program: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other_program.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "ffmpeg"))
    with pytest.raises(ToolMissing, match="does not run"):
        ffmpeg.program()


def test_a_program_without_the_filters_is_refused_by_their_names(
    other_program: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho ' .. ebur128  A->N  measure'\necho ' .. alimiter A->A limit'\n")
    poor.chmod(0o755)
    other_program.setenv("IMAGEIO_FFMPEG_EXE", str(poor))
    with pytest.raises(ToolMissing, match="lacks ass, zscale, silencedetect, tonemap"):
        ffmpeg.program()


def test_the_program_comes_with_the_package(other_program: pytest.MonkeyPatch) -> None:
    other_program.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    assert os.access(ffmpeg.program(), os.X_OK)


def test_a_full_disk_is_not_taken_for_a_fault_of_the_file() -> None:
    """A run goes on with the next clip after TooMuch, which on a full disk would fail as well."""
    with pytest.raises(LimitReached, match="disk is full") as told:
        ffmpeg.run(["-f", "lavfi", "-i", "sine=d=9", "-f", "wav", "-y", "file:/dev/full"])
    assert not isinstance(told.value, TooMuch)
