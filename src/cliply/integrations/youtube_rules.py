"""What YouTube lets a video be and say, counted as YouTube counts; and what a post becomes in its words.

Asks nobody; of the disk it reads the first bytes of a cover.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cliply.integrations.publisher import Post, Problem, Video

TITLE_LIMIT = 100
"""Characters, an emoji counted as the two that Java and JavaScript make of it: on the safe side."""
DESCRIPTION_LIMIT = 5000
"""Bytes of UTF-8."""
TAGS_LIMIT = 500
"""Characters, as `tags_length` counts them."""
HASHTAGS_LIMIT = 60
"""With more, YouTube shows none of them."""
SIZE_LIMIT = 256 * 1024**3
"""Bytes."""
LENGTH_LIMIT = 12 * 3600
"""Seconds."""
UNVERIFIED_LENGTH_LIMIT = 15 * 60
"""Seconds, on a channel without a confirmed telephone number."""
SHORT_LIMIT = 3 * 60
"""Seconds."""
COVER_LIMIT = 50 * 1024**2
"""Bytes."""

PRIVACIES = ("public", "unlisted", "private")
CATEGORIES = {
    "1": "Film & Animation",
    "2": "Autos & Vehicles",
    "10": "Music",
    "15": "Pets & Animals",
    "17": "Sports",
    "19": "Travel & Events",
    "20": "Gaming",
    "22": "People & Blogs",
    "23": "Comedy",
    "24": "Entertainment",
    "25": "News & Politics",
    "26": "Howto & Style",
    "27": "Education",
    "28": "Science & Technology",
    "29": "Nonprofits & Activism",
}
"""Those that a video may be put into; YouTube has more, for films and shows of its own."""

_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class YouTubeOptions(BaseModel):
    """What can be chosen for YouTube only: `Post.options` of a post that goes there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    category_id: str = Field(default="22", description="Number of YouTube's category; 22 is People & Blogs.")
    tags: list[str] = Field(default=[], description="Words to be found by; people do not see them.")
    language: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="Language of title and description, as in en or pt-BR.",
    )
    license: Literal["youtube", "creativeCommon"] = "youtube"
    embeddable: bool = Field(default=True, description="Whether other sites may show it.")
    public_statistics: bool = Field(default=True, description="Whether everybody sees its extended statistics.")
    paid_promotion: bool = Field(default=False, description="Whether somebody has paid for what is shown.")
    notify_subscribers: bool = Field(default=True, description="Whether YouTube tells the channel's subscribers.")


def options_of(post: Post) -> YouTubeOptions:
    """Raises ValidationError where `problems` would have told."""
    return YouTubeOptions.model_validate(dict(post.options))


def problems(post: Post, video: Video) -> list[Problem]:
    """Every rule that is broken, not only the first."""
    found = [*_title(post), *_description(post), *_hashtags(post), *_privacy(post), *_file(video)]
    try:
        options = options_of(post)
    except ValidationError as refused:
        found += (_unfit(error["loc"], error["msg"]) for error in refused.errors(include_url=False))
    else:
        found += [*_category(options), *_tags(options)]
    if post.cover is not None:
        found += _cover(post.cover)
    return found


def notes(video: Video) -> list[str]:
    """What people should know beforehand, though YouTube takes it."""
    if video.width > video.height:
        return ["YouTube will show it as an ordinary video, not as a Short: it is wider than it is high."]
    if video.seconds > SHORT_LIMIT:
        return ["YouTube will show it as an ordinary video, not as a Short: it is longer than 3 minutes."]
    return []


