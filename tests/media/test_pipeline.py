import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.media.clips import TONE, follow, make

from cliply.errors import Conflict, Invalid, NotFound
from cliply.media.cache import Cache
from cliply.media.documents import ClipsDocument, SourceFacts
from cliply.media.edit import Captions, EditWord
from cliply.media.fingerprint import fingerprint
from cliply.media.pipeline import make_more, render_edit
from cliply.media.probe import probe
from cliply.media.progress import Watch
from cliply.media.types import Span


@contextmanager
def held(folder: Path, kind: int) -> Iterator[None]:
    """Somebody else at work in `folder`."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, kind)
        yield
    finally:
        os.close(opened)


def test_an_edit_is_not_rendered_where_a_run_would_sweep_its_work_away(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", "testsrc2=s=64x64:r=5", TONE.format(seconds=2), "-t", "2")
    edit = follow(source, [Span(0, 1000)])
    folder = tmp_path / "clips"
    folder.mkdir()
    with held(folder, fcntl.LOCK_EX), pytest.raises(Conflict, match="at work"):
        render_edit(edit, source, folder / "clip.mp4", Watch())
    assert list(folder.iterdir()) == []


def test_options_that_this_version_does_not_know_are_refused_with_what_to_do(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=3))
    facts = SourceFacts(name="tone.wav", duration=3000, fingerprint=fingerprint(source.path))
    document = ClipsDocument(source=facts, options={"sparkle": True})
    with pytest.raises(Invalid, match="cliply clip"):
        make_more(tmp_path, document, source, picks=[1], cache=Cache(tmp_path / "cache"), watch=Watch())


def test_an_edit_beyond_the_end_of_its_recording_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", "testsrc2=s=64x64:r=5", TONE.format(seconds=2), "-t", "2")
    with pytest.raises(Invalid, match="ends at"):
        render_edit(follow(source, [Span(0, 500), Span(3000, 4000)]), source, tmp_path / "clip.mp4", Watch())


def test_a_style_that_is_not_there_is_refused_by_its_name_before_any_work(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", "testsrc2=s=64x64:r=5", TONE.format(seconds=2), "-t", "2")
    edit = follow(source, [Span(0, 1000)], captions=Captions(style="karoke"))
    with pytest.raises(NotFound, match=r"no caption style “karoke”\. Did you mean “karaoke”"):
        render_edit(edit, source, tmp_path / "clips" / "clip.mp4", Watch())
    assert not (tmp_path / "clips").exists()


@pytest.mark.slow
def test_a_rendered_edit_has_its_captions_placed_off_faces(fixtures: Path, tmp_path: Path) -> None:
    source = probe(fixtures / "video" / "official_closeup_square.mp4")
    words = tuple(EditWord(text="word", start=at, end=at + 200) for at in range(0, 1200, 300))
    edit = follow(source, [Span(0, 1200)], words=words, captions=Captions())
    over_mouth = edit.model_copy(update={"captions": Captions(position=0.72)})
    assert edit.captions.position is None

    free = render_edit(edit, source, tmp_path / "free.mp4", Watch())
    bad = render_edit(over_mouth, source, tmp_path / "bad.mp4", Watch())

    assert not [finding for finding in free.findings if "face" in finding.message]
    assert [finding for finding in bad.findings if "cover a face" in finding.message]
