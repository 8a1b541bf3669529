"""The ages at which figures are taken: the same for every post, so that posts can be compared. Pure."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

AGES = (1, 3, 6, 24, 72, 168, 672)
"""Hours after something was published; the last two are a week and four weeks."""
LAST_CALL = timedelta(days=35)
"""After this nothing is asked any more: figures of a year later are none of four weeks."""
_FIRST, _LONGEST = timedelta(minutes=5), timedelta(hours=6)
_HARDEST = timedelta(days=1)


def due(counts_from: datetime, now: datetime) -> int | None:
    """The age that figures of now are for: the last one that has been reached. Those before it were missed."""
    reached = [age for age in AGES if counts_from + timedelta(hours=age) <= now]
    return reached[-1] if reached and now <= counts_from + LAST_CALL else None


def following(counts_from: datetime, now: datetime) -> datetime | None:
    """When the next age is reached; None after the last."""
    moments = (counts_from + timedelta(hours=age) for age in AGES)
    return next((moment for moment in moments if moment > now), None)


def again(attempts: int, now: datetime, draw: Callable[[float, float], float] = random.uniform) -> datetime:
    """When a network is asked again that told nothing `attempts` times before."""
    return now + _grown(attempts, _LONGEST) * draw(0.5, 1.0)


def look_again(looks: int, now: datetime) -> datetime:
    """When it is looked again for the number of a post, which may never be told."""
    return now + _grown(looks, _HARDEST)


def _grown(times: int, longest: timedelta) -> timedelta:
    return min(longest, _FIRST * 2.0 ** min(times, 16))
