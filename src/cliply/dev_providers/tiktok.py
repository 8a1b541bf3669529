"""Posting to TikTok, as its Content Posting API does it, and what it tells of posts afterwards."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import tiktok_phone
from cliply.dev_providers.tiktok_checks import (
    Refused,
    invalid,
    only,
    post_of,
    privacy_options,
    source_of,
    turned_off,
)
from cliply.dev_providers.tiktok_posting import Posting, Upload
from cliply.dev_providers.tiktok_upload import put_chunk
from cliply.dev_providers.world import Bearer, TikTokPerson

_TOLD = 150
"""Characters of a caption that are told back."""
_PAGE = 20
_FIELDS = frozenset(
    {
        "id", "create_time", "cover_image_url", "share_url", "video_description", "duration", "height", "width",
        "title", "embed_html", "embed_link", "like_count", "comment_count", "share_count", "view_count",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request of somebody who is known and may ask."""

    request: Request
    caller: Bearer[TikTokPerson]
    body: dict[str, Any]


_Call: TypeAlias = Callable[[Posting, _Asked], dict[str, Any]]


def routes(posting: Posting) -> Sequence[BaseRoute]:
    """Of the API, of the address that bytes are sent to, and of the app that people have."""

    def call(path: str, kind: str, scopes: set[str], answer: _Call) -> Route:
        return Route(path, partial(_answered, posting, kind, scopes, answer), methods=["POST"])

    return [
        call("/v2/post/publish/creator_info/query/", "creator_info", {"video.publish"}, _creator_info),
        call("/v2/post/publish/video/init/", "init", {"video.publish"}, _begin_post),
        call("/v2/post/publish/inbox/video/init/", "init", {"video.upload"}, _begin_draft),
        call("/v2/post/publish/status/fetch/", "status", {"video.publish", "video.upload"}, _fetch_status),
        call("/v2/video/list/", "list", {"video.list"}, _list_videos),
        call("/v2/video/query/", "query", {"video.list"}, _query_videos),
        Route("/video/", partial(put_chunk, posting), methods=["PUT"]),
        *tiktok_phone.routes(posting),
    ]


async def _answered(posting: Posting, kind: str, scopes: set[str], answer: _Call, request: Request) -> Response:
    """Who calls, what they may, how often, and the envelope of the answer."""
    caller = posting.world.bearer(request.headers.get("authorization"))
    try:
        asked = _Asked(request, _allowed(caller, scopes), _object(request, await request.body()))
        posting.count_request(kind, asked.caller)
        data = answer(posting, asked)
    except Refused as refused:
        posting.world.ledger.add(
            "tiktok", "request_refused", who=caller.account.open_id if caller else "", call=kind, code=refused.code,
            why=str(refused),
        )  # fmt: skip
        return _envelope({}, refused.code, str(refused), refused.status)
    return _envelope(data, "ok", "", 200)


def _allowed(caller: Bearer[TikTokPerson] | None, scopes: set[str]) -> Bearer[TikTokPerson]:
    if caller is None:
        raise Refused(401, "access_token_invalid", "The access token is invalid or expired.")
    if not scopes & caller.scopes:
        raise Refused(401, "scope_not_authorized", f"The user has not granted {' or '.join(sorted(scopes))}.")
    return caller


def _object(request: Request, content: bytes) -> dict[str, Any]:
    """Of a call without a body, an empty one."""
    if not content:
        return {}
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise invalid("Content-Type is application/json")
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise invalid("the body is no object in JSON")
    return told


def _creator_info(posting: Posting, asked: _Asked) -> dict[str, Any]:
    only(asked.body)
    try:
        posting.inform(asked.caller)
    except Refused as refused:
        # Told with 200, as nothing is wrong with the question.
        raise Refused(200, refused.code, str(refused)) from None
    return _creator(asked.caller.account)


def _begin_post(posting: Posting, asked: _Asked) -> dict[str, Any]:
    only(asked.body, "post_info", "source_info")
    info = post_of(asked.body.get("post_info"), asked.caller.app, asked.caller.account)
    source = source_of(asked.body.get("source_info"), posting.sizes)
    return _begun(asked.request, posting.begin(asked.caller, source, info))


def _begin_draft(posting: Posting, asked: _Asked) -> dict[str, Any]:
    only(asked.body, "source_info")
    source = source_of(asked.body.get("source_info"), posting.sizes)
    return _begun(asked.request, posting.begin(asked.caller, source, None))


