from fractions import Fraction

import pytest

from cliply.media.timeline.edl import record_start
from cliply.media.timeline.timecode import drops_frames, timecode

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("frame", "rate", "shown"),
    [
        (0, NTSC, "00:00:00;00"),
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),
        (3597, NTSC, "00:01:59;29"),
        (3598, NTSC, "00:02:00;02"),
        (17981, NTSC, "00:09:59;29"),
        (17982, NTSC, "00:10:00;00"),
        (107892, NTSC, "01:00:00;00"),
        (3600, Fraction(60000, 1001), "00:01:00;04"),
        (1440, Fraction(24000, 1001), "00:01:00:00"),
        (25 * 3600 * 25, Fraction(25), "01:00:00:00"),
        (49, Fraction(50), "00:00:00:49"),
    ],
)
def test_frames_are_counted_as_smpte_counts_them(frame: int, rate: Fraction, shown: str) -> None:
    assert timecode(frame, rate) == shown


def test_drop_frame_leaves_no_number_out_but_the_dropped_ones() -> None:
    shown = [timecode(frame, NTSC) for frame in range(17982 * 2)]
    assert len(set(shown)) == len(shown)
    assert shown == sorted(shown)
    dropped = {text for text in shown if text.endswith((":00;00", ":00;01")) and text[4] != "0"}
    assert dropped == set()


def test_drop_frame_keeps_up_with_the_clock() -> None:
    for hours in (1, 5, 23):
        frame = round(hours * 3600 * NTSC)
        hour, minute, second = timecode(frame, NTSC)[:8].split(":")
        assert abs(int(hour) * 3600 + int(minute) * 60 + int(second) - hours * 3600) <= 1


@pytest.mark.parametrize("rate", [NTSC, Fraction(60000, 1001), Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_the_programme_begins_at_one_hour(rate: Fraction) -> None:
    assert timecode(record_start(rate), rate) == ("01:00:00;00" if drops_frames(rate) else "01:00:00:00")
