from pathlib import Path

import pysubs2
import pytest
from tests.media.clips import TONE, follow, make

from cliply.media.deliver import file_names, write_subtitles
from cliply.media.edit import Brand, Captions, ClipEdit, EditWord, Hook
from cliply.media.exports import Format, export_edits
from cliply.media.probe import probe
from cliply.media.rendering.bumper import played_length
from cliply.media.rendering.render import render
from cliply.media.types import Span

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-shortest")
NAMES = file_names("clip")


@pytest.fixture
def edit(tmp_path: Path) -> ClipEdit:
    """A clip of a second and a half with a word at 0.2 s, an intro of one second and an outro of two."""
    source = make(tmp_path / "talk.mp4", "testsrc2=s=320x180:r=30:d=3", TONE.format(seconds=3), *_X264)
    intro = make(tmp_path / "in.mp4", "color=c=lime:s=160x160:r=25:d=1", TONE.format(seconds=1), *_X264).path
    outro = make(tmp_path / "out.mp4", "color=c=red:s=160x160:r=25:d=2", TONE.format(seconds=2), *_X264).path
    return follow(
        source,
        [Span(500, 2000)],
        words=(EditWord(text="hello", start=700, end=1900),),
        captions=Captions(),
        hook=Hook(text="Look", milliseconds=800),
        brand=Brand(intro=intro, outro=outro),
    )


def test_subtitles_fit_the_file_as_it_plays_after_its_intro(edit: ClipEdit, tmp_path: Path) -> None:
    write_subtitles(edit, tmp_path, NAMES)

    for kind in ("srt", "vtt"):
        [cue] = pysubs2.load(str(tmp_path / f"clip.{kind}"))
        assert (cue.start, cue.end) == (1200, 2480)
    drawn = pysubs2.load(str(tmp_path / "clip.ass"))
    assert min(event.start for event in drawn if "LOOK" in event.plaintext.upper()) == 1000
    assert min(event.start for event in drawn if "HELLO" in event.plaintext.upper()) == 1200


def test_without_an_intro_subtitles_begin_with_the_clip(edit: ClipEdit, tmp_path: Path) -> None:
    write_subtitles(edit.model_copy(update={"brand": Brand()}), tmp_path, NAMES)

    assert pysubs2.load(str(tmp_path / "clip.srt"))[0].start == 200


@pytest.mark.slow
def test_the_length_of_a_clip_is_that_of_its_file(edit: ClipEdit, tmp_path: Path) -> None:
    made = render(edit, probe(edit.source.path), tmp_path / "clip.mp4")

    assert played_length(edit) == made.duration == pytest.approx(4500, abs=40)


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass"])
def test_an_export_is_the_delivered_file(edit: ClipEdit, tmp_path: Path, kind: Format) -> None:
    write_subtitles(edit, tmp_path, NAMES)
    delivered = (tmp_path / f"clip.{kind}").read_bytes()

    [exported] = export_edits([edit], ["clip"], kind, tmp_path)

    assert exported == tmp_path / f"clip.{kind}"
    assert exported.read_bytes() == delivered
