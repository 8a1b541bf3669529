from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import typer

from cliply.cli.moments import moment, short, spoken

BERLIN, LA, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Asia/Kathmandu")
NOW = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
"""A Monday, 17:30 in Berlin."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("tomorrow 18:00", "2026-12-01T17:00"),
        ("Tomorrow  at 6 PM", "2026-12-01T17:00"),
        ("tomorrow 6:30pm", "2026-12-01T17:30"),
        ("today 18:00", "2026-11-30T17:00"),
        ("18:00", "2026-11-30T17:00"),
        ("17:00", "2026-12-01T16:00"),
        ("at 12 am", "2026-11-30T23:00"),
        ("12pm", "2026-12-01T11:00"),
        ("monday 18:00", "2026-11-30T17:00"),
        ("monday 17:00", "2026-12-07T16:00"),
        ("friday 9:05", "2026-12-04T08:05"),
        ("in 90 minutes", "2026-11-30T18:00"),
        ("in 1 minute", "2026-11-30T16:31"),
        ("in 2h", "2026-11-30T18:30"),
        ("in 3 days", "2026-12-03T16:30"),
        ("in 2 weeks", "2026-12-14T16:30"),
        ("2026-12-01T18:00", "2026-12-01T17:00"),
        ("2026-12-01 18:00", "2026-12-01T17:00"),
        ("2026-12-01 at 6 pm", "2026-12-01T17:00"),
        ("2026-12-01T18:00:30", "2026-12-01T17:00:30"),
        ("2026-12-01T18:00Z", "2026-12-01T18:00"),
        ("2026-12-01T18:00-05:00", "2026-12-01T23:00"),
        ("2027-07-01 18:00", "2027-07-01T16:00"),
    ],
)
def test_what_is_said_is_one_moment_in_the_workspaces_time_zone(said: str, meant: str) -> None:
    assert moment(said, BERLIN, NOW) == utc(meant)


def test_now_is_no_time_to_wait_for() -> None:
    assert moment(" Now ", BERLIN, NOW) is None


@pytest.mark.parametrize(
    "said",
    [
        "", "soon", "tomorrow", "18", "tomorrow 18", "25:00", "18:60", "13 pm", "0 am", "2026-12-01",
        "2026-13-01 18:00", "2026-02-30 18:00", "01/02/2026 18:00", "next monday 18:00", "in 2 months", "in -2 hours",
        "tomorrow 18:00 utc", "9999-12-31T23:59-12:00", "in 9999999 days", "20261201", "monday", "noon",
    ],
)  # fmt: skip
def test_what_could_mean_several_moments_or_none_is_refused_with_what_to_write(said: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"is no time\. Write “tomorrow 18:00”"):
        moment(said, BERLIN, NOW)


@pytest.mark.parametrize(
    "said", ["today 17:00", "2026-11-30T17:29", "2020-01-01 00:00", "2026-11-30T16:30Z", "in 0 hours"]
)
def test_what_is_over_is_refused_with_the_time_that_it_is(said: str) -> None:
    with pytest.raises(typer.BadParameter, match="is over: it is Monday, 30 November 2026, 17:30"):
        moment(said, BERLIN, NOW)


def test_a_time_that_clocks_leave_out_is_refused_with_the_one_that_comes() -> None:
    before = utc("2027-03-27T12:00")
    with pytest.raises(typer.BadParameter, match=r"no 02:30 on 2027-03-28 in Europe/Berlin.* 03:30 is what comes"):
        moment("tomorrow 2:30", BERLIN, before)
    with pytest.raises(typer.BadParameter, match="no 02:00 on 2027-03-14 in America/Los_Angeles"):
        moment("2027-03-14T02:00", LA, before)
    assert moment("tomorrow 3:00", BERLIN, before) == utc("2027-03-28T01:00")


def test_a_time_that_comes_twice_is_refused_with_both_and_either_is_taken() -> None:
    before = utc("2026-10-24T12:00")
    with pytest.raises(typer.BadParameter, match=r"2026-10-25T02:30\+02:00 or 2026-10-25T02:30\+01:00"):
        moment("tomorrow 2:30", BERLIN, before)
    assert moment("2026-10-25T02:30+02:00", BERLIN, before) == utc("2026-10-25T00:30")
    assert moment("2026-10-25T02:30+01:00", BERLIN, before) == utc("2026-10-25T01:30")
    assert moment("tomorrow 3:00", BERLIN, before) == utc("2026-10-25T02:00")


def test_days_keep_the_clock_and_hours_keep_their_length_over_a_change_of_clocks() -> None:
    before = utc("2026-10-24T12:00")
    assert moment("in 1 day", BERLIN, before) == utc("2026-10-25T13:00")
    assert moment("in 24 hours", BERLIN, before) == utc("2026-10-25T12:00")
    assert moment("in 1 day", BERLIN, utc("2027-03-27T01:30")) == utc("2027-03-28T01:30"), "2:30 is left out"


def test_a_moment_is_said_with_its_day_its_zone_and_its_offset() -> None:
    at = utc("2026-12-01T17:00")
    assert spoken(at, BERLIN) == "Tuesday, 1 December 2026, 18:00 (Europe/Berlin, UTC+01:00)"
    assert spoken(at, LA) == "Tuesday, 1 December 2026, 09:00 (America/Los_Angeles, UTC-08:00)"
    assert spoken(at, KATHMANDU).endswith("22:45 (Asia/Kathmandu, UTC+05:45)")
    assert spoken(utc("2027-07-01T00:00"), ZoneInfo("UTC")).endswith("00:00 (UTC)"), "its offset says nothing more"
    assert spoken(at.replace(second=7), BERLIN).endswith("18:00:07 (Europe/Berlin, UTC+01:00)"), "in 1 minute"
    assert short(at, BERLIN) == "2026-12-01 18:00"
