"""Fetch a video from a link, by yt-dlp in a limited process whose only way out is our own proxy."""

import ipaddress
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import imageio_ffmpeg

from cliply.errors import CliplyError, Invalid, LimitReached, NotAllowed, Unavailable
from cliply.infra.settings import Downloads
from cliply.integrations.egress import Egress
from cliply.media import isolation
from cliply.media.errors import TooMuch
from cliply.media.isolation import Child, Limits

OnProgress = Callable[[float], None]
LONGEST_LINK = 2_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_BESIDES = 50_000_000
"""Bytes that may come besides the video itself: pages, headers, parts that are fetched twice."""


class LinksNotAllowed(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "This service takes no links: whoever runs it has not confirmed that what is linked may be downloaded "
            "(CLIPLY_DOWNLOADS__RIGHTS_CONFIRMED). Download the video yourself, then upload the file."
        )


class LinkNotAllowed(Invalid):
    def __init__(self, hosts: list[str]) -> None:
        super().__init__(f"Links from there are not taken. They may be of: {', '.join(hosts)}.")


class NotALink(Invalid):
    def __init__(self) -> None:
        super().__init__("That is no link to a video. Copy its whole address, beginning with https://.")


class NoVideoThere(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Link to one finished video, or upload the file.")


class VideoTooLarge(LimitReached):
    def __init__(self) -> None:
        super().__init__("The video behind this link is larger or longer than this service takes.")


class VideoTooLong(VideoTooLarge):
    """Told apart, since another limit on bytes would not help."""


class DownloadFailed(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            "The video could not be downloaded. It may be private, removed, or closed to this place; "
            "or download it yourself, then upload the file."
        )


_REFUSED: dict[str, Callable[[], CliplyError]] = {
    "live": lambda: NoVideoThere("This is a live stream."),
    "playlist": lambda: NoVideoThere("This is a list of videos."),
    "foreign": lambda: NoVideoThere("There is no video that can be taken from there."),
    "large": VideoTooLarge,
    "long": VideoTooLong,
}


@dataclass(frozen=True, slots=True)
class Downloaded:
    file: Path
    title: str


def check_link(link: str, settings: Downloads) -> str:
    """The link, if it may be fetched; nothing is asked of anybody.

    Raises LinksNotAllowed, NotALink or LinkNotAllowed.
    """
    if not settings.rights_confirmed:
        raise LinksNotAllowed
    if len(link) > LONGEST_LINK or not link.isascii() or not link.isprintable() or "\\" in link or " " in link:
        raise NotALink
    try:
        address = urlsplit(link)
        origin = (address.scheme, (address.hostname or "").lower(), address.port or _DEFAULT_PORTS[address.scheme])
    except (ValueError, KeyError):
        raise NotALink from None
    if not address.hostname or address.username is not None or address.password is not None:
        raise NotALink
    if origin not in {_origin(host) for host in settings.hosts}:
        raise LinkNotAllowed(settings.hosts)
    return link


def download(
    link: str, folder: Path, settings: Downloads, *, largest: int, longest: float, on_progress: OnProgress
) -> Downloaded:
    """Fetch the video into `folder`; what an earlier try has left there is gone on with. Whatever `on_progress` raises
    ends it at once. `longest` is in seconds."""
    check_link(link, settings)
    folder.mkdir(parents=True, exist_ok=True)
    egress = Egress(
        largest=largest + _BESIDES,
        rate=settings.rate,
        networks=[ipaddress.ip_network(each) for each in settings.networks],
        ports={80, 443} | {_origin(host)[2] for host in settings.hosts},
    )
    limits = Limits(wall_seconds=settings.minutes * 60, cpu_seconds=3600, output_bytes=2 * largest + _BESIDES)
    with egress.served() as proxy:
        wanted = {
            "link": link,
            "proxy": proxy,
            "extractors": settings.extractors,
            "largest": largest,
            "longest": longest,
            "ffmpeg": imageio_ffmpeg.get_ffmpeg_exe(),
        }
        command = [sys.executable, "-I", "-m", "cliply.integrations.download_child", json.dumps(wanted)]
        try:
            with isolation.start(command, limits=limits, folder=folder) as child:
                told = _followed(child, largest, egress, on_progress)
                child.wait()
        except TooMuch:
            raise VideoTooLarge from None
    if egress.exceeded:
        raise VideoTooLarge
    if "file" not in told:
        raise _REFUSED.get(str(told.get("refused")), DownloadFailed)()
    file = folder / Path(str(told["file"])).name
    if not file.is_file() or file.is_symlink():
        raise DownloadFailed
    if file.stat().st_size > largest:
        raise VideoTooLarge
    return Downloaded(file, str(told["title"]))


def _followed(child: Child, largest: int, egress: Egress, on_progress: OnProgress) -> dict[str, Any]:
    """The last thing that the child says, besides how far it is."""
    last: dict[str, Any] = {}
    share = 0.0
    for told in _lines(child):
        if told is None:
            pass
        elif "came" in told:
            share = min(1.0, told["came"] / (told["whole"] or largest))
        else:
            last = told
        on_progress(share)
        if egress.exceeded:
            raise VideoTooLarge
    return last


def _lines(child: Child) -> Iterator[dict[str, Any] | None]:
    """What the child says, and None while it is silent; what is no JSON object is a fault of its."""
    rest = b""
    for chunk in child.chunks(65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict):
                yield told
        yield None


def _origin(host: str) -> tuple[str, str, int]:
    """`youtube.com` is `https://youtube.com`; another scheme or port has to be said."""
    address = urlsplit(host if "://" in host else f"https://{host}")
    return address.scheme, (address.hostname or "").lower(), address.port or _DEFAULT_PORTS.get(address.scheme, 443)
