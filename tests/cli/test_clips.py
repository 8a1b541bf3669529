from cliply.cli.clips import check_line
from cliply.media.documents import ClipEntry, ClipFiles, Finding
from cliply.media.types import Span


def a_clip(*findings: Finding) -> ClipEntry:
    return ClipEntry(
        number=1, rank=1, span=Span(0, 9000), score=90, duration=9000, files=ClipFiles(video="01-a.mp4"),
        findings=findings,
    )  # fmt: skip


def a_finding(check: str, message: str, *, failed: bool = False) -> Finding:
    return Finding(check=check, level="failed" if failed else "warning", message=message)


def test_a_clip_that_is_fine_but_for_something_is_told_in_one_line() -> None:
    clip = a_clip(a_finding("face", "Captions cover a face."), a_finding("face", "Captions cover it again."))
    assert check_line(clip) == "01-a.mp4: Captions cover a face. (1 more like it.)"


def test_what_failed_is_told_first() -> None:
    clip = a_clip(a_finding("face", "Captions cover a face."), a_finding("loud", "It is silent.", failed=True))
    assert check_line(clip) == "01-a.mp4 did not pass its check: It is silent. Captions cover a face."
