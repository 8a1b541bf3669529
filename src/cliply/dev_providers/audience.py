"""People who watch what is shown: how many they are grows by the clock, for each post in its own way."""

import math
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

_HALF_OF_THEM = timedelta(hours=18)
"""After which half of all who ever watch a post have done so."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Of one post, until now."""

    views: int
    likes: int
    comments: int
    shares: int
    minutes: float
    percent: float


def watched(post_id: str, shown_for: timedelta) -> Watched:
    """The same for the same post; no number ever falls while it is shown for longer."""
    drawn = sha256(post_id.encode()).digest()
    in_all = 10 ** (2 + drawn[0] / 85)
    views = int(in_all * (1 - math.exp(-math.log(2) * max(timedelta(), shown_for) / _HALF_OF_THEM)))
    percent = (40 + drawn[1] / 4) if views else 0.0
    return Watched(
        views,
        likes=views * (10 + drawn[2] // 8) // 500,
        comments=views * (1 + drawn[3] // 64) // 1000,
        shares=views * (1 + drawn[4] // 64) // 800,
        minutes=views * 0.5 * percent / 100,
        percent=percent,
    )
