"""YouTube's Data and Analytics APIs, as far as publishing needs them, as strict as the real ones."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cliply.dev_providers import pages
from cliply.dev_providers import youtube_contract as contract
from cliply.dev_providers.ledger import sha256
from cliply.dev_providers.world import Channel, GoogleWorld
from cliply.dev_providers.youtube_calls import Call, Calls
from cliply.dev_providers.youtube_quotas import Quota, Quotas
from cliply.dev_providers.youtube_refusals import Refusal
from cliply.dev_providers.youtube_resumable import Resumable
from cliply.dev_providers.youtube_videos import Library, Numbers, Video, stamp

THUMBNAIL_COST = 50
_REPORTS_AFTER = timedelta(hours=48)
_VIDEO_PARTS = {
    "id", "snippet", "status", "statistics", "contentDetails", "fileDetails", "processingDetails",
    "paidProductPlacementDetails",
}  # fmt: skip
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_METRICS: Mapping[str, Callable[[Numbers], float]] = {
    "views": lambda numbers: numbers.views,
    "likes": lambda numbers: numbers.likes or 0,
    "comments": lambda numbers: numbers.comments or 0,
    "shares": lambda numbers: numbers.shares,
    "estimatedMinutesWatched": lambda numbers: numbers.minutes_watched,
    "averageViewPercentage": lambda numbers: numbers.percent_watched,
}


class YouTube:
    """The tests' hands on it: `library` holds what there is, `quotas` what apps may still ask."""

    def __init__(self, world: GoogleWorld) -> None:
        self.world = world
        self.library = Library()
        self.quotas = Quotas(world.clock)
        self.thumbnails_a_day = 100
        """Of a channel."""
        self._calls = Calls(world, self.quotas)
        self._resumable = Resumable(self._calls, self.library)
        self._thumbnails: list[tuple[Channel, datetime]] = []

    def routes(self) -> Sequence[BaseRoute]:
        guarded = self._calls.guarded
        uploads = contract.method("videos.insert").upload or ""
        thumbnails = contract.method("thumbnails.set").upload or ""
        return [
            Route(uploads, guarded(self._resumable.begin), methods=["POST"]),
            Route(uploads, guarded(self._resumable.part), methods=["PUT"]),
            Route(thumbnails, guarded(self._set_thumbnail), methods=["POST"]),
            *(
                Route(contract.method(name).path, guarded(handler), methods=["GET"])
                for name, handler in (
                    ("videos.list", self._list_videos),
                    ("videos.batchGetStats", self._statistics),
                    ("channels.list", self._list_channels),
                    ("playlistItems.list", self._list_uploads),
                    ("reports.query", self._report),
                )
            ),
            Route("/watch", self._watch, methods=["GET"]),
        ]

    def delete(self, video_id: str) -> None:
        """As its owner does in YouTube Studio."""
        video = self.library.videos.pop(video_id)
        self.world.ledger.add("google", "video_deleted", who=video.channel.id, id=video_id)

    def set_privacy(self, video_id: str, privacy: str) -> None:
        """As its owner does in YouTube Studio."""
        video = self.library.videos[video_id]
        video.set_privacy(privacy, self.world.clock.now())
        self.world.ledger.add("google", "privacy_changed", who=video.channel.id, id=video_id, privacy=privacy)

    # Reading

    async def _list_videos(self, request: Request) -> Response:
        call = self._calls.admit(request, "videos.list", Quota.UNITS)
        parts, now = call.parts(_VIDEO_PARTS), self.world.clock.now()
        items = []
        for wanted in _some_ids(call, "youtube.parameter"):
            video = self.library.videos.get(wanted)
            if video is None:
                continue
            if video.channel is call.bearer.account.channel:
                items.append(video.told(parts, now))
            elif video.privacy(now) != "private":
                if {"fileDetails", "processingDetails"} & set(parts):
                    raise Refusal(403, "forbidden", "youtube.video", "Only its owner may ask for that.")
                items.append(video.told(parts, now))
        return self._calls.answer("videos.list", _list_of("youtube#videoListResponse", items))

    async def _statistics(self, request: Request) -> Response:
        call = self._calls.admit(request, "videos.batchGetStats", Quota.STATISTICS)
        parts, now = call.parts({"id", "snippet", "contentDetails", "statistics"}), self.world.clock.now()
        if not parts:
            raise Refusal(400, "required", "youtube.part", "No part was asked for.", location="part")
        items = []
        for wanted in _some_ids(call, "youtube.parameter"):
            video = self.library.videos.get(wanted)
            hidden = video is None or (
                video.privacy(now) == "private" and video.channel is not call.bearer.account.channel
            )
            if video is not None and not hidden:
                items.append(_statistics_of(video, parts, now))
        return self._calls.answer(
            "videos.batchGetStats", {"kind": "youtube#batchGetStatsResponse", "etag": "stats", "items": items}
        )

    async def _list_channels(self, request: Request) -> Response:
        call = self._calls.admit(request, "channels.list", Quota.UNITS)
        parts = call.parts({"id", "snippet", "contentDetails", "status", "statistics"})
        if call.one("mine") != "true":
            raise Refusal(400, "missingRequiredParameter", "youtube.parameter", "No filter selected. Try mine=true.")
        if call.bearer.account.channel is None:
            # Without a channel there is no list either.
            return self._calls.answer("channels.list", _page_of("youtube#channelListResponse", 0))
        items = [_told_channel(call.channel, parts, len(self.library.of(call.channel)))]
        return self._calls.answer("channels.list", _list_of("youtube#channelListResponse", items))

    async def _list_uploads(self, request: Request) -> Response:
        call = self._calls.admit(request, "playlistItems.list", Quota.UNITS)
        parts, wanted = call.parts({"id", "snippet", "contentDetails", "status"}), call.one("playlistId")
        now = self.world.clock.now()
        shown = now - self.library.listed_after
        videos = [video for video in self.library.of(call.channel) if video.uploaded_at <= shown]
        if wanted != _uploads_of(call.channel) or not videos:
            message = "The playlist identified with the request's playlistId parameter cannot be found."
            raise Refusal(404, "playlistNotFound", "youtube.playlistItem", message, location="playlistId")
        size, begin = int(call.one("maxResults") or 5), _offset(call.one("pageToken"))
        items = [_told_item(video, wanted, parts, now) for video in videos[begin : begin + size]]
        body = _list_of("youtube#playlistItemListResponse", items, total=len(videos))
        if begin + size < len(videos):
            body["nextPageToken"] = f"PT{begin + size}"
        return self._calls.answer("playlistItems.list", body)

    async def _report(self, request: Request) -> Response:
        call = self._calls.admit(request, "reports.query", None)
        metrics = (call.one("metrics") or "").split(",")
        filtered = re.fullmatch(r"video==([\w,-]+)", call.one("filters") or "", re.ASCII)
        days = [_day(call.one(name)) for name in ("startDate", "endDate")]
        supported = (
            call.one("ids") == "channel==MINE"
            and call.one("dimensions") == "video"
            and set(metrics) <= set(_METRICS)
            and filtered is not None
            and (call.one("sort") or "").lstrip("-") in metrics
            and 0 < int(call.one("maxResults") or 0) <= 200
            and None not in days
        )
        if not supported or filtered is None:
            raise Refusal(400, "badRequest", message="The query is not supported. Check the documentation.")
        now = self.world.clock.now()
        found = [self.library.videos.get(wanted) for wanted in filtered[1].split(",")[:500]]
        rows = [
            [video.id, *(_METRICS[metric](video.numbers_at(now - _REPORTS_AFTER)) for metric in metrics)]
            for video in found
            if video is not None and video.channel is call.channel and now - video.uploaded_at >= _REPORTS_AFTER
        ]
        columns = [{"name": "video", "columnType": "DIMENSION", "dataType": "STRING"}]
        columns += [{"name": metric, "columnType": "METRIC", "dataType": "FLOAT"} for metric in metrics]
        body: dict[str, Any] = {"kind": "youtubeAnalytics#resultTable", "columnHeaders": columns}
        return self._calls.answer("reports.query", body | ({"rows": rows} if rows else {}))

    async def _watch(self, request: Request) -> Response:
        """For people: what of it there is to be seen."""
        video, now = self.library.videos.get(request.query_params.get("v", "")), self.world.clock.now()
        if video is None or video.privacy(now) == "private":
            return pages.page(
                "Video unavailable", pages.paragraph("There is no such video, or it is private."), status=404
            )
        told = video.told(_VIDEO_PARTS, now)
        return pages.page(
            told["snippet"]["title"],
            *(pages.paragraph(line) for line in told["snippet"]["description"].splitlines()),
            pages.table(
                ["Channel", "State", "Bytes", "SHA-256"],
                [[video.channel.title, told["status"]["uploadStatus"], video.size, video.sha256]],
            ),
        )

    # Covers

    async def _set_thumbnail(self, request: Request) -> Response:
        call = self._calls.admit(request, "thumbnails.set", Quota.UNITS, THUMBNAIL_COST)
        video, channel = self.library.videos.get(call.one("videoId") or ""), call.channel
        if video is None or video.channel is not channel:
            message = "The video that you are trying to set a thumbnail for cannot be found."
            raise Refusal(404, "videoNotFound", "youtube.thumbnail", message, location="videoId")
        self._check_may_set(channel, video)
        content = await self._picture(request, call)
        self._thumbnails.append((channel, self.world.clock.now()))
        video.thumbnail = sha256(content)
        self.world.ledger.add(
            "google", "thumbnail_set", who=channel.id, id=video.id, size=len(content), sha256=video.thumbnail
        )
        address = {"url": f"{request.base_url}vi/{video.id}/default.jpg", "width": 120, "height": 90}
        item = {"default": address, "shortsAspectRatio": address | {"width": 2160, "height": 3840}}
        return self._calls.answer(
            "thumbnails.set", {"kind": "youtube#thumbnailSetResponse", "etag": "thumbnail", "items": [item]}
        )

    def _check_may_set(self, channel: Channel, video: Video) -> None:
        now = self.world.clock.now()
        if not channel.phone_verified:
            message = "The authenticated user doesn't have permissions to upload and set custom video thumbnails."
            raise Refusal(403, "forbidden", "youtube.thumbnail", message, location="Authorization")
        if not video.is_processed(now):
            # The real one takes it and may not show it on a Short, which nobody would notice.
            raise Refusal(400, "failedPrecondition", "youtube.thumbnail", "The video is not processed yet.")
        today = sum(of is channel and at > now - timedelta(hours=24) for of, at in self._thumbnails)
        if today >= self.thumbnails_a_day:
            message = "The channel has uploaded too many thumbnails recently. Please try the request again later."
            raise Refusal(429, "uploadRateLimitExceeded", "youtube.thumbnail", message)

    async def _picture(self, request: Request, call: Call) -> bytes:
        if call.one("uploadType") != "media" or request.headers.get("content-type") not in call.method.accept:
            raise Refusal(400, "badContent", "youtube.thumbnail", "Only uploadType=media of JPEG or PNG is taken.")
        content = bytearray()
        async for each in request.stream():
            content += each
            if len(content) > call.method.largest:
                raise Refusal(413, "uploadTooLarge", message="The picture is too large.")
        if not content:
            raise Refusal(400, "mediaBodyRequired", "youtube.thumbnail", "The request does not include the image.")
        if not content.startswith(_PICTURES):
            raise Refusal(400, "invalidImage", "youtube.thumbnail", "The provided image content is invalid.")
        return bytes(content)


