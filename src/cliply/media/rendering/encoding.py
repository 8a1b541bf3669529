"""How clips are encoded: the three qualities, measured in docs/reference/benchmarks.md."""

from dataclasses import dataclass
from fractions import Fraction

from cliply.media.edit import Quality

AUDIO_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Preset:
    """x264 and AAC settings, and the scaler that goes with them."""

    speed: str
    parameters: str
    crf: float
    scaler: str
    """zscale's filter."""
    audio_kbps: int
    audio_coder: str
    """AAC's search for the best coding: `fast` costs half."""
    decoding: tuple[str, ...] = ()
    """Options for the decoder."""


# Frames that no other refers to may keep their block edges: nobody sees it after scaling down, and it cannot spread.
_QUICK = ("-skip_loop_filter", "noref")

# superfast switches macroblock-tree off; with it on again, it compresses like veryfast at half the cost. A fixed
# pattern of one B-frame spares the search for a better one, which at this speed finds none: 18 % less processor time,
# and a higher VMAF with fewer bits (`python -m benchmarks picture`). Weaker adaptive quantisation spares bits again.
# Weighted prediction helps fades, which talks hardly have: 4 % of the encoder's time for the same bits and VMAF.
_STANDARD = "mbtree=1:rc-lookahead=15:partitions=i8x8:b-adapt=0:bframes=1:aq-mode=2:aq-strength=0.8:weightp=0"
# ultrafast without what costs most bits for its time; adaptive quantisation is not worth its time here.
_DRAFT = "cabac=1:no-deblock=0:deblock=0,0:8x8dct=1:b-adapt=0:bframes=1"

PRESETS: dict[Quality, Preset] = {
    "draft": Preset("ultrafast", _DRAFT, 23.5, "bilinear", 128, "fast", _QUICK),
    "standard": Preset("superfast", _STANDARD, 18.5, "bicubic", 160, "fast"),
    "high": Preset("medium", "aq-mode=2", 20, "lanczos", 192, "twoloop"),
}


def video_arguments(quality: Quality, rate: Fraction, threads: int | None) -> list[str]:
    preset = PRESETS[quality]
    arguments = ["-c:v", "libx264", "-preset", preset.speed, "-x264-params", preset.parameters, "-crf", str(preset.crf)]
    arguments += ["-pix_fmt", "yuv420p", "-g", str(round(rate * 4)), "-r", str(rate), "-fps_mode", "cfr"]
    arguments += ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    if threads is not None:
        arguments += ["-threads", str(threads)]
    return arguments


def audio_arguments(quality: Quality) -> list[str]:
    preset = PRESETS[quality]
    coder = ["-c:a", "aac", "-aac_coder", preset.audio_coder, "-b:a", f"{preset.audio_kbps}k"]
    return [*coder, "-ar", str(AUDIO_RATE), "-ac", "2"]
