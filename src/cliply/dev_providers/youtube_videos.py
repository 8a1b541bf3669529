"""What there is on this YouTube: uploads that wait for bytes, and videos in all their states."""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from cliply.dev_providers.audience import watched
from cliply.dev_providers.world import App, Channel, GoogleAccount

_IN_MEMORY = 8 * 1024**2
"""Bytes of an upload; what is larger waits on the disk."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a video, in YouTube's own words; by itself, it is processed."""

    upload_status: str = "processed"
    """Or `failed`, or `rejected`."""
    reason: str | None = None
    processing_status: str = "succeeded"
    processing_reason: str | None = None
    after: timedelta | None = None
    """How long that takes; None: as long as for all."""


@dataclass(slots=True, eq=False)
class Numbers:
    """Of one video, until now."""

    views: int = 0
    likes: int | None = 0
    """None where its owner hides them."""
    comments: int | None = 0
    shares: int = 0
    minutes_watched: float = 0.0
    percent_watched: float = 0.0


@dataclass(slots=True, eq=False)
class Upload:
    """A session, and what has come in it."""

    id: str
    app: App
    account: GoogleAccount
    channel: Channel
    resource: dict[str, Any]
    parts: tuple[str, ...]
    file_name: str
    media_type: str
    size: int
    expires_at: datetime
    received: int = 0
    part_size: int | None = None
    """Of the first part: all but the last have it."""
    file: IO[bytes] = field(default_factory=lambda: SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - lives with the upload
    writer: object = None
    """Whoever sends now; the latest takes over from those before."""
    video: "Video | None" = None


@dataclass(slots=True, eq=False)
class Video:
    id: str
    channel: Channel
    uploaded_at: datetime
    resource: dict[str, Any]
    """`snippet` and `status` as they were sent."""
    file_name: str
    size: int
    sha256: str
    outcome: Outcome
    processed_at: datetime
    file_known_at: datetime
    """When `fileDetails` can be asked for."""
    thumbnail: str | None = None
    """SHA-256 of the one that was set."""
    numbers: Numbers = field(default_factory=Numbers)
    """Besides those of an audience."""
    has_audience: bool = False
    shown_before: timedelta = timedelta()
    """How long others could see it until its owner last changed that."""
    changed_at: datetime | None = None

    def told(self, parts: Collection[str], now: datetime) -> dict[str, Any]:
        """The resource, to its owner."""
        made: dict[str, Any] = {"kind": "youtube#video", "etag": self.sha256[:27], "id": self.id}
        for part, of in _PARTS.items():
            if part in parts and (value := of(self, now)) is not None:
                made[part] = value
        return made

    def is_processed(self, now: datetime) -> bool:
        return now >= self.processed_at and self.outcome == Outcome(after=self.outcome.after)

    def privacy(self, now: datetime) -> str:
        status = self.resource.get("status", {})
        at = status.get("publishAt")
        if at is not None and datetime.fromisoformat(at) <= now:
            return "public"
        return str(status.get("privacyStatus", "public"))

    def set_privacy(self, privacy: str, now: datetime) -> None:
        """As its owner does in YouTube Studio."""
        self.shown_before, self.changed_at = self._shown_for(now), now
        status = {name: value for name, value in self.resource.get("status", {}).items() if name != "publishAt"}
        self.resource = {**self.resource, "status": {**status, "privacyStatus": privacy}}

    def numbers_at(self, moment: datetime) -> Numbers:
        own = self.numbers
        if not self.has_audience:
            return own
        seen = watched(self.id, self._shown_for(moment))
        return Numbers(
            own.views + seen.views,
            None if own.likes is None else own.likes + seen.likes,
            None if own.comments is None else own.comments + seen.comments,
            own.shares + seen.shares,
            own.minutes_watched + seen.minutes,
            own.percent_watched or seen.percent,
        )

    def _shown_for(self, moment: datetime) -> timedelta:
        since = self.changed_at or self.processed_at
        if (at := self.resource.get("status", {}).get("publishAt")) is not None:
            since = max(since, datetime.fromisoformat(at))
        shows = self.privacy(moment) != "private" and self.is_processed(moment)
        return self.shown_before + (max(timedelta(), moment - since) if shows else timedelta())


def new_id() -> str:
    """Eleven characters, as YouTube's."""
    return base64.urlsafe_b64encode(secrets.token_bytes(8)).decode().rstrip("=")


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _snippet(video: Video, now: datetime) -> dict[str, Any]:  # noqa: ARG001 - all parts are asked alike
    sent = video.resource["snippet"]
    words = {"title": sent["title"], "description": sent.get("description", "")}
    return {
        "categoryId": "22",
        **sent,
        **words,
        "publishedAt": stamp(video.uploaded_at),
        "channelId": video.channel.id,
        "channelTitle": video.channel.title,
        "liveBroadcastContent": "none",
        "localized": words,
    }


def _status(video: Video, now: datetime) -> dict[str, Any]:
    sent = dict(video.resource.get("status", {}))
    if video.privacy(now) == "public":
        sent.pop("publishAt", None)
    made = {
        "license": "youtube",
        "embeddable": True,
        "publicStatsViewable": True,
        **sent,
        "privacyStatus": video.privacy(now),
        "madeForKids": bool(sent.get("selfDeclaredMadeForKids")),
        "uploadStatus": "uploaded",
    }
    if now >= video.processed_at:
        made["uploadStatus"] = video.outcome.upload_status
        reason = {"failed": "failureReason", "rejected": "rejectionReason"}.get(video.outcome.upload_status)
        if reason is not None and video.outcome.reason is not None:
            made[reason] = video.outcome.reason
    return made


def _processing(video: Video, now: datetime) -> dict[str, Any]:
    known = "available" if now >= video.file_known_at else "inProgress"
    made: dict[str, Any] = {"processingStatus": "processing", "fileDetailsAvailability": known}
    if now >= video.processed_at:
        made["processingStatus"] = video.outcome.processing_status
        if video.outcome.processing_reason is not None:
            made["processingFailureReason"] = video.outcome.processing_reason
    return made


def _file(video: Video, now: datetime) -> dict[str, Any] | None:
    if now < video.file_known_at:
        return None
    return {"fileName": video.file_name, "fileSize": str(video.size), "fileType": "video"}


def _statistics(video: Video, now: datetime) -> dict[str, Any]:
    numbers = video.numbers_at(now)
    counted = {"viewCount": numbers.views, "likeCount": numbers.likes, "commentCount": numbers.comments}
    return {name: str(count) for name, count in counted.items() if count is not None}


def _placement(video: Video, now: datetime) -> dict[str, Any] | None:  # noqa: ARG001 - all parts are asked alike
    return video.resource.get("paidProductPlacementDetails")


_PARTS = {
    "snippet": _snippet,
    "status": _status,
    "processingDetails": _processing,
    "fileDetails": _file,
    "statistics": _statistics,
    "paidProductPlacementDetails": _placement,
}


class Library:
    """All of it. What is not asked of the API, as somebody deleting a video in the app, is done here."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self.videos: dict[str, Video] = {}
        self.outcomes: list[Outcome] = []
        """Of the next videos, the first of the next one."""
        self.processing_takes = timedelta(seconds=30)
        self.file_known_after = timedelta()
        self.listed_after = timedelta()
        """How long it takes a new video to show up among its channel's uploads."""
        self.session_lasts = timedelta(days=7)
        self.has_audience = False
        """Whether somebody watches what is uploaded from now on."""

    def of(self, channel: Channel) -> list[Video]:
        """Newest first."""
        own = [video for video in self.videos.values() if video.channel is channel]
        return sorted(own, key=lambda video: video.uploaded_at, reverse=True)

    def take_in(self, upload: Upload, sha256: str, now: datetime) -> Video:
        """The last byte has come: from now on there is a video."""
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome()
        video = Video(
            new_id(),
            upload.channel,
            now,
            upload.resource,
            upload.file_name,
            upload.size,
            sha256,
            outcome,
            processed_at=now + (self.processing_takes if outcome.after is None else outcome.after),
            file_known_at=now + self.file_known_after,
            has_audience=self.has_audience,
        )
        self.videos[video.id] = video
        upload.video = video
        return video
