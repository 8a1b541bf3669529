"""File names from titles: short, plain, safe on every file system."""

import re
import unicodedata

LONGEST = 48


def slug(title: str) -> str:
    """Lower-case words joined by hyphens, at most 48 characters; letters of all scripts stay. `clip` if none do."""
    plain = "".join(char for char in unicodedata.normalize("NFKC", title).casefold() if char.isalnum() or char in " -_")
    joined = re.sub(r"[\s_-]+", "-", plain).strip("-")
    while len(joined) > LONGEST or len(joined.encode()) > 3 * LONGEST:
        shorter = joined.rpartition("-")[0]
        joined = shorter if shorter and len(shorter) > LONGEST // 3 else joined[: min(LONGEST, len(joined) - 1)]
    return joined.strip("-") or "clip"
