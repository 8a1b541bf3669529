from cliply.media.assemble import caption_words, without_slivers
from cliply.media.types import Span, Word

WORDS = (Word("Never", 1200, 1500), Word("quit.", 1500, 2000))


def test_a_flash_of_the_shot_before_is_left_out() -> None:
    assert without_slivers(Span(1000, 2500), [Span(1000, 1150), Span(1150, 2500)], WORDS) == Span(1150, 2500)


def test_a_flash_of_the_shot_after_is_left_out() -> None:
    assert without_slivers(Span(1000, 2500), [Span(1000, 2300), Span(2300, 2500)], WORDS) == Span(1000, 2300)


def test_a_word_is_never_cut_for_a_cleaner_cut() -> None:
    shots = [Span(1000, 1300), Span(1300, 1900), Span(1900, 2500)]
    assert without_slivers(Span(1000, 2500), shots, WORDS) == Span(1000, 2500)


def test_a_shot_that_is_long_enough_stays() -> None:
    words = (Word("Wait.", 3000, 3400),)
    assert without_slivers(Span(1000, 4000), [Span(1000, 2500), Span(2500, 4000)], words) == Span(1000, 4000)


def test_one_shot_is_left_as_it_is() -> None:
    assert without_slivers(Span(1000, 2500), [Span(1000, 2500)], WORDS) == Span(1000, 2500)


def test_a_hidden_word_is_not_pointed_at() -> None:
    words = (Word("Bullshit,", 0, 400), Word("honey", 500, 900))
    told = caption_words(words, {0}, "en")
    assert told[0].text == "B******t,"
    assert not told[0].emphasis
    assert told[1].text == "honey"
    assert caption_words(words, set(), "en")[0].emphasis
