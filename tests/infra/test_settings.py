import pytest

from cliply.cli import console
from cliply.infra.settings import unknown_names


def test_a_name_that_means_nothing_is_told_with_the_nearest_that_does() -> None:
    told = list(unknown_names(["CLIPLY_CACH", "CLIPLY_JUDGE_MODEL", "CLIPLY_XYZZY", "PATH"]))
    assert [message.partition(" is no setting")[0] for message in told] == [
        "CLIPLY_CACH",
        "CLIPLY_JUDGE_MODEL",
        "CLIPLY_XYZZY",
    ]
    assert told[0].endswith("Did you mean CLIPLY_CACHE?")
    assert told[1].endswith("Did you mean CLIPLY_JUDGE__MODEL?")
    assert "Did you mean" not in told[2]


def test_every_setting_is_known_in_any_case() -> None:
    assert list(unknown_names(["CLIPLY_CACHE", "cliply_progress", "CLIPLY_OPENAI__KEY", "CLIPLY_DEEPGRAM"])) == []


def test_a_mistyped_name_is_noted_but_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIPLY_JUDGE__KYE", "sk-very-secret")
    console.settings.cache_clear()
    console.settings()
    console.settings.cache_clear()
    said = capsys.readouterr().err
    assert "CLIPLY_JUDGE__KEY" in said
    assert "secret" not in said