def _some_ids(call: Call, domain: str) -> list[str]:
    ids = [each for each in call.parameters.get("id", ()) if each]
    if not ids:
        raise Refusal(400, "missingRequiredParameter", domain, "No filter selected. Expected one of: id.")
    if len(ids) > 50:
        raise Refusal(400, "invalidFilters", domain, "No more than 50 IDs may be asked for.", location="id")
    return list(dict.fromkeys(ids))


def _page_of(kind: str, total: int) -> dict[str, Any]:
    return {"kind": kind, "etag": "list", "pageInfo": {"totalResults": total, "resultsPerPage": min(total, 50)}}


def _list_of(kind: str, items: list[dict[str, Any]], *, total: int | None = None) -> dict[str, Any]:
    return {**_page_of(kind, len(items) if total is None else total), "items": items}


def _statistics_of(video: Video, parts: Sequence[str], now: datetime) -> dict[str, Any]:
    told = {
        "snippet": {"publishTime": stamp(video.uploaded_at)},
        "contentDetails": {"duration": "0s"},
        "statistics": video.told(("statistics",), now)["statistics"],
    }
    return {
        "kind": "youtube#videoStat",
        "etag": "stat",
        "id": video.id,
        **{part: told[part] for part in parts if part in told},
    }


def _uploads_of(channel: Channel) -> str:
    return "UU" + channel.id[2:]


