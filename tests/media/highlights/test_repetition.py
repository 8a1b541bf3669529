from collections.abc import Sequence

from cliply.media.highlights.candidates import windows
from cliply.media.highlights.find import HighlightOptions, find_highlights
from cliply.media.highlights.repetition import said_again
from cliply.media.types import Sentence, Span, Transcript, Word

_LENGTH = 5_000


def _sentences(said: Sequence[str]) -> list[Sentence]:
    return [
        Sentence(at, at + 1, Span(at * _LENGTH, at * _LENGTH + _LENGTH - 200), text) for at, text in enumerate(said)
    ]


def _share(*said: str) -> float:
    sentences = _sentences(said)
    whole = len(said) * _LENGTH
    found = windows(sentences, whole - 1_000, whole, punctuated=True)
    return float(said_again(found, sentences)[0])


def test_what_is_said_once_is_not_said_again() -> None:
    assert _share("Bees dance in the dark.", "The queen gives no orders.", "Scouts look for a home.") == 0


def test_a_sentence_that_comes_back_once_in_a_while_is_a_point_made() -> None:
    told = ("The queen decides nothing.", *(f"Scout number {each} reports what it has seen." for each in range(6)))
    assert _share(*told, told[0]) == 0


def test_the_same_sentence_over_and_over_is_mostly_said_again() -> None:
    assert _share(*["This is a test of the recording."] * 5) > 0.7


def test_short_words_may_be_said_as_often_as_anybody_likes() -> None:
    assert _share("Yes, it is.", "Yes, it is.", "Yes, it is.", "Yes, it is.") == 0


def test_a_passage_that_repeats_itself_loses_to_one_that_goes_on() -> None:
    stuck = ["This voice was recorded for a test of machines."] * 6
    told = [
        "Why do bees dance in the dark of the hive?",
        "Because nobody can see anything in there at all.",
        "The angle of the dance tells the direction of flowers.",
        "And its length tells how far away the flowers are.",
        "So a bee that has never left home knows the way.",
        "That is the most surprising language that I know.",
    ]
    words, at = list[Word](), 0
    for sentence in (*stuck, *told):
        for word in sentence.split():
            words.append(Word(word, at, at + 350))
            at += 400
        at += 600
    found = find_highlights(
        Transcript("en", tuple(words)), at, options=HighlightOptions(shortest=15_000, longest=30_000, count=1)
    )
    (chosen,) = [each for each in found.highlights if each.chosen]
    assert "dance" in chosen.text
