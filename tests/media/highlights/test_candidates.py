from cliply.media.highlights.candidates import windows
from cliply.media.types import Sentence, Span


def spoken(*items: tuple[int, int, str]) -> list[Sentence]:
    return [Sentence(index, index + 1, Span(start, end), text) for index, (start, end, text) in enumerate(items)]


def pairs(sentences: list[Sentence], shortest: int, longest: int, **options: bool) -> set[tuple[int, int]]:
    found = windows(sentences, shortest, longest, punctuated=options.get("punctuated", True))
    return set(zip(found.first.tolist(), found.last.tolist(), strict=True))


def test_windows_are_all_runs_of_sentences_of_the_wanted_length() -> None:
    sentences = spoken(*((index * 10, index * 10 + 10, "Yes.") for index in range(5)))
    assert pairs(sentences, 20, 30) == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4)}


def test_a_sentence_that_breaks_off_ends_nothing_and_the_next_starts_nothing() -> None:
    sentences = spoken((0, 10, "One."), (10, 20, "And then I"), (20, 30, "went home."), (30, 40, "Two."))
    assert pairs(sentences, 10, 40) == {(0, 0), (0, 2), (0, 3), (1, 2), (1, 3), (3, 3)}
    assert (1, 1) in pairs(sentences, 10, 40, punctuated=False)


def test_no_cut_falls_into_somebody_elses_word() -> None:
    sentences = spoken((0, 10, "One."), (10, 22, "Two."), (20, 30, "Three."), (30, 40, "Four."))
    assert pairs(sentences, 5, 40) == {(0, 0), (0, 2), (0, 3), (1, 2), (1, 3), (3, 3)}


def test_the_number_grows_with_the_length_and_not_faster() -> None:
    def count(size: int) -> int:
        return len(pairs(spoken(*((index * 500, index * 500 + 500, "Yes.") for index in range(size))), 15_000, 60_000))

    assert count(4000) < 2.1 * count(2000)
    assert count(2000) <= 2000 * 12
