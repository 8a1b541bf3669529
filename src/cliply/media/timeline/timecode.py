"""Frames as SMPTE timecode."""

from fractions import Fraction

_DROPPED = {Fraction(30000, 1001): 2, Fraction(60000, 1001): 4}
"""Numbers left out at the start of each minute but every tenth, so that the count keeps up with the clock."""


def drops_frames(rate: Fraction) -> bool:
    """Whether timecode at this rate is counted with drop-frame: 29.97 and 59.94."""
    return rate in _DROPPED


def timecode(frame: int, rate: Fraction) -> str:
    """`HH:MM:SS:FF`, or `HH:MM:SS;FF` in drop-frame (SMPTE 12M), wrapping after 24 hours."""
    nominal = round(rate)
    dropped = _DROPPED.get(rate, 0)
    if dropped:
        per_minute = nominal * 60 - dropped
        per_ten = per_minute * 10 + dropped
        tens, rest = divmod(frame, per_ten)
        # The first minute of ten keeps all its numbers.
        minutes = 0 if rest < nominal * 60 else 1 + (rest - nominal * 60) // per_minute
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02d}:{minutes:02d}:{seconds:02d}{';' if dropped else ':'}{frames:02d}"
