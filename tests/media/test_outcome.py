from pathlib import Path

import pytest
from tests.media.test_edit import an_edit

from cliply.errors import Conflict
from cliply.media.documents import ClipEntry, ClipFiles, ClipsDocument, SourceFacts
from cliply.media.edits import edit_digest, save_edit
from cliply.media.outcome import refuse_overwriting
from cliply.media.types import Span


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
