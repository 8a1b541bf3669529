import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import pytest
from tests.media.clips import TONE, make

from cliply.errors import NotAllowed, NotFound
from cliply.media import ffmpeg
from cliply.media.errors import Unreadable
from cliply.media.probe import Source, Video, probe
from cliply.media.types import Size, Span


def video_of(source: Source) -> Video:
    assert source.video is not None
    return source.video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of pictures and two sound streams, the second of them the default one."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    ffmpeg.run(
        ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001", "-f", "lavfi", "-i", "sine=f=440:r=48000",
         "-f", "lavfi", "-i", "anoisesrc=r=44100", "-map", "0", "-map", "1", "-map", "2", "-t", "2",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
         "-disposition:a:0", "0", "-disposition:a:1", "default", f"file:{path}"]
    )  # fmt: skip
    return path


def test_a_video_is_described(clip: Path) -> None:
    source = probe(clip)
    assert source.path == clip
    assert "mp4" in source.container
    assert abs(source.duration - 2000) < 60
    assert source.bytes == clip.stat().st_size
    assert source.damage == ""
    video = video_of(source)
    assert (video.codec, video.size, video.rate) == ("h264", Size(320, 180), Fraction(30000, 1001))
    assert (video.frame_rate, video.constant_rate, video.rotation) == (Fraction(30000, 1001), True, 0)
    assert not video.hdr


def test_the_default_sound_stream_is_used(clip: Path) -> None:
    sound = probe(clip).sound
    assert sound is not None
    assert (sound.index, sound.rate, sound.channels, sound.codec) == (1, 44_100, 1, "aac")


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_video_is_described_as_it_is_shown(clip: Path, tmp_path: Path, turn: int) -> None:
    turned = tmp_path / "turned.mp4"
    # ffmpeg's option counts counter-clockwise.
    ffmpeg.run(["-display_rotation", str(-turn), "-i", f"file:{clip}", "-c", "copy", f"file:{turned}"])
    video = video_of(probe(turned))
    assert video.rotation == turn
    assert video.size == (Size(180, 320) if turn in (90, 270) else Size(320, 180))
    assert video.coded == Size(320, 180)


def test_pixels_that_are_not_square_widen_the_picture(tmp_path: Path) -> None:
    wide = tmp_path / "wide.mp4"
    ffmpeg.run(
        ["-f", "lavfi", "-i", "testsrc2=s=720x576:r=25,setsar=16/11", "-t", "1", "-c:v", "libx264", f"file:{wide}"]
    )
    video = video_of(probe(wide))
    assert (video.pixel_aspect, video.size, video.coded) == (Fraction(16, 11), Size(1047, 576), Size(720, 576))


def test_a_transport_stream_has_its_picture(clip: Path, tmp_path: Path) -> None:
    stream = tmp_path / "clip.ts"
    ffmpeg.run(["-i", f"file:{clip}", "-c", "copy", f"file:{stream}"])
    source = probe(stream)
    assert video_of(source).size == Size(320, 180)
    assert abs(source.duration - 2000) < 120


def test_a_file_that_is_cut_short_is_described_as_far_as_it_goes(clip: Path, tmp_path: Path) -> None:
    whole = tmp_path / "long.mp4"
    ffmpeg.run(["-stream_loop", "9", "-i", f"file:{clip}", "-map", "0:v", "-map", "0:a:0", "-c", "copy",
                "-movflags", "+faststart", f"file:{whole}"])  # fmt: skip
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) // 2])
    source = probe(cut)
    assert 5_000 < source.duration < 15_000
    assert "cut short" in source.damage


def test_a_cover_picture_is_not_a_video(clip: Path, tmp_path: Path) -> None:
    cover, song = tmp_path / "cover.png", tmp_path / "song.mp3"
    ffmpeg.run(["-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", f"file:{cover}"])
    ffmpeg.run(["-i", f"file:{clip}", "-i", f"file:{cover}", "-map", "0:a:0", "-map", "1:v", "-c:v", "png",
                "-disposition:v", "attached_pic", f"file:{song}"])  # fmt: skip
    source = probe(song)
    assert source.video is None
    assert source.sound is not None


