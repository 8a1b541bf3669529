"""What TikTok tells of posts, read with care: all of it comes from outside."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cliply.integrations.publisher import Figures

_TOLD = 150
"""Characters of a caption that TikTok tells back."""
_USERNAME = re.compile(r"[A-Za-z0-9._]{1,64}")
_DIGITS = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A public video of an account."""

    id: str
    created_at: datetime
    caption: str
    url: str | None


def public_id(data: Mapping[str, Any]) -> str | None:
    """The number of a post that everybody can see, once TikTok tells it (it spells the name wrong)."""
    ids = data.get("publicaly_available_post_id") or data.get("publicly_available_post_id")
    return next((told for each in (ids if isinstance(ids, list) else []) if (told := text_id(each))), None)


def text_id(told: object) -> str | None:
    """A number of 19 digits as text: whatever reckons with floating points would round it."""
    text = str(told) if isinstance(told, int | str) and not isinstance(told, bool) else ""
    return text if _DIGITS.fullmatch(text) else None


def post_url(username: str, post_id: str) -> str | None:
    return f"https://www.tiktok.com/@{username}/video/{post_id}" if _USERNAME.fullmatch(username) else None


def count(told: object) -> int | None:
    """A number of bytes or views; one that no database holds is none."""
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < _LARGEST else None


def listed(data: Mapping[str, Any]) -> Iterator[Listed]:
    for video in _videos(data):
        video_id, created = text_id(video.get("id")), count(video.get("create_time"))
        if video_id is not None and created is not None and created < _LAST_SECOND:
            told = video.get("video_description") or video.get("title")
            caption = told if isinstance(told, str) else ""
            created_at = datetime.fromtimestamp(created, UTC)
            yield Listed(video_id, created_at, caption, _own_url(video.get("share_url")))


_LARGEST = 10**18
_LAST_SECOND = 253_402_300_800
"""Of the year 9999; what is later is no time."""


def says(told: str, caption: str) -> bool:
    """Whether a caption, as TikTok tells it back, is this one: its beginning only, and with other spaces."""
    short, whole = " ".join(told.split()), " ".join(caption.split())
    if len(told.encode("utf-16-le", "surrogatepass")) // 2 < _TOLD - 1:
        return bool(short) and short == whole
    # It is cut where it is full, even within an emoji.
    return whole.startswith(short.rstrip("\ufffd"))


def figures_by_id(data: Mapping[str, Any]) -> Iterator[tuple[str, Figures]]:
    for video in _videos(data):
        if (video_id := text_id(video.get("id"))) is not None:
            yield (
                video_id,
                Figures(
                    views=count(video.get("view_count")),
                    likes=count(video.get("like_count")),
                    comments=count(video.get("comment_count")),
                    shares=count(video.get("share_count")),
                ),
            )


def _videos(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    videos = data.get("videos")
    return (video for video in (videos if isinstance(videos, list) else []) if isinstance(video, dict))


def _own_url(told: object) -> str | None:
    """The address of a video without what follows its path, if it is one of TikTok's."""
    try:
        parts = urlsplit(told if isinstance(told, str) else "")
    except ValueError:
        return None
    if parts.scheme != "https" or parts.netloc not in ("www.tiktok.com", "m.tiktok.com", "vm.tiktok.com"):
        return None
    return f"https://{parts.netloc}{parts.path}"
