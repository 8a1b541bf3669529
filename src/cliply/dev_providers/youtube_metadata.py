"""Rules about what a video is called and may be, beyond what the description of the API says."""

from typing import Any

from cliply.dev_providers.youtube_refusals import Refusal

CATEGORIES = {"1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"}
"""Those that a video can be put into."""


def check_metadata(resource: dict[str, Any]) -> None:
    """Raises Refusal at the first that is broken. A moment to publish at that has passed is none of them."""
    snippet, status = resource.get("snippet", {}), resource.get("status", {})
    title = snippet.get("title", "")
    if not title.strip() or _units(title) > 100 or _has_brackets(title):
        raise _invalid("invalidTitle", "snippet.title", "title")
    description = snippet.get("description", "")
    if len(description.encode("utf-8", "surrogatepass")) > 5000 or _has_brackets(description):
        raise _invalid("invalidDescription", "snippet.description", "description")
    if not _fit(snippet.get("tags", [])):
        raise _invalid("invalidTags", "snippet.tags", "keywords")
    if snippet.get("categoryId", "22") not in CATEGORIES:
        raise _invalid("invalidCategoryId", "snippet.categoryId", "category ID")
    if "publishAt" in status and status.get("privacyStatus") != "private":
        raise _invalid("invalidPublishAt", "status.publishAt", "scheduled publishing time")
    if "localizations" in resource and "defaultLanguage" not in snippet:
        raise _invalid("defaultLanguageNotSet", "snippet.defaultLanguage", "default language")


def _invalid(reason: str, where: str, what: str) -> Refusal:
    message = f"The request metadata specifies an invalid or missing video {what}."
    return Refusal(400, reason, "youtube.video", message, location=f"body.{where}")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _has_brackets(text: str) -> bool:
    return "<" in text or ">" in text


def _fit(tags: list[str]) -> bool:
    written = ",".join(f'"{tag}"' if " " in tag else tag for tag in tags)
    return _units(written) <= 500 and not any(_has_brackets(tag) or not tag.strip() for tag in tags)
