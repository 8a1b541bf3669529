"""What can be known before the work starts: refused here, in under two seconds, with what to do."""

import os
import shutil
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cliply.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from cliply.media import ffmpeg
from cliply.media.captions.fonts import brand_face
from cliply.media.captions.styles import load_style
from cliply.media.edit import Brand, Quality
from cliply.media.errors import NoSpeech, Unreadable
from cliply.media.highlights.selection import wanted_count
from cliply.media.isolation import Limits
from cliply.media.options import SHORTEST, ClipOptions
from cliply.media.probe import Sound, Source, printable
from cliply.media.rendering.bumper import bumper_source
from cliply.media.rendering.logo import check_logo
from cliply.media.speech.transcripts import load_transcript
from cliply.media.types import Millis, Span

MEGABYTE = 1_000_000
_LISTENS = 1.2
"""Seconds spent on looking for a first sound. A longer silence is left to the analysis, which hears all of it."""
_FAINTEST = 16
"""Of 32768; about -66 dBFS. A switched-off microphone is below, the quietest room above."""
# Bytes a second of clip, picture and sound: the upper end of what was measured on talks, slides and hand-held
# recordings with much motion (docs/reference/benchmarks.md).
_BYTES_A_SECOND: dict[Quality, int] = {"draft": 1_250_000, "standard": 1_500_000, "high": 1_250_000}
_BESIDES = 4 * MEGABYTE
"""Bytes a clip for covers, subtitles and its sound while it is made."""
_SPEECH = 32_000
"""Bytes a second of source: the sound that is kept for recognition."""
_SPARE = 100 * MEGABYTE
"""Left free, so that a full disk does not stop other programs."""


def check_request(source: Source, options: ClipOptions, folder: Path, cache: Path) -> None:
    """Raise for whatever would make the run fail later; the kinds are those of `cliply.errors`.

    `cache`: where what is learned of the source is kept.
    """
    part = _part(source, options)
    _check_name(source.path)
    check_length(source, options, part)
    check_look(options.style, options.brand)
    if options.transcript is not None:
        load_transcript(options.transcript)
    check_folder(folder)
    check_space(folder, estimate_bytes(source, options), cache, int(source.duration / 1000 * _SPEECH))
    check_sound(source, part)


def check_more(options: ClipOptions, folder: Path, spans: Sequence[Span]) -> None:
    """Raise for whatever would keep further clips from being made in `folder`."""
    check_look(options.style, options.brand)
    check_folder(folder)
    check_space(folder, _clip_bytes(sum(span.duration for span in spans), len(spans), options.quality))


def check_look(style: str, brand: Brand) -> None:
    """Raise for a caption style or a file of the brand that is not there or cannot be used."""
    load_style(style)
    _check_brand(brand)


def check_sound(source: Source, part: Span | None = None) -> None:
    """Raise NoSpeech when there is no sound, or nothing but digital silence, in `part` or the whole of `source`."""
    if source.sound is None:
        raise NoSpeech(
            f"{_named(source)} has no sound, so there is nobody to listen to. "
            "Name the recording that has it, or add the sound with an editing program."
        )
    if not is_heard(source, source.sound, part or Span(0, source.duration)):
        raise NoSpeech(
            f"The sound of {_named(source)} is silence from beginning to end. "
            "Was the microphone muted? Name the recording that has the sound."
        )


def check_folder(folder: Path) -> None:
    """Raise Conflict or NotAllowed unless `folder` is there or can be made, and may be written."""
    nearest = _nearest(folder)
    if not nearest.is_dir():
        raise Conflict(
            f"“{printable(str(nearest))}” is a file, so no folder can be made there. Name another with --out."
        )
    # Where the system shows its own state as files, there is no disk at all.
    if not os.access(nearest, os.W_OK | os.X_OK) or not shutil.disk_usage(nearest).total:
        raise NotAllowed(
            f"“{printable(str(nearest))}” may not be written. Name a folder of your own with --out, "
            "for example --out ~/Videos/clips."
        )


def check_space(folder: Path, needed: int, cache: Path | None = None, kept: int = 0) -> None:
    """Raise LimitReached unless the disks of `folder` and `cache` have room for what is written there, and to spare."""
    if cache is not None and _disk(cache) != _disk(folder):
        if (free := shutil.disk_usage(_nearest(cache)).free) < kept + _SPARE:
            raise LimitReached(
                f"What is heard takes {_size(kept)} of the cache, but its disk has only {_size(max(0, free - _SPARE))} "
                "to spare. Make room, or name a folder on another disk in the environment variable CLIPLY_CACHE."
            )
        kept = 0
    needed += kept
    free = shutil.disk_usage(_nearest(folder)).free
    if free < needed + _SPARE:
        raise LimitReached(
            f"The clips may need {_size(needed)}, but the disk has only {_size(max(0, free - _SPARE))} to spare. "
            "Make room, or name a folder on another disk with --out, or ask for fewer clips or --quality draft."
        )


