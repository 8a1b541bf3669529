import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cliply.cli import console
from cliply.cli.doctor import report
from cliply.cli.main import app

SECRET = "sk-very-secret-key"


@pytest.fixture
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    console.settings.cache_clear()
    return monkeypatch


@pytest.mark.slow
def test_everything_that_is_needed_is_there_after_setting_up(
    fresh_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fresh_settings.setenv("CLIPLY_CACHE", str(tmp_path / "cache"))
    checks = report()
    assert {check.name for check in checks if check.state == "missing"} == set()
    named = {check.name: check for check in checks}
    assert "Whisper base" in named["speech model"].used
    assert str(tmp_path / "cache") in named["kept results"].used
    assert not (tmp_path / "cache").exists()
    console.settings.cache_clear()


@pytest.mark.slow
def test_a_key_is_told_to_be_set_but_never_shown(fresh_settings: pytest.MonkeyPatch) -> None:
    fresh_settings.setenv("CLIPLY_DEEPGRAM__KEY", SECRET)
    shown = CliRunner().invoke(app, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(shown.output)["checks"]}
    assert checks["Deepgram"]["used"] == "set"
    assert checks["OpenAI-compatible"]["used"].startswith("not set")
    assert SECRET not in shown.output
    console.settings.cache_clear()


@pytest.mark.slow
def test_what_is_missing_is_named_with_how_to_get_it(fresh_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from cliply.media import ffmpeg

    fresh_settings.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "no-ffmpeg"))
    ffmpeg.program.cache_clear()
    try:
        shown = CliRunner().invoke(app, ["doctor"])
    finally:
        ffmpeg.program.cache_clear()
        console.settings.cache_clear()
    assert shown.exit_code == 8
    assert "MISSING  ffmpeg" in shown.output
    assert "pip install" in shown.output
    assert shown.output.rstrip().endswith("Missing: ffmpeg.")
