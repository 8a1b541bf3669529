import pytest
from pydantic import ValidationError

from cliply.cli import console
from cliply.infra.settings import Settings, unknown_names


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


@pytest.mark.parametrize(
    ("named", "missing"),
    [("CLIPLY_GOOGLE__CLIENT_ID", "secret"), ("CLIPLY_TIKTOK__CLIENT_KEY", "secret"),
     ("CLIPLY_GOOGLE__CLIENT_SECRET", "client ID"), ("CLIPLY_TIKTOK__CLIENT_SECRET", "client key")],
)  # fmt: skip
def test_an_app_at_a_network_is_named_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, named: str, missing: str
) -> None:
    monkeypatch.setenv(named, "a-value-canary")
    with pytest.raises(ValidationError, match=missing) as refused:
        Settings()
    assert "canary" not in str(refused.value)


def test_an_address_of_a_stand_in_has_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("http://127.0.0.1:8020/", "127.0.0.1:8020", "http://a@b", "ftp://b", "http://b?c"):
        monkeypatch.setenv("CLIPLY_GOOGLE__URL", wrong)
        with pytest.raises(ValidationError):
            Settings()
    monkeypatch.setenv("CLIPLY_GOOGLE__URL", "http://127.0.0.1:8020")
    assert Settings().google.url == "http://127.0.0.1:8020"


def test_clips_are_published_on_the_networks_unless_a_demo_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().providers == "networks"
    monkeypatch.setenv("CLIPLY_PROVIDERS", "demo")
    assert Settings().providers == "demo"
    monkeypatch.setenv("CLIPLY_PROVIDERS", "fake")
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("key", "secret", "url", "told"),
    [
        ("pk_test_1", "whsec_1", None, "is a publishable key"),
        ("whsec_1", "whsec_1", None, "none of Stripe's secret keys"),
        ("sk_test_1", "sk_test_2", None, "begin with whsec_"),
        ("sk_test_1", None, None, "needs the signing secret"),
        ("rk_live_1", "whsec_1", "http://127.0.0.1:8022", "nobody else may see"),
    ],
)
def test_keys_of_stripe_that_cannot_work_are_refused_before_anything_starts_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str, secret: str | None, url: str | None, told: str
) -> None:
    monkeypatch.setenv("CLIPLY_BILLING__SECRET_KEY", key)
    if secret is not None:
        monkeypatch.setenv("CLIPLY_BILLING__WEBHOOK_SECRETS", f'["{secret}"]')
    if url is not None:
        monkeypatch.setenv("CLIPLY_BILLING__URL", url)
    with pytest.raises(ValidationError, match=told) as raised:
        Settings()
    assert key not in str(raised.value)
