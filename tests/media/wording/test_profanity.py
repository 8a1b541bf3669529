import pytest

from cliply.media.types import Span, Word
from cliply.media.wording.profanity import bleeps, find_profanity, is_profane, masked, masked_text


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe", "assess", "assassin", "class", "bass", "passage", "cocktail", "Dick", "shitake", "Essex",
        "pussycat", "therapist", "grape", "Titus", "titled", "Hancock", "arsenal", "button", "whole", "Cunliffe",
        "document", "cumulative", "twatch", "swank", "bassoon", "embarrass", "asses", "hello", "Niger", "snigger", "",
        "...", "it's", "**bold**", "5*", "2***", "C*",
    ],
)  # fmt: skip
def test_innocent_words_are_left_alone(text: str) -> None:
    assert not is_profane(text, "en")
    assert masked_text(text, "en") == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("fuck", "en"), ("Fucking!", "en"), ("motherfucker's", "en"), ("mother-fucking", "en"), ("BULLSHIT,", "en"),
        ("“shit”", "en"), ("clusterfuck", "en"), ("shit’s", "en"), ("Scheiße.", "de"), ("verfickte", "de"),
        ("fucking", "de"), ("¡Mierda!", "es"), ("gilipollas", "es"), ("putain", "fr"), ("vaffanculo", "it"),
        ("caralho", "pt"), ("kurwa", "pl"), ("охуенно", "ru"), ("सेब-चूतिया", "hi"), ("씨발놈", "ko"), ("他妈的", "zh"),
        ("这他妈的太难了", "zh"), ("このクソ野郎が", "ja"),
    ],
)  # fmt: skip
def test_strong_language_is_found(text: str, language: str) -> None:
    assert is_profane(text, language)


@pytest.mark.parametrize(
    ("text", "language"), [("fick", "en"), ("um", "de"), ("시발점", "ko"), ("корабля", "ru"), ("kunst", "nl")]
)
def test_other_languages_have_other_lists(text: str, language: str) -> None:
    assert not is_profane(text, language)


@pytest.mark.parametrize(
    ("word", "shown"),
    [("fuck", "f**k"), ("Shit,", "S**t,"), ("ass", "a**"), ("“fucking”", "“f*****g”"), ("...", "..."), ("", "")],
)
def test_a_masked_word_keeps_its_ends(word: str, shown: str) -> None:
    assert masked(word) == shown


def test_text_is_masked_in_place() -> None:
    assert masked_text("What the fuck, Scunthorpe? No shit.", "en") == "What the f**k, Scunthorpe? No s**t."
    assert masked_text("这他妈的太难了", "zh") == "这他**太难了"


def test_bleeps_cover_the_word_and_spare_its_neighbours() -> None:
    words = [Word("holy", 0, 300), Word("fucking", 310, 700), Word("shit", 710, 900), Word("man", 950, 1200)]
    hits = find_profanity(words, "en")
    assert hits == [1, 2]
    assert bleeps(words, hits) == (Span(250, 960),)


def test_a_lone_bleep_has_room_but_never_begins_before_the_recording() -> None:
    assert bleeps([Word("Fuck", 20, 300), Word("no", 900, 1000)], [0]) == (Span(0, 360),)
    assert bleeps([], []) == ()


@pytest.mark.parametrize("text", ["f***", "S***,", "“b****”", "f**k", "f***ing"])
def test_words_that_a_recogniser_masked_are_still_heard_and_so_found(text: str) -> None:
    assert is_profane(text, "en")
    assert masked_text(text, "en") == text
