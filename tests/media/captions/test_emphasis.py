import itertools
import tomllib

from tests.media.captions.scenes import spoken

from cliply.media.captions import fonts
from cliply.media.captions.emphasis import _EMOJI_FILE, emoji_for, emphasise
from cliply.media.types import Word


def words_of(text: str, each: int = 350) -> list[Word]:
    return [Word(word.text, word.start, word.end) for word in spoken(text, each=each)]


def stressed(text: str, language: str = "en") -> list[str]:
    words = words_of(text)
    return [word.text for word, mark in zip(words, emphasise(words, language), strict=True) if mark.emphasis]


def test_numbers_and_absolutes_are_stressed_and_small_words_are_not() -> None:
    found = stressed("we have never seen anything like the 40% that they lost in that year and it was of the")

    assert "never" in found
    assert "40%" in found
    assert not {"the", "that", "of", "it", "was"} & set(found)


def test_stressed_words_keep_apart() -> None:
    words = words_of("never 100% always 200% nobody 300% everything 400% impossible 500% " * 4)
    starts = [word.start for word, mark in zip(words, emphasise(words, "en"), strict=True) if mark.emphasis]

    assert starts
    assert all(later - earlier >= 1600 for earlier, later in itertools.pairwise(starts))


def test_the_same_words_get_the_same_marks() -> None:
    words = words_of("the rocket that never exploded cost 3 million dollars and my brain hurts")

    assert emphasise(words, "en") == emphasise(words, "en")


def test_an_emoji_is_rare() -> None:
    words = words_of("fire money brain rocket idea book music coffee " * 5)
    shown = [word.start for word, mark in zip(words, emphasise(words, "en"), strict=True) if mark.emoji]

    assert shown
    assert all(later - earlier >= 5000 for earlier, later in itertools.pairwise(shown))


def test_a_word_of_another_language_brings_its_own_emoji() -> None:
    assert (emoji_for("Geld,", "de"), emoji_for("Geld,", "en"), emoji_for("robots!", "en")) == ("💰", None, "🤖")


def test_every_emoji_of_the_dictionary_can_be_drawn_in_its_colour() -> None:
    rows = tomllib.loads(_EMOJI_FILE.read_text("utf-8"))["emoji"]

    assert all(fonts.face(fonts.EMOJI).shows(row["sign"]) for row in rows)
    assert all(len(row["colour"]) == 7 and int(row["colour"][1:], 16) >= 0 for row in rows)
    assert len({row["sign"] for row in rows}) == len(rows)
