from pathlib import Path

import pytest
from tests.media.clips import TONE, make
from typer.testing import CliRunner

from cliply.cli.main import app
from cliply.errors import Conflict


def test_a_kind_of_transcript_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    make(tmp_path / "tone.wav", None, TONE.format(seconds=2))
    ran = CliRunner().invoke(app, ["transcribe", str(tmp_path / "tone.wav"), "--out", str(tmp_path / "words.doc")])
    assert ran.exit_code == 2
    assert ".srt" in ran.output


def test_a_folder_for_the_transcript_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    sound = make(tmp_path / "tone.wav", None, TONE.format(seconds=2)).path
    asked = ["transcribe", str(sound), "--out", str(sound / "words.srt")]
    with pytest.raises(Conflict, match="is a file"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


@pytest.mark.parametrize("command", ["transcribe", "highlights"])
def test_what_is_wrong_with_the_source_is_said(command: str, tmp_path: Path) -> None:
    source = make(tmp_path / "short.mp4", "testsrc2=s=64x64:r=10:d=6", TONE.format(seconds=20))
    ran = CliRunner().invoke(app, [command, str(source.path)], env={"CLIPLY_CACHE": str(tmp_path / "cache")})
    assert "The picture ends after 6.0 s" in ran.stderr


@pytest.mark.parametrize("language", ["xx", "English"])
def test_a_language_that_is_none_is_a_mistake_in_the_command(language: str, tmp_path: Path) -> None:
    sound = make(tmp_path / "tone.wav", None, TONE.format(seconds=2)).path
    ran = CliRunner().invoke(app, ["transcribe", str(sound), "--language", language])
    assert ran.exit_code == 2
    assert language in ran.output


def test_a_sheet_that_is_no_picture_is_a_mistake_in_the_command(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["styles", "--sheet", str(tmp_path / "x.gif")])
    assert ran.exit_code == 2
    assert ".png" in ran.output
