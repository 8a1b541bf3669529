"""Times, counts and lengths as people type them, and a place in a video as they read it."""

import re

import typer

from cliply.media.options import SHORTEST
from cliply.media.types import Millis, Span, millis

FROM_HELP = "Only look from this time on: 90, 1:30 or 1:02:03."
TO_HELP = "Only look up to this time."
_CLOCK = re.compile(r"^(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:[.,]\d+)?)$")
_UNITS = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$")


def time(text: str) -> Millis:
    """`90`, `1:30`, `1:02:03.5` or `1h2m3s`."""
    match = _CLOCK.match(text.strip()) or (_UNITS.match(text.strip()) if text.strip() else None)
    if match is None:
        raise typer.BadParameter(f"“{text}” is not a time. Write seconds (90), minutes (1:30) or hours (1:02:03).")
    hours, minutes, seconds = match.groups()
    whole = float((seconds or "0").replace(",", "."))
    if match.re is _CLOCK and ((hours and int(minutes) >= 60) or (minutes and whole >= 60)):
        raise typer.BadParameter(f"“{text}” is not a time: after a colon, numbers end at 59.")
    return millis(int(hours or 0) * 3600 + int(minutes or 0) * 60 + whole)


def part(begin: str | None, end: str | None, duration: Millis) -> Span | None:
    """The asked part of a source; None for all of it."""
    if begin is None and end is None:
        return None
    start = time(begin) if begin is not None else 0
    stop = time(end) if end is not None else duration
    if start >= duration:
        raise typer.BadParameter(f"--from {begin} lies behind the end of the source ({clock(duration)}).")
    if stop <= start:
        raise typer.BadParameter("--to must be later than --from.")
    return Span(start, min(stop, duration))


def count(text: str) -> int | None:
    """`auto` or a number from 1 to 100."""
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise typer.BadParameter(f"“{text}” is not a count. Write auto, or a number from 1 to 100.")
    return int(text)


def length(seconds: float, option: str) -> Millis:
    """A clip length from 3 seconds to 10 minutes."""
    if not SHORTEST / 1000 <= seconds <= 600:
        raise typer.BadParameter(f"{option} must be from 3 to 600 seconds, not {seconds:g}.")
    return millis(seconds)


def longest(seconds: float, shortest: float) -> Millis:
    """The longest clip length, which cannot be under the shortest."""
    if seconds < shortest:
        raise typer.BadParameter(f"--max ({seconds:g}) must not be less than --min ({shortest:g}).")
    return length(seconds, "--max")


def level(lufs: float) -> float:
    """A loudness; `nan` passes any comparison with a limit."""
    if not -31 <= lufs <= -8:
        raise typer.BadParameter("--loudness must be from -31 to -8 LUFS.")
    return lufs


def language(text: str) -> str | None:
    """A two- or three-letter language code; None for `auto`."""
    code = text.strip().lower()
    if code == "auto":
        return None
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise typer.BadParameter(f"“{text}” is not a language code. Write two letters, such as en or de, or auto.")
    return code


def listed(text: str) -> tuple[str, ...]:
    """Words or phrases separated by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def clock(at: Millis) -> str:
    """`1:05` or `1:02:03`."""
    whole = at // 1000
    hours, minutes, seconds = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
