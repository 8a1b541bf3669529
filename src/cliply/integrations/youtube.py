"""Publishing on YouTube by its Data API; watch time by its Analytics API, where the channel has allowed that."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cliply.infra.outbound import BadReply, BreakerOpen, NoAnswer, ProviderClient, Reply
from cliply.integrations.publisher import (
    Concerns,
    Figures,
    Handle,
    Network,
    Phase,
    Post,
    Problem,
    PublishFailure,
    Reconnect,
    Rejected,
    Sent,
    Sighting,
    Spend,
    Standing,
    TokenExpired,
    TryLater,
    Unknown,
    Video,
    spend_freely,
)
from cliply.integrations.youtube_figures import figures_of, watched
from cliply.integrations.youtube_quota import COVER_COST, Bucket, day_of
from cliply.integrations.youtube_rules import (
    UNVERIFIED_LENGTH_LIMIT,
    options_of,
    picture_type,
    problems,
    resource,
)
from cliply.integrations.youtube_states import Pages, Unreadable, mapping, sighting, standing
from cliply.integrations.youtube_upload import PART, Done, Gone, UploadSession, Waiting, is_session, refused

HOSTS = ("www.googleapis.com", "youtube.googleapis.com", "youtubeanalytics.googleapis.com")
"""Whoever may be asked, without a stand-in."""
_AT_ONCE = 50
"""Videos that one request may ask about."""
_SEARCHED_PAGES = 10
"""Of fifty uploads each, newest first."""
_CLOCKS_DIFFER = timedelta(minutes=10)
_FIRST_DAY = "2005-02-14"
"""YouTube's own."""


@dataclass(frozen=True, slots=True)
class YouTubeAddresses:
    """Without a slash at their ends."""

    api: str = "https://www.googleapis.com"
    analytics: str = "https://youtubeanalytics.googleapis.com"
    pages: str = "https://www.youtube.com"

    @classmethod
    def below(cls, url: str) -> "YouTubeAddresses":
        """All of them at one server that stands in for Google's."""
        url = url.rstrip("/")
        return cls(url, url, url)


def _now() -> datetime:
    return datetime.now(UTC)


