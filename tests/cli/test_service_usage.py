"""What is used of a plan, as people read it in a terminal."""

from typing import Any

import pytest

from cliply.cli import service_usage


def used(metric: str, used: int, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "used": used, "reserved": 0, "limit": None, "percent": None, "forecast": None, **more}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (used("storage_bytes", 1_400_000_000, limit=20_000_000_000, percent=7.0), "1.4 GB  of 20 GB (7 %)"),
        (used("storage_bytes", 0, reserved=312_000_000), "0 bytes  no limit, 312 MB reserved"),
        (used("source_minutes", 125, forecast=260), "2 h 05 min  no limit, about 4 h 20 min by the end"),
        (used("render_seconds", 754), "12 min 34 s  no limit"),
        (used("api_calls", 12_345), "12,345  no limit"),
    ],
)
def test_bytes_and_lengths_are_readable(told: dict[str, Any], line: str) -> None:
    assert service_usage.line_of(told).endswith(f" {line}")
