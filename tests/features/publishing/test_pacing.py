"""When something may go out, through quiet hours, daily caps and changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.pacing import day_of, next_moment

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
QUIET = ChannelSettings(quiet_from=time(22), quiet_to=time(7))
NOON_REST = ChannelSettings(quiet_from=time(12), quiet_to=time(13, 30))


def at(written: str) -> datetime:
    return datetime.fromisoformat(written)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-01T21:59:59+02:00", "2026-06-01T21:59:59+02:00"),
        ("2026-06-01T22:00:00+02:00", "2026-06-02T07:00:00+02:00"),
        ("2026-06-02T06:59:00+02:00", "2026-06-02T07:00:00+02:00"),
        ("2026-06-02T07:00:00+02:00", "2026-06-02T07:00:00+02:00"),
        # The night in which clocks go forward, and the one in which they go back.
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        ("2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"),
    ],
)
def test_quiet_hours_over_midnight_end_by_the_local_clock(now: str, expected: str) -> None:
    assert next_moment(at(now), BERLIN, QUIET, gone_out_today=0) == at(expected)


def test_quiet_hours_of_one_day_end_on_that_day() -> None:
    assert next_moment(at("2026-06-01T12:30:00+02:00"), BERLIN, NOON_REST, gone_out_today=0) == at(
        "2026-06-01T13:30:00+02:00"
    )


@pytest.mark.parametrize(("gone_out", "waits"), [(2, False), (3, True), (4, True)])
def test_what_is_over_the_cap_waits_for_the_next_local_day(gone_out: int, waits: bool) -> None:
    now = at("2026-06-01T15:00:00+02:00")
    moment = next_moment(now, BERLIN, ChannelSettings(daily_cap=3), gone_out_today=gone_out)
    assert moment == (at("2026-06-02T00:00:00+02:00") if waits else now)


def test_the_next_day_begins_after_its_quiet_hours() -> None:
    settings = ChannelSettings(daily_cap=1, quiet_from=time(22), quiet_to=time(7))
    moment = next_moment(at("2026-06-01T15:00:00+02:00"), BERLIN, settings, gone_out_today=1)
    assert moment == at("2026-06-02T07:00:00+02:00")


def test_a_day_has_as_many_hours_as_its_clocks_say() -> None:
    for written, hours in (("2026-03-29T12:00:00+02:00", 23), ("2026-10-25T12:00:00+01:00", 25)):
        begins, ends = day_of(at(written), BERLIN)
        assert (ends - begins).total_seconds() == hours * 3600


@given(
    now=some.integers(0, 366 * 86_400).map(
        lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    zone=some.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    quiet=some.tuples(some.times(), some.times()).filter(lambda pair: pair[0] != pair[1]),
)
def test_what_may_go_out_is_not_early_and_never_in_quiet_hours(
    now: datetime, zone: str, quiet: tuple[time, time]
) -> None:
    settings = ChannelSettings(quiet_from=quiet[0], quiet_to=quiet[1])
    moment = next_moment(now, ZoneInfo(zone), settings, gone_out_today=0)
    assert moment >= now
    assert next_moment(moment, ZoneInfo(zone), settings, gone_out_today=0) == moment


@pytest.mark.parametrize("wrong", [{"quiet_from": "22:00"}, {"quiet_from": "07:00", "quiet_to": "07:00"}])
def test_quiet_hours_without_an_end_or_a_length_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="quiet hours"):
        ChannelSettings.model_validate(wrong)
