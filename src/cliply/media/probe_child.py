"""Runs alone in a limited process: opens one file with PyAV and prints what it is as one line of JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import av
import av.error

from cliply.media.ffmpeg import CONTAINERS, MAX_PIXELS

TEXT_SUBTITLES = ("subrip", "webvtt", "ass", "ssa", "mov_text", "text")
LONGEST = 24 * 3600
HELD = 3.0
"""Seconds at an end for which the nearest frame is held without a word."""
_STILL = 20.0
"""Seconds that the last frame of a varying rate may last: what does not change is not stored again."""
_SNIFFED = {
    b"\x89PNG": "is a picture, not a video. Name a video or sound file.",
    b"\xff\xd8\xff": "is a picture, not a video. Name a video or sound file.",
    b"GIF8": "is a picture, not a video. Name a video or sound file.",
    b"<svg": "is a drawing, not a video. Name a video or sound file.",
    b"<!do": "is a web page, not a video. Download the video itself.",
    b"<htm": "is a web page, not a video. Download the video itself.",
    b"#EXT": "is a playlist that points to other files. Download the video itself.",
    b"ffco": "is a list that points to other files. Name one of the videos.",
    b"<?xm": "is a text file that points to other files. Download the video itself.",
    b"<MPD": "is a playlist that points to other files. Download the video itself.",
    b"v=0\r": "is a description of a live stream. Download the video itself.",
    b"v=0\n": "is a description of a live stream. Download the video itself.",
}


def describe(path: str) -> dict[str, Any]:
    """Facts about the file, or {"error": what is wrong and what to do}."""
    with open(path, "rb") as file:  # noqa: PTH123 - this child stays small
        start = file.read(16).lstrip(b"\xef\xbb\xbf \r\n\t")
    for magic, answer in _SNIFFED.items():
        if start[: len(magic)].lower() == magic.lower():
            return {"error": answer}
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": CONTAINERS,
        "max_streams": "64",
        "probesize": "20M",
        "analyzeduration": "20M",
    }
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="ignore") as container:
            return _describe(container)
    except (av.error.FFmpegError, OSError, ValueError):
        return {
            "error": "is not a video or sound file that can be read, or it is damaged. Try to play or convert it first."
        }


def _describe(container: Any) -> dict[str, Any]:
    pictures = [stream for stream in container.streams.video if not _is_cover(stream)]
    video = pictures[0] if pictures else None
    sounds = [stream for stream in container.streams.audio if stream.codec_context is not None and stream.rate]
    sound = next(
        (stream for stream in sounds if stream.disposition & stream.disposition.__class__.default),
        sounds[0] if sounds else None,
    )
    if video is None and sound is None:
        return {"error": "has neither picture nor sound that can be read. Try to convert it first."}
    if video is not None and _too_large(video):
        return {
            "error": f"claims a picture of {video.width} × {video.height}, more than 8K. "
            "It is damaged, or convert it to a smaller size."
        }
    first = _first_frame(container, video)
    if video is not None and first is None and sound is None:
        return {"error": "has no picture that can be decoded; it is damaged or cut short. Copy or download it again."}
    duration = _declared(container, video, sound)
    reached = _reach(container, sound or video, duration).end
    looked = _reach(container, video, duration) if video is not None else _Reach(0.0, 0.0)
    begins = _file_time(0.0, video, sound)
    if video is not None and sound is not None:
        reached = max(_file_time(reached, sound, video), _file_time(looked.end, video, sound))
    damage = _damage(duration, reached)
    length = min(duration, reached) if damage else (duration or reached)
    ends = _shown_until(video, begins + looked.end, length)
    if not damage and first is not None:
        damage = _without_picture(begins, ends, length)
    if length <= 0:
        return {"error": "holds nothing that can be played. Copy or download it again."}
    if length > LONGEST:
        return {
            "error": f"claims to last {length / 3600:.0f} hours. "
            "It is damaged, or cut it into parts of at most 24 hours."
        }
    return {
        "container": container.format.name,
        "duration": round(length * 1000),
        "damage": damage,
        "video": _video(video, first)
        | {"last": str(round((begins + looked.last) * 1000)), "end": str(round(ends * 1000))}
        if video is not None and first is not None
        else None,
        "sound": _sound(container, sound) if sound is not None else None,
        "subtitles": [
            {
                "index": index,
                "codec": stream.codec_context.name if stream.codec_context else "",
                "language": stream.language or "",
            }
            for index, stream in enumerate(container.streams.subtitles)
            if stream.codec_context is not None and stream.codec_context.name in TEXT_SUBTITLES
        ],
    }


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & stream.disposition.__class__.attached_pic) or stream.codec_context is None


def _too_large(video: Any) -> bool:
    return bool(video.width * video.height > MAX_PIXELS or max(video.width, video.height) > 16_384)


def _packets(container: Any, stream: Any, at: float | None = None) -> Iterator[Any]:
    start = stream.start_time * stream.time_base if stream.start_time is not None else Fraction(0)
    target = start if at is None else start + Fraction(at)
    try:
        container.seek(int(target / stream.time_base), stream=stream, any_frame=False, backward=True)
        yield from container.demux(stream)
    except (av.error.FFmpegError, OSError):
        return


def _first_frame(container: Any, video: Any) -> Any | None:
    if video is None:
        return None
    video.codec_context.thread_count = 1
    # Without a seek: in a transport stream that would land behind the first key frame.
    try:
        for packet in islice(container.demux(video), 200):
            with suppress(av.error.FFmpegError, OSError):
                if frames := packet.decode():
                    return frames[0]
    except (av.error.FFmpegError, OSError):
        return None
    return None


def _declared(container: Any, *streams: Any) -> float:
    """Seconds that the file says it lasts; 0 if it does not say."""
    lengths = [
        float(stream.duration * stream.time_base) for stream in streams if stream is not None and stream.duration
    ]
    if container.duration:
        lengths.append(container.duration / 1_000_000)
    return max(lengths, default=0.0)


class _Reach(NamedTuple):
    """Seconds from a stream's start."""

    last: float
    """Where its last packet begins."""
    end: float


