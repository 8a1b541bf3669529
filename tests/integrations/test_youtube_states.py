import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.integrations.publisher import Figures, Phase, Rejected, Sighting
from cliply.integrations.youtube_figures import figures_of, watched
from cliply.integrations.youtube_states import Pages, Unreadable, sighting
from cliply.integrations.youtube_upload import is_session

PAGES = Pages()
NAMES = st.sampled_from(
    ["id", "status", "processingDetails", "uploadStatus", "failureReason", "privacyStatus", "publishAt", "items",
     "statistics", "viewCount", "columnHeaders", "rows", "name", "processingStatus"]
)  # fmt: skip
WORDS = st.sampled_from(["abc", "failed", "rejected", "processed", "private", "succeeded", "video", "7"]) | st.text()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)


def test_a_processed_video_is_published_at_its_address() -> None:
    video = {"id": "jNQXAC9IVRw", "status": {"uploadStatus": "processed", "privacyStatus": "public"}}
    address = "https://www.youtube.com/watch?v=jNQXAC9IVRw"
    assert sighting(video, PAGES) == Sighting(Phase.PUBLISHED, external_id="jNQXAC9IVRw", url=address)


@pytest.mark.parametrize(
    ("status", "processing", "phase"),
    [
        ({"uploadStatus": "uploaded"}, {}, Phase.PROCESSING),
        ({"uploadStatus": "uploaded"}, {"processingStatus": "processing"}, Phase.PROCESSING),
        ({"uploadStatus": "uploaded"}, {"processingStatus": "succeeded"}, Phase.PUBLISHED),
        ({"uploadStatus": "something new"}, {"processingStatus": "something new"}, Phase.PROCESSING),
        ({"uploadStatus": "deleted"}, {}, Phase.GONE),
        ({}, {}, Phase.PROCESSING),
    ],
)
def test_states_are_told_apart(status: dict[str, str], processing: dict[str, str], phase: Phase) -> None:
    assert sighting({"id": "a", "status": status, "processingDetails": processing}, PAGES).phase is phase


def test_a_reason_that_is_new_is_kept_as_a_code_and_not_as_words() -> None:
    with pytest.raises(Rejected) as told:
        sighting({"id": "a", "status": {"uploadStatus": "rejected", "rejectionReason": "newReason"}}, PAGES)
    assert told.value.code == "newReason"
    assert "newReason" not in str(told.value)
    with pytest.raises(Rejected) as told:
        sighting({"id": "a", "status": {"uploadStatus": "failed", "failureReason": "<b>odd</b>"}}, PAGES)
    assert told.value.code == "other"


@given(ANYTHING)
def test_whatever_youtube_tells_of_a_video_is_a_sighting_a_refusal_or_unreadable(told: object) -> None:
    try:
        found = sighting(told, PAGES)
    except (Rejected, Unreadable):
        return
    assert found.external_id
    assert "<" not in found.note


@given(ANYTHING, ANYTHING)
def test_whatever_youtube_counts_is_a_number_or_nothing(told: object, report: object) -> None:
    stats = told if isinstance(told, dict) else {"items": told}
    seen = watched(report if isinstance(report, dict) else {"rows": report, "columnHeaders": [{"name": "video"}]})
    for figures in figures_of(stats, seen).values():
        assert isinstance(figures, Figures)
        json.dumps([figures.views, figures.watched_seconds], allow_nan=False)
        assert all(0 <= (each or 0) < 2**63 for each in (figures.views, figures.shares, figures.watched_seconds))


def test_a_report_is_read_by_the_names_of_its_columns() -> None:
    report = {
        "columnHeaders": [{"name": "shares"}, {"name": "video"}, {"name": "estimatedMinutesWatched"}],
        "rows": [[4, "a", 1.5], ["odd"], [2, 7, 1], [1, "b", float("nan")]],
    }
    stats = {"items": [{"id": "a", "statistics": {"viewCount": "9"}}, {"id": "b"}, {"id": "c"}, "odd"]}
    assert figures_of(stats, watched(report)) == {
        "a": Figures(views=9, shares=4, watched_seconds=90.0),
        "b": Figures(shares=1),
        "c": Figures(),
    }


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("https://www.googleapis.com/upload/youtube/v3/videos?upload_id=1", True),
        ("https://youtube.googleapis.com/upload/youtube/v3/videos?upload_id=1", True),
        ("https://youtube.googleapis.com/resumable/upload/youtube/v3/videos?upload_id=1", True),
        ("https://www.googleapis.com:8443/upload/youtube/v3/videos?upload_id=1", False),
        ("http://www.googleapis.com/upload/youtube/v3/videos?upload_id=1", False),
        ("https://storage.googleapis.com/upload/youtube/v3/videos?upload_id=1", False),
        ("https://www.googleapis.com/other?upload_id=1", False),
        ("https://a:b@www.googleapis.com/upload/youtube/v3/videos", False),
        ("https://evil.example/upload/youtube/v3/videos", False),
        ("https://www.googleapis.com@evil.example/upload/youtube/v3/videos", False),
        ("//www.googleapis.com/upload/youtube/v3/videos", False),
        ("https://[::1/upload/youtube/v3/videos", False),
        ("", False),
    ],
)
def test_only_google_s_own_addresses_are_sessions(address: str, *, fits: bool) -> None:
    assert is_session(address, "https://www.googleapis.com") is fits
