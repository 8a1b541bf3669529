from cliply.media.highlights.embeddings import Embedder
from cliply.media.highlights.sentences import split_sentences
from cliply.media.highlights.topics import chapters
from cliply.media.types import Transcript, Word

GARDEN = [
    "The tomatoes need water in the morning.",
    "We planted roses beside the fence.",
    "Compost feeds the soil and the worms.",
    "Prune the apple tree in late winter.",
    "Weeds grow faster than any vegetable.",
]
MONEY = [
    "Interest rates fell after the bank met.",
    "Our revenue grew by a third this quarter.",
    "Investors asked about the margin.",
    "The loan has to be paid back in spring.",
    "Taxes eat a large part of the profit.",
]


def two_subjects() -> tuple[Transcript, int]:
    words: list[Word] = []
    at = border = 0
    for subject in (GARDEN, MONEY):
        border = at
        for index in range(130):
            for word in [*subject[index * 3 % 5].split(), f"{index}."]:
                words.append(Word(word, at, at + 500))
                at += 600
    return Transcript("en", tuple(words)), border


def test_marks_where_the_subject_changes() -> None:
    transcript, border = two_subjects()
    sentences = split_sentences(transcript)
    duration = transcript.words[-1].end
    for vectors in (None, Embedder().embed([each.text for each in sentences])):
        found = chapters(sentences, vectors, duration)
        assert any(abs(at - border) < 10_000 for at in found)
        assert len(found) <= 2


def test_a_short_recording_has_no_chapters() -> None:
    words = tuple(Word(f"word{index}.", index * 500, index * 500 + 400) for index in range(200))
    sentences = split_sentences(Transcript("en", words))
    assert chapters(sentences, None, 100_000) == ()
    assert chapters((), None, 0) == ()
