"""What TikTok refuses of a request, before anything of it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cliply.dev_providers.world import App, TikTokPerson

CAPTION_UNITS = 2200
LARGEST_FILE = 4_000_000_000
MOST_CHUNKS = 1000
_PUBLIC = "PUBLIC_TO_EVERYONE"
_FOLLOWERS = "FOLLOWER_OF_CREATOR"
_FRIENDS = "MUTUAL_FOLLOW_FRIENDS"
_PRIVATE = "SELF_ONLY"
_LARGEST_INT32 = 2**31 - 1
_SOURCE = frozenset({"source", "video_size", "chunk_size", "total_chunk_count"})
_SWITCHES = (
    "disable_comment",
    "disable_duet",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
)


class Refused(Exception):
    """An error of TikTok's, with the HTTP status that it comes with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def invalid(message: str) -> Refused:
    return Refused(400, "invalid_params", message)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes. The bounds are the narrower ones of a decimal and a binary megabyte; tests make them smaller."""

    smallest_chunk: int = 5 * 1024 * 1024
    largest_chunk: int = 64_000_000
    largest_last_chunk: int = 128_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """A file, as it was announced."""

    size: int
    chunk_size: int
    count: int

    def expected(self, received: int) -> tuple[int, int]:
        """First and last byte of the chunk that comes next."""
        number = received // self.chunk_size
        return received, self.size - 1 if number >= self.count - 1 else received + self.chunk_size - 1


@dataclass(frozen=True, slots=True)
class PostInfo:
    privacy: str
    caption: str
    allows: frozenset[str]
    """Of `comment`, `duet` and `stitch`."""
    branded: bool
    own_brand: bool
    synthetic: bool
    cover_at: int | None
    """Milliseconds."""


def privacy_options(person: TikTokPerson) -> list[str]:
    return [_FOLLOWERS if person.private else _PUBLIC, _FRIENDS, _PRIVATE]


def is_public(privacy: str) -> bool:
    return privacy == _PUBLIC


def source_of(told: object, sizes: Sizes) -> Source:
    body = _object(told, "source_info")
    kind = body.get("source")
    if kind == "PULL_FROM_URL":
        raise Refused(403, "url_ownership_unverified", "Nobody has verified that this address is the app's.")
    if kind != "FILE_UPLOAD":
        raise invalid("source is FILE_UPLOAD or PULL_FROM_URL")
    _only(body, _SOURCE, "source_info")
    size, chunk, count = (_positive(body, name) for name in ("video_size", "chunk_size", "total_chunk_count"))
    if size > LARGEST_FILE:
        raise Refused(400, "invalid_file_upload", "The file is larger than 4 GB.")
    if chunk > size:
        raise invalid("chunk_size is larger than the file")
    if count != size // chunk or count > MOST_CHUNKS:
        raise invalid("total_chunk_count is video_size / chunk_size, rounded down, and at most 1000")
    if chunk > sizes.largest_chunk or (chunk < sizes.smallest_chunk and chunk != size):
        raise invalid("chunk_size is within 5 and 64 MB; a smaller file is one chunk")
    if size - (count - 1) * chunk > sizes.largest_last_chunk:
        raise invalid("the last chunk is too large")
    return Source(size, chunk, count)


def post_of(told: object, app: App, person: TikTokPerson) -> PostInfo:
    body = _object(told, "post_info")
    _only(body, {*_SWITCHES, "privacy_level", "title", "video_cover_timestamp_ms"}, "post_info")
    switches = {name: _switch(body, name) for name in _SWITCHES}
    privacy = _privacy(body.get("privacy_level"), app, person, branded=switches["brand_content_toggle"])
    title = body.get("title", "")
    if not isinstance(title, str) or len(title.encode("utf-16-le", "surrogatepass")) // 2 > CAPTION_UNITS:
        raise invalid("title is text of at most 2200 UTF-16 code units")
    cover = body.get("video_cover_timestamp_ms")
    if cover is not None and (not _is_int(cover) or not 0 <= cover <= _LARGEST_INT32):
        raise invalid("video_cover_timestamp_ms is an int32")
    allows = frozenset(each for each in ("comment", "duet", "stitch") if not switches[f"disable_{each}"])
    off = turned_off(person)
    if taken := sorted(each for each in allows if off[each]):
        raise invalid(f"the creator has turned off: {', '.join(taken)}")
    return PostInfo(
        privacy,
        title,
        allows,
        branded=switches["brand_content_toggle"],
        own_brand=switches["brand_organic_toggle"],
        synthetic=switches["is_aigc"],
        cover_at=cover,
    )


def turned_off(person: TikTokPerson) -> dict[str, bool]:
    """Nobody makes a duet or a stitch of a private account's videos."""
    return {
        "comment": person.comments_off,
        "duet": person.duets_off or person.private,
        "stitch": person.stitches_off or person.private,
    }


def _privacy(told: object, app: App, person: TikTokPerson, *, branded: bool) -> str:
    if told not in (_PUBLIC, _FOLLOWERS, _FRIENDS, _PRIVATE) or not isinstance(told, str):
        raise invalid("privacy_level is missing or unknown")
    if not app.audited and not person.private:
        raise Refused(
            403,
            "unaudited_client_can_only_post_to_private_accounts",
            "The app is not audited, the account not private.",
        )
    offered = privacy_options(person) if app.audited else [_PRIVATE]
    if told not in offered:
        raise Refused(403, "privacy_level_option_mismatch", f"privacy_level is one of {', '.join(offered)}")
    if branded and told == _PRIVATE:
        raise invalid("branded content cannot be SELF_ONLY")
    return told


def _object(told: object, name: str) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise invalid(f"{name} is missing")
    return told


def _only(body: Mapping[str, Any], known: Collection[str], name: str) -> None:
    if unknown := sorted(set(body) - set(known)):
        raise invalid(f"{name} has no {', '.join(unknown)}")


def only(body: Mapping[str, Any], *known: str) -> None:
    _only(body, known, "the request")


def _switch(body: Mapping[str, Any], name: str) -> bool:
    told = body.get(name, False)
    if not isinstance(told, bool):
        raise invalid(f"{name} is true or false")
    return told


def _positive(body: Mapping[str, Any], name: str) -> int:
    told = body.get(name)
    if not _is_int(told) or not isinstance(told, int) or told < 1:
        raise invalid(f"{name} is a whole number from 1 on")
    return told


def _is_int(told: object) -> bool:
    return isinstance(told, int) and not isinstance(told, bool)
