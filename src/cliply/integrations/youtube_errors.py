"""What an answer of YouTube that is no success means for us: one table, by status, reason and words.

Pure. What people read is ours: of YouTube's own words only those about reasons that we do not know, without markup.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cliply.integrations.publisher import (
    Concerns,
    Misconfigured,
    PublishFailure,
    Reconnect,
    Rejected,
    TokenExpired,
    TryLater,
)
from cliply.integrations.youtube_quota import Bucket, next_reset

_DAY = timedelta(days=1)
_LONGEST_WAIT = 7 * 86_400.0
"""Seconds: an answer that asks for more is not believed."""

_REJECTED: Mapping[str, tuple[str | None, str]] = {
    "invalidTitle": ("title", "YouTube does not take this title: it has 1 to 100 characters, none of them < or >."),
    "invalidDescription": (
        "description",
        "YouTube does not take this description: it has up to 5000 bytes, hashtags included, and no < or >.",
    ),
    "invalidTags": ("options.tags", "YouTube does not take these tags: all together have up to 500 characters."),
    "invalidCategoryId": ("options.category_id", "YouTube does not know this category for videos. Choose another."),
    "invalidPublishAt": (
        "publish_at",
        "YouTube does not take this time to make the video public: it has to be private until then, and new.",
    ),
    "invalidFilename": (None, "YouTube did not take the name of the file."),
    "invalidVideoMetadata": ("title", "YouTube wants a title and a category for this video."),
    "mediaBodyRequired": (None, "YouTube got no file. Render the clip again."),
    "defaultLanguageNotSet": ("options.language", "YouTube wants to know the language of the title. Choose one."),
    "forbiddenPrivacySetting": ("privacy", "YouTube does not allow this channel this privacy. Choose another."),
    "forbiddenLicenseSetting": ("options.license", "YouTube does not allow this channel this license. Choose another."),
    "forbidden": (None, "YouTube does not allow this channel to do that. YouTube Studio may say why."),
    "videoNotFound": (None, "The video is not on YouTube any more."),
    "invalidImage": ("cover", "YouTube cannot read this cover. Save it as JPEG or PNG."),
    "uploadTooLarge": (None, "YouTube takes no file as large as this."),
}
_COVERS: Mapping[str, str] = {
    "forbidden": "This channel may not set covers yet: confirm its telephone number on youtube.com/verify.",
    "mediaBodyRequired": "YouTube got no cover. Choose it again.",
    "uploadTooLarge": "YouTube takes covers of up to 50 MB. Make this one smaller.",
    "videoNotFound": "The video is not on YouTube any more.",
}
_RECONNECT: Mapping[str, str] = {
    "youtubeSignupRequired": (
        "This Google account has no YouTube channel. Create one on youtube.com, then connect it again."
    ),
    "channelNotFound": "This Google account has no YouTube channel any more. Connect another.",
    "channelClosed": "This YouTube channel has been closed. Connect another.",
    "channelSuspended": "YouTube has suspended this channel. Its owner sees why in YouTube Studio.",
    "authenticatedUserAccountClosed": "This YouTube account has been closed. Connect another.",
    "authenticatedUserAccountSuspended": "YouTube has suspended this account. Its owner sees why in YouTube Studio.",
    "authenticatedUserNotChannel": "This Google account has no YouTube channel. Create one, then connect it again.",
    "insufficientPermissions": "Cliply may not do that on this channel. Connect it again and allow all that is asked.",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (
        "Cliply may not do that on this channel. Connect it again and allow all that is asked."
    ),
}
_MISCONFIGURED: Mapping[str, str] = {
    "accessNotConfigured": "the YouTube Data API is not switched on for it. Enable it in the Google Cloud console.",
    "SERVICE_DISABLED": "the YouTube Data API is not switched on for it. Enable it in the Google Cloud console.",
    "CONSUMER_SUSPENDED": "Google has suspended it. The Google Cloud console says why.",
    "CONSUMER_INVALID": "Google does not know it any more. Check it in the Google Cloud console.",
    "accountDeleted": "Google does not know it any more. Check it in the Google Cloud console.",
    "projectNotLinked": "YouTube does not know it. Check it in the Google Cloud console.",
    "BILLING_DISABLED": "its billing is switched off. Check it in the Google Cloud console.",
    "keyInvalid": "its key is not valid. Check it in the Google Cloud console.",
    "API_KEY_INVALID": "its key is not valid. Check it in the Google Cloud console.",
    "keyExpired": "its key has expired. Make a new one in the Google Cloud console.",
    "ipRefererBlocked": "its key may not be used from this server. Change that in the Google Cloud console.",
    "dailyLimitExceededUnreg": "it was not named with the request.",
}
_SPENT = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_TOO_QUICK = frozenset(
    {
        "rateLimitExceeded", "userRateLimitExceeded", "servingLimitExceeded", "concurrentLimitExceeded",
        "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED",
    }
)  # fmt: skip
_BROKEN = frozenset({408, 409, 425})
"""Statuses below 500 that Google's servers give when they had no time: the same request may go through later."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an answer tells, as far as it can be read; empty otherwise."""

    reason: str = ""
    domain: str = ""
    location: str = ""
    """As in `body.snippet.title`."""
    message: str = ""
    status: str = ""
    details: tuple[tuple[str, Mapping[str, str]], ...] = ()
    """Further reasons, each with what it says about them."""

    @property
    def reasons(self) -> tuple[str, ...]:
        return (self.reason, *(reason for reason, _ in self.details), self.status)

    @property
    def quotas(self) -> str:
        """Whatever names a quota, in one text."""
        told = (value for _, metadata in self.details for name, value in metadata.items() if name.startswith("quota"))
        return " ".join((self.message, *told))


