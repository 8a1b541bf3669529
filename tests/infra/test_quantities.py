import pytest

from cliply.infra.quantities import counted, size, spell


@pytest.mark.parametrize(
    ("seconds", "spelt"),
    [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (95, "1 min 35 s"), (3599, "59 min 59 s"), (3600, "1 h"),
        (7500, "2 h 05 min"), (7199, "2 h"), (3_600_000, "1,000 h"),
    ],
)  # fmt: skip
def test_a_total_of_seconds_is_read_at_a_glance(seconds: int, spelt: str) -> None:
    assert spell(seconds) == spelt


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"),
        (1_449, "1.4 kB"), (999_949, "999.9 kB"), (999_960, "1 MB"),
        (1_400_000_000, "1.4 GB"), (20_000_000_000, "20 GB"), (7 * 10**12, "7 TB"), (5 * 10**18, "5000 PB"),
    ],
)  # fmt: skip
def test_bytes_are_read_in_the_unit_that_suits_them(count: int, shown: str) -> None:
    assert size(count) == shown


def test_one_is_told_as_one() -> None:
    assert [counted(each, "post") for each in (0, 1, 2, 1200)] == ["0 posts", "1 post", "2 posts", "1,200 posts"]
    assert counted(1, "minute of video", "minutes of video") == "1 minute of video"
    assert counted(2, "minute of video", "minutes of video") == "2 minutes of video"
