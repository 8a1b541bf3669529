"""EDL, and what holds for every format."""

import re
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest

from cliply.errors import Invalid
from cliply.media import ffmpeg
from cliply.media.edit import ClipEdit, Output, SourceFile
from cliply.media.timeline import ALL_CLIPS, TimelineFormat, export
from cliply.media.types import Size

EVENT = re.compile(r"^(\d{3})  ([A-Z0-9]{1,8}) +(AA/V|V|AA) +C +(\S{11}) (\S{11}) (\S{11}) (\S{11})$")


def frames(shown: str, nominal: int, dropped: int) -> int:
    hours, minutes, seconds, rest = (int(part) for part in re.split("[:;]", shown))
    total = hours * 60 + minutes
    return (total * 60 + seconds) * nominal + rest - dropped * (total - total // 10)


@pytest.mark.parametrize(("rate", "nominal", "dropped"), [("30000/1001", 30, 2), ("25", 25, 0), ("24000/1001", 24, 0)])
def test_an_edl_reads_back_frame_exact(edit: ClipEdit, tmp_path: Path, rate: str, nominal: int, dropped: int) -> None:
    edit = edit.model_copy(update={"output": Output(frame_rate=rate)})
    text = export([edit], "edl", tmp_path)[0].read_text(encoding="utf-8")
    assert text.splitlines()[1] == f"FCM: {'DROP FRAME' if dropped else 'NON-DROP FRAME'}"
    at = frames("01:00:00:00", nominal, dropped)
    events = [match for line in text.splitlines() if (match := EVENT.match(line))]
    assert [event[1] for event in events] == ["001", "002", "003", "004", "005"]
    for event in events:
        source_in, source_out, record_in, record_out = (
            frames(event[group], nominal, dropped) for group in (4, 5, 6, 7)
        )
        assert record_in == at
        assert source_out - source_in == record_out - record_in
        at = record_out
    assert at - frames("01:00:00:00", nominal, dropped) == round(Fraction(edit.duration, 1000) * Fraction(rate))


def test_an_edl_tells_the_crop_and_nothing_can_break_a_line(edit: ClipEdit, tmp_path: Path) -> None:
    text = export([edit], "edl", tmp_path)[0].read_text(encoding="utf-8")
    assert "* COMMENT: LAYER 1 CROP FRAME 30 X 800.0 Y 0.0 W 608.0 H 1080.0" in text
    assert "* COMMENT: LAYER 2 PLACE 0 0.5 1 0.5" in text
    for line in text.splitlines():
        assert not line or line.startswith(("TITLE:", "FCM:", "* ")) or EVENT.match(line), line


def test_two_files_with_one_beginning_get_two_reels(edit: ClipEdit, tmp_path: Path) -> None:
    def named(name: str) -> ClipEdit:
        return edit.model_copy(update={"source": edit.source.model_copy(update={"path": tmp_path / name})})

    text = export([named("interview one.mp4"), named("interview two.mp4")], "edl", tmp_path)[-1].read_text()
    assert len({match[2] for line in text.splitlines() if (match := EVENT.match(line))}) == 2


@pytest.mark.parametrize("to", ["otio", "fcpxml", "edl"])
def test_a_folder_of_edits_gives_one_timeline_each_and_one_of_all(
    edit: ClipEdit, tmp_path: Path, to: TimelineFormat
) -> None:
    other = edit.model_copy(update={"output": Output(frame_rate="25")})
    files = export([edit, other], to, tmp_path, names=("01-one", "02-two"))
    assert [file.name for file in files] == [f"01-one.{to}", f"02-two.{to}", f"{ALL_CLIPS}.{to}"]
    assert all(file.stat().st_size > 0 for file in files)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in files)


def test_all_clips_in_a_row_are_as_long_as_the_clips_together(edit: ClipEdit, tmp_path: Path) -> None:
    file = export([edit, edit, edit], "otio", tmp_path)[-1]
    timeline = otio.adapters.read_from_file(str(file))
    one = round(Fraction(edit.duration, 1000) * edit.output.rate)
    assert timeline.tracks[0].duration().value == 3 * one


def test_nothing_to_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        export([], "otio", tmp_path)


def test_what_the_file_is_goes_into_the_timeline(edit: ClipEdit, tmp_path: Path) -> None:
    video = tmp_path / "silent.mp4"
    ffmpeg.run(["-f", "lavfi", "-i", "testsrc2=s=320x240:r=50:d=1", "-pix_fmt", "yuv420p", f"file:{video}"])
    source = SourceFile(path=video, fingerprint="", size=Size(320, 240), duration=60_000)
    silent = edit.model_copy(update={"source": source})
    fcpxml = export([silent], "fcpxml", tmp_path)[0].read_text(encoding="utf-8")
    assert 'frameDuration="1/50s" width="320" height="240"' in fcpxml
    assert "hasAudio" not in fcpxml
    assert "audioRole" not in fcpxml
    timeline = otio.adapters.read_from_file(str(export([silent], "otio", tmp_path)[0]))
    assert [track.kind for track in timeline.tracks] == ["Video", "Video"]
    assert " V     C " in export([silent], "edl", tmp_path)[0].read_text(encoding="utf-8")
