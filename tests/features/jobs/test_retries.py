import pytest

from cliply.errors import Invalid, Unavailable
from cliply.features.jobs.retries import Retries, explain


class Busy(Unavailable):
    def __init__(self, retry_after: float = 90) -> None:
        self.retry_after = retry_after


def longest(_low: float, high: float) -> float:
    return high


def shortest(low: float, _high: float) -> float:
    return low


def test_the_wait_doubles_up_to_a_bound() -> None:
    retries = Retries(times=9, first=2, longest=20)
    waits = [retries.retry_in(Unavailable(), failures, draw=longest) for failures in range(6)]
    assert waits == [2, 4, 8, 16, 20, 20]


def test_the_wait_is_anything_below_the_bound() -> None:
    waits = {Retries().retry_in(Unavailable(), 3) for _ in range(50)}
    assert len(waits) > 40
    assert all(wait is not None and 0 <= wait <= 16 for wait in waits)


def test_a_services_own_word_is_kept_whole_but_for_no_longer_than_a_day() -> None:
    assert Retries().retry_in(Busy(), 0, draw=shortest) == 90
    assert Retries(longest=30).retry_in(Busy(), 0, draw=shortest) == 90
    assert Retries(longest=30).retry_in(Busy(7_200), 0, draw=shortest) == 7_200
    assert Retries().retry_in(Busy(1e9), 0, draw=shortest) == 24 * 3600


def test_those_that_a_service_sends_away_do_not_return_as_one() -> None:
    assert len({Retries().retry_in(Busy(), 3) for _ in range(50)}) > 40


def test_attempts_come_to_an_end() -> None:
    assert Retries(times=2).retry_in(Unavailable(), 1) is not None
    assert Retries(times=2).retry_in(Unavailable(), 2) is None


@pytest.mark.parametrize(
    ("failed", "again"), [(Invalid("broken"), False), (KeyError("x"), True), (Unavailable(), True)]
)
def test_what_cannot_get_better_is_not_tried_again(failed: Exception, again: bool) -> None:
    assert (Retries().retry_in(failed, 0) is not None) is again


def test_a_customer_reads_our_messages_and_nobody_elses() -> None:
    assert explain(Invalid("The video is damaged.")) == "The video is damaged."
    assert "hunter2" not in explain(RuntimeError("password=hunter2"))