def estimate_bytes(source: Source, options: ClipOptions) -> int:
    """An upper estimate of the bytes that a run writes into its folder: clips and what lies beside them."""
    part = _part(source, options)
    count = options.count if options.count is not None else wanted_count(part.duration)
    # No clip is longer than asked, and all together they are no longer than the source.
    clip = min(options.longest, (options.shortest + options.longest) // 2 + 5_000)
    return _clip_bytes(min(count * clip, part.duration), count, options.quality)


def _clip_bytes(length: Millis, count: int, quality: Quality) -> int:
    return int(length / 1000 * _BYTES_A_SECOND[quality]) + count * _BESIDES


def _disk(folder: Path) -> int:
    return _nearest(folder).stat().st_dev


def is_heard(source: Source, sound: Sound, part: Span) -> bool:
    """Whether anything is louder than digital silence; True if that took too long to find out."""
    arguments: list[str | Path] = ["-ss", f"{part.start / 1000:.3f}", *ffmpeg.guarded(source.path)]
    arguments += ["-map", f"0:a:{sound.index}", "-t", f"{part.duration / 1000:.3f}", "-vn", "-sn", "-dn"]
    arguments += ["-ac", "1", "-ar", "8000", "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]
    deadline = time.monotonic() + _LISTENS
    rest = b""
    try:
        with closing(ffmpeg.stream(arguments, limits=Limits(wall_seconds=20, cpu_seconds=20))) as chunks:
            for chunk in chunks:
                whole = rest + chunk
                rest = whole[len(whole) // 2 * 2 :]
                if _loudest(whole[: len(whole) // 2 * 2]) > _FAINTEST or time.monotonic() > deadline:
                    return True
    except Unreadable as broken:
        raise Unreadable(
            f"The sound of {_named(source)} cannot be decoded; it is damaged. Try to play or convert it first."
        ) from broken
    return False


def _loudest(little_endian: bytes) -> int:
    samples = array("h", little_endian)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(max(samples, default=0), -min(samples, default=0))


def _check_name(path: Path) -> None:
    try:
        str(path.absolute()).encode("utf-8")
    except UnicodeEncodeError as undecodable:
        raise Invalid(
            "The name of the file or of its folder is not valid text, so no edit can refer to it. Rename it first."
        ) from undecodable


def _part(source: Source, options: ClipOptions) -> Span:
    whole = Span(0, source.duration)
    return options.within.clamp(whole) if options.within is not None else whole


def check_length(source: Source, options: ClipOptions, part: Span) -> None:
    """Raise Invalid when the lengths contradict each other, or `part` is shorter than the shortest clip."""
    if options.shortest > options.longest:
        raise Invalid(
            f"The shortest clip ({_clock(options.shortest)}) is longer than the longest ({_clock(options.longest)}). "
            "Change --min or --max."
        )
    if options.within is not None and options.within.start >= source.duration:
        raise Invalid(f"{_named(source)} ends at {_clock(source.duration)}, before the part that is asked for.")
    if part.duration < options.shortest:
        what = "The chosen part" if options.within is not None else _named(source)
        raise Invalid(
            f"{what} lasts {part.duration // 100 / 10:.1f} s, "
            f"less than the shortest clip of {options.shortest / 1000:g} s. "
            f"{'Allow shorter clips with --min, or use' if options.shortest > SHORTEST else 'Use'} a longer recording."
        )


def _check_brand(brand: Brand) -> None:
    for path in (brand.logo, brand.font, brand.intro, brand.outro):
        if path is not None and not Path(path).is_file():
            raise NotFound(f"“{printable(str(path))}”, named by the brand, does not exist. Check the brand file.")
    if brand.logo is not None:
        check_logo(brand.logo)
    if brand.font is not None:
        brand_face(brand.font)
    for video in dict.fromkeys(filter(None, (brand.intro, brand.outro))):
        bumper_source(video)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the closest one above it that is there."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(each))


def _named(source: Source) -> str:
    return f"“{printable(source.path.name)}”"


def _clock(at: Millis) -> str:
    return f"{at // 60_000}:{at // 1000 % 60:02d}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
