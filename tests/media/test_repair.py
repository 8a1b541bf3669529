from pathlib import Path

import pytest
from tests.media.clips import follow, make
from tests.media.rendering.test_framemap import source

from cliply.media.deliver import deliver, file_names
from cliply.media.documents import Finding
from cliply.media.edit import ClipEdit, EditWord
from cliply.media.edits import load_edit
from cliply.media.repair import repaired
from cliply.media.types import Span


def said(*words: tuple[int, int], spans: list[Span]) -> ClipEdit:
    return follow(source("30"), spans, words=tuple(EditWord(text="word", start=start, end=end) for start, end in words))


def silence(start: int, end: int) -> Finding:
    return Finding(check="silence", level="warning", message="Nothing can be heard.", at=Span(start, end))


def test_a_silence_is_cut_short_where_it_is_in_the_source() -> None:
    edit = said((100, 900), (1_100, 1_900), (9_000, 9_900), spans=[Span(0, 1_000), Span(1_100, 10_000)])
    better = repaired(edit, [silence(2_000, 7_800)])  # a tenth of a second later in the source
    assert better.spans == (Span(0, 1_000), Span(1_100, 2_600), Span(7_600, 10_000))


def test_no_word_is_lost_with_a_silence() -> None:
    edit = said((100, 900), (3_000, 3_900), (5_000, 5_900), (9_000, 9_900), spans=[Span(0, 10_000)])
    better = repaired(edit, [silence(1_500, 8_500)])
    for word in edit.words:
        assert any(span.start <= word.start and word.end <= span.end for span in better.spans)


def test_an_edge_in_a_word_is_moved_to_its_end_unless_that_cuts_another() -> None:
    edit = said((800, 1_400), (2_000, 2_600), spans=[Span(1_000, 2_300)])
    assert repaired(edit, []).spans == (Span(800, 2_600),)
    both = said((800, 1_400), (500, 1_000), (2_000, 2_500), spans=[Span(1_000, 2_500)])
    assert repaired(both, []) == both


def test_a_clip_without_a_fault_stays_as_it_is() -> None:
    edit = said((100, 900), spans=[Span(0, 1_000)])
    assert repaired(edit, []) is edit


@pytest.mark.slow
def test_a_clip_with_a_silence_is_made_once_more_without_it(tmp_path: Path) -> None:
    voice = "aevalsrc='0.2*sin(2*PI*(150+80*sin(3*t))*t)*(0.55+0.45*sin(11*t))*(lt(t,2)+gt(t,6))':s=48000:d=8"
    film = make(tmp_path / "talk.mp4", "testsrc2=s=320x180:r=25:d=8", voice)
    words = (EditWord(text="Wait.", start=500, end=1_900), EditWord(text="Now.", start=6_100, end=7_500))
    edit = follow(film, [Span(0, 8_000)], words=words)

    def made(*, repairing: bool) -> tuple[ClipEdit, set[str]]:
        told = deliver(
            edit,
            film,
            tmp_path,
            file_names("clip"),
            faces=(),
            threads=None,
            on_progress=lambda _: None,
            repairing=repairing,
        )
        assert load_edit(tmp_path / "clip.edit.json").spans == told.edit.spans
        return told.edit, {finding.check for finding in told.findings}

    assert made(repairing=False) == (edit, {"silence"})
    better, left = made(repairing=True)
    assert 4_500 < better.duration < 5_200
    assert left == set()
