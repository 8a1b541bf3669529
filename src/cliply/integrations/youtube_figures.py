"""Numbers out of what YouTube's two APIs tell of videos. Pure."""

from collections.abc import Mapping
from typing import Any

from cliply.integrations.publisher import Figures

_LARGEST = 10**15
"""Of shares, minutes and percents; what is more is no number of those, and no database holds any."""


def figures_of(stats: Mapping[str, Any], watching: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Figures]:
    """Of each video in an answer of `videos:batchGetStats`, with what Analytics knows of it; those without are gone.

    A counter that its owner hides is missing there.
    """
    items = stats.get("items")
    found: dict[str, Figures] = {}
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            continue
        counted = item["statistics"] if isinstance(item.get("statistics"), dict) else {}
        seen = watching.get(item["id"], {})
        minutes, percent = _number(seen.get("estimatedMinutesWatched")), _number(seen.get("averageViewPercentage"))
        shares = _number(seen.get("shares"))
        found[item["id"]] = Figures(
            views=_count(counted.get("viewCount")),
            likes=_count(counted.get("likeCount")),
            comments=_count(counted.get("commentCount")),
            shares=None if shares is None else int(shares),
            watched_seconds=None if minutes is None else minutes * 60,
            average_share_watched=None if percent is None else percent / 100,
        )
    return found


def watched(report: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A report with the dimension `video`, by video. It has no rows where nothing is known yet."""
    headers, rows = report.get("columnHeaders"), report.get("rows")
    if not isinstance(headers, list) or not isinstance(rows, list):
        return {}
    names = [header.get("name") if isinstance(header, dict) else None for header in headers]
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        told: dict[Any, Any] = dict(zip(names, row, strict=False)) if isinstance(row, list) else {}
        if isinstance(video := told.get("video"), str):
            found[video] = told
    return found


def _count(value: Any) -> int | None:
    """Counts come as text, for they can be larger than what JavaScript counts to."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST:
        return None
    return float(value)
