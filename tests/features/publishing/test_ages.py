from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cliply.features.publishing.ages import AGES, LAST_CALL, again, due, following, look_again

BEGAN = datetime(2026, 10, 24, 12, tzinfo=UTC)
OLD = st.floats(-100, 1000).map(lambda hours: timedelta(hours=hours))


@given(OLD)
def test_figures_are_for_the_last_age_that_was_reached_and_the_next_is_still_to_come(old: timedelta) -> None:
    now = BEGAN + old
    age, next_at = due(BEGAN, now), following(BEGAN, now)
    reached = [each for each in AGES if timedelta(hours=each) <= old]
    assert age == (reached[-1] if reached and old <= LAST_CALL else None)
    assert next_at == next((BEGAN + timedelta(hours=each) for each in AGES if each not in reached), None)


@given(st.integers(0, 10_000))
def test_waits_grow_to_a_quarter_of_a_day_and_looks_to_a_day(times: int) -> None:
    least, most = again(times, BEGAN, min) - BEGAN, again(times, BEGAN, max) - BEGAN
    assert timedelta(minutes=2) < least < most <= timedelta(hours=6)
    assert timedelta(minutes=5) <= look_again(times, BEGAN) - BEGAN <= timedelta(days=1)
