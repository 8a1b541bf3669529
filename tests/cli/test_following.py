"""`cliply publish --wait`: what ends the waiting, and what is told then."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.servers.loopback import QuietHandler, listening

from cliply.cli import service_publishing
from cliply.cli.service_publishing import followed, options_of
from cliply.errors import CliplyError, Conflict, Unavailable
from cliply.integrations.service import Proof, Service

BERLIN = ZoneInfo("Europe/Berlin")
LATER = (datetime.now(UTC) + timedelta(hours=9)).isoformat()


@contextmanager
def telling(*states: dict[str, Any]) -> Iterator[Service]:
    """A service that tells one after the other of a publication, and then the last one again and again."""
    left = list(states)
    plain = {"error": None, "note": None, "next_at": None, "run_at": None, "account_id": "acc", "url": None}

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = json.dumps(plain | (left.pop(0) if len(left) > 1 else left[0])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with listening(Handler) as url:
        yield Service(url, Proof.by_key("clp_live_x"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_publishing, "_LOOKS", 0.01)


@pytest.mark.parametrize(
    ("state", "kind", "told"),
    [
        ({"state": "rejected", "error": "Too long."}, Conflict, "It was rejected: Too long."),
        ({"state": "intent", "schedule": "missed", "error": "Late."}, Conflict, "Late. Run: cliply schedule move pub"),
        ({"state": "cancelled"}, Conflict, "It was cancelled."),
        ({"state": "needs_reconnect", "error": "Gone."}, Conflict, "Gone. Run: cliply accounts reconnect acc"),
        ({"state": "unknown", "error": "Lost."}, Conflict, "Lost. Run: cliply publications settle pub published"),
        ({"state": "parked", "error": "Spent.", "next_at": LATER}, Unavailable, "Spent. It goes on by itself on"),
        ({"state": "parked", "note": "Quiet hours.", "next_at": LATER}, Unavailable, "Quiet hours. It goes on by"),
    ],
)
def test_what_needs_somebody_or_goes_on_much_later_ends_it_with_the_reason(
    state: dict[str, Any], kind: type[CliplyError], told: str
) -> None:
    with telling({"state": "intent"}, state) as service, pytest.raises(kind, match=told.replace(".", r"\.")):
        followed(service, "pub", BERLIN)


def test_it_goes_on_through_what_passes_by_itself_and_for_what_was_planned(capsys: pytest.CaptureFixture[str]) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    with telling(
        {"state": "intent", "schedule": "planned", "run_at": LATER, "next_at": LATER},
        {"state": "parked", "run_at": LATER, "next_at": LATER},
        {"state": "unknown", "error": "Lost; it is looked for.", "next_at": LATER},
        {"state": "parked", "error": "Busy.", "next_at": soon},
        {"state": "processing"},
        {"state": "processing"},
        {"state": "published", "url": "https://youtu.be/x"},
    ) as service:
        assert followed(service, "pub", BERLIN)["url"] == "https://youtu.be/x"
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["planned", "parked", "unknown Lost; it is looked for.", "parked Busy.", "processing", "published"]


def test_what_waits_for_a_moderator_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with telling({"state": "pending", "note": "TikTok reviews\x1b[31m it."}) as service:
        assert followed(service, "pub", BERLIN)["state"] == "pending"
    assert "\x1b" not in capsys.readouterr().err


def test_options_are_text_unless_they_are_written_as_json() -> None:
    assert options_of(["category_id=27", "a=true", "b=false", 'tags=["x", "y"]', 'c="5"', "d=", "e=x=y", "f=True"]) == {
        "category_id": "27", "a": True, "b": False, "tags": ["x", "y"], "c": "5", "d": "", "e": "x=y", "f": "True",
    }  # fmt: skip
