"""`Publisher` over TikTok's Content Posting API: the file is sent in chunks, strictly in order.

A post has a number (`publish_id`) before its first byte, and TikTok can be asked about it at any time. So whoever was
stopped asks first and goes on from there. A begun upload whose answer was lost never becomes a post: nobody knows its
address, so nothing can be sent to it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import ValidationError

from cliply.infra.outbound import ProviderClient
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
    Standing,
    TryLater,
    Unknown,
    Video,
)
from cliply.integrations.tiktok_api import API, Odd, TikTokApi, utc_now
from cliply.integrations.tiktok_chunks import Chunking, Chunks
from cliply.integrations.tiktok_errors import failed_post
from cliply.integrations.tiktok_posts import (
    Listed,
    count,
    figures_by_id,
    listed,
    post_url,
    public_id,
    says,
)
from cliply.integrations.tiktok_rules import (
    Creator,
    Destination,
    caption,
    creator_problems,
    is_public,
    known_problems,
    options_of,
    post_info,
)

_CREATOR_INFO = "/v2/post/publish/creator_info/query/"
_POST_INIT = "/v2/post/publish/video/init/"
_INBOX_INIT = "/v2/post/publish/inbox/video/init/"
_STATUS = "/v2/post/publish/status/fetch/"
_LIST = "/v2/video/list/"
_QUERY = "/v2/video/query/"

_ADDRESS_LASTS = timedelta(hours=1)
_LAST_BYTES = timedelta(minutes=10)
"""A chunk that was begun in time may still arrive: what is called gone may be sent again, and must not be there too."""
_SETBACKS = 3
"""Chunks that may come to nothing, one after the other, before a job waits for better times."""
_PAGE = 20
_PAGES = 10
"""Two hundred videos since a post was begun: more than TikTok lets anybody post in days."""
_DEFAULT_CHUNKING = Chunking()

_IN_THE_INBOX = "It is in the inbox of the TikTok account: its owner finishes and posts it in the app."
_IN_REVIEW = "TikTok reviews it before everybody can see it. This takes a minute mostly, and sometimes hours."
_NO_ADDRESS = "TikTok tells no address of posts that not everybody can see; it is in the account's profile."
_LAST_ANSWER_LOST = "All of the video has been sent, and TikTok has not said whether it arrived."
_ADDRESS_EXPIRED = "TikTok takes the bytes of an upload for an hour only; they have not all come in time."


class TikTokPublisher:
    """`api` is another address for a stand-in, which gets uploads too."""

    network = Network.TIKTOK

    def __init__(
        self,
        client: ProviderClient,
        *,
        api: str = API,
        chunking: Chunking = _DEFAULT_CHUNKING,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._api = TikTokApi(client, api, clock)
        self._chunking = chunking
        self._clock = clock

    def problems(self, post: Post, video: Video) -> Sequence[Problem]:
        return known_problems(post, video)

    def fresh_problems(self, token: str, post: Post, video: Video) -> Sequence[Problem]:
        """TikTok wants to be asked before every post to a profile. Raises TryLater or Rejected where the account may
        not post at all today."""
        try:
            options = options_of(post)
        except ValidationError:
            return []  # one of the `problems`
        return [] if options.destination is Destination.INBOX else creator_problems(self.creator(token), post, video)

    def creator(self, token: str) -> Creator:
        """The account as it is to be shown to whoever posts, with what it may choose from now."""
        data = self._api.ask(token, _CREATOR_INFO)
        try:
            return Creator.model_validate(data)
        except ValidationError:
            message = "TikTok's answer about the account cannot be read."
        raise TryLater(message, "creator_info_unreadable", at=None, concerns=Concerns.REQUEST)

    def begin(self, token: str, post: Post, video: Video, *, mark: str) -> Handle:  # noqa: ARG002 - TikTok has no place for it
        """See `Publisher`. After Unknown another may be begun: nothing can be sent to the lost one."""
        chunks = self._chunking.cut(video.size)
        source = {
            "source": "FILE_UPLOAD",
            "video_size": chunks.size,
            "chunk_size": chunks.chunk_size,
            "total_chunk_count": chunks.count,
        }
        began = self._clock()
        if options_of(post).destination is Destination.INBOX:
            data = self._api.ask(token, _INBOX_INIT, {"source_info": source}, changes=True)
        else:
            body = {"post_info": post_info(post), "source_info": source}
            data = self._api.ask(token, _POST_INIT, body, changes=True)
        reference, address = data.get("publish_id"), data.get("upload_url")
        if not (isinstance(reference, str) and reference and isinstance(address, str) and address):
            raise Unknown("TikTok began an upload without saying where to.", "upload_url_missing")
        return Handle(
            address=address,
            reference=reference,
            part_size=chunks.chunk_size,
            expires_at=began + _ADDRESS_LASTS,
            size=chunks.size,
            public=is_public(post),
        )

    def send(self, token: str, handle: Handle, video: Video, on_sent: Sent) -> Sighting:
        """See `Publisher`. `on_sent` is called all the time, with what TikTok has said that it has."""
        _check_file(handle, video)
        chunks = Chunks(handle.size, handle.part_size)
        seen = self._seen(token, handle, None)
        best, setbacks = chunks.kept(seen.received), 0
        while seen.phase is Phase.UPLOADING:
            kept = chunks.kept(seen.received)
            on_sent(chunks.length(kept))
            seen = self._seen_after(token, handle, video, kept, partial(on_sent, chunks.length(kept)))
            setbacks = 0 if chunks.kept(seen.received) > best else setbacks + 1
            best = max(best, chunks.kept(seen.received))
            if seen.phase is Phase.UPLOADING and setbacks > _SETBACKS:
                raise TryLater(
                    "TikTok does not take the bytes of the video at the moment.",
                    "chunk_not_taken",
                    at=None,
                    concerns=Concerns.REQUEST,
                )
        on_sent(seen.received)
        return seen

    def look(self, token: str, handle: Handle, external_id: str | None) -> Sighting:
        """See `Publisher`. Raises what is to be done about a post that has failed."""
        return self._seen(token, handle, external_id)

    def find(self, token: str, *, mark: str, post: Post, since: datetime) -> Sighting | None:  # noqa: ARG002 - TikTok has no place for it
        """The post among the public ones, by its caption. Raises Unknown where TikTok cannot tell: of posts that not
        everybody can see, without a caption, of two with the same one, or without leave to list them."""
        wanted = caption(post)
        if not is_public(post) or not wanted:
            raise Unknown("TikTok lists public posts with their captions only. Look at the account.", "not_listed")
        found = [video for video in self._since(token, since) if says(video.caption, wanted)]
        if len(found) > 1:
            raise Unknown("Several posts of the TikTok account have this caption. Look at the account.", "ambiguous")
        return Sighting(Phase.PUBLISHED, external_id=found[0].id, url=found[0].url) if found else None

    def dress(self, token: str, external_id: str, post: Post) -> str:  # noqa: ARG002 - nothing of a post can be changed
        """TikTok's cover is a moment of the video, and is chosen when the post is begun."""
        return ""

    def figures(self, token: str, external_ids: Collection[str]) -> Mapping[str, Figures | None]:
        """TikTok tells of posts that everybody can see."""
        ids = list(dict.fromkeys(external_ids))
        found: dict[str, Figures | None] = dict.fromkeys(ids)
        for asked, data in self._asked_about(token, ids, "id,view_count,like_count,comment_count,share_count"):
            found.update((video_id, figures) for video_id, figures in figures_by_id(data) if video_id in asked)
        return found

    def standing(self, token: str, external_ids: Collection[str]) -> Mapping[str, Standing]:
        """What is private and what is deleted look the same from here."""
        found: dict[str, Standing] = {}
        for asked, data in self._asked_about(token, list(dict.fromkeys(external_ids)), "id"):
            if isinstance(data.get("videos"), list):
                shown = {video_id for video_id, _ in figures_by_id(data)}
                found |= {each: Standing.SHOWN if each in shown else Standing.HIDDEN for each in asked}
        return found

    def _asked_about(
        self, token: str, ids: Sequence[str], fields: str
    ) -> Iterator[tuple[Sequence[str], Mapping[str, Any]]]:
        for start in range(0, len(ids), _PAGE):
            asked = ids[start : start + _PAGE]
            yield asked, self._api.ask(token, _QUERY, {"filters": {"video_ids": asked}}, fields=fields)

    def _seen(self, token: str, handle: Handle, external_id: str | None) -> Sighting:
        return self._sighting(token, handle, self._status(token, handle), external_id)

    def _status(self, token: str, handle: Handle) -> Mapping[str, Any]:
        return self._api.ask(token, _STATUS, {"publish_id": handle.reference})

    def _sighting(
        self, token: str, handle: Handle, status: Mapping[str, Any], external_id: str | None = None
    ) -> Sighting:
        match status.get("status"):
            case "FAILED":
                reason = status.get("fail_reason")
                raise failed_post(reason if isinstance(reason, str) else "", now=self._clock())
            case "SEND_TO_USER_INBOX":
                return Sighting(Phase.PENDING, received=handle.size, note=_IN_THE_INBOX)
            case "PUBLISH_COMPLETE":
                return self._complete(token, handle, public_id(status) or external_id)
            case "PROCESSING_UPLOAD":
                return self._uploading(handle, _received(status))
            case _:
                return Sighting(Phase.PROCESSING, received=handle.size)

    def _uploading(self, handle: Handle, received: int | None) -> Sighting:
        """An upload whose count TikTok leaves out has nothing yet, or everything: the next chunk shows which."""
        late = handle.expires_at is not None and self._clock() >= handle.expires_at + _LAST_BYTES
        if (received or 0) >= handle.size or (late and received is None):
            return Sighting(Phase.PROCESSING, received=handle.size)
        if late:
            return _expired(received or 0)
        return Sighting(Phase.UPLOADING, received=received or 0)

    def _complete(self, token: str, handle: Handle, post_id: str | None) -> Sighting:
        if post_id is None:
            # Posts for fewer than everybody are never told a number.
            phase = Phase.PENDING if handle.public else Phase.PUBLISHED
            return Sighting(phase, received=handle.size, note=_IN_REVIEW if handle.public else _NO_ADDRESS)
        return Sighting(Phase.PUBLISHED, handle.size, external_id=post_id, url=self._url(token, post_id))

    def _url(self, token: str, post_id: str) -> str | None:
        """A post without its address is still a post, so nothing that happens here is a failure of it."""
        try:
            return post_url(self.creator(token).username, post_id)
        except PublishFailure:
            return None

    def _seen_after(
        self, token: str, handle: Handle, video: Video, number: int, on_tick: Callable[[], None]
    ) -> Sighting:
        """What there is after one chunk was sent: as TikTok's answer to it says, or as it says when it is asked."""
        chunks = Chunks(handle.size, handle.part_size)
        outcome = self._api.put(handle, video, number, on_tick)
        if isinstance(outcome, int):
            phase = Phase.PROCESSING if outcome == chunks.count else Phase.UPLOADING
            return Sighting(phase, received=chunks.length(outcome))
        try:
            status = self._status(token, handle)
        except TryLater as silent:
            if number == chunks.count - 1 and outcome is Odd.LOST:
                raise Unknown(_LAST_ANSWER_LOST, silent.code) from None
            raise
        seen = self._sighting(token, handle, status)
        if outcome is Odd.CLOSED and seen.phase is Phase.UPLOADING:
            if _received(status) is None:
                raise Unknown("TikTok takes no more bytes of the video, and does not say what it has.", "upload_closed")
            return _expired(seen.received)
        return seen

    def _since(self, token: str, since: datetime) -> Sequence[Listed]:
        """Newest first. TikTok knows whole seconds."""
        found: list[Listed] = []
        body: dict[str, object] = {"max_count": _PAGE}
        for _ in range(_PAGES):
            try:
                data = self._api.ask(token, _LIST, body, fields="id,create_time,title,video_description,share_url")
            except Reconnect:
                message = "TikTok tells its posts only where the account has allowed it. Look at the account."
            else:
                page = list(listed(data))
                found += [video for video in page if video.created_at >= since.replace(microsecond=0)]
                if data.get("has_more") is not True or not page or page[-1].created_at < since:
                    return found
                body["cursor"] = data.get("cursor")
                continue
            raise Unknown(message, "scope_not_authorized")
        return found


def _received(status: Mapping[str, Any]) -> int | None:
    return count(status.get("uploaded_bytes"))


def _expired(received: int) -> Sighting:
    return Sighting(Phase.GONE, received=received, note=_ADDRESS_EXPIRED, surely_absent=True)


def _check_file(handle: Handle, video: Video) -> None:
    """Bytes of another file would make a post of two halves."""
    if video.size != handle.size or video.path.stat().st_size != handle.size:
        raise Rejected("The clip's file is not the one whose upload was begun. Publish the clip again.", "file_changed")