def test_what_is_absent_forbidden_or_no_file_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"gone\.mp4” does not exist"):
        probe(tmp_path / "gone.mp4")
    with pytest.raises(Unreadable, match="is a folder"):
        probe(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(Unreadable, match="is not a file"):
        probe(tmp_path / "pipe.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(Unreadable, match="is empty"):
        probe(tmp_path / "empty.mp4")
    with pytest.raises(Unreadable, match="cannot be opened"):
        probe(tmp_path / ("x" * 300 + ".mp4"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"x")
    secret.chmod(0)
    with pytest.raises(NotAllowed, match="may not be read"):
        probe(secret)


def test_a_message_cannot_steer_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        probe(tmp_path / "\x1b]0;owned\x07 \u202e4pm.exe\nmp4")
    assert str(caught.value).isprintable()


def test_relative_names_are_taken_from_where_we_stand(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.parent)
    assert video_of(probe(Path("clip.mp4"))).size == Size(320, 180)


def names(fixtures: Path) -> list[str]:
    return list(json.loads((fixtures / "hostile" / "hostile_names.json").read_text())["names"])


@pytest.mark.slow
def test_any_name_that_a_file_can_have_is_read(clip: Path, fixtures: Path, tmp_path: Path) -> None:
    for name in names(fixtures):
        odd = tmp_path / name
        shutil.copyfile(clip, odd)
        assert video_of(probe(odd)).size == Size(320, 180), name
    odd = tmp_path / os.fsdecode(b"not\xffutf8.mp4")
    shutil.copyfile(clip, odd)
    assert video_of(probe(odd)).size == Size(320, 180)


# What each hostile file is: refused with these words, or read as it is.
REFUSED = {
    "canary.txt": "not a video", "dash_local.mpd": "points to other files", "ffconcat_renamed.mp4": "points to other",
    "ffconcat_sibling.mp4": "points to other files", "hls_concat_leak.m3u8": "playlist",
    "hls_local_file.m3u8": "playlist", "hls_renamed.mp4": "playlist", "hls_sibling.m3u8": "playlist",
    "hls_ssrf.m3u8": "playlist",
    "html_renamed.mp4": "web page", "image_renamed.mp4": "picture",
    "moov_missing.mp4": "damaged", "png_60000x60000.png": "picture",
    "real_bad.wav": "damaged", "stream.sdp": "live stream", "svg_xxe.svg": "points to other files",
    "y4m_huge.y4m": "damaged", "zero_bytes.mp4": "empty", "hostile_names.json": "not a video",
    "transcript_bad_times.json": "not a video", "transcript_injection.json": "not a video",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_media_file_is_refused_in_plain_words(name: str, fixtures: Path) -> None:
    with pytest.raises(Unreadable, match=REFUSED[name]):
        probe(fixtures / "hostile" / name)


@pytest.mark.parametrize("cover", ["ffconcat_sibling.mp4", "hls_sibling.m3u8", "dash_local.mpd", "hls_local_file.m3u8"])
def test_a_list_of_other_files_is_refused_behind_any_disguise(cover: str, fixtures: Path, tmp_path: Path) -> None:
    """A byte order mark or white space in front may hide the list from a look at its first bytes."""
    for extra in (b"", b"\xef\xbb\xbf", b"\n \n", b"\n" * 64):
        disguised = tmp_path / "talk.mp4"
        disguised.write_bytes(extra + (fixtures / "hostile" / cover).read_bytes())
        for neighbour in ("canary_media.mp4", "canary_media.ts", "canary.txt"):
            shutil.copyfile(fixtures / "hostile" / neighbour, tmp_path / neighbour)
        with pytest.raises(Unreadable):
            probe(disguised)


def test_lying_headers_are_not_believed(fixtures: Path) -> None:
    assert video_of(probe(fixtures / "hostile" / "dims_65535.mp4")).size == Size(320, 180)
    assert probe(fixtures / "hostile" / "duration_136_years.mp4").duration < 5_000
    assert "cut short" in probe(fixtures / "hostile" / "truncated_mdat.mp4").damage


@pytest.mark.parametrize(
    ("name", "size", "rotation"),
    [("rotated_90.mov", None, 90), ("sar_2by3.mp4", Size(640, 540), 0), ("hevc_10bit.mp4", Size(200, 200), 0),
     ("grid_brbk7n.mpg", None, 0), ("av1.mkv", Size(640, 360), 0)],
)  # fmt: skip
def test_real_videos_are_described(fixtures: Path, name: str, size: Size | None, rotation: int) -> None:
    video = video_of(probe(fixtures / "video" / name))
    assert video.rotation == rotation
    if size is not None:
        assert video.size == size


def test_a_picture_that_ends_before_its_sound_is_told_apart_from_a_file_that_was_cut_short(tmp_path: Path) -> None:
    source = make(tmp_path / "short.mp4", "testsrc2=s=64x64:r=10:d=6", TONE.format(seconds=20))
    assert abs(source.duration - 20_000) <= 200
    assert abs(source.pictured.end - 6000) <= 100
    assert "sound goes on until 20" in source.damage


def test_a_picture_that_begins_after_its_sound_is_told(tmp_path: Path) -> None:
    late = make(tmp_path / "late.mkv", "testsrc2=s=64x64:r=10:d=6", TONE.format(seconds=11), "-vf", "setpts=PTS+5/TB")
    assert (late.pictured.start, late.pictured.end) == (5000, 11_000)
    assert "picture after 5.0 s only" in late.damage


def test_a_second_without_a_picture_is_not_worth_a_word(tmp_path: Path) -> None:
    assert make(tmp_path / "a.mp4", "testsrc2=s=64x64:r=10:d=6", TONE.format(seconds=8)).damage == ""


def test_what_is_mostly_without_a_picture_is_shown_as_sound(tmp_path: Path) -> None:
    source = make(tmp_path / "short.mp4", "testsrc2=s=64x64:r=10:d=6", TONE.format(seconds=20))
    assert source.shown(Span(3_000, 8_000)).video == source.video
    assert source.shown(Span(5_000, 15_000)).video is None
