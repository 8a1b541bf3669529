from cliply.media.highlights.boundaries import limited, snap
from cliply.media.types import Span, Word

WORDS = [Word("Before.", 0, 900), Word("This", 1500, 1800), Word("counts.", 1900, 2400), Word("After.", 3000, 3400)]


def test_a_cut_lies_in_the_pause_and_not_past_its_middle() -> None:
    cut = snap(Span(1500, 2400), 1, 3, WORDS, 4000, ())
    assert cut == Span(1300, 2700)
    near = [Word("Before.", 0, 1450), *WORDS[1:3], Word("After.", 2420, 3000)]
    assert snap(Span(1500, 2400), 1, 3, near, 4000, ()) == Span(1475, 2410)


def test_a_measured_silence_decides_where_speech_has_really_stopped() -> None:
    cut = snap(Span(1500, 2400), 1, 3, WORDS, 4000, (Span(950, 1350), Span(2650, 2950)))
    assert cut == Span(1150, 2800)


def test_nothing_is_added_where_words_touch_or_overlap() -> None:
    tight = [Word("a", 0, 1500), Word("b.", 1500, 2400), Word("c", 2300, 3000)]
    assert snap(Span(1500, 2400), 1, 2, tight, 3000, ()) == Span(1500, 2400)


def test_stays_inside_the_recording() -> None:
    assert snap(Span(50, 2400), 0, 1, [Word("x.", 50, 2400)], 2450, ()) == Span(25, 2425)


def test_a_silence_far_from_the_words_is_not_theirs() -> None:
    words = [Word("Only", 40_000, 40_400), Word("this.", 40_500, 41_000)]
    silences = (Span(10_000, 12_000), Span(39_500, 39_950), Span(70_000, 73_000))
    cut = snap(Span(40_000, 41_000), 0, 2, words, 90_000, silences)
    assert cut == Span(39_750, 41_400)


def test_pauses_give_way_where_the_clip_would_be_too_long_but_no_word_does() -> None:
    cut, spoken = Span(1000, 2900), Span(1200, 2500)
    assert limited(cut, spoken, 2000, None) == cut
    assert limited(cut, spoken, 1600, None) == Span(1100, 2700)
    assert limited(cut, spoken, 1000, None) == spoken


def test_no_pause_from_outside_the_asked_part_is_added() -> None:
    assert limited(Span(1000, 2900), Span(1200, 2500), 5000, Span(1150, 2600)) == Span(1150, 2600)
