"""Figures as people read them in a terminal."""

from zoneinfo import ZoneInfo

import pytest

from cliply.cli.service_metrics import lines_of

_SOON = "There are no figures yet; the first are taken an hour after it was published."


@pytest.mark.parametrize(
    ("problem", "next_at", "lines"),
    [
        (None, None, [_SOON]),
        ("YouTube told no figures.", "2026-11-30T12:00:00Z", ["YouTube told no figures.", _SOON]),
        ("It was published in demo mode.", None, ["It was published in demo mode."]),
    ],
)
def test_who_will_never_have_figures_is_promised_none(
    problem: str | None, next_at: str | None, lines: list[str]
) -> None:
    told: dict[str, object] = {"standing": None, "problem": problem, "next_at": next_at, "snapshots": []}
    assert list(lines_of(told, ZoneInfo("UTC"))) == lines
