import pytest

from cliply.media.speech.pronunciation import pronounce, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello,", "hello"),
        ("don’t", "don't"),
        ("real-time", "real time"),
        ("$40", "forty dollars"),
        ("1984", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("2,500", "two thousand five hundred"),
        ("3.14%", "three point one four percent"),
        ("21st", "twenty first"),
        ("1990s", "nineteen nineties"),
        ("007", "zero zero seven"),
        ("GPS", "g p s"),
        ("naïve", "naive"),
        ("日本", ""),
        ("...", ""),
    ],
)
def test_what_is_written_becomes_what_is_said(written: str, said: str) -> None:
    assert " ".join(spoken(written)) == said


def test_unknown_words_are_built_from_known_ones_or_letters() -> None:
    known = {"stream": "S T R IY M", "live": "L AY V"}.get
    assert pronounce("livestream", known) == "L AY V S T R IY M"
    assert pronounce("streams", known) == "S T R IY M Z"
    assert pronounce("blick", known) == "B L IH K"
