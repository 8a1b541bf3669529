"""How long a service wants to be left alone, as it says in `Retry-After`."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_wait(told: str | None) -> float | None:
    """Seconds, told as such or as a date; None where that names no time."""
    told = (told or "").strip()
    try:
        seconds = float(told)
    except ValueError:
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
