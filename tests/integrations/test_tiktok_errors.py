import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integrations.tiktok_bodies import BAD_GATEWAY, DENIED, oauth, told

from cliply.integrations.publisher import (
    Concerns,
    Misconfigured,
    PublishFailure,
    Reconnect,
    Rejected,
    TokenExpired,
    TryLater,
    Unknown,
)
from cliply.integrations.tiktok_errors import data_of, failed_post, refused_chunk

NOW = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
TOMORROW = NOW + timedelta(hours=24)
IN_A_MINUTE = NOW + timedelta(minutes=1)
REQUEST, ACCOUNT, APP = Concerns.REQUEST, Concerns.ACCOUNT, Concerns.APP


@dataclass(frozen=True)
class Case:
    name: str
    status: int
    body: bytes
    kind: type[PublishFailure]
    words: str
    """Some of those for people."""
    at: datetime | None = None
    concerns: Concerns | None = None
    field: str | None = None
    changes: bool = True


CASES = [
    # The grant
    Case("token", 401, told("access_token_invalid"), TokenExpired, "does not take the access token"),
    Case("token, sent with 200", 200, told("access_token_invalid"), TokenExpired, "access token"),
    Case("token, in OAuth's words", 200, oauth("invalid_token"), TokenExpired, "access token"),
    Case("scope", 401, told("scope_not_authorized"), Reconnect, "Connect it again, and leave every permission ticked"),
    Case("scope missed", 400, told("scope_permission_missed"), Reconnect, "every permission ticked"),
    Case("scope, by a new name", 403, told("scope_level_too_low"), Reconnect, "every permission ticked"),
    Case("grant gone", 200, oauth("invalid_grant"), Reconnect, "has taken back what it allowed"),
    Case("denied", 200, oauth("access_denied"), Reconnect, "Connect it again"),
    Case("scope unknown to OAuth", 200, oauth("invalid_scope"), Reconnect, "every permission ticked"),
    Case("client", 200, oauth("invalid_client"), Misconfigured, "CLIPLY_TIKTOK__CLIENT_KEY"),
    Case("client not for this", 400, oauth("unauthorized_client"), Misconfigured, "Its operators have to check"),
    Case("OAuth is broken", 200, oauth("server_error"), TryLater, "out of order", None, REQUEST),
    Case("OAuth is busy", 503, oauth("temporarily_unavailable"), TryLater, "out of order", None, REQUEST),
    Case("OAuth request", 400, oauth("invalid_request"), Rejected, "fault of Cliply"),
    # Limits
    Case("rate", 429, told("rate_limit_exceeded"), TryLater, "for a minute", IN_A_MINUTE, REQUEST),
    Case("rate, sent with 200", 200, told("rate_limit_exceeded"), TryLater, "for a minute", IN_A_MINUTE, REQUEST),
    Case("posts", 403, told("spam_risk_too_many_posts"), TryLater, "about 15 posts a day", TOMORROW, ACCOUNT),
    Case("posts, creator info", 200, told("spam_risk_too_many_posts"), TryLater, "24 hours", TOMORROW, ACCOUNT),
    Case(
        "inbox", 403, told("spam_risk_too_many_pending_share"), TryLater, "at most 5 uploads of 24 hours", TOMORROW,
        ACCOUNT,
    ),
    Case("users", 403, told("reached_active_user_cap"), TryLater, "the inbox may still take", TOMORROW, APP),
    Case("users, creator info", 200, told("reached_active_user_cap"), TryLater, "As many accounts", TOMORROW, APP),
    # The creator and the post
    Case("banned", 403, told("spam_risk_user_banned_from_posting"), Rejected, "appeal there"),
    Case("banned, creator info", 200, told("spam_risk_user_banned_from_posting"), Rejected, "does not let this"),
    Case("spam", 403, told("spam_risk"), Rejected, "takes this post for spam"),
    Case("spam in text", 403, told("spam_risk_text"), Rejected, "fewer hashtags", field="description"),
    Case("spam, by a new name", 403, told("spam_risk_new_account"), Rejected, "“spam_risk_new_account”"),
    Case("privacy", 403, told("privacy_level_option_mismatch"), Rejected, "who can see the post", field="privacy"),
    Case(
        "not audited", 403, told("unaudited_client_can_only_post_to_private_accounts"), Rejected,
        "Make the account private in the app's settings (who can see the post does not matter here)",
    ),
    Case("parameter", 400, told("invalid_param"), Rejected, "fault of Cliply"),
    Case("parameters", 400, told("invalid_params"), Rejected, "fault of Cliply"),
    Case("file", 400, told("invalid_file_upload"), Rejected, "size or kind", field="video"),
    Case("duration", 400, told("duration_check_failed"), Rejected, "too long or too short", field="video"),
    Case("address of a video", 403, told("url_ownership_unverified"), Misconfigured, "has not verified the address"),
    Case("old phone", 403, told("app_version_check_failed"), Rejected, "Update it"),
    # The upload
    Case("number", 400, told("invalid_publish_id"), Rejected, "does not know this upload", changes=False),
    Case(
        "number of others", 403, told("token_not_authorized_for_specified_publish_id"), Rejected, "another TikTok",
        changes=False,
    ),
    # Faults of its own
    Case("broken", 500, told("internal_error"), TryLater, "out of order", None, REQUEST),
    Case("broken, sent with 200", 200, told("internal_error"), TryLater, "out of order", None, REQUEST),
    # Codes that nobody has seen yet
    Case("new code", 400, told("moon_phase_wrong"), Rejected, "“moon_phase_wrong”"),
    Case("new code, broken", 503, told("moon_phase_wrong"), TryLater, "out of order", None, REQUEST),
    Case("new code, busy", 429, told("slow_down"), TryLater, "for a minute", IN_A_MINUTE, REQUEST),
    Case("a page as code", 400, told("<script>alert(1)</script>"), Rejected, "script alert 1 script"),
    # Answers that are none of TikTok's
    Case("gateway, changing", 502, BAD_GATEWAY, Unknown, "not known what was done"),
    Case("gateway, reading", 502, BAD_GATEWAY, TryLater, "cannot be read (502)", None, REQUEST, changes=False),
    Case("guard, changing", 403, DENIED, TryLater, "cannot be read (403)", None, REQUEST),
    Case("guard, reading", 401, DENIED, TryLater, "cannot be read (401)", None, REQUEST, changes=False),
    Case("guard, busy", 429, DENIED, TryLater, "for a minute", IN_A_MINUTE, REQUEST),
    Case("nothing", 200, b"", Unknown, "not known what was done"),
    Case("nothing, reading", 200, b"", TryLater, "cannot be read", None, REQUEST, changes=False),
    Case("cut off", 200, b'{"data":{"publish_id":"v_pub', Unknown, "not known what was done"),
    Case("a list", 200, b"[]", Unknown, "not known what was done"),
    Case("no error in it", 200, b'{"data":{}}', Unknown, "not known what was done"),
    Case("a number as error", 200, b'{"data":{},"error":0}', Unknown, "not known what was done"),
    Case("a redirect", 302, b"", Unknown, "not known what was done"),
    Case("no text at all", 500, b"\xff\xfe\x00", Unknown, "not known what was done"),
    Case("very deep", 200, b"[" * 100_000, Unknown, "not known what was done"),
]  # fmt: skip


