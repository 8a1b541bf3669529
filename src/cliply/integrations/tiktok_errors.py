"""What TikTok's answers mean: what is to be done about each of its errors, and the words for people.

An answer is what its `error.code` says, whatever its HTTP status: errors come with 200 too. The status counts only
where there is nothing to be read, as when something in front of TikTok answers in its place.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

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

_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
"""TikTok's windows slide; after one of them, nothing of what was asked counts any more."""
_OK = "ok"


class _Later(NamedTuple):
    concerns: Concerns
    wait: timedelta | None
    message: str


class _Final(NamedTuple):
    field: str | None
    message: str


class _Refused(NamedTuple):
    kind: type[TokenExpired | Reconnect | Misconfigured]
    message: str


_Meaning: TypeAlias = _Later | _Final | _Refused

_BUSY = _Later(Concerns.REQUEST, _MINUTE, "TikTok takes no more requests for this account for a minute.")
_BROKEN = _Later(Concerns.REQUEST, None, "TikTok is out of order at the moment.")
_OURS = _Final(None, "TikTok does not take the post as it was sent. Report this: it is a fault of Cliply.")
_TOO_MANY_POSTS = _Later(
    Concerns.ACCOUNT,
    _DAY,
    "TikTok lets nothing more be posted to this account for now: about 15 posts a day, with all apps together. It is "
    "tried again in 24 hours.",
)
_BANNED = _Final(
    None, "TikTok does not let this account post. Its owner can find the reason in the app, and appeal there."
)
_FORGOTTEN = _Final(None, "TikTok does not know this upload any more. Look at the account before posting it again.")
_REMOVED = _Refused(Reconnect, "The TikTok account has taken back what it allowed. Connect it again.")
_SCOPES = _Refused(
    Reconnect, "The TikTok account has not allowed this. Connect it again, and leave every permission ticked."
)
_APP = _Refused(
    Misconfigured,
    "TikTok does not accept this installation's app. Its operators have to check CLIPLY_TIKTOK__CLIENT_KEY and "
    "CLIPLY_TIKTOK__CLIENT_SECRET, and the app's products at developers.tiktok.com.",
)

_CODES: Mapping[str, _Meaning] = {
    # The account's grant
    "access_token_invalid": _Refused(TokenExpired, "TikTok does not take the access token any more."),
    "scope_not_authorized": _SCOPES,
    "scope_permission_missed": _SCOPES,
    "token_not_authorized_for_specified_publish_id": _Final(
        None, "This upload belongs to another TikTok account or app. Publish the clip anew with the account it is for."
    ),
    # Limits
    "rate_limit_exceeded": _BUSY,
    "spam_risk_too_many_posts": _TOO_MANY_POSTS,
    "spam_risk_too_many_pending_share": _Later(
        Concerns.ACCOUNT,
        _DAY,
        "TikTok keeps at most 5 uploads of 24 hours that wait in an account's inbox. Finish or discard them in the app "
        "and publish again, or wait: each counts for 24 hours from when it was sent.",
    ),
    "reached_active_user_cap": _Later(
        Concerns.APP,
        _DAY,
        "As many accounts as TikTok allows this installation's app have posted within 24 hours. Nobody else can until "
        "then; the inbox may still take a video. Operators can apply to TikTok for more.",
    ),
    # The creator and the post
    "spam_risk": _Final(None, "TikTok takes this post for spam and will not have it. Change it before trying again."),
    "spam_risk_text": _Final(
        "description", "TikTok takes the caption for spam. Write another, with fewer hashtags and no links."
    ),
    "spam_risk_user_banned_from_posting": _BANNED,
    "privacy_level_option_mismatch": _Final(
        "privacy", "TikTok does not offer this privacy to the account now. Choose again who can see the post."
    ),
    "unaudited_client_can_only_post_to_private_accounts": _Final(
        None,
        "TikTok has not audited this installation's app, so it posts only to accounts that are private themselves. "
        "Make the account private in the app's settings (who can see the post does not matter here), or ask the "
        "operators to have the app audited.",
    ),
    "duration_check_failed": _Final("video", "The video is too long or too short for this TikTok account."),
    "invalid_param": _OURS,
    "invalid_params": _OURS,
    "invalid_file_upload": _Final(
        "video", "TikTok does not take a file of this size or kind. Render the clip again, as MP4."
    ),
    "url_ownership_unverified": _Refused(
        Misconfigured, "TikTok has not verified the address that the video was to be fetched from for this app."
    ),
    "app_version_check_failed": _Final(
        None, "The TikTok app on the owner's phone is too old for videos in its inbox. Update it, then publish again."
    ),
    # The upload
    "invalid_publish_id": _FORGOTTEN,
    # What OAuth calls them, which comes from here too
    "invalid_token": _Refused(TokenExpired, "TikTok does not take the access token any more."),
    "invalid_grant": _REMOVED,
    "access_denied": _REMOVED,
    "invalid_scope": _SCOPES,
    "invalid_client": _APP,
    "unauthorized_client": _APP,
    "invalid_request": _OURS,
    "unsupported_grant_type": _APP,
    "unsupported_response_type": _APP,
    # Faults of its own
    "internal_error": _BROKEN,
    "internal": _BROKEN,
    "server_error": _BROKEN,
    "temporarily_unavailable": _BROKEN,
}

