"""What becomes of a publication whose network did not do what was asked. Pure."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cliply.features.publishing.models import PublicationState
from cliply.integrations.publisher import (
    Concerns,
    Misconfigured,
    PublishFailure,
    Reconnect,
    Rejected,
    TokenExpired,
    TryLater,
    Unknown,
)

MOST_ATTEMPTS = 30
"""Times in a row that something is put off; with waits of up to an hour that is more than a day."""
LOOKS = (
    timedelta(seconds=2),
    timedelta(seconds=3),
    timedelta(seconds=5),
    timedelta(seconds=5),
    timedelta(seconds=5),
    timedelta(seconds=10),
    timedelta(seconds=10),
    timedelta(seconds=20),
    timedelta(seconds=30),
    timedelta(seconds=60),
    timedelta(minutes=5),
    timedelta(minutes=15),
)
"""Between two looks at what a network is working on; the last of them again and again, for a day. Each costs one of the
units that Google gives an app, so that what takes hours is looked at rarely. Clips take a minute as a rule, and
somebody may be waiting: from ten seconds up to a minute and a half, no gap is longer than half of what has passed."""
DOUBTS = (
    timedelta(seconds=5),
    timedelta(seconds=15),
    timedelta(seconds=60),
    timedelta(minutes=5),
    timedelta(minutes=15),
)
"""Between two looks for what may or may not be there: a network's lists can be minutes behind."""
SOON = DOUBTS[1]
_RARELY, _RARELY_AFTER = timedelta(hours=1), 100
_FIRST, _LONGEST = timedelta(seconds=10), timedelta(hours=1)
_MENDING = timedelta(minutes=30)
"""How long operators are given before what is set up wrongly is tried again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state that follows, what people are told, and when something happens by itself."""

    state: PublicationState
    error: str
    code: str
    next_at: datetime | None = None
    concerns: Concerns = Concerns.REQUEST
    anew: bool = False
    """Whether what was begun is of no use any more."""


def outcome_of(
    failure: PublishFailure,
    *,
    begun: bool,
    attempts: int,
    now: datetime,
    draw: Callable[[float, float], float] = random.uniform,
) -> Outcome:
    """`begun`: the network knows of it, so that it cannot be given up as if nothing had been sent."""
    told, code = str(failure), failure.code
    match failure:
        case Rejected():
            return Outcome(PublicationState.REJECTED, told, code)
        case Reconnect():
            return Outcome(PublicationState.NEEDS_RECONNECT, told, code)
        case Unknown() if begun:
            return Outcome(PublicationState.UNKNOWN, told, code, now + SOON)
    if attempts >= MOST_ATTEMPTS:
        if begun:
            return Outcome(PublicationState.UNKNOWN, f"{told} It was tried for too long; see what is there.", code)
        return Outcome(PublicationState.REJECTED, f"{told} It was tried {attempts} times and given up.", code)
    match failure:
        case TryLater(at=at, concerns=concerns, anew=anew):
            soonest = now if at is not None and not attempts else now + _grown(attempts, draw)
            # A time that is named again and again is not believed: attempts have to last for longer than an outage.
            return Outcome(PublicationState.PARKED, told, code, max(at or now, soonest), concerns, anew)
        case Misconfigured():
            return Outcome(PublicationState.PARKED, told, code, now + _MENDING, Concerns.APP)
        case TokenExpired():
            # A fresh one was not taken either.
            return Outcome(PublicationState.PARKED, told, code, now + _grown(attempts, draw), Concerns.ACCOUNT)
    return Outcome(PublicationState.PARKED, told, code, now + _grown(attempts, draw))


def next_look(looks: int, now: datetime) -> datetime:
    """When to look again after `looks` looks."""
    return now + (_RARELY if looks >= _RARELY_AFTER else LOOKS[min(looks, len(LOOKS) - 1)])


def next_doubt(looks: int, now: datetime) -> datetime:
    """When to look again for what `looks` looks have not found, or could not tell of."""
    return now + DOUBTS[min(looks, len(DOUBTS) - 1)]


def _grown(attempts: int, draw: Callable[[float, float], float]) -> timedelta:
    bound = min(_LONGEST.total_seconds(), _FIRST.total_seconds() * 2.0 ** min(attempts, 16))
    return timedelta(seconds=bound * draw(0.5, 1.0))
