import pytest

from cliply.errors import NotFound
from cliply.media.documents import ClipEntry, ClipFiles, ClipsDocument, SourceFacts, candidate
from cliply.media.picks import number_moments, picked_candidates
from cliply.media.types import Highlight, Span

MOMENTS = tuple(
    Highlight(Span(at * 10_000, at * 10_000 + 9000), 90.0 - at, "Said.", "", chosen=at in (0, 2)) for at in range(6)
)


def a_document(*made: int, before: ClipsDocument | None = None) -> ClipsDocument:
    """Of the moments, those at the positions `made` are clips."""
    moments = MOMENTS
    numbers = number_moments(moments, before)
    clips = [
        ClipEntry(
            number=number, rank=at + 1, span=moments[at].span, score=50, duration=9000,
            files=ClipFiles(video=f"{number:02d}-clip.mp4"), pick=numbers[moments[at].span],
        )
        for number, at in enumerate(made, 1)
    ]  # fmt: skip
    left = [candidate(each, rank=at + 1, pick=numbers[each.span]) for at, each in enumerate(moments) if at not in made]
    return ClipsDocument(source=SourceFacts(name="talk.mp4", duration=60_000), clips=clips, candidates=left)


def test_candidates_are_numbered_from_one_on_best_first() -> None:
    document = a_document(0, 2)
    assert [(each.rank, each.pick) for each in document.candidates] == [(2, 1), (4, 2), (5, 3), (6, 4)]


def test_a_number_stays_with_its_moment_when_others_become_clips() -> None:
    first = a_document(0, 2)
    later = a_document(0, 2, 1, before=first)
    assert [each.pick for each in later.candidates] == [2, 3, 4]
    assert later.clips[2].pick == 1
    assert [each.pick for each in a_document(0, 2, 1, 3, before=later).candidates] == [3, 4]


def test_numbers_are_the_same_however_far_the_run_before_came() -> None:
    stopped = a_document()
    assert a_document(0, 2, before=stopped) == a_document(0, 2)


def test_new_moments_get_new_numbers() -> None:
    first = a_document(0, 2)
    others = (*MOMENTS[:2], Highlight(Span(70_000, 79_000), 10.0, "Said.", ""))
    numbers = number_moments(others, first)
    assert numbers[MOMENTS[1].span] == 1
    assert numbers[others[2].span] == 7


def test_what_is_a_clip_already_is_said_and_the_rest_is_made() -> None:
    document = a_document(0, 2, 1)
    candidates, notes = picked_candidates(document, [1, 2, 2])
    assert [each.pick for each in candidates] == [2]
    assert notes == ("Candidate 1 is a clip already: 03-clip.mp4.",)


def test_a_number_that_nobody_has_is_refused_with_those_left() -> None:
    with pytest.raises(NotFound, match=r"no candidate 9\. Those left have the numbers 1, 3 to 4\."):
        picked_candidates(a_document(0, 2, 3), [9])


def test_where_all_moments_are_clips_nothing_is_left_to_pick() -> None:
    with pytest.raises(NotFound, match="Nothing is left to pick"):
        picked_candidates(a_document(*range(6)), [99])
