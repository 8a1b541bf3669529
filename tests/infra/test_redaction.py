import json
import secrets
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cliply.features.identity.api_keys import _new_secret
from cliply.infra.redaction import REDACTED, Redactor, is_secret, secrets_of
from cliply.infra.security import hash_password, new_token
from cliply.infra.settings import Database, Mail, Settings, Storage

WAYS = (
    "password={}",
    "password: {}",
    "'password': '{}'",
    '{{"client_secret": "{}"}}',
    '{{\\"access_token\\": \\"{}\\"}}',
    "CLIPLY_MAIL__PASSWORD={}",
    "Authorization: Bearer {}",
    "authorization='Basic {}'",
    "Cookie: theme=dark; session={}",
    "Set-Cookie: __Host-session={}; Secure; HttpOnly",
    "postgresql://cliply:{}@db.example.com/cliply",
    "https://user:{}@s3.example.com/bucket",
    "/files/a/b/c/d?expires=1&signature={}",
    "https://s3.example.com/b/k?X-Amz-Credential=id&X-Amz-Signature={}&x-id=GetObject",
    "https://cliply.example.com/recover?token={}",
    "/oauth/callback?code={}&state=1",
    "x-api-key: {}",
    "apiKey={}",
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", ["hunter2-hunter2", "p.a/s+s~1", "0123456789abcdef0123456789abcdef", "correct"])
def test_a_secret_with_a_name_is_taken_out_however_it_is_written(way: str, secret: str) -> None:
    shown = Redactor().text(f"it failed: {way.format(secret)} (3rd time)")
    assert secret not in shown
    assert REDACTED in shown
    assert shown.startswith("it failed: ")


RANDOM: dict[str, Callable[[], str]] = {
    "an API key": _new_secret,
    "a token": new_token,
    "a longer token": lambda: secrets.token_urlsafe(48),
    "a password's hash": lambda: hash_password("correct horse battery"),
    "a JWT": lambda: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "a private key": lambda: "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
    "an access key of S3": lambda: "AKIAIOSFODNN7EXAMPLE",
    "a key of a model's service": lambda: "sk-proj-abcdefghijklmnop",
}


@pytest.mark.parametrize("what", RANDOM)
def test_a_secret_that_looks_like_one_is_taken_out_without_a_name(what: str) -> None:
    secret = RANDOM[what]()
    assert secret not in Redactor().text(f"got {secret} from them")


def test_two_hundred_secrets_on_all_ways_leave_no_trace() -> None:
    canaries = [secrets.token_hex(12) for _ in range(200)]
    redactor = Redactor()
    for number, canary in enumerate(canaries):
        way = WAYS[number % len(WAYS)].format(canary)
        shown = json.dumps([redactor.text(way), redactor.value({"deep": [{"token": canary}, way]})])
        assert canary not in shown


@pytest.mark.parametrize(
    "innocent",
    [
        "worker_started",
        "There is no queue medai. There are: maintenance, media.",
        "5f9c0f6e-9f0b-4a52-8d3b-0a2d6f3f1c11",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "GET /api/workspaces/5f9c0f6e-9f0b-4a52-8d3b-0a2d6f3f1c11/members 200 in 12 ms",
        "File src/cliply/features/identity/login_sessions.py, line 12, in start",
        "took 4 tokens of the budget",
        "2026-11-24T19:40:00.000+00:00",
    ],
)
def test_what_is_no_secret_stays_readable(innocent: str) -> None:
    assert Redactor().text(innocent) == innocent


def test_what_the_settings_hold_is_known_wherever_it_turns_up() -> None:
    settings = Settings(
        mail=Mail(password=SecretStr("plain word")),
        storage=Storage(secret=SecretStr("another (odd) one")),
        database=Database(url=SecretStr("postgresql://host/db")),
    )
    known = list(secrets_of(settings))
    assert {"plain word", "another (odd) one", "postgresql://host/db"} <= set(known)
    shown = Redactor(known).text("535 5.7.8 plain word was refused, so was another (odd) one")
    assert shown == f"535 5.7.8 {REDACTED} was refused, so was {REDACTED}"


@pytest.mark.parametrize(
    "name", ["password", "new_password", "clientSecret", "X-Amz-Signature", "Set-Cookie", "apiKey"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["queues", "tokenizer", "keyboard", "signal", "passed", "secretary", "job_id"])
def test_names_that_only_look_alike_are_not(name: str) -> None:
    assert not is_secret(name)


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_twice_with_the_same_result(text: str) -> None:
    redactor = Redactor(["known-secret"])
    once = redactor.text(text)
    assert redactor.text(once) == once


def test_a_long_line_takes_no_time_worth_mentioning() -> None:
    """What strangers send is logged, so none of the expressions may run away on it."""
    for evil in ("a" * 50_000, "token" * 10_000, "-" * 50_000, "eyJ" * 20_000, "a.a-" * 15_000, "://" * 20_000):
        Redactor().text(evil)
