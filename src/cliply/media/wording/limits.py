"""What the networks accept as text, counted as each of them counts.

Rules of the YouTube Data API v3 and the TikTok Content Posting API v2.
"""

import re

from cliply.media.edit import PostText

YOUTUBE_TITLE = 100
"""Characters. Counted as UTF-16 units, the stricter reading: an emoji is two."""
YOUTUBE_DESCRIPTION = 5000
"""Bytes of UTF-8."""
YOUTUBE_TAGS = 500
"""Characters of all tags together, commas between them and quotes around those with a space included."""
YOUTUBE_HASHTAGS = 60
"""With more than these on a video, every one is ignored."""
TIKTOK_CAPTION = 2200
"""UTF-16 units."""

_HASHTAG = re.compile(r"#?(?=[^\W\d_]|\d*[^\W\d])[\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u200c]+")
"""Letters, digits, underscores and the vowel signs that scripts of South and South-East Asia write as marks."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def youtube_description(post: PostText) -> str:
    """The description as it is sent: the text, then the hashtags on a line of their own."""
    return "\n\n".join(part for part in (post.description, hashtag_line(post)) if part)


def tiktok_caption(post: PostText) -> str:
    """The one text that TikTok has: title, description and hashtags."""
    return "\n\n".join(part for part in (post.title, post.description, hashtag_line(post)) if part)


def hashtag_line(post: PostText) -> str:
    return " ".join(tag if tag.startswith("#") else f"#{tag}" for tag in post.hashtags)


def youtube_tags(post: PostText) -> list[str]:
    """The hashtags as YouTube's own tags."""
    return [tag.removeprefix("#") for tag in post.hashtags]


def check_post(post: PostText) -> tuple[str, ...]:
    """Everything that a network would refuse, in words for the creator; empty when both accept it."""
    return tuple(
        said
        for said, wrong in (
            ("The title is empty.", not post.title.strip()),
            (
                f"The title is longer than YouTube's {YOUTUBE_TITLE} characters (an emoji counts two).",
                utf16_units(post.title) > YOUTUBE_TITLE,
            ),
            ("The title holds “<” or “>”, which YouTube refuses.", bool(re.search("[<>]", post.title))),
            ("The description holds “<” or “>”, which YouTube refuses.", bool(re.search("[<>]", post.description))),
            (
                f"Description and hashtags are longer than YouTube's {YOUTUBE_DESCRIPTION} bytes.",
                len(youtube_description(post).encode("utf-8", "surrogatepass")) > YOUTUBE_DESCRIPTION,
            ),
            (
                f"Title, description and hashtags are longer than TikTok's {TIKTOK_CAPTION} characters.",
                utf16_units(tiktok_caption(post)) > TIKTOK_CAPTION,
            ),
            (
                f"The hashtags are longer than YouTube's {YOUTUBE_TAGS} characters for tags.",
                _tags_length(youtube_tags(post)) > YOUTUBE_TAGS,
            ),
            (
                f"There are more than {YOUTUBE_HASHTAGS} hashtags; YouTube then ignores all of them.",
                len(post.hashtags) > YOUTUBE_HASHTAGS,
            ),
            ("A hashtag may hold letters and digits only.", not all(map(is_hashtag, post.hashtags))),
            (
                "The text holds control characters that cannot be posted.",
                bool(_CONTROL.search(post.title + post.description)),
            ),
        )
        if wrong
    )


def is_hashtag(tag: str) -> bool:
    return _HASHTAG.fullmatch(tag) is not None


def utf16_units(text: str) -> int:
    """How TikTok counts: characters outside the basic plane, such as most emoji, are two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _tags_length(tags: list[str]) -> int:
    return sum(len(tag) + (2 if " " in tag else 0) for tag in tags) + max(0, len(tags) - 1)
