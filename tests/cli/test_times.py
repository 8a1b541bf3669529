import pytest
import typer

from cliply.cli import times
from cliply.media.types import Span


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90_000), ("1:30", 90_000), ("1:02:03.5", 3_723_500), ("0", 0), ("1h2m3s", 3_723_000), ("12,5", 12_500)],
)
def test_times_are_read_as_people_type_them(text: str, expected: int) -> None:
    assert times.time(text) == expected


@pytest.mark.parametrize("text", ["", "abc", "-5", "1:2:3:4", "nan", "1e9", "∞"])
def test_what_is_not_a_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="1:30"):
        times.time(text)


def test_a_part_ends_with_the_source() -> None:
    assert times.part("10", "1:00", 30_000) == Span(10_000, 30_000)
    assert times.part(None, None, 30_000) is None
    assert times.part(None, "5", 30_000) == Span(0, 5_000)


def test_a_part_behind_the_end_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="behind the end"):
        times.part("40", None, 30_000)


def test_a_part_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="later"):
        times.part("20", "10", 30_000)


def test_counts_are_auto_or_a_number() -> None:
    assert times.count("auto") is None
    assert times.count("7") == 7
    for wrong in ("0", "-1", "101", "many"):
        with pytest.raises(typer.BadParameter):
            times.count(wrong)


def test_languages_are_codes() -> None:
    assert times.language("EN") == "en"
    assert times.language("auto") is None
    with pytest.raises(typer.BadParameter):
        times.language("English")


def test_a_longest_clip_under_the_shortest_is_refused_naming_both_options() -> None:
    assert times.longest(40, 15) == 40_000
    with pytest.raises(typer.BadParameter, match=r"--max \(20\) must not be less than --min \(40\)"):
        times.longest(20, 40)


@pytest.mark.parametrize("text", ["99:99", "0:60", "1:60:00", "1:00:60.5"])
def test_sixty_seconds_after_a_colon_are_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="59"):
        times.time(text)


def test_minutes_without_hours_may_be_many() -> None:
    assert times.time("90:00") == 5_400_000
