import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cliply.errors import CliplyError, Conflict, Invalid, LimitReached, NotAllowed, NotFound
from cliply.media import ffmpeg
from cliply.media.edit import Brand
from cliply.media.errors import NoSpeech, Unreadable
from cliply.media.options import ClipOptions
from cliply.media.preflight import check_folder, check_more, check_request, check_space, estimate_bytes, is_heard
from cliply.media.probe import Source, Video, probe
from cliply.media.types import Size, Span


def options(**changes: object) -> ClipOptions:
    return ClipOptions(shortest=3_000, longest=10_000).model_copy(update=changes)


OPTIONS = options()


def recording(path: Path, sound: str, seconds: float = 6) -> Source:
    ffmpeg.run(
        ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=5", "-f", "lavfi", "-i", sound, "-t", str(seconds),
         "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", f"file:{path}"]
    )  # fmt: skip
    return probe(path)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return recording(tmp_path_factory.mktemp("media") / "heard.mp4", "sine=f=300")


def test_what_can_work_is_let_through(heard: Source, tmp_path: Path) -> None:
    began = time.process_time()
    check_request(heard, OPTIONS, tmp_path / "new" / "folder", tmp_path)
    assert time.process_time() - began < 2
    assert list(tmp_path.iterdir()) == []


def test_muted_sound_is_refused_before_the_work(tmp_path: Path) -> None:
    muted = recording(tmp_path / "muted.mp4", "anullsrc")
    with pytest.raises(NoSpeech, match="silence from beginning to end"):
        check_request(muted, OPTIONS, tmp_path, tmp_path)


def test_a_faint_sound_late_in_the_file_is_heard(tmp_path: Path) -> None:
    late = recording(tmp_path / "late.mp4", "aevalsrc='if(gt(t,5),0.01*sin(2000*t),0)'")
    assert late.sound is not None
    assert is_heard(late, late.sound, Span(0, late.duration))
    assert not is_heard(late, late.sound, Span(0, 4_000))


def test_a_picture_without_sound_is_refused(heard: Source, tmp_path: Path) -> None:
    with pytest.raises(NoSpeech, match="has no sound"):
        check_request(replace(heard, sound=None), OPTIONS, tmp_path, tmp_path)


def test_sound_that_cannot_be_decoded_is_refused(heard: Source, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(heard.path.read_bytes()[:3000])
    assert heard.sound is not None
    with pytest.raises(Unreadable, match="cannot be decoded"):
        is_heard(replace(heard, path=broken), heard.sound, Span(0, 5_000))


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        (ClipOptions(), Invalid, "less than the shortest clip of 15 s"),
        (options(within=Span(1_000, 3_000)), Invalid, "The chosen part lasts 2.0 s"),
        (options(within=Span(60_000, 90_000)), Invalid, "before the part"),
        (options(shortest=20_000), Invalid, "Change --min or --max"),
        (options(style="no-such-style"), NotFound, "no-such-style"),
        (options(transcript=Path("no-such-words.srt")), NotFound, "no-such-words.srt"),
        (options(brand=Brand(logo=Path("/no/logo.png"))), NotFound, "logo.png"),
        (options(brand=Brand(outro=Path("/no/outro.mp4"))), NotFound, "outro.mp4"),
    ],
)
def test_a_wrong_request_is_refused_with_what_to_do(
    wrong: ClipOptions, kind: type[CliplyError], says: str, heard: Source, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=says):
        check_request(heard, wrong, tmp_path, tmp_path)


def test_a_file_where_the_folder_should_be_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for folder in (tmp_path / "mine.txt", tmp_path / "mine.txt" / "clips"):
        with pytest.raises(Conflict, match="is a file"):
            check_folder(folder)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no such place here")
def test_a_place_without_a_disk_cannot_be_written() -> None:
    with pytest.raises(NotAllowed, match="may not be written"):
        check_folder(Path("/proc/x"))


def test_more_than_the_disk_holds_is_refused_with_both_figures(tmp_path: Path) -> None:
    check_space(tmp_path / "new", 1_000_000)
    with pytest.raises(LimitReached, match=r"may need 10000000\.0 GB, but the disk has only"):
        check_space(tmp_path / "new", 10**16)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is one disk only")  # noqa: S108 - another disk
def test_the_cache_counts_on_its_own_disk(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")  # noqa: S108 - as above
    check_space(tmp_path, 1_000, elsewhere, 1_000)
    with pytest.raises(LimitReached, match="CLIPLY_CACHE"):
        check_space(tmp_path, 1_000, elsewhere / "cache", 10**16)
    with pytest.raises(LimitReached, match="--out"):
        check_space(tmp_path, 1_000, tmp_path / "cache", 10**16)


def test_further_clips_need_room_too(tmp_path: Path) -> None:
    check_more(OPTIONS, tmp_path, [Span(0, 30_000)])
    with pytest.raises(LimitReached, match="The clips may need"):
        check_more(OPTIONS, tmp_path, [Span(0, 10**13)])


def test_the_estimate_grows_with_what_is_asked_for(heard: Source) -> None:
    hour = replace(heard, duration=3_600_000)
    estimates = [estimate_bytes(hour, ClipOptions(count=count)) for count in (1, 5, 20)]
    assert estimates == sorted(estimates)
    assert estimate_bytes(hour, ClipOptions(count=5, longest=600_000)) > estimates[1]
    # Ten clips of an hour fit into a gigabyte, with its speech.
    assert estimate_bytes(hour, ClipOptions(count=10)) < 1_000_000_000


def test_the_estimate_is_not_below_what_a_clip_with_much_motion_takes(heard: Source) -> None:
    video = heard.video
    assert isinstance(video, Video)
    assert video.size == Size(64, 64)
    # 8 Mbit/s is more than the networks recommend for 1080p; a hand-held recording comes close to it.
    assert estimate_bytes(replace(heard, duration=30_000), options(count=3)) > 30 * 1_000_000


def test_a_name_that_is_no_text_is_refused_with_what_to_do(heard: Source, tmp_path: Path) -> None:
    odd = replace(heard, path=tmp_path / os.fsdecode(b"talk\xff.mp4"))
    with pytest.raises(Invalid, match="Rename"):
        check_request(odd, ClipOptions(), tmp_path / "clips", tmp_path)


@pytest.mark.parametrize("name", ["logo", "font", "intro", "outro"])
def test_a_brand_that_cannot_be_used_is_refused_before_the_work(heard: Source, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(Invalid, match=r"broken\.png"):
        check_request(heard, options(brand=Brand.model_validate({name: broken})), tmp_path, tmp_path)


def test_a_logo_in_a_format_that_starts_programs_is_not_opened(heard: Source, tmp_path: Path) -> None:
    """Pillow goes by content: PostScript under another name would be handed to its interpreter."""
    Image.new("RGB", (8, 8)).save(tmp_path / "logo.png", format="BMP")
    with pytest.raises(Invalid, match="logo"):
        check_request(heard, options(brand=Brand(logo=tmp_path / "logo.png")), tmp_path, tmp_path)