def characters(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def tags_length(tags: list[str]) -> int:
    """As YouTube counts: commas between them count, and a tag with a space as if it were in quotes."""
    return sum(characters(tag) + (2 if " " in tag else 0) for tag in tags) + max(0, len(tags) - 1)


def described(post: Post) -> str:
    """The description as it is sent: with those hashtags below it that it does not have already."""
    text = post.description.strip()
    missing = " ".join(f"#{tag}" for tag in dict.fromkeys(post.hashtags) if not _has(text, tag))
    return "\n\n".join(part for part in (text, missing) if part)


def resource(post: Post, *, now: datetime) -> dict[str, Any]:
    """The video resource to begin an upload with; its keys are the parts of it. Whatever YouTube would choose by itself
    is said: it changes what it chooses, as it did with privacy. What was to be public by now is public at once."""
    options = options_of(post)
    snippet: dict[str, Any] = {
        "title": post.title.strip(),
        "description": described(post),
        "categoryId": options.category_id,
    }
    if options.tags:
        snippet["tags"] = options.tags
    if options.language:
        snippet["defaultLanguage"] = options.language
    status: dict[str, Any] = {
        "privacyStatus": post.privacy,
        "selfDeclaredMadeForKids": post.made_for_kids,
        "containsSyntheticMedia": post.synthetic,
        "license": options.license,
        "embeddable": options.embeddable,
        "publicStatsViewable": options.public_statistics,
    }
    if post.publish_at is not None and post.publish_at <= now:
        status["privacyStatus"] = "public"
    elif post.publish_at is not None:
        status["publishAt"] = post.publish_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sent: dict[str, Any] = {"snippet": snippet, "status": status}
    if options.paid_promotion:
        sent["paidProductPlacementDetails"] = {"hasPaidProductPlacement": True}
    return sent


def picture_type(cover: Path) -> str | None:
    """The media type, by what is in the file; None for what YouTube does not take. Raises OSError."""
    with cover.open("rb") as file:
        begin = file.read(8)
    return next((kind for magic, kind in _PICTURES.items() if begin.startswith(magic)), None)


# One group of rules each


def _title(post: Post) -> Iterator[Problem]:
    title = post.title.strip()
    if not title:
        yield Problem("title", "title_missing", "YouTube wants a title. Write one.")
    if (count := characters(title)) > TITLE_LIMIT:
        yield Problem(
            "title",
            "title_too_long",
            f"YouTube takes titles of up to {TITLE_LIMIT} characters, and this one has {count}. "
            f"Shorten it by {count - TITLE_LIMIT}.",
        )
    yield from _letters("title", title)


def _description(post: Post) -> Iterator[Problem]:
    text = described(post)
    if (count := len(text.encode("utf-8", "surrogatepass"))) > DESCRIPTION_LIMIT:
        yield Problem(
            "description",
            "description_too_long",
            f"YouTube takes descriptions of up to {DESCRIPTION_LIMIT} bytes, hashtags included, and this one has "
            f"{count}. Shorten it by {count - DESCRIPTION_LIMIT}; letters beyond English take two to four bytes.",
        )
    yield from _letters("description", post.description)


def _letters(field: str, text: str) -> Iterator[Problem]:
    if "<" in text or ">" in text:
        yield Problem(field, f"{field}_has_brackets", f"YouTube takes no < and no > in a {field}. Leave them out.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        yield Problem(field, f"{field}_is_no_text", f"The {field} has a broken character. Write it again.")


def _hashtags(post: Post) -> Iterator[Problem]:
    if len(set(post.hashtags)) > HASHTAGS_LIMIT:
        yield Problem(
            "hashtags",
            "hashtags_too_many",
            f"YouTube ignores all hashtags of a video that has more than {HASHTAGS_LIMIT}. Leave some out.",
        )
    for tag in post.hashtags:
        if not tag or re.search(r"[\s#<>\ud800-\udfff]", tag):
            yield Problem(
                "hashtags",
                "hashtag_invalid",
                f"A hashtag is one word without spaces, # and brackets, and {tag!r} is not. Change it.",
            )


def _privacy(post: Post) -> Iterator[Problem]:
    if post.privacy not in PRIVACIES:
        yield Problem(
            "privacy", "privacy_unknown", f"YouTube knows {', '.join(PRIVACIES)}, not {post.privacy!r}. Choose one."
        )
    if post.publish_at is None:
        return
    if post.privacy != "private":
        yield Problem(
            "publish_at",
            "publish_at_needs_private",
            "YouTube makes a video public at a chosen time only if it is private until then. Choose private.",
        )
    if post.publish_at.tzinfo is None:
        yield Problem("publish_at", "publish_at_without_zone", "Say in which time zone this time is.")


def _file(video: Video) -> Iterator[Problem]:
    if not 0 < video.size <= SIZE_LIMIT:
        yield Problem("video", "video_size", "YouTube takes videos of up to 256 GB that are not empty.")
    if not 0 < video.seconds <= LENGTH_LIMIT:
        yield Problem("video", "video_length", "YouTube takes videos of up to 12 hours. Cut a shorter clip.")
    if not video.media_type.startswith("video/") and video.media_type != "application/octet-stream":
        yield Problem("video", "video_type", f"YouTube takes video files, and this one is {video.media_type}.")


def _category(options: YouTubeOptions) -> Iterator[Problem]:
    if options.category_id not in CATEGORIES:
        known = ", ".join(f"{number} ({name})" for number, name in CATEGORIES.items())
        yield Problem("options.category_id", "category_unknown", f"YouTube's categories are {known}. Choose one.")


def _tags(options: YouTubeOptions) -> Iterator[Problem]:
    if (count := tags_length(options.tags)) > TAGS_LIMIT:
        yield Problem(
            "options.tags",
            "tags_too_long",
            f"YouTube takes tags of {TAGS_LIMIT} characters together, a comma between two and quotes around those "
            f"with spaces counted, and these have {count}. Leave some out.",
        )
    for tag in options.tags:
        if not tag.strip() or re.search(r"[,<>\ud800-\udfff]", tag):
            yield Problem(
                "options.tags", "tag_invalid", f"A tag has no comma and no brackets, and is not empty: {tag!r}."
            )


def _cover(cover: Path) -> Iterator[Problem]:
    try:
        size, kind = cover.stat().st_size, picture_type(cover)
    except OSError:
        yield Problem("cover", "cover_missing", "The cover cannot be read. Choose another one.")
        return
    if kind is None:
        yield Problem("cover", "cover_type", "YouTube takes covers as JPEG or PNG. Save this one as one of them.")
    if size > COVER_LIMIT:
        yield Problem("cover", "cover_too_large", "YouTube takes covers of up to 50 MB. Make this one smaller.")


def _unfit(path: tuple[int | str, ...], reason: str) -> Problem:
    field = ".".join(str(part) for part in ("options", *path))
    return Problem(field, "option_invalid", f"YouTube's option {field.removeprefix('options.')}: {reason}.")


def _has(text: str, tag: str) -> bool:
    return re.search(rf"#{re.escape(tag)}(?!\w)", text, re.IGNORECASE) is not None
