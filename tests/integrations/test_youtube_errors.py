import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integrations.youtube_bodies import (
    BAD_GATEWAY,
    FORBIDDEN_PAGE,
    MINUTE_SPENT,
    QUOTA_LINK,
    SEARCHES_SPENT,
    UNUSUAL_TRAFFIC,
    UPLOADS_SPENT,
    body,
    info,
)

from cliply.integrations.publisher import (
    Concerns,
    Misconfigured,
    PublishFailure,
    Reconnect,
    Rejected,
    TokenExpired,
    TryLater,
)
from cliply.integrations.youtube_errors import failure, plain
from cliply.integrations.youtube_quota import Bucket

NOW = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
"""Nine in the morning in California."""
MIDNIGHT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


@dataclass(frozen=True)
class Case:
    name: str
    status: int
    body: bytes
    kind: type[PublishFailure]
    words: str
    code: str = ""
    bucket: Bucket = Bucket.UNITS
    field: str | None = None
    at: datetime | None = None
    concerns: Concerns | None = None
    spent: str | None = None
    retry_after: float | None = None


def rejected(reason: str, words: str, at: str | None, *, status: int = 400, **more: object) -> Case:
    location = more.pop("location", None)
    domain = str(more.pop("domain", "youtube.video"))
    message = str(more.pop("message", ""))
    sent = body(status, reason, domain, message, location=None if location is None else str(location))
    return Case(f"{domain} {reason}", status, sent, Rejected, words, reason, field=at)