def _told_channel(channel: Channel, parts: Sequence[str], videos: int) -> dict[str, Any]:
    picture = {"url": f"https://yt3.ggpht.com/{channel.id}", "width": 88, "height": 88}
    told = {
        "snippet": {
            "title": channel.title,
            "description": "",
            "customUrl": channel.handle,
            "publishedAt": "2020-01-01T00:00:00Z",
            "thumbnails": {"default": picture},
        },
        "contentDetails": {"relatedPlaylists": {"uploads": _uploads_of(channel), "likes": ""}},
        "status": {
            "privacyStatus": "public",
            "isLinked": True,
            "longUploadsStatus": "allowed" if channel.phone_verified else "eligible",
        },
        "statistics": {
            "viewCount": "0",
            "subscriberCount": "0",
            "hiddenSubscriberCount": False,
            "videoCount": str(videos),
        },
    }
    return {
        "kind": "youtube#channel",
        "etag": "channel",
        "id": channel.id,
        **{part: told[part] for part in parts if part in told},
    }


def _told_item(video: Video, playlist: str, parts: Sequence[str], now: datetime) -> dict[str, Any]:
    resource = {"kind": "youtube#video", "videoId": video.id}
    about = {"videoId": video.id}
    if video.privacy(now) == "public":
        about["videoPublishedAt"] = stamp(video.uploaded_at)
    told = {
        "snippet": {
            "publishedAt": stamp(video.uploaded_at),
            "channelId": video.channel.id,
            "channelTitle": video.channel.title,
            "title": video.resource["snippet"]["title"],
            "description": video.resource["snippet"].get("description", ""),
            "playlistId": playlist,
            "position": 0,
            "resourceId": resource,
        },
        "contentDetails": about,
        "status": {"privacyStatus": video.privacy(now)},
    }
    return {
        "kind": "youtube#playlistItem",
        "etag": "item",
        "id": f"{playlist}.{video.id}",
        **{part: told[part] for part in parts if part in told},
    }


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not re.fullmatch(r"PT\d{1,9}", token, re.ASCII):
        raise Refusal(
            400, "invalidPageToken", "youtube.parameter", "The page token is not valid.", location="pageToken"
        )
    return int(token[2:])


def _day(told: str | None) -> date | None:
    try:
        return date.fromisoformat(told or "")
    except ValueError:
        return None
