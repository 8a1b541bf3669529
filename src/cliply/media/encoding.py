"""How clips are encoded: the three qualities, measured in docs/reference/benchmarks.md."""

from dataclasses import dataclass
from fractions import Fraction

from cliply.media.edit import Quality
from cliply.media.probe import Source

AUDIO_RATE = 48_000

# Above this, social networks show every second frame; rendering them all costs double.
_FASTEST = 31


@dataclass(frozen=True, slots=True)
class Preset:
    """x264 and AAC settings, and the scaler that goes with them."""

    speed: str
    parameters: str
    crf: int
    scaler: str
    """zscale's filter."""
    audio_kbps: int


# superfast switches macroblock-tree off; with it on again, it compresses like veryfast at half the cost.
PRESETS: dict[Quality, Preset] = {
    "draft": Preset("ultrafast", "cabac=1:no-deblock=0:deblock=0,0:aq-mode=2:8x8dct=1", 24, "bilinear", 128),
    "standard": Preset("superfast", "mbtree=1:rc-lookahead=15:partitions=i8x8:aq-mode=2", 19, "bicubic", 160),
    "high": Preset("medium", "aq-mode=2", 20, "lanczos", 192),
}


def frame_rate(source: Source, quality: Quality) -> str:
    """The constant rate for clips of `source`, as `Output.frame_rate` wants it."""
    if source.video is None:
        return "30"
    rate = source.video.frame_rate
    if quality != "high" and rate > _FASTEST:
        rate /= 2
    return str(max(rate, Fraction(24000, 1001)))


def video_arguments(quality: Quality, rate: Fraction, threads: int | None) -> list[str]:
    preset = PRESETS[quality]
    arguments = ["-c:v", "libx264", "-preset", preset.speed, "-x264-params", preset.parameters, "-crf", str(preset.crf)]
    arguments += ["-pix_fmt", "yuv420p", "-g", str(round(rate * 4)), "-r", str(rate), "-fps_mode", "cfr"]
    arguments += ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    if threads is not None:
        arguments += ["-threads", str(threads)]
    return arguments


def audio_arguments(quality: Quality) -> list[str]:
    return ["-c:a", "aac", "-b:a", f"{PRESETS[quality].audio_kbps}k", "-ar", str(AUDIO_RATE), "-ac", "2"]
