from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.integrations.youtube_quota import day_of, next_reset


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        # Winter: eight hours behind.
        ("2026-11-30T17:00:00Z", "2026-12-01T08:00:00Z"),
        ("2026-12-01T07:59:59Z", "2026-12-01T08:00:00Z"),
        ("2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"),
        # Summer: seven.
        ("2026-07-01T06:59:59Z", "2026-07-01T07:00:00Z"),
        # The night in which clocks go forward, and the one in which they go back.
        ("2027-03-14T07:59:00Z", "2027-03-14T08:00:00Z"),
        ("2027-03-14T08:00:00Z", "2027-03-15T07:00:00Z"),
        ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
        ("2026-11-01T09:30:00Z", "2026-11-02T08:00:00Z"),
    ],
)
def test_quota_comes_back_at_midnight_in_california(now: str, reset: str) -> None:
    assert next_reset(datetime.fromisoformat(now)) == datetime.fromisoformat(reset)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis takes bounds without a zone only
def test_the_next_day_begins_at_the_reset_and_within_25_hours(now: datetime) -> None:
    reset = next_reset(now)
    assert timedelta() < reset - now <= timedelta(hours=25)
    assert day_of(reset) > day_of(now) == day_of(reset - timedelta(microseconds=1))
    assert reset.astimezone(ZoneInfo("America/Los_Angeles")).strftime("%H:%M:%S") == "00:00:00"