class YouTubePublisher:
    """Implements `Publisher`. `spend` is told the buckets of `youtube_quota.Bucket`."""

    network = Network.YOUTUBE

    def __init__(
        self,
        client: ProviderClient,
        addresses: YouTubeAddresses = YouTubeAddresses(),
        *,
        spend: Spend = spend_freely,
        now: Callable[[], datetime] = _now,
        part_size: int = PART,
    ) -> None:
        self._client = client
        self._addresses = addresses
        self._pages = Pages(addresses.pages)
        self._spend = spend
        self._now = now
        self._part_size = part_size

    def problems(self, post: Post, video: Video) -> Sequence[Problem]:
        return problems(post, video)

    def fresh_problems(self, token: str, post: Post, video: Video) -> Sequence[Problem]:  # noqa: ARG002 - the video counts
        """Asks only about what is long enough to need a verified channel."""
        if video.seconds <= UNVERIFIED_LENGTH_LIMIT:
            return []
        channel = self._channel(token, "status")
        if mapping(channel.get("status")).get("longUploadsStatus") == "allowed":
            return []
        return [
            Problem(
                "video",
                "video_length_unverified",
                "This channel may upload up to 15 minutes. Confirm its telephone number on youtube.com/verify, or cut "
                "a shorter clip.",
            )
        ]

    def begin(self, token: str, post: Post, video: Video, *, mark: str) -> Handle:
        """`mark` becomes the name of the file, which only the channel's owner sees."""
        sent = resource(post, now=self._now())
        self._spend(Bucket.UPLOADS, 1)
        notify = "true" if options_of(post).notify_subscribers else "false"
        try:
            reply = self._client.request(
                "POST",
                f"{self._addresses.api}/upload/youtube/v3/videos",
                repeatable=False,
                params={"uploadType": "resumable", "part": ",".join(sent), "notifySubscribers": notify},
                headers={
                    "Authorization": f"Bearer {token}",
                    "X-Upload-Content-Type": video.media_type,
                    "X-Upload-Content-Length": str(video.size),
                    "Slug": mark,
                },
                json=sent,
            )
        except (NoAnswer, BadReply) as silent:
            # A session that nobody knows the address of gets no byte, and a video comes of the last one only.
            raise _later(silent) from None
        if reply.status != 200:
            raise refused(reply, now=self._now(), bucket=Bucket.UPLOADS)
        address = reply.headers.get("location", "")
        if not is_session(address, self._addresses.api):
            raise TryLater(
                "YouTube did not say where the video is to be sent.", "no_session", at=None, concerns=Concerns.REQUEST
            )
        return Handle(address, part_size=self._part_size, size=video.size)

    def send(self, token: str, handle: Handle, video: Video, on_sent: Sent) -> Sighting:
        """See `Publisher`. A session that is gone may have ended in a video: look for it with `find` before another
        upload is begun."""
        if video.path.stat().st_size != handle.size:
            raise TryLater(
                "The clip has been rendered again since its upload began.", "file_changed", at=self._now(),
                concerns=Concerns.REQUEST, anew=True,
            )  # fmt: skip
        with video.path.open("rb") as file:
            state = self._session(token, handle).send(file, video.media_type, on_sent)
        found = self._seen(state, lost=Unknown("YouTube has the video and did not say what became of it.", "no_video"))
        if isinstance(state, Done):
            on_sent(handle.size)
        return found

    def look(self, token: str, handle: Handle, external_id: str | None) -> Sighting:
        if external_id is None:
            state = self._session(token, handle).ask()
            return self._seen(state, lost=_unreadable())
        found = self._videos(token, "status,processingDetails", [external_id])
        if not found:
            return Sighting(Phase.GONE, external_id=external_id, note="The video is not on YouTube any more.")
        return self._sighting(found[0], lost=_unreadable())

    def find(self, token: str, *, mark: str, post: Post, since: datetime) -> Sighting | None:
        """By the name of the file, among the channel's uploads; takes three units, or two more for each further fifty.

        Raises Unknown while YouTube does not tell the file's name of one that could be it.
        """
        undecided = False
        for ids in self._recent(token, since - _CLOCKS_DIFFER):
            for video in self._videos(token, "snippet,status,processingDetails,fileDetails", ids):
                name = mapping(video.get("fileDetails")).get("fileName")
                if isinstance(name, str) and (name == mark or name.startswith(f"{mark}.")):
                    return self._sighting(video, lost=_unreadable())
                nameless = not name or name == "unknown"
                undecided |= nameless and mapping(video.get("snippet")).get("title") == post.title.strip()
        if undecided:
            raise Unknown("YouTube does not tell yet which file a new video came from.", "no_file_name")
        return None

    def dress(self, token: str, external_id: str, post: Post) -> str:
        """Set the cover, after processing: before, YouTube may not put it on a Short. Raises TokenExpired."""
        if post.cover is None:
            return ""
        try:
            kind, content = picture_type(post.cover), post.cover.read_bytes()
            self._ask(
                "POST", f"{self._addresses.api}/upload/youtube/v3/thumbnails/set", token, Bucket.UNITS, COVER_COST,
                params={"uploadType": "media", "videoId": external_id},
                headers={"Content-Type": kind or "application/octet-stream"}, content=content,
            )  # fmt: skip
        except OSError:
            return "The cover was not set: it cannot be read."
        except TokenExpired:
            raise
        except PublishFailure as failed:
            return f"The cover was not set: {failed}"
        return ""

    def figures(self, token: str, external_ids: Collection[str]) -> Mapping[str, Figures | None]:
        """Takes one of the bucket of statistics for each fifty. Watch time is two or three days behind."""
        found: dict[str, Figures | None] = {}
        for ids in _batches(list(external_ids)):
            asked = {"part": "id,statistics", "id": ",".join(ids)}
            told = self._read(token, "youtube/v3/videos:batchGetStats", asked, Bucket.STATISTICS)
            known = figures_of(told, self._watched(token, ids))
            found |= {each: known.get(each) for each in ids}
        return found

    def standing(self, token: str, external_ids: Collection[str]) -> Mapping[str, Standing]:
        """Takes a unit for each fifty. Its owner is shown whatever is still there."""
        found: dict[str, Standing] = {}
        for ids in _batches(list(external_ids)):
            told = self._read(token, "youtube/v3/videos", {"part": "id,status", "id": ",".join(ids)})
            if isinstance(told.get("items"), list):
                known = {video.get("id"): video for video in _items(told) if isinstance(video.get("id"), str)}
                found |= {each: standing(known.get(each)) for each in ids}
        return found

    # Sessions and videos

    def _session(self, token: str, handle: Handle) -> UploadSession:
        return UploadSession(self._client, token, handle, self._now)

    def _seen(self, state: Waiting | Done | Gone, *, lost: PublishFailure) -> Sighting:
        match state:
            case Waiting(received):
                return Sighting(Phase.UPLOADING, received=received)
            case Gone():
                return Sighting(Phase.GONE, note="YouTube has forgotten this upload.")
            case Done(video):
                return self._sighting(video, lost=lost)

    def _sighting(self, video: Any, *, lost: PublishFailure) -> Sighting:
        try:
            return sighting(video, self._pages)
        except Unreadable:
            raise lost from None

    def _recent(self, token: str, since: datetime) -> Iterator[list[str]]:
        """Numbers of what the channel has got since then, as YouTube pages them: newest first."""
        details = mapping(self._channel(token, "contentDetails").get("contentDetails"))
        playlist = mapping(details.get("relatedPlaylists")).get("uploads")
        if not isinstance(playlist, str):
            return
        asked = {"part": "snippet,contentDetails", "playlistId": playlist, "maxResults": str(_AT_ONCE)}
        for _ in range(_SEARCHED_PAGES):
            try:
                told = self._read(token, "youtube/v3/playlistItems", asked)
            except Rejected as refusal:
                # A channel that has never had a video has no list of them either.
                if refusal.code == "playlistNotFound":
                    return
                raise
            items = _items(told)
            if ids := [found for item in items if (found := _uploaded_since(item, since)) is not None]:
                yield ids
            following = told.get("nextPageToken")
            if len(ids) < len(items) or not isinstance(following, str):
                return
            asked["pageToken"] = following

    def _channel(self, token: str, part: str) -> Mapping[str, Any]:
        channels = _items(self._read(token, "youtube/v3/channels", {"part": part, "mine": "true"}))
        if not channels:
            raise Reconnect(
                "This Google account has no YouTube channel. Create one, then connect it again.", "no_channel"
            )
        return channels[0]

    def _videos(self, token: str, part: str, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        return _items(self._read(token, "youtube/v3/videos", {"part": part, "id": ",".join(ids)}))

    def _watched(self, token: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """What Analytics tells of them; nothing where it tells nothing, for it is an extra."""
        asked = {
            "ids": "channel==MINE",
            "startDate": _FIRST_DAY,
            "endDate": day_of(self._now()),
            "metrics": "views,shares,estimatedMinutesWatched,averageViewPercentage",
            "dimensions": "video",
            "filters": f"video=={','.join(ids)}",
            "sort": "-views",
            "maxResults": str(_AT_ONCE),
        }
        try:
            return watched(self._ask("GET", f"{self._addresses.analytics}/v2/reports", token, params=asked))
        except PublishFailure:
            return {}

    # Requests

    def _read(
        self, token: str, path: str, params: Mapping[str, str], bucket: Bucket = Bucket.UNITS
    ) -> Mapping[str, Any]:
        return self._ask("GET", f"{self._addresses.api}/{path}", token, bucket, params=params)

    def _ask(
        self,
        method: str,
        url: str,
        token: str,
        bucket: Bucket | None = None,
        units: int = 1,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Mapping[str, Any]:
        """A request that may be made twice, and the object it is answered with; without a bucket it is free."""
        # A request whose answer was lost has cost as much as the one that is made in its place.
        spend = None if bucket is None else partial(self._spend, bucket, units)
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        try:
            reply = self._client.request(
                method, url, repeatable=True, params=params, headers=sent, content=content, before_each=spend
            )
            if reply.status == 200:
                return _object(reply)
        except (NoAnswer, BadReply) as silent:
            raise _later(silent) from None
        raise refused(reply, now=self._now(), bucket=bucket or Bucket.UNITS)


def _later(silent: NoAnswer | BadReply) -> TryLater:
    at = silent.until if isinstance(silent, BreakerOpen) else None
    return TryLater(str(silent), "no_answer", at=at, concerns=Concerns.REQUEST)


def _unreadable() -> TryLater:
    return TryLater("YouTube gave an answer that is no video.", "no_video", at=None, concerns=Concerns.REQUEST)


def _object(reply: Reply) -> Mapping[str, Any]:
    told = reply.json()
    if not isinstance(told, dict):
        raise BadReply(reply.provider, "is no object")
    return told


def _items(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = told.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _uploaded_since(item: Mapping[str, Any], since: datetime) -> str | None:
    found = mapping(item.get("contentDetails")).get("videoId")
    at = mapping(item.get("snippet")).get("publishedAt")
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else since
    except ValueError:
        moment = since
    return found if isinstance(found, str) and moment.tzinfo is not None and moment >= since else None


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[begin : begin + _AT_ONCE] for begin in range(0, len(ids), _AT_ONCE))