def failure_of(case: Case, asked_wait: float | None = None) -> PublishFailure:
    with pytest.raises(PublishFailure) as raised:
        data_of(case.status, case.body, now=NOW, changes=case.changes, asked_wait=asked_wait)
    return raised.value


def test_there_are_enough_of_them() -> None:
    assert len({case.body for case in CASES}) >= 40


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_error_says_what_is_to_be_done(case: Case) -> None:
    failure = failure_of(case)
    assert type(failure) is case.kind
    assert case.words in str(failure)
    if isinstance(failure, TryLater):
        assert (failure.at, failure.concerns, failure.anew) == (case.at, case.concerns, False)
    if isinstance(failure, Rejected):
        assert failure.field == case.field


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_no_page_and_no_message_of_a_stranger_is_shown_to_people(case: Case) -> None:
    failure = failure_of(case)
    assert not set("<>") & set(f"{failure} {failure.code}")
    assert "Something about it" not in str(failure)


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 429, 500, 503])
def test_what_is_ok_is_ok_with_any_status(status: int) -> None:
    body = told("ok", "", {"publish_id": "v_pub_file~v2-1.7"})
    assert data_of(status, body, now=NOW, changes=True) == {"publish_id": "v_pub_file~v2-1.7"}


def test_data_that_is_none_is_empty() -> None:
    assert data_of(200, told("ok", "", ["a"]), now=NOW, changes=False) == {}