def _reach(container: Any, stream: Any, declared: float) -> _Reach:
    """How far packets really reach, looking at the end of long files only."""
    start = float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0
    for at in (max(0.0, declared - 5), declared / 2, 0.0):
        last = reached = 0.0
        for packet in islice(_packets(container, stream, at), 200_000):
            if packet.pts is not None and packet.size:
                last = max(last, float(packet.pts * packet.time_base) - start)
                reached = max(reached, float((packet.pts + (packet.duration or 0)) * packet.time_base) - start)
        if reached > 0 and (reached >= declared - 6 or at == 0.0):
            return _Reach(last, reached)
    return _Reach(0.0, 0.0)


def _file_time(seconds: float, stream: Any, other: Any) -> float:
    """A stream's time as time of the file, which begins with the first picture or sound."""
    late = 0 if stream is None or other is None else max(0, _millis(stream) - _millis(other))
    return seconds + late / 1000


def _shown_until(video: Any, ends: float, length: float) -> float:
    if video is None or ends <= 0:
        return length
    average, base = video.average_rate, video.base_rate
    constant = average and base and abs(average - base) < Fraction(1, 100)
    return min(length, ends if constant else ends + _STILL)


def _without_picture(begins: float, ends: float, length: float) -> str:
    """What is said of a recording whose picture does not last as long as its sound."""
    if length - ends > HELD:
        return f"The picture ends after {ends:.1f} s, but the sound goes on until {length:.1f} s."
    if begins > HELD:
        return f"The sound begins at once, but the picture after {begins:.1f} s only."
    return ""


def _damage(declared: float, reached: float) -> str:
    if declared - reached > max(2.0, declared * 0.05):
        return (
            f"The file says it lasts {declared:.1f} s but only {reached:.1f} s can be read; it was cut short. "
            "What can be read is used."
        )
    return ""


def _video(stream: Any, frame: Any) -> dict[str, Any]:
    context = stream.codec_context
    average, base = stream.average_rate or Fraction(0), stream.base_rate or Fraction(0)
    rate = average or base or Fraction(30)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return {
        "codec": context.name,
        "width": frame.width,
        "height": frame.height,
        "rate": str(min(max(rate, Fraction(1)), Fraction(240))),
        "constant_rate": bool(average and base and abs(average - base) < Fraction(1, 100)),
        "rotation": str(-frame.rotation % 360),
        "pixel_aspect": str(aspect if 0 < aspect < 20 and aspect > Fraction(1, 20) else Fraction(1)),
        "pixel_format": frame.format.name,
        "colour_transfer": _colour_names(context.color_trc, {1: "bt709", 16: "smpte2084", 18: "arib-std-b67"}),
        "colour_space": _colour_names(context.colorspace, {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020nc"}),
        "colour_range": _colour_names(context.color_range, {1: "tv", 2: "pc"}),
        "start": str(_millis(stream)),
        "reorders": bool(context.has_b_frames),
    }


def _colour_names(value: Any, names: dict[int, str]) -> str:
    """ffmpeg's name of a colour property; empty where it is unspecified."""
    return names.get(int(value), "" if int(value) in (0, 2) else f"other-{int(value)}")


def _sound(container: Any, stream: Any) -> dict[str, Any]:
    return {
        "codec": stream.codec_context.name,
        "index": list(container.streams.audio).index(stream),
        "rate": stream.rate,
        "channels": stream.channels,
        "start": _millis(stream),
    }


def _millis(stream: Any) -> int:
    return round(float(stream.start_time * stream.time_base) * 1000) if stream.start_time is not None else 0


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1])))  # noqa: T201 - the answer
