"""One resumable upload at YouTube: what has arrived is asked and never assumed.

An upload is a session, known by its address. Bytes have a place in it, so that sending some again changes nothing; the
video comes into being when the last one is there, once. Whoever lost an answer asks the session.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import IO, Any, TypeAlias

import httpx2

from cliply.infra.outbound import BadReply, BreakerOpen, NoAnswer, ProviderClient, Reply
from cliply.integrations.publisher import Concerns, Handle, PublishFailure, Sent, TryLater, Unknown
from cliply.integrations.youtube_errors import failure
from cliply.integrations.youtube_quota import Bucket

PART = 8 * 1024**2
"""Bytes of a part: YouTube wants whole multiples of 262,144."""
_GONE = frozenset({404, 410, 499})
_STALLS = 3
"""How often in a row a part may be sent without anything arriving."""
_PATHS = ("/upload/youtube/v3/videos", "/resumable/upload/youtube/v3/videos")
_HOSTS = ("www.googleapis.com", "youtube.googleapis.com")
_UPLOAD_TIMEOUT = 120.0
"""Seconds without a byte: after the last part, YouTube is slow to answer."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """For further bytes."""

    received: int
    moved_to: str | None = field(default=None, repr=False)
    """Its new address, where YouTube has given it one."""


@dataclass(frozen=True, slots=True)
class Done:
    """The video is there."""

    video: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gone:
    """The session is over: it has expired, or came to its end long ago."""


State: TypeAlias = Waiting | Done | Gone


@dataclass(frozen=True, slots=True)
class _Lost:
    """No answer to go by; the part may have arrived or not."""

    why: str
    until: datetime | None = None


@dataclass(slots=True)
class UploadSession:
    client: ProviderClient
    token: str = field(repr=False)
    handle: Handle
    now: Callable[[], datetime]

    def ask(self) -> State:
        """How far it is; changes nothing. Raises TryLater where nobody knows, and what else YouTube answers."""
        outcome = self._ask()
        if isinstance(outcome, _Lost):
            raise TryLater(
                f"YouTube did not say how much of the video has arrived: {outcome.why}", "no_answer",
                at=outcome.until, concerns=Concerns.REQUEST,
            )  # fmt: skip
        return outcome

    def send(self, file: IO[bytes], media_type: str, on_sent: Sent) -> State:
        """Send what has not arrived, and come back with the video or with the news that the session is gone. Raises
        Unknown where the last part was sent and nobody says what became of it."""
        state, stalls = self.ask(), 0
        while isinstance(state, Waiting):
            on_sent(state.received)
            if state.received >= self.handle.size:
                raise TryLater(
                    "YouTube has all of the video and is not done with it yet.", "unfinished", at=None,
                    concerns=Concerns.REQUEST,
                )  # fmt: skip
            if stalls == _STALLS:
                raise TryLater(
                    "YouTube takes no more of the video just now.", "stalled", at=None, concerns=Concerns.REQUEST
                )
            before = state.received
            state = self._advanced(file, media_type, state)
            stalls = stalls + 1 if isinstance(state, Waiting) and state.received <= before else 0
        return state

    def _advanced(self, file: IO[bytes], media_type: str, state: Waiting) -> State:
        """One part on: by the answer to it, else by asking."""
        file.seek(state.received)
        part = file.read(self.handle.part_size or PART)
        last = state.received + len(part) == self.handle.size
        span = f"bytes {state.received}-{state.received + len(part) - 1}/{self.handle.size}"
        outcome = self._put(span, part, **{"Content-Type": media_type})
        if isinstance(outcome, _Lost):
            outcome = self._ask()
        if isinstance(outcome, _Lost):
            message = f"YouTube did not say whether it has the video: {outcome.why}"
            if last:
                raise Unknown(message, "no_answer")
            raise TryLater(message, "no_answer", at=outcome.until, concerns=Concerns.REQUEST)
        return outcome

    def _ask(self) -> State | _Lost:
        return self._put(f"bytes */{self.handle.size}", b"")

    def _put(self, span: str, content: bytes, **headers: str) -> State | _Lost:
        """A part, once; without content it is a question, which may be asked again."""
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Content-Range": span,
            "Content-Length": str(len(content)),
            **headers,
        }
        try:
            reply = self.client.request(
                "PUT", self.handle.address, repeatable=not content, headers=sent, content=content,
                timeout=_UPLOAD_TIMEOUT,
            )  # fmt: skip
        except BreakerOpen as closed:
            return _Lost(str(closed), closed.until)
        except (NoAnswer, BadReply) as silent:
            return _Lost(str(silent))
        state = self._read(reply)
        if isinstance(state, Waiting) and state.moved_to is not None:
            self.handle = replace(self.handle, address=state.moved_to)
        return state

    def _read(self, reply: Reply) -> State | _Lost:
        if reply.status in (200, 201):
            return _video(reply)
        if reply.status == 308:
            return Waiting(_received(reply, self.handle.size), _moved(reply, self.handle.address))
        if reply.status in _GONE:
            return Gone()
        if reply.status >= 500 or reply.status in (408, 416):
            return _Lost(f"it is out of order (answer {reply.status}).", self._after(reply.retry_after))
        raise refused(reply, now=self.now(), bucket=Bucket.UPLOADS)

    def _after(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self.now() + timedelta(seconds=min(seconds, 86_400.0))


def refused(reply: Reply, *, now: datetime, bucket: Bucket) -> PublishFailure:
    return failure(reply.status, reply.body, now=now, bucket=bucket, retry_after=reply.retry_after)


def is_session(address: str, beside: str) -> bool:
    """Whether an upload may be sent there: to the host of `beside`, or among Google's own to another one of them.

    Whoever answers in YouTube's place must not learn where else the token is good.
    """
    try:
        told, known = httpx2.URL(address), httpx2.URL(beside)
    except (httpx2.InvalidURL, UnicodeError):
        return False
    if told.userinfo or not told.path.startswith(_PATHS):
        return False
    same = (told.scheme, told.host, told.port) == (known.scheme, known.host, known.port)
    return same or (known.host in _HOSTS and told.scheme == "https" and told.host in _HOSTS and told.port is None)


def _received(reply: Reply, size: int) -> int:
    """Without a range, nothing has arrived. A range that cannot be is taken for none: then all is sent again."""
    told = re.fullmatch(r"(?:bytes=)?0-(\d{1,15})", reply.headers.get("range", "").strip(), re.ASCII)
    received = int(told[1]) + 1 if told else 0
    return received if received <= size else 0


def _moved(reply: Reply, present: str) -> str | None:
    address = reply.headers.get("location")
    return address if address and is_session(address, present) else None


def _video(reply: Reply) -> Done | _Lost:
    try:
        video = reply.json()
    except BadReply as strange:
        return _Lost(str(strange))
    return Done(video) if isinstance(video, dict) else _Lost("its answer is no video.")
