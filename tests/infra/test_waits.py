from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cliply.infra.waits import asked_wait


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("0", 0), ("7", 7), (" 1.5 ", 1.5), ("-3", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_a_wait_is_told_in_seconds_or_as_a_date(told: str, seconds: float) -> None:
    assert asked_wait(told) == seconds


def test_a_date_that_is_to_come_is_waited_for() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    assert 590 <= (asked_wait(at) or 0) <= 600


@pytest.mark.parametrize("told", [None, "", "soon", "inf", "nan", "1e999", "Wed, 99 Oct 2015", "7 seconds", "\x00"])
def test_what_names_no_time_is_no_wait(told: str | None) -> None:
    assert asked_wait(told) is None
