"""Figures as people read them in a terminal."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cliply.cli.service_metrics import lines_of

_SOON = "There are no figures yet; the first are taken an hour after it was published."
_LATE = "There are no figures yet. Where its account has to be connected again, they come after that."
_NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("problem", "next_at", "counts_from", "lines"),
    [
        (None, None, None, [_SOON]),
        (None, None, _NOW - timedelta(minutes=50), [_SOON]),
        (None, None, _NOW - timedelta(minutes=70), [_LATE]),
        (
            "YouTube told no figures.",
            "2026-11-30T12:00:00Z",
            _NOW - timedelta(hours=3),
            ["YouTube told no figures.", "It is asked again at 2026-11-30 12:00."],
        ),
        ("It was published in demo mode.", None, _NOW, ["It was published in demo mode."]),
    ],
)
def test_figures_are_promised_for_when_they_come_and_to_nobody_who_will_never_have_any(
    problem: str | None, next_at: str | None, counts_from: datetime | None, lines: list[str]
) -> None:
    told: dict[str, object] = {"standing": None, "problem": problem, "next_at": next_at, "snapshots": []}
    told["counts_from"] = None if counts_from is None else counts_from.isoformat()
    assert list(lines_of(told, ZoneInfo("UTC"))) == lines
