"""Whatever the source is, the finished picture has the right colours, shape and moments."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.media.clips import follow, key, make

from cliply.media import ffmpeg
from cliply.media.edit import ClipEdit, LayoutSpan, Pane, Place
from cliply.media.probe import Source
from cliply.media.rendering.framemap import frame_map
from cliply.media.rendering.graph import picture_graph
from cliply.media.types import Box, Span

Pictures = NDArray[np.uint8]
# Left half orange, right half blue, in BT.709 video range.
_ORANGE, _BLUE = (230, 120, 20), (20, 60, 200)
_HALVES = "color=c=0xE67814:s=320x180:r=30:d=1[a];color=c=0x143CC8:s=320x180:r=30:d=1[b];[a][b]hstack,format=gbrp"


def shown(edit: ClipEdit, source: Source) -> Pictures:
    """All frames of the clip as red, green, blue, before encoding."""
    assert source.video is not None
    frames = frame_map(edit, source)
    graph = picture_graph(edit, source.video, frames, out="v")
    run = frames.runs[0]
    size = edit.output.size
    rgb = "[v]scale=in_color_matrix=bt709:in_range=tv:out_range=pc,format=rgb24[rgb]"
    arguments = ["-ss", ffmpeg.time_argument(run.seek), *ffmpeg.guarded(source.path)]
    data = ffmpeg.read(
        [
            *arguments,
            "-filter_complex",
            f"{graph};{rgb}",
            "-map",
            "[rgb]",
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
            "pipe:1",
        ]
    )
    return np.frombuffer(data, np.uint8).reshape(-1, size.height, size.width, 3)


def halves(path: Path, convert: str, *options: str) -> Source:
    return make(path, f"{_HALVES},{convert}", None, *options)


def assert_halves(picture: Pictures, tolerance: int = 6) -> None:
    height, width = picture.shape[:2]
    left, right = picture[height // 2, width // 4].astype(int), picture[height // 2, width * 3 // 4].astype(int)
    assert np.abs(left - _ORANGE).max() <= tolerance, left
    assert np.abs(right - _BLUE).max() <= tolerance, right


_HD = ("-colorspace", "bt709")
_X264 = ("-c:v", "libx264", "-qp", "1")


@pytest.mark.parametrize(
    ("name", "convert", "options"),
    [
        ("709.mp4", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", (*_X264, *_HD)),
        ("601.mp4", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", (*_X264, "-colorspace", "smpte170m")),
        ("unsaid.mp4", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", _X264),
        ("full.mp4", "scale=out_color_matrix=bt709:out_range=pc,format=yuv420p", (*_X264, *_HD, "-color_range", "pc")),
        ("ten.mp4", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le", (*_X264, *_HD)),
        ("444.mp4", "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p", (*_X264, *_HD)),
        ("jpeg.mov", "scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p", ("-c:v", "mjpeg", "-q:v", "1")),
        ("rgb.mkv", "format=gbrp", ("-c:v", "ffv1")),
        ("alpha.mov", "format=rgba", ("-c:v", "qtrle")),
        ("prores.mov", "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le", ("-c:v", "prores_ks", *_HD)),
    ],
)  # fmt: skip
def test_colours_come_through(tmp_path: Path, name: str, convert: str, options: tuple[str, ...]) -> None:
    source = halves(tmp_path / name, convert, *options)
    edit = follow(source, [Span(200, 300)], key(0, Box(0, 0, 640, 180)))
    whole = Pane(camera=(key(0, Box(0, 0, 640, 180)),), backdrop="blur")
    layouts = (LayoutSpan(span=Span(0, 2000), layout="fit", panes=(whole,)),)
    assert_halves(shown(edit.model_copy(update={"layouts": layouts}), source)[0])


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_tone_mapped(tmp_path: Path, transfer: str) -> None:
    """Paper white (203 cd/m²) must look like white paper, and grey stay grey."""
    white = (
        f"color=c=white:s=640x360:r=30:d=1,format=gbrpf32le,zscale=tin=linear:pin=bt2020:min=gbr:npl=203:t={transfer}"
    )
    hdr = f"{white}:p=bt2020:m=2020_ncl:r=tv,format=yuv420p10le"
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv")
    source = make(tmp_path / "hdr.mp4", hdr, None, *_X264, *tags)
    assert source.video is not None
    assert source.video.hdr
    middle = shown(follow(source, [Span(200, 300)]), source)[0][360, 360].astype(int)
    assert middle.max() - middle.min() <= 4
    assert 165 <= middle.mean() <= 252


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_phone_is_shown_upright(tmp_path: Path, turn: int) -> None:
    upright = "color=c=0xE67814:s=180x160:r=30:d=1[a];color=c=0x143CC8:s=180x160:r=30:d=1[b];[a][b]vstack"
    stored = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}[turn]
    plain = make(
        tmp_path / "stored.mp4",
        f"{upright},{stored},scale=out_color_matrix=bt601:out_range=tv,format=yuv420p",
        None,
        *_X264,
    )
    turned = make(
        tmp_path / "turned.mp4", None, None, "-display_rotation", str(-turn), "-i", str(plain.path), "-c", "copy"
    )
    assert turned.video is not None
    assert (turned.video.size.width, turned.video.size.height) == (180, 320)
    top, bottom = (shown(follow(turned, [Span(200, 300)], key(0, Box(0, y, 160, 160))), turned)[0] for y in (0, 160))
    assert np.abs(top[360, 360].astype(int) - _ORANGE).max() <= 6
    assert np.abs(bottom[360, 360].astype(int) - _BLUE).max() <= 6


def test_stretched_pixels_become_square(tmp_path: Path) -> None:
    circle = "geq=lum='if(lt(hypot((X-80)*2,Y-90),60),235,16)':cb=128:cr=128"
    source = make(tmp_path / "sar.mp4", f"color=c=black:s=160x180:r=30:d=1,{circle},setsar=2", None, *_X264)
    assert source.video is not None
    assert (source.video.size.width, source.video.size.height) == (320, 180)
    bright = shown(follow(source, [Span(200, 300)]), source)[0][:, :, 0] > 128
    width, height = bright.any(axis=0).sum(), bright.any(axis=1).sum()
    assert width == pytest.approx(height, rel=0.03)
    assert height == pytest.approx(480, rel=0.03)


def numbered(path: Path, seconds: int = 3, size: str = "320x180") -> Source:
    """Frame n has the luma 16 + 6 (n mod 32) all over."""
    picture = f"color=c=black:s={size}:r=30:d={seconds},geq=lum='16+6*mod(N,32)':cb=128:cr=128"
    return make(path, picture, None, *_X264, "-g", "45", "-bf", "3")


def frame_numbers(pictures: Pictures) -> list[int]:
    return [round(int(picture[5, 5, 0]) * 219 / 255 / 6) for picture in pictures]


def test_exactly_the_kept_frames_are_shown(tmp_path: Path) -> None:
    source = numbered(tmp_path / "n.mp4")
    edit = follow(source, [Span(500, 600), Span(1000, 1100), Span(2000, 2067)])
    assert frame_numbers(shown(edit, source)) == [each % 32 for each in (15, 16, 17, 30, 31, 32, 60, 61)]


def test_a_picture_that_ends_too_early_holds_its_last_frame(tmp_path: Path) -> None:
    source = numbered(tmp_path / "n.mp4", seconds=1)
    assert frame_numbers(shown(follow(source, [Span(900, 1100)]), source)) == [27, 28, 29, 29, 29, 29]


@pytest.mark.slow
@pytest.mark.parametrize("glide", [False, True])
def test_the_camera_is_where_its_keys_say(tmp_path: Path, glide: bool) -> None:
    """A ramp across the picture tells how far left the window begins."""
    ramp = "color=c=black:s=1280x720:r=30:d=2,geq=lum='16+X*0.16':cb=128:cr=128"
    source = make(tmp_path / "ramp.mp4", ramp, None, *_X264)
    keys = (key(0, Box(100, 0, 405, 405)), key(1000, Box(700, 0, 405, 405), "glide" if glide else "cut"))
    pictures = shown(follow(source, [Span(0, 1500)], *keys), source)
    left = [(int(picture[360, 3, 0]) * 219 / 255 / 0.16) - 1.5 for picture in pictures]
    middle = 400 if glide else 100
    for frame, wanted in ((0, 100), (15, middle), (30, 700), (44, 700)):
        assert left[frame] == pytest.approx(wanted, abs=8), frame
    if glide:
        assert all(one <= other + 7 for one, other in pairwise(left))


def test_a_zoom_ends_on_its_window(tmp_path: Path) -> None:
    source = halves(tmp_path / "h.mp4", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", *_X264)
    keys = (key(0, Box(230, 0, 180, 180)), key(800, Box(340, 60, 60, 60), "glide"))
    pictures = shown(follow(source, [Span(0, 950)], *keys), source)
    assert_halves(pictures[0])
    assert np.abs(pictures[-1].reshape(-1, 3).mean(axis=0) - _BLUE).max() < 8
    border = [int((picture[360, :, 0] > 120).sum()) for picture in pictures[:24]]
    # The border of the colours wanders evenly: no frame steps back.
    assert all(later <= earlier + 2 for earlier, later in pairwise(border))


def _panes(*places: tuple[float, float, float, float]) -> tuple[Pane, ...]:
    boxes = (Box(0, 0, 300, 180), Box(340, 0, 300, 180))
    return tuple(
        Pane(place=Place(x=x, y=y, width=width, height=height), camera=(key(0, boxes[index % 2]),))
        for index, (x, y, width, height) in enumerate(places)
    )


@pytest.mark.parametrize(
    ("panes", "probe_points"),
    [
        (_panes((0, 0, 1, 0.5), (0, 0.5, 1, 0.5)), {(0.5, 0.25): _ORANGE, (0.5, 0.75): _BLUE}),
        (_panes((0, 0, 0.5, 1), (0.5, 0, 0.5, 1)), {(0.25, 0.5): _ORANGE, (0.75, 0.5): _BLUE}),
        (
            _panes((0, 0, 0.5, 0.5), (0.5, 0, 0.5, 0.5), (0, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)),
            {(0.25, 0.25): _ORANGE, (0.75, 0.25): _BLUE, (0.25, 0.75): _ORANGE, (0.75, 0.75): _BLUE},
        ),
        (_panes((0, 0, 1, 1), (0.6, 0.6, 0.3, 0.3)), {(0.2, 0.2): _ORANGE, (0.75, 0.75): _BLUE}),
        (_panes((0.25, 0.25, 0.5, 0.5)), {(0.5, 0.5): _ORANGE, (0.1, 0.1): (0, 0, 0)}),
    ],
)
def test_panes_are_in_their_places(
    tmp_path: Path, panes: tuple[Pane, ...], probe_points: dict[tuple[float, float], tuple[int, int, int]]
) -> None:
    source = halves(tmp_path / "h.mp4", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", *_X264)
    layouts = (LayoutSpan(span=Span(0, 2000), layout="grid", panes=panes),)
    picture = shown(follow(source, [Span(200, 300)]).model_copy(update={"layouts": layouts}), source)[0]
    for (x, y), colour in probe_points.items():
        seen = picture[int(y * picture.shape[0]), int(x * picture.shape[1])].astype(int)
        assert np.abs(seen - colour).max() <= 8, (x, y, seen)


def test_layouts_change_on_their_frame(tmp_path: Path) -> None:
    source = numbered(tmp_path / "n.mp4")
    whole = Pane(camera=(key(0, Box(0, 0, 180, 180)),))
    spans = [
        LayoutSpan(span=Span(0, 1000), layout="follow", panes=(whole,)),
        LayoutSpan(span=Span(1000, 1500), layout="split", panes=_panes((0, 0, 1, 0.5), (0, 0.5, 1, 0.5))),
        LayoutSpan(span=Span(1500, 5000), layout="follow", panes=(whole,)),
    ]
    edit = follow(source, [Span(800, 1200), Span(1400, 1700)]).model_copy(update={"layouts": tuple(spans)})
    assert frame_numbers(shown(edit, source)) == [each % 32 for each in (*range(24, 36), *range(42, 51))]


@pytest.mark.parametrize("size", ["1279x719", "18x2000", "2000x18", "64x64"])
def test_odd_sizes_work(tmp_path: Path, size: str) -> None:
    source = make(tmp_path / "odd.mkv", f"testsrc2=s={size}:r=30:d=1", None, "-c:v", "ffv1", "-pix_fmt", "yuv444p")
    assert len(shown(follow(source, [Span(200, 300)]), source)) == 3


def test_a_picture_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    parts = [
        make(tmp_path / f"{size}.ts", f"testsrc2=s={size}:r=30:d=1", None, *_X264) for size in ("320x180", "640x360")
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.path.read_bytes() for part in parts))
    from cliply.media.probe import probe
    from cliply.media.rendering.render import render

    source = probe(joined)
    made = render(follow(source, [Span(200, 900)]), source, tmp_path / "out.mp4")
    assert made.frames == 21


def test_half_pictures_are_woven_without_combs(tmp_path: Path) -> None:
    """A bar that moves 8 pixels between half pictures: combs would give rows that differ from both neighbours."""
    bar = "color=c=black:s=320x180:r=60:d=1,geq=lum='if(between(X,mod(N*8,300),mod(N*8,300)+30),235,16)':cb=128:cr=128"
    source = make(tmp_path / "i.mp4", f"{bar},interlace=lowpass=off", None, *_X264, "-flags", "+ildct+ilme")
    picture = shown(follow(source, [Span(300, 400)]), source)[1][:, :, 0].astype(int)
    rows = picture[200:500:4]
    combed = (np.abs(rows[1:-1] - rows[:-2]) > 60) & (np.abs(rows[1:-1] - rows[2:]) > 60)
    assert combed.mean() < 0.005