def _fetch_status(posting: Posting, asked: _Asked) -> dict[str, Any]:
    only(asked.body, "publish_id")
    upload = posting.find(str(asked.body.get("publish_id")))
    if upload is None:
        raise Refused(400, "invalid_publish_id", "There is no such publish_id.")
    if upload.app is not asked.caller.app or upload.person is not asked.caller.account:
        raise Refused(403, "token_not_authorized_for_specified_publish_id", "It is somebody else's.")
    return _status(posting, upload)


def _list_videos(posting: Posting, asked: _Asked) -> dict[str, Any]:
    only(asked.body, "cursor", "max_count")
    fields = _fields(asked.request)
    most, cursor = asked.body.get("max_count", 10), asked.body.get("cursor")
    if not isinstance(most, int) or not 1 <= most <= _PAGE or not isinstance(cursor, int | None):
        raise invalid("max_count is within 1 and 20, cursor in milliseconds")
    posts = [post for post in posting.public_posts(asked.caller.account) if cursor is None or _millis(post) < cursor]
    page = posts[:most]
    return {
        "videos": [_video(posting, post, fields) for post in page],
        "cursor": _millis(page[-1]) if page else (cursor or 0),
        "has_more": len(posts) > most,
    }


def _query_videos(posting: Posting, asked: _Asked) -> dict[str, Any]:
    only(asked.body, "filters")
    fields = _fields(asked.request)
    filters = asked.body.get("filters")
    ids = filters.get("video_ids") if isinstance(filters, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= _PAGE or not all(isinstance(each, str) for each in ids):
        raise invalid("video_ids are 1 to 20, as text")
    posts = [post for post in posting.public_posts(asked.caller.account) if str(post.post_id) in ids]
    return {"videos": [_video(posting, post, fields) for post in posts]}


def _envelope(data: Mapping[str, Any], code: str, message: str, status: int) -> Response:
    error = {"code": code, "message": message, "log_id": f"{secrets.randbelow(10**32):032}"}
    return JSONResponse({"data": data, "error": error}, status)


def _creator(person: TikTokPerson) -> dict[str, Any]:
    off = turned_off(person)
    return {
        "creator_avatar_url": f"https://p16.example.com/{person.open_id}.jpeg",
        "creator_username": person.username,
        "creator_nickname": person.name,
        "privacy_level_options": privacy_options(person),
        "comment_disabled": off["comment"],
        "duet_disabled": off["duet"],
        "stitch_disabled": off["stitch"],
        "max_video_post_duration_sec": person.longest,
    }


def _begun(request: Request, upload: Upload) -> dict[str, Any]:
    address = f"{request.base_url}video/?upload_id={upload.upload_id}&upload_token={upload.token}"
    return {"publish_id": upload.publish_id, "upload_url": address}


def _status(posting: Posting, upload: Upload) -> dict[str, Any]:
    if upload.failure is not None:
        return {"status": "FAILED", "fail_reason": upload.failure, "uploaded_bytes": upload.received}
    if upload.posted_at is not None:
        told = posting.told_id(upload)
        return {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [] if told is None else [told]}
    if upload.delivered:
        return {"status": "SEND_TO_USER_INBOX"}
    shown: dict[str, Any] = {"status": "PROCESSING_UPLOAD", "uploaded_bytes": upload.received}
    if posting.leaves_count_out and upload.received in (0, upload.source.size):
        del shown["uploaded_bytes"]
    return shown


def _fields(request: Request) -> list[str]:
    fields = [each for each in request.query_params.get("fields", "").split(",") if each]
    if not fields or not set(fields) <= _FIELDS:
        raise invalid("fields names what is to be told of a video")
    return fields


def _millis(post: Upload) -> int:
    return int((post.posted_at or post.began_at).timestamp() * 1000)


def _video(posting: Posting, post: Upload, fields: Sequence[str]) -> dict[str, Any]:
    counted = posting.watched(post)
    address = f"https://www.tiktok.com/@{post.person.username}/video/{post.post_id}"
    told: dict[str, Any] = {
        "id": str(post.post_id),
        "create_time": _millis(post) // 1000,
        "title": post.caption[:_TOLD],
        "video_description": post.caption[:_TOLD],
        "share_url": f"{address}?utm_campaign=tt4d_open_api",
        "view_count": counted.views,
        "like_count": counted.likes,
        "comment_count": counted.comments,
        "share_count": counted.shares,
    }
    return {name: told[name] for name in fields if name in told}
