"""Times on clocks are the moments that calendars take them for, where clocks are changed as well."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cliply.features.publishing.local_time import LocalTime, NoSuchZone

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC"]


@pytest.mark.parametrize(
    ("at", "zone", "second", "moment"),
    [
        ("2027-06-01T18:00", "Europe/Berlin", False, "2027-06-01T18:00+02:00"),
        # Left out: as much later as clocks go forward, whichever of two is named.
        ("2027-03-28T02:30", "Europe/Berlin", False, "2027-03-28T03:30+02:00"),
        ("2027-03-28T02:30", "Europe/Berlin", True, "2027-03-28T03:30+02:00"),
        ("2027-03-14T02:00", "America/New_York", False, "2027-03-14T03:00-04:00"),
        # Twice: the first, unless the second is named.
        ("2027-10-31T02:30", "Europe/Berlin", False, "2027-10-31T02:30+02:00"),
        ("2027-10-31T02:30", "Europe/Berlin", True, "2027-10-31T02:30+01:00"),
        ("2027-04-04T01:45", "Australia/Lord_Howe", False, "2027-04-04T01:45+11:00"),
        ("2027-04-04T01:45", "Australia/Lord_Howe", True, "2027-04-04T01:45+10:30"),
    ],
)
def test_a_time_on_a_clock_is_one_moment(at: str, zone: str, second: bool, moment: str) -> None:
    assert LocalTime(datetime.fromisoformat(at), zone, second).moment == datetime.fromisoformat(moment)


@given(
    moment=some.integers(0, 2 * 366 * 86_400).map(lambda at: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at)),
    zone=some.sampled_from(ZONES),
)
def test_a_moment_goes_through_any_clock_and_comes_back(moment: datetime, zone: str) -> None:
    local = LocalTime.of(moment, zone)
    assert local.moment == moment
    assert local.at == moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@pytest.mark.parametrize("wrong", ["", "Mars/Base", "/etc/localtime", "../UTC", "europe/berlin"])
def test_what_is_no_zone_is_refused(wrong: str) -> None:
    with pytest.raises(NoSuchZone):
        _ = LocalTime(datetime.fromisoformat("2027-01-01T00:00"), wrong).moment
