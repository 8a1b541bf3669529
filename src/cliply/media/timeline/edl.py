"""CMX3600 edit decision lists: one picture track with its sound, frame-exact, in SMPTE timecode.

The format knows neither layers nor crops: an event shows the lowest layer, and comments tell what the camera does.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from fractions import Fraction

from cliply.media.timeline.media import Facts, MediaFacts
from cliply.media.timeline.shots import Cut, Layer, Shot
from cliply.media.timeline.timecode import drops_frames, timecode

_RECORD_HOUR = 1
"""Tapes, and all editing programs since, begin their programme at one hour."""
_REEL = 8
"""Characters; CMX3600 allows no more."""


def edl_text(name: str, cuts: Sequence[Cut], facts: Facts) -> str:
    """The cuts one after the other, as the text of an .edl file."""
    rate = cuts[0].rate
    lines = [f"TITLE: {_plain(name)[:70]}", f"FCM: {'DROP FRAME' if drops_frames(rate) else 'NON-DROP FRAME'}", ""]
    reels = _reels([facts(cut) for cut in cuts])
    first_record = record_start(rate)
    event = 0
    for cut in cuts:
        for shot in cut.shots:
            event += 1
            lines += _event(event, cut, shot, facts(cut), reels[facts(cut).url], first_record)
    return "\n".join(lines) + "\n"


def record_start(rate: Fraction) -> int:
    """The frame whose timecode is 01:00:00:00; in drop-frame an hour has fewer frames."""
    nominal = round(rate) * 3600 * _RECORD_HOUR
    return nominal - (round(rate) // 30 * 2 * 54 * _RECORD_HOUR if drops_frames(rate) else 0)


def _event(number: int, cut: Cut, shot: Shot, facts: MediaFacts, reel: str, first_record: int) -> Iterator[str]:
    channels = "AA/V" if facts.sound and facts.picture else "V" if facts.picture else "AA"
    times = [
        timecode(frame, cut.rate)
        for frame in (
            shot.first,
            shot.end,
            first_record + shot.record,
            first_record + shot.record + shot.count,
        )
    ]
    yield f"{number:03d}  {reel:<8} {channels:<5} C        {' '.join(times)}"
    yield f"* FROM CLIP NAME: {_plain(facts.name)}"
    yield f"* SOURCE FILE: {facts.url}"
    if shot.record == cut.start:
        yield f"* COMMENT: CLIP {_plain(cut.name)}"
    yield f"* COMMENT: LAYOUT {shot.layout}"
    for level, layer in enumerate(shot.layers, 1):
        yield from _camera(level, layer, shot)
    for first, count in shot.muted:
        yield f"* COMMENT: MUTED FROM FRAME {first - shot.first} FOR {count} FRAMES"
    yield ""


def _camera(level: int, layer: Layer, shot: Shot) -> Iterator[str]:
    place = layer.place
    if layer.blurred:
        yield f"* COMMENT: LAYER {level} BLURRED BACKDROP"
        return
    yield f"* COMMENT: LAYER {level} PLACE {place.x:g} {place.y:g} {place.width:g} {place.height:g}"
    for key in layer.keys:
        box = key.box
        yield (
            f"* COMMENT: LAYER {level} CROP FRAME {key.frame - shot.first} X {box.x:.1f} Y {box.y:.1f} "
            f"W {box.width:.1f} H {box.height:.1f}{' EASED' if key.eased else ''}"
        )


def _reels(files: Sequence[MediaFacts]) -> dict[str, str]:
    """A name of at most eight plain characters for each file, different for different files."""
    reels: dict[str, str] = {}
    for file in files:
        if file.url in reels:
            continue
        plain = unicodedata.normalize("NFKD", file.name.rpartition(".")[0] or file.name).encode("ascii", "ignore")
        reel = re.sub(r"[^A-Z0-9]", "", plain.decode().upper())[:_REEL] or "SOURCE"
        number = 1
        while reel in reels.values():
            number += 1
            reel = f"{reel[: _REEL - len(str(number))]}{number}"
        reels[file.url] = reel
    return reels


def _plain(text: str) -> str:
    """On one line: a line break in a file's name would otherwise begin a new statement."""
    return "".join(char if char.isprintable() else "?" for char in text)
