"""Long expressions stay shallow and mean what they should."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.media import ffmpeg
from cliply.media.rendering.expressions import Piece, balanced_sum, eased, even_times, merged, piecewise, smoothstep


def value(expression: str, n: int) -> float:
    """Evaluate as ffmpeg does, in Python."""
    slots: dict[int, float] = {}

    def store(slot: int, number: float) -> float:
        slots[slot] = number
        return number

    names = {
        "n": n,
        "st": store,
        "ld": slots.__getitem__,
        "lt": lambda one, other: float(one < other),
        "between": lambda x, low, high: float(low <= x <= high),
        "clip": lambda x, low, high: min(max(x, low), high),
        "pick": lambda test, one, other: one if test else other,
    }
    return float(eval(re.sub(r"\bif\(", "pick(", expression), {"__builtins__": {}}, names))  # noqa: S307 - our own text


def depth(expression: str) -> int:
    deepest = now = 0
    for char in expression:
        now += (char == "(") - (char == ")")
        deepest = max(deepest, now)
    return deepest


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=300, unique=True).map(sorted), st.integers(0, 5000))
def test_piecewise_gives_the_last_piece_that_began(starts: list[int], n: int) -> None:
    pieces = [Piece(start, str(index)) for index, start in enumerate(starts)]
    began = [index for index, start in enumerate(starts) if start <= n]
    assert value(piecewise(pieces), n) == (began[-1] if began else 0)


def test_six_hundred_parts_stay_shallow() -> None:
    assert depth(piecewise([Piece(index * 3, str(index)) for index in range(600)])) <= 14
    assert depth(balanced_sum([f"between(n,{index * 9},{index * 9 + 4})" for index in range(600)])) <= 14


@pytest.mark.slow
def test_a_sum_selects_exactly_the_kept_frames() -> None:
    kept = balanced_sum([f"between(n,{index * 9},{index * 9 + 4})" for index in range(200)])
    assert [n for n in range(1800) if value(kept, n)] == [n for n in range(1800) if n % 9 <= 4]


def test_easing_leaves_and_arrives_where_it_should() -> None:
    text = eased(100, 180, 10, 50)
    assert [value(text, n) for n in (0, 10, 30, 50, 99)] == [100, 100, 140, 180, 180]
    assert all(abs(value(text, n) - (100 + 80 * smoothstep((n - 10) / 40))) < 0.01 for n in range(60))


def test_repeated_pieces_are_dropped() -> None:
    assert merged([Piece(0, "1"), Piece(5, "1"), Piece(9, "2")]) == [Piece(0, "1"), Piece(9, "2")]


@pytest.mark.parametrize("rate", ["24", "25", "30", "50", "60", "24000/1001", "30000/1001"])
def test_every_frame_has_a_time_of_its_own(rate: str) -> None:
    chain = f"color=c=black:s=16x16:r={rate},trim=end_frame=120,{even_times(Fraction(rate))},showinfo"
    said = ffmpeg.run(["-f", "lavfi", "-i", chain, "-f", "null", "-"])
    assert re.findall(r"n: *\d+ pts: *(\d+) ", said) == [str(frame) for frame in range(120)]
