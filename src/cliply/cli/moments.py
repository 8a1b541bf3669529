"""Moments as people say them: `tomorrow 18:00`, `in 2 hours`, `2026-12-01 18:00`.

Few words, and each means one moment: a guess would publish at another time than was meant.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import typer

HELP = "“tomorrow 18:00”, “friday 6 pm”, “in 2 hours” or 2026-12-01T18:00, in the workspace's time zone"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_IN = re.compile(r"in (\d{1,4}) ?(m|min|minutes?|h|hours?|d|days?|w|weeks?)")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))? ?(am|pm)?")
_DAY_AND_CLOCK = re.compile(rf"(?:(today|tomorrow|{'|'.join(_DAYS)}|\d{{4}}-\d{{2}}-\d{{2}}) )?(?:at )?(\d[\d: apm]*)")


class NotAMoment(typer.BadParameter):
    pass


def moment(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The moment that is meant in `zone`; None for `now`. Raises NotAMoment for what is over or cannot be told."""
    words = " ".join(text.lower().split())
    if words == "now":
        return None
    found = _elapsed(words, zone, now) or _said(words, zone, now) or _written(text.strip(), zone)
    if found is None:
        raise NotAMoment(f"“{text}” is no time. Write {HELP}.")
    if found <= now:
        raise NotAMoment(f"“{text}” is over: it is {spoken(now, zone)}. Write a time to come, or now.")
    return found


def spoken(at: datetime, zone: ZoneInfo) -> str:
    """`Tuesday, 1 December 2026, 18:00 (Europe/Berlin, UTC+01:00)`, or only `(UTC)`."""
    local = at.astimezone(zone)
    day = f"{_DAYS[local.weekday()].title()}, {local.day} {_MONTHS[local.month - 1]} {local.year}"
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    where = zone.key if zone.key == "UTC" else f"{zone.key}, {_offset(local)}"
    return f"{day}, {clock} ({where})"


def short(at: datetime, zone: ZoneInfo) -> str:
    """For a column of a list."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _elapsed(words: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """`in 24 hours` is so much later; `in 1 day` is tomorrow at the same time on the clock."""
    match = _IN.fullmatch(words)
    if match is None:
        return None
    count, unit = int(match[1]), match[2][0]
    now = now.replace(microsecond=0)
    if unit in "mh":
        return now + (timedelta(minutes=count) if unit == "m" else timedelta(hours=count))
    later = now.astimezone(zone) + timedelta(days=count * (7 if unit == "w" else 1))
    # A time that clocks leave out is as much later as they go forward.
    return later.astimezone(UTC)


def _said(words: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    match = _DAY_AND_CLOCK.fullmatch(words)
    clock = None if match is None else _clock(match[2].strip())
    if match is None or clock is None:
        return None
    today = now.astimezone(zone).date()

    def on(day: date) -> datetime:
        return _local(datetime.combine(day, clock), zone)

    match match[1]:
        case None:
            return _first_to_come(on, [today, today + timedelta(days=1)], now)
        case "today":
            return on(today)
        case "tomorrow":
            return on(today + timedelta(days=1))
        case day if day in _DAYS:
            ahead = today + timedelta(days=(_DAYS.index(day) - today.weekday()) % 7)
            return _first_to_come(on, [ahead, ahead + timedelta(days=7)], now)
        case written:
            try:
                return on(date.fromisoformat(written))
            except ValueError:
                return None


def _first_to_come(on: Callable[[date], datetime], days: list[date], now: datetime) -> datetime:
    """A day whose moment is over is not even looked at for what clocks do then."""
    first = on(days[0])
    return first if first > now else on(days[1])


def _clock(text: str) -> time | None:
    match = _CLOCK.fullmatch(text)
    if match is None or (match[2] is None and match[3] is None):
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _written(text: str, zone: ZoneInfo) -> datetime | None:
    """ISO 8601, with an offset of its own or without; a day alone is no moment."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-12-01"):
        return None
    try:
        return _local(found, zone) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _local(wall: datetime, zone: ZoneInfo) -> datetime:
    """The one moment at which clocks in `zone` show this. Raises NotAMoment where there is none, or two."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    shown = f"{wall:%H:%M} on {wall:%Y-%m-%d}"
    if first.astimezone(UTC) > second.astimezone(UTC):
        after = first.astimezone(UTC).astimezone(zone)
        raise NotAMoment(f"There is no {shown} in {zone.key}: clocks go forward then. {after:%H:%M} is what comes.")
    both = " or ".join(f"{wall:%Y-%m-%dT%H:%M}{_offset(each).removeprefix('UTC')}" for each in (first, second))
    raise NotAMoment(f"{shown} comes twice in {zone.key}: clocks go back then. Say which by its offset: {both}.")


def _offset(local: datetime) -> str:
    plain = f"{local:%z}"
    return f"UTC{plain[:3]}:{plain[3:5]}"