def read(body: bytes) -> Refusal:
    """Never fails: a broken proxy answers too."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal()
    error = _mapping(told).get("error")
    if isinstance(error, str):
        return Refusal(reason=error, message=_text(_mapping(told).get("error_description")))
    error = _mapping(error)
    first = _mapping(next(iter(_list(error.get("errors"))), None))
    details = [_mapping(each) for each in _list(error.get("details"))]
    return Refusal(
        reason=_text(first.get("reason")),
        domain=_text(first.get("domain")),
        location=_text(first.get("location")),
        message=_text(error.get("message")) or _text(first.get("message")),
        status=_text(error.get("status")),
        details=tuple(
            (_text(each.get("reason")), {str(k): _text(v) for k, v in _mapping(each.get("metadata")).items()})
            for each in details
            if each.get("reason")
        ),
    )


def failure(
    status: int, body: bytes, *, now: datetime, bucket: Bucket = Bucket.UNITS, retry_after: float | None = None
) -> PublishFailure:
    """What to do about it. `bucket` is the one that the request took from; `retry_after` is in seconds."""
    told = read(body)
    soon = now + timedelta(seconds=min(retry_after, _LONGEST_WAIT)) if retry_after else None
    return (
        _account_or_app(status, told)
        or _limit(status, told, now, bucket, soon)
        or _refused(status, told)
        or TryLater(
            f"YouTube is out of order (answer {status}).", _code(told, status), at=soon, concerns=Concerns.REQUEST
        )
    )


def plain(text: str, limit: int = 200) -> str:
    """Somebody else's words as one line without markup."""
    text = re.sub(r"<[^>]*>", "", html.unescape(text))
    text = re.sub(r"\s+", " ", re.sub(r"[<>\x00-\x1f\x7f]", " ", text)).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _account_or_app(status: int, told: Refusal) -> PublishFailure | None:
    for reason in told.reasons:
        if reason in _RECONNECT:
            return Reconnect(_RECONNECT[reason], reason)
        if reason in _MISCONFIGURED:
            return Misconfigured(f"Cliply's app at Google cannot be used: {_MISCONFIGURED[reason]}", reason)
    if status == 401:
        return TokenExpired("YouTube does not take the access token any more.", _code(told, status))
    return None


def _limit(status: int, told: Refusal, now: datetime, bucket: Bucket, soon: datetime | None) -> PublishFailure | None:
    code = _code(told, status)
    if told.reason == "uploadLimitExceeded":
        message = "YouTube takes no more videos of this channel for now. It is tried again in 24 hours."
        return TryLater(message, code, at=now + _DAY, concerns=Concerns.ACCOUNT)
    if told.reason == "uploadRateLimitExceeded":
        message = "YouTube takes no more covers of this channel for today."
        return TryLater(message, code, at=now + _DAY, concerns=Concerns.ACCOUNT)
    limited = status == 429 or (status == 403 and not _TOO_QUICK.isdisjoint(told.reasons))
    if told.reason in _SPENT or (limited and _is_daily(told)):
        spent = _bucket(told, bucket)
        what = "uploads" if spent is Bucket.UPLOADS else "requests"
        message = (
            f"Cliply's app has used up the {what} that YouTube allows it in a day. "
            "It goes on after midnight in California."
        )
        return TryLater(message, code, at=next_reset(now), concerns=Concerns.APP, bucket=spent)
    if limited:
        return TryLater("YouTube is asked too often just now.", code, at=soon, concerns=Concerns.REQUEST)
    return None


def _is_daily(told: Refusal) -> bool:
    """A bucket of the day that is empty has the same status and reason as one that fills again in a minute."""
    return re.search(r"per day|PerDay|\b1/d/", told.quotas) is not None


def _bucket(told: Refusal, asked: Bucket) -> Bucket:
    if re.search(r"video.?uploads", told.quotas, re.IGNORECASE):
        return Bucket.UPLOADS
    return Bucket.SEARCHES if re.search(r"search", told.quotas, re.IGNORECASE) else asked


def _refused(status: int, told: Refusal) -> PublishFailure | None:
    if not 400 <= status < 500 or status in _BROKEN:
        return None
    reason = "uploadTooLarge" if status == 413 else told.reason
    code = reason or _code(told, status)
    if told.domain == "youtube.thumbnail" and reason in _COVERS:
        return Rejected(_COVERS[reason], code, field="cover")
    if reason in _REJECTED:
        field, message = _REJECTED[reason]
        return Rejected(message, code, field=field)
    if not told.message:
        # No word of YouTube's: it was somebody on the way, or a server that is being changed.
        message = f"YouTube did not answer as it should (answer {status})."
        return Rejected(message, code) if status in (400, 411) else None
    words = plain(told.message).rstrip(".")
    return Rejected(f"YouTube did not accept this: {words}.", code, field=_field(told))


def _field(told: Refusal) -> str | None:
    named = {"title": "title", "description": "description", "privacyStatus": "privacy", "publishAt": "publish_at"}
    return named.get(told.location.rpartition(".")[2])


def _code(told: Refusal, status: int) -> str:
    code = next((reason for reason in told.reasons if reason), "")
    return code if re.fullmatch(r"\w{1,80}", code, re.ASCII) else str(status)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
