import itertools

import numpy as np

from cliply.media.highlights.candidates import Windows
from cliply.media.highlights.selection import alternatives, best_set, wanted_count


def made(spans: list[tuple[int, int]]) -> Windows:
    start, end = (np.array(column, np.int64) for column in zip(*spans, strict=True))
    index = np.arange(len(spans), dtype=np.int64)
    return Windows(index, index, start, end, np.zeros_like(start))


def test_two_good_ones_beat_one_better_one_that_needs_their_place() -> None:
    found = made([(0, 30), (20, 50), (40, 70), (200, 210)])
    scores = np.array([9.0, 10.0, 9.0, 0.0])
    assert sorted(best_set(found, scores, np.zeros(4, np.int64), 2, padded=True)) == [0, 2]


def test_the_set_is_as_good_as_the_best_of_all_sets() -> None:
    random = np.random.default_rng(5)
    for _ in range(20):
        starts = random.integers(0, 300, 12)
        found = made([(int(start), int(start + random.integers(15, 60))) for start in starts])
        scores = random.random(12)
        chosen = best_set(found, scores, np.arange(12), 3, padded=True)

        def worth(some: tuple[int, ...], scores: np.ndarray = scores) -> float:
            return float((scores[list(some)] - scores.min() + 1e-6).__pow__(4).sum())

        def apart(some: tuple[int, ...], found: Windows = found) -> bool:
            return all(
                found.end[a] <= found.start[b] or found.end[b] <= found.start[a]
                for a, b in itertools.combinations(some, 2)
            )

        if len(chosen) < 3 or min(scores[chosen]) < np.percentile(scores, 70):
            assert apart(tuple(chosen))
            best = max(
                (some for size in (1, 2, 3) for some in itertools.combinations(range(12), size) if apart(some)),
                key=worth,
            )
            assert worth(tuple(chosen)) >= worth(best) - 1e-9


def test_only_good_ones_are_chosen_unasked() -> None:
    found = made([(index * 100, index * 100 + 50) for index in range(10)])
    chosen = best_set(found, np.arange(10.0), np.arange(10), 10, padded=False)
    assert sorted(chosen) == list(range(2, 10))
    assert len(best_set(found, np.arange(10.0), np.arange(10), 10, padded=True)) == 10


def test_how_many_are_good_does_not_depend_on_how_many_overlap_the_best() -> None:
    apart = made([(0, 50), (100, 150), (200, 250), (300, 350)])
    overlapping = Windows(
        np.array([0, 1, 2, 3, *[0] * 20]),
        np.array([0, 1, 2, 3, *[0] * 20]),
        np.array([0, 100, 200, 300, *[0] * 20]),
        np.array([50, 150, 250, 350, *range(30, 50)]),
        np.zeros(24, np.int64),
    )
    scores = np.array([9.0, 6.0, 5.0, 0.0])
    more = np.concatenate([scores, np.linspace(7.0, 8.0, 20)])
    topics = np.arange(24)
    assert sorted(best_set(apart, scores, topics[:4], 3, padded=False)) == [0, 1, 2]
    assert sorted(best_set(overlapping, more, topics, 3, padded=False)) == [0, 1, 2]


def test_topics_take_turns() -> None:
    found = made([(index * 100, index * 100 + 50) for index in range(40)])
    topics = np.array([0] * 20 + [1] * 20)
    scores = np.concatenate([np.linspace(1.0, 1.05, 20), np.linspace(0.9, 0.95, 20)])
    scores[::2] = 0
    chosen = best_set(found, scores, topics, 6, padded=True)
    assert {0, 1} == set(topics[chosen].tolist()) or len(chosen) == 6


def test_alternatives_repeat_neither_the_chosen_nor_each_other() -> None:
    found = made([(0, 50), (2, 52), (60, 110), (100, 150), (108, 160)])
    assert alternatives(found, np.array([5.0, 4, 3, 2, 1]), [0], 10) == [2, 4]


def test_longer_recordings_give_more_clips_but_not_in_proportion() -> None:
    counts = [wanted_count(minutes * 60_000) for minutes in (1, 5, 30, 60, 180)]
    assert counts == sorted(counts)
    assert counts[1] >= 3
    assert 4 <= counts[2] <= 9
    assert 9 <= counts[3] <= 12
    assert counts[4] >= 15
