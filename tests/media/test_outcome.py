from pathlib import Path

import pytest
from tests.media.clips import TONE, follow, make
from tests.media.test_edit import an_edit

from cliply.errors import Conflict
from cliply.media.analysis import Analysis, listen
from cliply.media.assemble import Assembled
from cliply.media.cache import Cache
from cliply.media.deliver import Delivered
from cliply.media.documents import ClipEntry, ClipFiles, ClipsDocument, SourceFacts
from cliply.media.edits import edit_digest, save_edit
from cliply.media.highlights.find import Findings
from cliply.media.options import ClipOptions
from cliply.media.outcome import Outcome, drop_exports, refuse_overwriting
from cliply.media.progress import Watch
from cliply.media.types import Highlight, Span, Transcript


def a_run(folder: Path) -> None:
    """What a run leaves of one clip."""
    edit = an_edit()
    save_edit(edit, folder / "01.edit.json")
    clip = ClipEntry(
        number=1, rank=1, span=Span(0, 9), score=1, duration=9,
        files=ClipFiles(edit="01.edit.json"), made_from=edit_digest(edit), made_with="by another version",
    )  # fmt: skip
    ClipsDocument(source=SourceFacts(name="talk.mp4", duration=9, fingerprint="abc"), clips=(clip,)).save(folder)


def test_an_earlier_run_of_the_same_source_is_gone_on_with_also_after_an_update(tmp_path: Path) -> None:
    a_run(tmp_path)
    refuse_overwriting(tmp_path, "abc")


def test_an_edit_that_was_changed_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    a_run(tmp_path)
    save_edit(an_edit().model_copy(update={"language": "de"}), tmp_path / "01.edit.json")
    with pytest.raises(Conflict, match="changed by hand"):
        refuse_overwriting(tmp_path, "abc")


def test_clips_of_another_source_are_not_overwritten(tmp_path: Path) -> None:
    a_run(tmp_path)
    with pytest.raises(Conflict, match=r"talk\.mp4"):
        refuse_overwriting(tmp_path, "def")


def test_a_page_that_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    refuse_overwriting(tmp_path, "abc")
    (tmp_path / "index.html").write_text("my own")
    with pytest.raises(Conflict, match="--out"):
        refuse_overwriting(tmp_path, "abc")


def listing(*stems: str) -> ClipsDocument:
    files = [ClipFiles(edit=f"{stem}.edit.json") for stem in stems]
    clips = [
        ClipEntry(number=number, rank=1, span=Span(0, 9), score=1, duration=9, files=each)
        for number, each in enumerate(files, 1)
    ]
    return ClipsDocument(source=SourceFacts(name="talk.mp4", duration=9), clips=tuple(clips))


def test_timelines_of_a_clip_that_got_another_name_go_with_it(tmp_path: Path) -> None:
    for name in ("01-old.otio", "01-old.edl", "02-same.fcpxml", "all-clips.otio", "my.otio"):
        (tmp_path / name).touch()
    drop_exports(tmp_path, listing("01-old", "02-same"), listing("01-new", "02-same"))
    assert {each.name for each in tmp_path.iterdir()} == {"02-same.fcpxml", "my.otio"}


def test_timelines_stay_while_their_clips_do(tmp_path: Path) -> None:
    (tmp_path / "all-clips.otio").touch()
    drop_exports(tmp_path, listing("01-a"), listing("01-a", "02-b"))
    drop_exports(tmp_path, None, listing("01-a"))
    assert (tmp_path / "all-clips.otio").exists()


def test_what_was_cut_out_of_a_clip_is_counted(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=9))
    moment = Highlight(span=Span(0, 8000), score=1, text="", reason="")
    analysis = Analysis(
        source, "abc", listen(source, Cache(tmp_path / "cache"), Watch()), Transcript("en", ()),
        Findings((moment,), sentences=(), chapters=()),
    )  # fmt: skip
    outcome = Outcome.begin(tmp_path, analysis, ClipOptions())
    edit = follow(source, [Span(500, 2000), Span(2400, 5000), Span(6000, 7500)])
    outcome.add(1, moment, Assembled(edit=edit, faces=()), Delivered(edit, ClipFiles(), ()))
    [clip] = ClipsDocument.load(tmp_path).clips
    assert (clip.cuts, clip.cut_out) == (2, 1400)