_REASONS: Mapping[str, _Meaning] = {
    "internal": _Later(Concerns.REQUEST, None, "TikTok failed while it was working on the video; it is sent again."),
    "video_pull_failed": _Later(Concerns.REQUEST, None, "TikTok could not fetch the video; it is sent again."),
    "photo_pull_failed": _Later(Concerns.REQUEST, None, "TikTok could not fetch the picture; it is sent again."),
    "file_format_check_failed": _Final(
        "video", "TikTok cannot read the file. Render the clip again, as MP4 with H.264."
    ),
    "duration_check_failed": _Final(
        "video", "The video is too long or too short for this TikTok account. Change its length."
    ),
    "frame_rate_check_failed": _Final("video", "TikTok takes 23 to 60 frames a second. Render the clip within that."),
    "picture_size_check_failed": _Final(
        "video", "TikTok takes pictures of 360 to 4096 pixels on each side. Render the clip within that."
    ),
    "spam_risk_too_many_posts": _TOO_MANY_POSTS,
    "spam_risk": _CODES["spam_risk"],
    "spam_risk_text": _CODES["spam_risk_text"],
    "spam_risk_user_banned_from_posting": _BANNED,
    "auth_removed": _REMOVED,
    "publish_cancelled": _Final(None, "The post was cancelled at TikTok. Publish it again if it is still wanted."),
}


def data_of(
    status: int, body: bytes, *, now: datetime, changes: bool, asked_wait: float | None = None
) -> Mapping[str, Any]:
    """What an answer carries. Raises the failure that it tells of; `changes`: whether what was asked for changes
    something, so that an answer that cannot be read leaves open whether it was done. `asked_wait`: seconds that the
    answer asks to be left alone, where it does."""
    answer = _parsed(body)
    code = _code_of(answer)
    if code is None:
        raise _patient(unreadable(status, now=now, changes=changes), asked_wait, now)
    if code != _OK:
        raise _patient(failure(code, status, now=now), asked_wait, now)
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def failure(code: str, status: int, *, now: datetime) -> PublishFailure:
    """What is to be done about an error of TikTok's; `status` decides only about codes that nobody knows."""
    return _as_failure(_CODES.get(code) or _guessed(code, status), code, now=now, anew=False)


def failed_post(reason: str, *, now: datetime) -> PublishFailure:
    """What is to be done about a post that was sent and has failed. What may be tried again is to be sent anew."""
    meaning = _REASONS.get(reason) or _Final(
        None, f"TikTok did not post the video; the reason it gives is “{_shown(reason)}”."
    )
    return _as_failure(meaning, reason, now=now, anew=True)


def unreadable(status: int, *, now: datetime, changes: bool) -> PublishFailure:
    """Of an answer that is none of TikTok's own."""
    code = f"http_{status}"
    if status == 429:
        return _as_failure(_BUSY, code, now=now, anew=False)
    # A gateway that refuses a request has not passed it on; one that broke may have.
    if changes and not 400 <= status < 500:
        return Unknown(f"TikTok gave an answer that cannot be read ({status}): it is not known what was done.", code)
    return TryLater(f"TikTok gave an answer that cannot be read ({status}).", code, at=None, concerns=Concerns.REQUEST)


def refused_chunk(status: int, *, now: datetime, asked_wait: float | None = None) -> PublishFailure:
    """Of bytes that were not taken, where sending them again at once is of no use."""
    code = f"chunk_http_{status}"
    if status == 429:
        return _patient(_as_failure(_BUSY, code, now=now, anew=False), asked_wait, now)
    return Rejected(
        f"TikTok did not take the bytes of the video ({status}). Report this: it is a fault of Cliply.", code
    )


def _patient(failed: PublishFailure, asked_wait: float | None, now: datetime) -> PublishFailure:
    """The same, not before the time that the answer names."""
    if isinstance(failed, TryLater) and asked_wait is not None:
        named = now + timedelta(seconds=min(asked_wait, _DAY.total_seconds()))
        failed.at = max(failed.at or named, named)
    return failed


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _code_of(answer: Mapping[str, Any]) -> str | None:
    """None where there is none to be read. OAuth's errors are text where TikTok's own are objects."""
    error = answer.get("error")
    code = error.get("code") if isinstance(error, dict) else error
    return code if isinstance(code, str) and code else None


def _guessed(code: str, status: int) -> _Meaning:
    """Of a code that is new: by the family of its name, and by the status where that tells nothing."""
    said = f"“{_shown(code)}”"
    if code.startswith("scope_"):
        return _SCOPES
    if code.startswith("rate_limit"):
        return _BUSY
    if code.startswith("spam_risk"):
        return _Final(None, f"TikTok takes this post or account for a risk of spam ({said}).")
    if status >= 500:
        return _BROKEN
    if status == 429:
        return _BUSY
    return _Final(None, f"TikTok did not take the post; the reason it gives is {said}.")


def _as_failure(meaning: _Meaning, code: str, *, now: datetime, anew: bool) -> PublishFailure:
    shown = _shown(code)
    match meaning:
        case _Later(concerns, wait, message):
            at = None if wait is None else now + wait
            return TryLater(message, shown, at=at, concerns=concerns, anew=anew)
        case _Final(field, message):
            return Rejected(message, shown, field=field)
        case _Refused(kind, message):
            return kind(message, shown)


def _shown(code: str) -> str:
    """A code of TikTok's that people may be shown: what came need not be one."""
    return re.sub(r"[^A-Za-z0-9_.-]+", " ", code).strip()[:64]
