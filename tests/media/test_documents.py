from pathlib import Path

import pytest

from cliply.errors import Invalid, NotFound
from cliply.media.documents import CLIPS_FILE, ClipEntry, ClipsDocument, SourceFacts, candidate
from cliply.media.types import Highlight, Span, Transcript, Word


def a_document() -> ClipsDocument:
    clip = ClipEntry(number=1, rank=1, span=Span(0, 9000), score=90, duration=9000, title="Ünïcode 🎬")
    return ClipsDocument(source=SourceFacts(name="talk.mp4", duration=60_000), clips=(clip,))


def test_a_document_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    a_document().save(tmp_path)
    assert ClipsDocument.load(tmp_path) == a_document()


def test_a_missing_document_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cliply clip"):
        ClipsDocument.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 2}', '{"source": {"name": "a", "duration": -1}}'])
def test_a_damaged_or_later_document_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / CLIPS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match="cannot be used"):
        ClipsDocument.load(tmp_path)


def test_saving_again_replaces_the_document_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    a_document().save(tmp_path)
    later = a_document().model_copy(update={"clips": ()})
    later.save(tmp_path)
    assert ClipsDocument.load(tmp_path) == later
    assert [each.name for each in tmp_path.iterdir()] == [CLIPS_FILE]


def test_a_highlight_that_was_not_rendered_keeps_its_reason() -> None:
    moment = Highlight(Span(1000, 20_000), 55.0, "Said.", "Because.", title="Title", keywords=("go",))
    entry = candidate(moment, rank=4, pick=2)
    assert entry.title == "Title"
    assert (entry.rank, entry.pick, entry.reason, entry.text, entry.keywords) == (4, 2, "Because.", "Said.", ("go",))


def test_a_highlight_without_a_title_gets_one_where_the_transcript_is_known() -> None:
    moment = Highlight(Span(0, 20_000), 55.0, "So, nobody reads the manual.", "Because.")
    whole = Transcript("en", (Word("Nobody", 0, 200), Word("reads", 200, 400)))
    assert candidate(moment, rank=1, pick=1).title == ""
    assert candidate(moment, rank=1, pick=1, whole=whole).title == "Nobody Reads the Manual"


def test_a_name_that_is_no_text_can_still_be_stored(tmp_path: Path) -> None:
    facts = SourceFacts(name="a\udcff.mp4", path=tmp_path / "a\udcff.mp4", duration=1)
    ClipsDocument(source=facts).save(tmp_path)
    assert ClipsDocument.load(tmp_path).source.name == "a?.mp4"


@pytest.mark.parametrize("name", ["../notes.txt", "/etc/hostname", "a/b.mp4", "..", ""])
def test_a_document_cannot_name_files_outside_its_folder(tmp_path: Path, name: str) -> None:
    """The next run removes an earlier one's files by these names."""
    text = a_document().model_dump_json().replace('"video":null', f'"video":"{name}"')
    (tmp_path / CLIPS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match="video"):
        ClipsDocument.load(tmp_path)


def test_a_file_in_place_of_the_folder_is_no_fault_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text("{}")
    with pytest.raises(NotFound, match="Name a folder"):
        ClipsDocument.load(file)
    (tmp_path / "clips.json").mkdir()
    with pytest.raises(NotFound, match="Name a folder"):
        ClipsDocument.load(tmp_path)


@pytest.mark.parametrize(("text", "told"), [("{", "not JSON"), ("{}", "is missing")])
def test_what_is_wrong_with_a_document_is_told_in_words(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "clips.json").write_text(text)
    with pytest.raises(Invalid, match=told):
        ClipsDocument.load(tmp_path)
