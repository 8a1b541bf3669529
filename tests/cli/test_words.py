from pathlib import Path

import pytest
from tests.media.clips import TONE, make
from typer.testing import CliRunner

from cliply.cli.main import app
from cliply.cli.words import shortened
from cliply.errors import Conflict, NotFound

# Starts the command for each.
pytestmark = pytest.mark.slow


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


def test_a_text_is_shortened_between_words_and_shows_it() -> None:
    assert shortened("Short.") == "Short."
    assert shortened("One, two, three.", 10) == "One, two…"
    assert shortened("一二三四五六", 4) == "一二三…"
    assert len(shortened("word " * 40)) <= 70


def spoken(folder: Path) -> Path:
    """Forty seconds of somebody who says a sentence every five."""
    words = folder / "words.srt"
    words.write_text(
        "\n\n".join(
            f"{number}\n00:00:{start:02d},000 --> 00:00:{start + 4:02d},500\nThe bridge number {number} fell down."
            for number, start in enumerate(range(0, 40, 5), 1)
        )
    )
    return words


def test_moments_of_a_part_are_found_in_given_words_and_the_chosen_are_marked(tmp_path: Path) -> None:
    sound = make(tmp_path / "tone.wav", None, TONE.format(seconds=40)).path
    limits = ["--min", "4", "--max", "6", "--count", "1", "--from", "10", "--to", "26", "--all"]
    asked = ["highlights", str(sound), "--transcript", str(spoken(tmp_path)), *limits]
    environment = {"CLIPLY_CACHE": str(tmp_path / "cache")}
    ran = CliRunner().invoke(app, asked, env=environment)
    assert ran.exit_code == 0, ran.output
    moments = [line for line in ran.stdout.splitlines() if not line.startswith("   ")]
    assert sorted(line.partition("number ")[2][0] for line in moments) == ["3", "4", "5"]
    assert sum("  chosen  " in line for line in moments) == 1


def test_words_that_are_not_there_are_named(tmp_path: Path) -> None:
    sound = make(tmp_path / "tone.wav", None, TONE.format(seconds=40)).path
    with pytest.raises(NotFound, match="transcript"):
        CliRunner().invoke(app, ["highlights", str(sound), "--transcript", "none.srt"], catch_exceptions=False)