# fmt: off
DETAILED = body(
    429, "rateLimitExceeded", "global", UPLOADS_SPENT, status="RESOURCE_EXHAUSTED",
    details=[info("RATE_LIMIT_EXCEEDED", quota_limit="VideoUploadsPerDayPerProject", quota_unit="1/d/{project}")],
)
ONLY_UNIT = body(
    429, "rateLimitExceeded", "global", "Too many requests.", status="RESOURCE_EXHAUSTED",
    details=[
        info("RATE_LIMIT_EXCEEDED", quota_metric="youtube.googleapis.com/video_uploads", quota_unit="1/d/{project}")
    ],
)
PER_MINUTE = body(
    429, "rateLimitExceeded", "global", MINUTE_SPENT, status="RESOURCE_EXHAUSTED",
    details=[info("RATE_LIMIT_EXCEEDED", quota_limit="defaultPerMinutePerUser", quota_unit="1/min/{project}/{user}")],
)
DISABLED = body(
    403, "forbidden", "global", "YouTube Data API v3 has not been used in project 123456 before or it is disabled.",
    status="PERMISSION_DENIED", details=[info("SERVICE_DISABLED", service="youtube.googleapis.com")],
)
TOO_FEW_SCOPES = body(
    403, "insufficientPermissions", "global", "Request had insufficient authentication scopes.",
    status="PERMISSION_DENIED", details=[info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", method="youtube.api.v3.Insert")],
)
APP, ACCOUNT, REQUEST = Concerns.APP, Concerns.ACCOUNT, Concerns.REQUEST
UPLOADS = Bucket.UPLOADS

CASES = [
    # What was to be published is not to YouTube's liking
    rejected("invalidTitle", "1 to 100 characters", "title", location="body.snippet.title"),
    rejected("invalidDescription", "5000 bytes", "description", location="body.snippet.description"),
    rejected("invalidTags", "500 characters", "options.tags", location="body.snippet.tags"),
    rejected("invalidCategoryId", "category", "options.category_id", location="body.snippet.categoryId"),
    rejected("invalidPublishAt", "private until then", "publish_at", location="body.status.publishAt"),
    rejected("invalidFilename", "name of the file", None, location="Slug"),
    rejected("invalidVideoMetadata", "a title and a category", "title", location="body"),
    rejected("mediaBodyRequired", "got no file", None),
    rejected("defaultLanguageNotSet", "language", "options.language", location="body.snippet.defaultLanguage"),
    rejected("forbiddenPrivacySetting", "privacy", "privacy", status=403, location="body.status.privacyStatus"),
    rejected("forbiddenLicenseSetting", "license", "options.license", status=403, location="body.status.license"),
    rejected("forbidden", "does not allow this channel", None, status=403, domain="youtube.video"),
    rejected("forbidden", "does not allow this channel", None, status=403, domain="global"),
    rejected("videoNotFound", "not on YouTube any more", None, status=404),
    rejected("invalidVideoGameRating", "did not accept this: The rating is odd.", None, message="The rating is odd."),
    rejected("badRequest", "did not accept this", "title", location="body.snippet.title", message="Bad title"),
    rejected(
        "parseError", "did not accept this", None, domain="global",
        message="Invalid JSON payload received. Unknown name &quot;<b>colour</b>&quot;: Cannot find field.",
    ),
    Case("too large a file", 413, b"", Rejected, "no file as large", "uploadTooLarge"),
    Case(
        "a broken request, as a page", 400, b"<title>Error 400 (Bad Request)!!1</title>", Rejected, "answer 400", "400",
    ),
    # Covers
    rejected(
        "forbidden", "telephone number", "cover", status=403, domain="youtube.thumbnail", location="Authorization",
    ),
    rejected("invalidImage", "JPEG or PNG", "cover", domain="youtube.thumbnail"),
    rejected("mediaBodyRequired", "no cover", "cover", domain="youtube.thumbnail"),
    rejected("videoNotFound", "not on YouTube any more", "cover", status=404, domain="youtube.thumbnail"),
    Case(
        "no more covers today", 429, body(429, "uploadRateLimitExceeded", "youtube.thumbnail"),
        TryLater, "no more covers",
        "uploadRateLimitExceeded", at=TOMORROW, concerns=ACCOUNT,
    ),
    # The channel's own cap
    Case(
        "the channel's cap", 400,
        body(400, "uploadLimitExceeded", message="The user has exceeded the number of videos they may upload."),
        TryLater, "no more videos of this channel", "uploadLimitExceeded", UPLOADS, at=TOMORROW, concerns=ACCOUNT,
    ),
    # The app's quota of the day
    Case(
        "uploads of the day", 429, body(429, "rateLimitExceeded", "global", UPLOADS_SPENT), TryLater,
        "used up the uploads", "rateLimitExceeded", UPLOADS, at=MIDNIGHT, concerns=APP, spent=Bucket.UPLOADS,
    ),
    Case(
        "uploads of the day, with details", 429, DETAILED, TryLater, "midnight in California", "rateLimitExceeded",
        at=MIDNIGHT, concerns=APP, spent=Bucket.UPLOADS,
    ),
    Case(
        "uploads of the day, told by the unit only", 429, ONLY_UNIT, TryLater, "used up the uploads",
        at=MIDNIGHT, concerns=APP, spent=Bucket.UPLOADS,
    ),
    Case(
        "uploads of the day, with a useless wait", 429, DETAILED, TryLater, "used up the uploads",
        at=MIDNIGHT, concerns=APP, spent=Bucket.UPLOADS, retry_after=2.0,
    ),
    Case(
        "searches of the day", 429, body(429, "rateLimitExceeded", "global", SEARCHES_SPENT), TryLater,
        "used up the requests", at=MIDNIGHT, concerns=APP, spent=Bucket.SEARCHES,
    ),
    Case(
        "units of the day", 403, body(403, "quotaExceeded", "youtube.quota", QUOTA_LINK), TryLater,
        "used up the requests", "quotaExceeded", at=MIDNIGHT, concerns=APP, spent=Bucket.UNITS,
    ),
    Case(
        "units of the day, asked for an upload", 403, body(403, "quotaExceeded", "youtube.quota", QUOTA_LINK), TryLater,
        "used up the uploads", "quotaExceeded", UPLOADS, at=MIDNIGHT, concerns=APP, spent=Bucket.UPLOADS,
    ),
    Case(
        "statistics of the day", 403, body(403, "quotaExceeded", "youtube.quota", QUOTA_LINK), TryLater,
        "used up the requests", "quotaExceeded", Bucket.STATISTICS, at=MIDNIGHT, concerns=APP, spent=Bucket.STATISTICS,
    ),
    Case(
        "the older limit of the day", 403, body(403, "dailyLimitExceeded", "usageLimits", "Daily Limit Exceeded."),
        TryLater, "midnight in California", "dailyLimitExceeded", at=MIDNIGHT, concerns=APP, spent=Bucket.UNITS,
    ),
    # Too quick
    Case("per minute", 429, PER_MINUTE, TryLater, "too often", "rateLimitExceeded", UPLOADS, concerns=REQUEST),
    Case(
        "per minute, with a wait", 429, PER_MINUTE, TryLater, "too often", concerns=REQUEST,
        at=NOW + timedelta(seconds=30), retry_after=30.0,
    ),
    Case("without a word", 429, b"", TryLater, "too often", "429", concerns=REQUEST),
    Case("unusual traffic", 429, UNUSUAL_TRAFFIC, TryLater, "too often", "429", concerns=REQUEST),
    Case(
        "a user's rate", 403, body(403, "userRateLimitExceeded", "usageLimits", "User Rate Limit Exceeded"), TryLater,
        "too often", "userRateLimitExceeded", concerns=REQUEST,
    ),
    Case(
        "a rate", 403, body(403, "rateLimitExceeded", "usageLimits", "Rate Limit Exceeded"), TryLater, "too often",
        "rateLimitExceeded", concerns=REQUEST,
    ),
    # Who asks
    Case(
        "a dead token", 401,
        body(401, "authError", "global", "Invalid Credentials", location="Authorization", status="UNAUTHENTICATED"),
        TokenExpired, "access token", "authError",
    ),
    Case("a dead token, without a word", 401, b"", TokenExpired, "access token", "401"),
    Case("no login", 401, body(401, "required", "global", "Login Required"), TokenExpired, "access token", "required"),
    Case("as OAuth says it", 401, b'{"error": "invalid_token"}', TokenExpired, "access token", "invalid_token"),
    Case(
        "no channel", 401, body(401, "youtubeSignupRequired", "youtube.header", "Unauthorized"),
        Reconnect, "no YouTube channel", "youtubeSignupRequired",
    ),
    Case(
        "suspended", 403, body(403, "authenticatedUserAccountSuspended", "youtube.common"), Reconnect, "suspended",
        "authenticatedUserAccountSuspended",
    ),
    Case(
        "closed", 403, body(403, "authenticatedUserAccountClosed", "youtube.common"), Reconnect, "closed",
        "authenticatedUserAccountClosed",
    ),
    Case(
        "a channel that is gone", 404, body(404, "channelNotFound", "youtube.channel"), Reconnect, "no YouTube channel",
    ),
    Case("too few scopes", 403, TOO_FEW_SCOPES, Reconnect, "allow all that is asked", "insufficientPermissions"),
    Case(
        "too few scopes, older", 403, body(403, "insufficientPermissions", "global", "Insufficient Permission"),
        Reconnect, "allow all that is asked", "insufficientPermissions",
    ),
    # The app
    Case("the API is off", 403, DISABLED, Misconfigured, "not switched on", "SERVICE_DISABLED"),
    Case(
        "the API is off, older", 403, body(403, "accessNotConfigured", "usageLimits", "Access Not Configured."),
        Misconfigured, "not switched on", "accessNotConfigured",
    ),
    Case(
        "the project is suspended", 403,
        body(403, "forbidden", "global", status="PERMISSION_DENIED", details=[info("CONSUMER_SUSPENDED")]),
        Misconfigured, "suspended", "CONSUMER_SUSPENDED",
    ),
    # Out of order
    Case(
        "a fault of theirs", 500, body(500, "internalError", "youtube.api"), TryLater, "500", "internalError",
        concerns=REQUEST,
    ),
    Case(
        "a fault behind it", 503, body(503, "backendError", "global"), TryLater, "503", "backendError",
        concerns=REQUEST,
    ),
    Case(
        "a fault with a wait", 503, b"", TryLater, "503", "503", concerns=REQUEST, at=NOW + timedelta(minutes=2),
        retry_after=120.0,
    ),
    Case(
        "a wait beyond belief", 503, b"", TryLater, "503", "503", concerns=REQUEST, at=NOW + timedelta(days=7),
        retry_after=1e12,
    ),
    Case("a page", 502, BAD_GATEWAY, TryLater, "out of order", "502", concerns=REQUEST),
    Case("a gateway's time", 504, b"upstream request timeout", TryLater, "504", "504", concerns=REQUEST),
    Case("a proxy's refusal", 403, FORBIDDEN_PAGE, TryLater, "answer 403", "403", concerns=REQUEST),
    Case("somewhere else", 302, b"", TryLater, "answer 302", "302", concerns=REQUEST),
    Case("cut off", 500, b'{"error": {"code": 500, "errors": [{"rea', TryLater, "500", "500", concerns=REQUEST),
    Case("no object", 500, b"[1, 2]", TryLater, "500", "500", concerns=REQUEST),
    Case(
        "an odd object", 503, b'{"error": {"errors": "none", "details": [7], "message": 3}}', TryLater, "503", "503",
        concerns=REQUEST,
    ),
    Case(
        "an interrupted write", 409,
        body(409, "SERVICE_UNAVAILABLE", "youtube.CoreErrorDomain", "The operation was aborted."),
        TryLater, "409", "SERVICE_UNAVAILABLE", concerns=REQUEST,
    ),
]
# fmt: on


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_answer_has_its_class_its_action_and_its_words(case: Case) -> None:
    told = failure(case.status, case.body, now=NOW, bucket=case.bucket, retry_after=case.retry_after)
    assert type(told) is case.kind
    assert case.words in str(told)
    assert told.code == case.code or not case.code
    if isinstance(told, Rejected):
        assert told.field == case.field
    if isinstance(told, TryLater):
        assert (told.at, told.concerns, told.bucket) == (case.at, case.concerns, case.spent)


def test_there_are_enough_answers_to_go_by() -> None:
    assert len({(case.status, case.body, case.bucket) for case in CASES}) >= 50


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_people_read_no_markup_and_nothing_of_the_project(case: Case) -> None:
    told = str(failure(case.status, case.body, now=NOW, bucket=case.bucket))
    assert "href" not in told
    assert "123456" not in told
    assert not {"<a", "<b", "</", "<html", "nginx"} & set(told.split())
    assert told.rstrip().endswith(".")


@given(
    status=st.integers(300, 599),
    sent=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["error", "errors", "message", "reason", "details", "status", "metadata"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_whatever_is_answered_is_understood_as_some_failure(status: int, sent: bytes) -> None:
    told = failure(status, sent, now=NOW)
    assert str(told)
    assert told.code


@given(st.text(alphabet="<>&;ltgamp/ script\n\x00x", max_size=400))
def test_words_of_others_lose_their_markup(text: str) -> None:
    assert not {"<", ">", "\n", "\x00"} & set(plain(text))
    assert len(plain(text)) <= 200
