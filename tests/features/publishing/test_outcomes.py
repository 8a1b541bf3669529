"""What each failure of a network makes of a publication."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import pytest

from cliply.features.publishing.models import PublicationState
from cliply.features.publishing.outcomes import DOUBTS, LOOKS, MOST_ATTEMPTS, next_doubt, next_look, outcome_of
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

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


def most(_low: float, high: float) -> float:
    return high


def soon(failure: str = "It is busy.", at: datetime | None = None) -> TryLater:
    return TryLater(failure, "busy", at=at, concerns=Concerns.REQUEST)


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (Rejected("The title is too long.", "invalidTitle"), PublicationState.REJECTED),
        (Reconnect("Connect it again.", "invalid_grant"), PublicationState.NEEDS_RECONNECT),
        (soon(at=TOMORROW), PublicationState.PARKED),
        (Misconfigured("The app is not set up.", "invalid_client"), PublicationState.PARKED),
        (TokenExpired("It is over.", "authError"), PublicationState.PARKED),
        (Unknown("No answer came."), PublicationState.UNKNOWN),
    ],
)
def test_each_failure_has_its_state_and_says_why(failure: PublishFailure, state: PublicationState) -> None:
    outcome = outcome_of(failure, begun=True, attempts=0, now=NOW)
    assert (outcome.state, outcome.error, outcome.code) == (state, str(failure), failure.code)


def test_a_time_that_the_network_names_is_kept_and_is_never_over_already() -> None:
    assert outcome_of(soon(at=TOMORROW), begun=False, attempts=3, now=NOW).next_at == TOMORROW
    assert outcome_of(soon(at=NOW - timedelta(days=1)), begun=False, attempts=0, now=NOW).next_at == NOW


def test_a_network_that_always_says_soon_is_given_as_long_as_one_that_says_nothing() -> None:
    """A breaker that is open names a minute each time: an outage of some hours must not use up all attempts."""
    waited = 0.0
    for attempts in range(MOST_ATTEMPTS):
        at = outcome_of(soon(at=NOW + timedelta(minutes=1)), begun=False, attempts=attempts, now=NOW, draw=most).next_at
        assert at is not None
        waited += (at - NOW).total_seconds()
    assert waited > 18 * 3600


def test_waits_grow_up_to_an_hour() -> None:
    waits = []
    for attempts in range(MOST_ATTEMPTS):
        at = outcome_of(soon(), begun=False, attempts=attempts, now=NOW, draw=most).next_at
        assert at is not None
        waits.append((at - NOW).total_seconds())
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (10, 3600)
    assert sum(waits) > 18 * 3600


def test_what_was_put_off_too_often_is_rejected_if_nothing_was_begun_and_looked_for_if_it_was() -> None:
    assert outcome_of(soon(), begun=False, attempts=MOST_ATTEMPTS, now=NOW).state is PublicationState.REJECTED
    begun = outcome_of(soon(), begun=True, attempts=MOST_ATTEMPTS, now=NOW)
    assert (begun.state, begun.next_at) == (PublicationState.UNKNOWN, None)


def test_a_lost_answer_before_anything_was_begun_is_no_mystery() -> None:
    outcome = outcome_of(Unknown("No answer came."), begun=False, attempts=0, now=NOW)
    assert outcome.state is PublicationState.PARKED


def test_looks_get_rarer_and_go_on() -> None:
    assert [next_look(number, NOW) - NOW for number in range(len(LOOKS) + 2)] == [*LOOKS, LOOKS[-1], LOOKS[-1]]
    assert next_look(1000, NOW) - NOW == timedelta(hours=1)


def test_nobody_waits_half_as_long_again_for_what_a_network_has_done_within_two_minutes() -> None:
    passed = list(accumulate(wait.total_seconds() for wait in LOOKS))
    minutes = [(earlier, later) for earlier, later in pairwise(passed) if 10 <= earlier < 90]
    assert [pair for pair in minutes if pair[1] > 1.5 * pair[0]] == []
    assert minutes[-1][1] >= 90


def looked_at() -> list[float]:
    """Seconds after the sending at which somebody looks, for an hour."""
    at = NOW
    times: list[float] = []
    while at < NOW + timedelta(hours=1):
        at = next_look(len(times), at)
        times.append((at - NOW).total_seconds())
    return times


def test_what_is_done_soon_is_seen_soon() -> None:
    """Most videos take less than a minute and a half: nobody waits twice as long as the network does."""
    for done in range(2, 90):
        seen = min(at for at in looked_at() if at >= done)
        assert seen <= 2 * done, f"done after {done} s, seen after {seen} s"


def test_looks_take_a_small_part_of_a_days_quota() -> None:
    """A hundred uploads a day, each of which takes an hour, leave most of the 10,000 units."""
    assert len(looked_at()) * 100 <= 1500


def test_what_was_not_found_is_looked_for_again_no_sooner_than_lists_come_up_to_date() -> None:
    assert [next_doubt(number, NOW) - NOW for number in range(7)] == [*DOUBTS, DOUBTS[-1], DOUBTS[-1]]
    assert next_doubt(2, NOW) - NOW >= timedelta(minutes=1)
