import numpy as np

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


def test_no_window_reaches_over_a_long_silence_while_there_are_others() -> None:
    sentences = spoken(
        (0, 9_000, "One."), (9_000, 18_000, "Two."), (48_000, 57_000, "Three."), (57_000, 66_000, "Four.")
    )
    dead = np.array([0, 29_000, 0, 0])
    found = windows(sentences, 15_000, 60_000, punctuated=True, dead=dead)
    assert list(zip(found.first.tolist(), found.last.tolist(), strict=True)) == [(0, 1), (2, 3)]


def test_dead_air_does_not_make_a_window_long_enough() -> None:
    sentences = spoken((0, 9_000, "One."), (13_000, 18_000, "Two."), (18_500, 20_000, "Three."))
    found = windows(sentences, 15_000, 60_000, punctuated=True, dead=np.array([3_200, 0, 0]))
    assert [(int(each.first[0]), int(each.last[0]), int(each.duration[0])) for each in [found]] == [(0, 2, 16_800)]
    assert len(found) == 1


def test_where_only_a_window_over_a_long_silence_is_left_it_is_taken() -> None:
    sentences = spoken((0, 9_000, "One."), (29_000, 38_000, "Two."))
    found = windows(sentences, 15_000, 60_000, punctuated=True, dead=np.array([19_200, 0]))
    assert found.duration.tolist() == [18_800]
