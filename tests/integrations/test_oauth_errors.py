"""Every refusal of the token servers: what is to be done, and in whose words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cliply.integrations.oauth_errors import Told, Words, failure, read
from cliply.integrations.publisher import Misconfigured, PublishFailure, Reconnect, TryLater, Unknown

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
GOOGLE = Words("Google", "CLIPLY_GOOGLE__CLIENT_ID and CLIPLY_GOOGLE__CLIENT_SECRET", "the Google Cloud console")
TIKTOK = Words("TikTok", "CLIPLY_TIKTOK__CLIENT_KEY and CLIPLY_TIKTOK__CLIENT_SECRET", "developers.tiktok.com")
RAW = "<script>raw words of theirs</script>"


def google(error: str, **more: str) -> dict[str, str]:
    return {"error": error, "error_description": RAW, **more}


def tiktok(error: str) -> dict[str, str]:
    return {"error": error, "error_description": RAW, "log_id": "2026113012"}


CASES: list[tuple[Words, int, Any, type[PublishFailure], str]] = [
    # Google, by the table of its token server
    (GOOGLE, 400, google("invalid_grant"), Reconnect, "permission has ended"),
    (GOOGLE, 400, google("invalid_grant", error_subtype="invalid_rapt"), Reconnect, "sign in again from time to time"),
    (GOOGLE, 401, google("invalid_client"), Misconfigured, "CLIPLY_GOOGLE__CLIENT_ID"),
    (GOOGLE, 400, google("invalid_client"), Misconfigured, "Google Cloud console"),
    (GOOGLE, 401, google("deleted_client"), Misconfigured, "app or its secret"),
    (GOOGLE, 401, google("disabled_client"), Misconfigured, "app or its secret"),
    (GOOGLE, 400, google("redirect_uri_mismatch"), Misconfigured, "Register it there exactly"),
    (GOOGLE, 400, google("invalid_request"), Misconfigured, "does not take"),
    (GOOGLE, 401, google("unauthorized_client"), Misconfigured, "app or its secret"),
    (GOOGLE, 400, google("unsupported_grant_type"), Misconfigured, "does not take"),
    (GOOGLE, 400, google("invalid_scope"), Misconfigured, "scopes"),
    (GOOGLE, 400, google("admin_policy_enforced"), Reconnect, "administrator"),
    (GOOGLE, 403, google("org_internal"), Reconnect, "administrator"),
    (GOOGLE, 403, google("access_denied"), Reconnect, "Connect the account again"),
    (GOOGLE, 500, google("server_error"), TryLater, "at the moment"),
    (GOOGLE, 503, google("temporarily_unavailable"), TryLater, "at the moment"),
    (GOOGLE, 400, google("temporarily_unavailable"), TryLater, "at the moment"),
    (GOOGLE, 500, google("internal_failure"), TryLater, "at the moment"),
    (GOOGLE, 400, google("internal_failure"), TryLater, "at the moment"),
    (GOOGLE, 403, google("rate_limit_exceeded"), TryLater, "busy"),
    (GOOGLE, 429, google("something_new"), TryLater, "busy"),
    (GOOGLE, 502, google("something_new"), TryLater, "at the moment"),
    (GOOGLE, 400, google("something_new"), Misconfigured, "does not take"),
    (GOOGLE, 503, {"error": {"code": 503, "message": RAW, "status": "UNAVAILABLE"}}, TryLater, "at the moment"),
    (GOOGLE, 429, {"error": {"code": 429, "message": RAW, "status": "RESOURCE_EXHAUSTED"}}, TryLater, "busy"),
    (GOOGLE, 500, {"error": {"code": 500, "message": RAW, "status": "INTERNAL"}}, TryLater, "at the moment"),
    # TikTok, by its table; each of them may come with 200
    (TIKTOK, 200, tiktok("access_denied"), Reconnect, "permission has ended"),
    (TIKTOK, 200, tiktok("invalid_client"), Misconfigured, "CLIPLY_TIKTOK__CLIENT_KEY"),
    (TIKTOK, 401, tiktok("invalid_client"), Misconfigured, "developers.tiktok.com"),
    (TIKTOK, 200, tiktok("invalid_grant"), Reconnect, "Connect the account again"),
    (TIKTOK, 400, tiktok("invalid_grant"), Reconnect, "Connect the account again"),
    (TIKTOK, 200, tiktok("invalid_request"), Misconfigured, "does not take"),
    (TIKTOK, 200, tiktok("invalid_scope"), Misconfigured, "products and scopes"),
    (TIKTOK, 200, tiktok("unauthorized_client"), Misconfigured, "app or its secret"),
    (TIKTOK, 200, tiktok("unsupported_grant_type"), Misconfigured, "does not take"),
    (TIKTOK, 200, tiktok("unsupported_response_type"), Misconfigured, "does not take"),
    (TIKTOK, 200, tiktok("server_error"), TryLater, "at the moment"),
    (TIKTOK, 500, tiktok("server_error"), TryLater, "at the moment"),
    (TIKTOK, 200, tiktok("temporarily_unavailable"), TryLater, "at the moment"),
    (TIKTOK, 401, {"data": {}, "error": {"code": "access_token_invalid", "message": RAW}}, Reconnect, "ended"),
    (TIKTOK, 429, {"data": {}, "error": {"code": "rate_limit_exceeded", "message": RAW}}, TryLater, "busy"),
    # What is none of theirs
    (GOOGLE, 502, RAW, TryLater, "cannot be read"),
    (GOOGLE, 404, "", TryLater, "cannot be read"),
    (TIKTOK, 403, f"<html>{RAW}", TryLater, "cannot be read"),
    (TIKTOK, 200, [RAW], TryLater, "cannot be read"),
    (TIKTOK, 429, "", TryLater, "too often"),
    (GOOGLE, 400, {"error": 7}, TryLater, "cannot be read"),
    (GOOGLE, 400, {"error": RAW}, Misconfigured, "does not take"),
]


@pytest.mark.parametrize(("words", "status", "body", "kind", "said"), CASES)
def test_each_refusal_says_what_is_to_be_done_in_words_of_ours(
    words: Words, status: int, body: Any, kind: type[PublishFailure], said: str
) -> None:
    written = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    failed = failure(read(written), status, words, now=NOW, once=False)
    assert type(failed) is kind
    assert said in str(failed)
    assert words.label in str(failed) or "organisation" in str(failed)
    assert "raw words" not in str(failed) + failed.code
    if isinstance(body, dict) and isinstance(body.get("error"), str) and body["error"] != RAW:
        assert failed.code in (body["error"], body.get("error_subtype"))


@pytest.mark.parametrize(("status", "kind"), [(200, Unknown), (302, Unknown), (502, Unknown), (404, TryLater)])
def test_what_is_good_once_may_be_used_up_where_nobody_can_read_the_answer(
    status: int, kind: type[PublishFailure]
) -> None:
    assert type(failure(read(b"<html>"), status, TIKTOK, now=NOW, once=True)) is kind


def test_a_server_that_says_that_it_did_not_do_it_is_believed() -> None:
    assert isinstance(failure(Told("server_error"), 500, TIKTOK, now=NOW, once=True), TryLater)


@pytest.mark.parametrize(("asked", "at"), [(None, None), (0.0, None), (60.0, 60.0), (1e9, 7 * 86_400.0)])
def test_a_wait_that_is_asked_for_is_kept_within_reason(asked: float | None, at: float | None) -> None:
    failed = failure(Told("slow_down"), 429, GOOGLE, now=NOW, once=False, asked_wait=asked)
    assert isinstance(failed, TryLater)
    assert failed.at == (None if at is None else NOW + timedelta(seconds=at))


@pytest.mark.parametrize(
    "body", [b"", b"null", b"7", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"error": null}', b'{"error": ""}']
)
def test_a_body_without_an_error_names_none(body: bytes) -> None:
    assert read(body) is None
