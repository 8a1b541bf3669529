"""One call to TikTok's API, and one chunk of a file; what did not come about is one of the failures of publishing."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from cliply.infra.outbound import BadReply, BreakerOpen, NoAnswer, NotReachable, ProviderClient, Reply
from cliply.integrations.publisher import (
    Concerns,
    Handle,
    Misconfigured,
    PublishFailure,
    Rejected,
    TryLater,
    Unknown,
    Video,
)
from cliply.integrations.tiktok_chunks import Chunks
from cliply.integrations.tiktok_errors import data_of, refused_chunk

HOSTS = ("*.tiktokapis.com",)
"""Where its API is, and where files go."""
API = "https://open.tiktokapis.com"
_JSON = "application/json; charset=UTF-8"
_BLOCK = 256 * 1024
_CHUNK_TIMEOUT = 120.0
"""Seconds without a byte: the answer to a chunk comes when it has been written down there."""
_PROGRESS = re.compile(r"bytes 0-(\d{1,18})/\d{1,18}")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Odd(Enum):
    """What came of a chunk, where that is not how much TikTok has now."""

    LOST = "lost"
    """Nobody knows whether it arrived: ask."""
    CLOSED = "closed"
    """TikTok takes nothing more at this address."""


@dataclass(frozen=True, slots=True)
class TikTokApi:
    client: ProviderClient
    url: str = API
    clock: Callable[[], datetime] = utc_now

    def ask(
        self, token: str, path: str, body: Mapping[str, Any] | None = None, *, fields: str = "", changes: bool = False
    ) -> Mapping[str, Any]:
        """The data of the answer. What `changes` something is asked for once: Unknown where its answer was lost."""
        try:
            reply = self.client.request(
                "POST",
                self.url.rstrip("/") + path,
                repeatable=not changes,
                headers={"Authorization": f"Bearer {token}", "Content-Type": _JSON},
                params={"fields": fields} if fields else None,
                json=body,
            )
        except (NoAnswer, BadReply) as silent:
            raise _unheard(silent, changes=changes) from None
        return data_of(reply.status, reply.body, now=self.clock(), changes=changes, asked_wait=reply.retry_after)

    def put(self, handle: Handle, video: Video, number: int, on_tick: Callable[[], None]) -> int | Odd:
        """How many whole chunks TikTok has after this one was sent. `on_tick` is called all the time."""
        chunks = Chunks(handle.size, handle.part_size)
        first, last = chunks.span(number)
        # The address is the key to the upload; the account's token is not for this host.
        headers = {
            "Content-Type": video.media_type.partition(";")[0].strip(),
            "Content-Length": str(last - first + 1),
            "Content-Range": f"bytes {first}-{last}/{handle.size}",
        }
        try:
            reply = self.client.request(
                "PUT",
                handle.address,
                repeatable=False,
                headers=headers,
                content=_bytes_of(video.path, first, last, on_tick),
                timeout=_CHUNK_TIMEOUT,
            )
        except NoAnswer as silent:
            if silent.sent:
                return Odd.LOST
            raise _unheard(silent, changes=True) from None
        except BadReply:
            return Odd.LOST
        return self._outcome(reply, chunks, number)

    def _outcome(self, reply: Reply, chunks: Chunks, number: int) -> int | Odd:
        told = _PROGRESS.fullmatch(reply.headers.get("content-range", ""))
        match reply.status:
            case 200 | 201 | 206 | 416 if told is not None:
                # It is written as the number of bytes, and elsewhere as the last one's: chunks are kept whole, so
                # that both say the same.
                return chunks.kept(int(told[1]) + 1)
            case 200 | 201 if number == chunks.count - 1:
                return chunks.count
            case 206 if number < chunks.count - 1:
                return number + 1
            case 200 | 201 | 206 | 416:
                return Odd.LOST
            case 403 | 404 | 410:
                return Odd.CLOSED
            case status if status >= 500:
                return Odd.LOST
            case status:
                raise refused_chunk(status, now=self.clock(), asked_wait=reply.retry_after)


def _unheard(silent: NoAnswer | BadReply, *, changes: bool) -> PublishFailure:
    match silent:
        case NotReachable():
            return Misconfigured(
                "TikTok's address is not one of its own or not public, seen from here. Operators have to check the "
                "name server of this installation, and CLIPLY_TIKTOK__URL if it is set.",
                "not_reachable",
            )
        case BreakerOpen():
            return TryLater(str(silent), "left_alone", at=silent.until, concerns=Concerns.REQUEST)
        case NoAnswer(sent=False):
            return TryLater(str(silent), "no_answer", at=None, concerns=Concerns.REQUEST)
        case _ if changes:
            return Unknown(f"{silent} It is not known what was done.", "no_answer")
        case _:
            return TryLater(str(silent), "no_answer", at=None, concerns=Concerns.REQUEST)


def _bytes_of(file: Path, first: int, last: int, on_tick: Callable[[], None]) -> Iterator[bytes]:
    left = last - first + 1
    with file.open("rb") as source:
        source.seek(first)
        while left > 0:
            on_tick()
            block = source.read(min(_BLOCK, left))
            if not block:
                raise Rejected(
                    "The clip's file has become shorter while it was sent. Publish the clip again.", "file_changed"
                )
            left -= len(block)
            yield block
