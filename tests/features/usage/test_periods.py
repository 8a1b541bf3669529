"""When a period of usage begins and ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.features.usage.periods import Period, of_calendar, of_subscription, period_at

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Cairo",
    "America/Havana", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe",
)  # fmt: skip
MOMENTS = st.integers(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def at(written: str) -> datetime:
    return datetime.fromisoformat(written)


@pytest.mark.parametrize(
    ("moment", "zone", "name", "begins", "ends"),
    [
        ("2026-11-30T23:59Z", "UTC", "2026-11-01", "2026-11-01T00:00Z", "2026-12-01T00:00Z"),
        # March begins in winter time and ends in summer time; October the other way round.
        ("2026-03-15T12:00Z", "Europe/Berlin", "2026-03-01", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
        ("2026-10-31T22:59Z", "Europe/Berlin", "2026-10-01", "2026-09-30T22:00Z", "2026-10-31T23:00Z"),
        ("2026-10-31T23:00Z", "Europe/Berlin", "2026-11-01", "2026-10-31T23:00Z", "2026-11-30T23:00Z"),
        # Fourteen hours ahead it is December already.
        ("2026-11-30T10:00Z", "Pacific/Kiritimati", "2026-12-01", "2026-11-30T10:00Z", "2026-12-31T10:00Z"),
        # Havana puts its clocks back at one o'clock of the first of November: that day has two midnights.
        ("2026-11-15T00:00Z", "America/Havana", "2026-11-01", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
        # In Asuncion of 2017 there was no midnight on the first of October.
        ("2017-10-15T00:00Z", "America/Asuncion", "2017-10-01", "2017-10-01T04:00Z", "2017-11-01T03:00Z"),
        ("2024-02-29T12:00Z", "UTC", "2024-02-01", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        ("2026-12-31T12:00Z", "UTC", "2026-12-01", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
    ],
)
def test_a_month_of_the_calendar_goes_from_midnight_to_midnight_where_the_workspace_is(
    moment: str, zone: str, name: str, begins: str, ends: str
) -> None:
    expected = Period(name, at(begins), at(ends))
    assert of_calendar(at(moment), ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    ("anchor", "moment", "begins", "ends"),
    [
        ("2026-01-15T09:30Z", "2026-01-15T09:30Z", "2026-01-15T09:30Z", "2026-02-15T09:30Z"),
        ("2026-01-15T09:30Z", "2026-03-15T09:29:59Z", "2026-02-15T09:30Z", "2026-03-15T09:30Z"),
        # The 31st: on the last day where there is none, and on the 31st again after it.
        ("2026-01-31T12:00Z", "2026-02-10T00:00Z", "2026-01-31T12:00Z", "2026-02-28T12:00Z"),
        ("2026-01-31T12:00Z", "2026-03-01T00:00Z", "2026-02-28T12:00Z", "2026-03-31T12:00Z"),
        ("2026-01-31T12:00Z", "2026-04-30T11:59Z", "2026-03-31T12:00Z", "2026-04-30T12:00Z"),
        ("2026-01-31T12:00Z", "2028-03-01T00:00Z", "2028-02-29T12:00Z", "2028-03-31T12:00Z"),
        ("2024-02-29T00:00Z", "2025-02-28T00:00Z", "2025-02-28T00:00Z", "2025-03-29T00:00Z"),
        ("2026-12-31T23:59:59Z", "2027-01-01T00:00Z", "2026-12-31T23:59:59Z", "2027-01-31T23:59:59Z"),
        # A moment before the anchor, as of a clock that is behind, is in the month before.
        ("2026-06-15T00:00Z", "2026-06-14T23:59Z", "2026-05-15T00:00Z", "2026-06-15T00:00Z"),
        # An anchor of another offset is the same moment.
        ("2026-01-31T01:00+02:00", "2026-02-28T00:00Z", "2026-01-30T23:00Z", "2026-02-28T23:00Z"),
    ],
)
def test_a_month_of_a_subscription_begins_on_the_day_that_it_began_on(
    anchor: str, moment: str, begins: str, ends: str
) -> None:
    found = of_subscription(at(moment), at(anchor))
    assert (found.begins, found.ends) == (at(begins), at(ends))
    assert found.name == f"{at(begins).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@given(moment=MOMENTS, zone=st.sampled_from(ZONES), anchor=st.none() | MOMENTS)
def test_every_moment_is_in_its_period_and_the_next_begins_where_it_ends(
    moment: datetime, zone: str, anchor: datetime | None
) -> None:
    found = period_at(moment, ZoneInfo(zone), anchor)
    assert found.ends is not None
    assert found.begins <= moment < found.ends
    assert timedelta(days=27, hours=22) < found.ends - found.begins < timedelta(days=31, hours=3)
    following = period_at(found.ends, ZoneInfo(zone), anchor)
    assert following.begins == found.ends
    assert following.name > found.name
    assert period_at(found.ends - timedelta(microseconds=1), ZoneInfo(zone), anchor) == found
    assert 0 <= found.share(moment) < 1


@given(moment=MOMENTS, zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)))
def test_who_changes_the_zone_in_the_middle_of_a_month_stays_in_it(moment: datetime, zones: tuple[str, str]) -> None:
    middle = moment.replace(day=15)
    one, other = (of_calendar(middle, ZoneInfo(zone)) for zone in zones)
    assert one.name == other.name