@pytest.mark.parametrize(
    ("code", "asked", "at"),
    [
        ("rate_limit_exceeded", 5.0, IN_A_MINUTE),
        ("rate_limit_exceeded", 300.0, NOW + timedelta(seconds=300)),
        ("internal_error", 20.0, NOW + timedelta(seconds=20)),
        ("internal_error", 1e12, TOMORROW),
    ],
)
def test_a_named_wait_is_kept_where_it_is_the_longer_one(code: str, asked: float, at: datetime) -> None:
    failure = failure_of(Case("", 429, told(code), TryLater, ""), asked)
    assert isinstance(failure, TryLater)
    assert failure.at == at


POSTS = [
    ("internal", TryLater, "sent again", None),
    ("video_pull_failed", TryLater, "fetch the video", None),
    ("photo_pull_failed", TryLater, "fetch the picture", None),
    ("file_format_check_failed", Rejected, "MP4 with H.264", "video"),
    ("duration_check_failed", Rejected, "Change its length", "video"),
    ("frame_rate_check_failed", Rejected, "23 to 60 frames", "video"),
    ("picture_size_check_failed", Rejected, "360 to 4096 pixels", "video"),
    ("spam_risk_too_many_posts", TryLater, "about 15 posts a day", None),
    ("spam_risk", Rejected, "for spam", None),
    ("spam_risk_text", Rejected, "caption", "description"),
    ("spam_risk_user_banned_from_posting", Rejected, "appeal", None),
    ("auth_removed", Reconnect, "taken back", None),
    ("publish_cancelled", Rejected, "cancelled", None),
    ("eclipse", Rejected, "“eclipse”", None),
    ("", Rejected, "did not post", None),
]


@pytest.mark.parametrize(("reason", "kind", "words", "field"), POSTS)
def test_a_post_that_failed_says_what_is_to_be_done(
    reason: str, kind: type[PublishFailure], words: str, field: str | None
) -> None:
    failure = failed_post(reason, now=NOW)
    assert type(failure) is kind
    assert words in str(failure)
    assert failure.code == reason
    if isinstance(failure, TryLater):
        assert failure.anew, "the upload of a failed post is of no use any more"
        assert (failure.at, failure.concerns) == ((TOMORROW, ACCOUNT) if "posts" in words else (None, REQUEST))
    if isinstance(failure, Rejected):
        assert failure.field == field


def test_bytes_that_are_not_taken_are_our_fault_or_too_many() -> None:
    refused, busy = refused_chunk(400, now=NOW), refused_chunk(429, now=NOW)
    assert isinstance(refused, Rejected)
    assert "fault of Cliply" in str(refused)
    assert isinstance(busy, TryLater)
    assert (busy.at, busy.concerns) == (IN_A_MINUTE, REQUEST)


@given(st.integers(100, 599), st.binary(max_size=200), st.booleans())
def test_no_body_is_too_odd_to_be_classified(status: int, body: bytes, changes: bool) -> None:
    with pytest.raises((TryLater, Unknown)) as raised:
        data_of(status, body, now=NOW, changes=changes)
    assert changes or raised.type is TryLater, "nothing is unknown after a look"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "error", "code"]), inner),
    max_leaves=8,
)


@given(st.integers(100, 599), _JSON)
def test_no_json_is_too_odd_to_be_classified(status: int, told: object) -> None:
    body = json.dumps(told).encode()
    if isinstance(told, dict) and isinstance(told.get("error"), dict) and told["error"].get("code") == "ok":
        assert isinstance(data_of(status, body, now=NOW, changes=True), dict)
    else:
        with pytest.raises(PublishFailure, match=r".+\."):
            data_of(status, body, now=NOW, changes=True)
