"""Bringing any source to 8-bit BT.709 in video range, which is what every phone and network expects."""

from dataclasses import dataclass

from cliply.media.probe import Video

# Files that do not say are treated as players treat them: high definition is BT.709, the rest BT.601.
_HIGH_DEFINITION = 720

_KNOWN_SPACES = {"bt709", "bt470bg", "smpte170m", "bt2020nc"}

# What zscale reads by itself. Anything else (RGB, NV12, palettes, alpha) is converted before, losslessly enough.
_PLANAR = {f"yuv{sampling}p{depth}" for sampling in ("420", "422", "444") for depth in ("", "10le", "12le")} | {
    "yuvj420p",
    "yuvj422p",
    "yuvj444p",
}


@dataclass(frozen=True, slots=True)
class Colour:
    """The filters before the scaler, the scaler's own options, and the filters after it."""

    before: str
    scale: str
    after: str


def colour(video: Video) -> Colour:
    """The way of this video's colours, with tone mapping when it is HDR (PQ or HLG)."""
    if video.hdr:
        transfer = video.colour_transfer
        tags = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}"
        # In linear light with 250 cd/m² at 1, paper white (203, ITU-R BT.2408) lies at 0.8 and is left as it is, like
        # everything darker; from there up to 1000 cd/m² highlights are bent to fit.
        after = "format=gbrpf32le,zscale=primaries=709,tonemap=mobius:param=0.75:desat=0:peak=4"
        after += ",zscale=transfer=709:matrix=709:range=tv,format=yuv420p"
        return Colour(f"{_planar(video)}{tags}", ":transfer=linear:npl=250", after)
    tags = "setparams=color_primaries=bt709:color_trc=bt709"
    if video.pixel_format not in _PLANAR and _is_rgb(video.pixel_format):
        rgb = "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p"
        return Colour(f"{rgb},{tags}:colorspace=bt709:range=tv", "", "format=yuv420p")
    space = video.colour_space if video.colour_space in _KNOWN_SPACES else guessed_space(video)
    full = "pc" if video.colour_range == "pc" or video.pixel_format.startswith("yuvj") else "tv"
    before = f"{_planar(video)}{tags}:colorspace={space}:range={full}"
    return Colour(before, ":matrix=709:range=tv", "format=yuv420p")


def guessed_space(video: Video) -> str:
    return "bt709" if min(video.size.width, video.size.height) >= _HIGH_DEFINITION else "smpte170m"


def _planar(video: Video) -> str:
    if video.pixel_format in _PLANAR:
        return ""
    deep = "10" in video.pixel_format or "12" in video.pixel_format or "16" in video.pixel_format
    return f"format={'yuv420p10le' if deep else 'yuv420p'},"


def _is_rgb(pixel_format: str) -> bool:
    return any(name in pixel_format for name in ("rgb", "bgr", "gbr", "pal8", "0r", "gray", "mono", "ya8", "xyz"))
