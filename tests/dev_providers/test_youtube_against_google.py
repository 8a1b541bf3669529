"""The stand-in for YouTube beside what Google itself ships: its description of the API, and its client for it."""

import io
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from google.oauth2 import credentials
from googleapiclient import discovery, errors
from googleapiclient import http as media
from tests.integrations.youtube_studio import Studio, studio
from tools.make_youtube_contract import TARGET, contract, written

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.ledger import sha256
from cliply.dev_providers.youtube_contract import Misfit, check
from cliply.dev_providers.youtube_resumable import GRANULE

CONTENT = bytes(range(256)) * (3 * GRANULE // 256) + b"the end"
RESOURCE = {"snippet": {"title": "Cats", "tags": ["big cats"]}, "status": {"privacyStatus": "unlisted"}}


def test_what_is_checked_here_is_what_google_describes() -> None:
    assert TARGET.read_text() == written(contract())


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"snippet": {"title": 1}}, "body.snippet.title"),
        ({"snippet": {"tags": ["a", 2]}}, "body.snippet.tags[1]"),
        ({"snippet": {"titel": "x"}}, "body.snippet"),
        ({"status": {"privacyStatus": "PUBLIC"}}, "body.status.privacyStatus"),
        ({"status": {"embeddable": 1}}, "body.status.embeddable"),
        ({"status": {"publishAt": "2026-01-01"}}, "body.status.publishAt"),
        ({"statistics": {"viewCount": 5}}, "body.statistics.viewCount"),
        ({"statistics": {"viewCount": "-5"}}, "body.statistics.viewCount"),
        ({"statistics": {"viewCount": str(2**64)}}, "body.statistics.viewCount"),
        ({"localizations": {"de": {"title": 1}}}, "body.localizations.de.title"),
        ({"snippet": None}, "body.snippet"),
        ([], "body"),
    ],
)
def test_a_body_that_does_not_fit_the_description_says_where(body: object, path: str) -> None:
    with pytest.raises(Misfit) as misfit:
        check("Video", body)
    assert misfit.value.path == path


def test_a_body_that_fits_passes() -> None:
    check("Video", {**RESOURCE, "statistics": {"viewCount": str(2**64 - 1)}, "localizations": {"de": {"title": "x"}}})


@pytest.fixture
def at() -> Iterator[Studio]:
    with studio() as found:
        yield found


@pytest.fixture
def official(at: Studio) -> Any:
    """Google's own client, sent to the stand-in by the addresses in its description of the API."""
    described = files("googleapiclient") / "discovery_cache" / "documents" / "youtube.v3.json"
    document = json.loads(described.read_text())
    document["rootUrl"] = document["baseUrl"] = f"{at.address}/"
    document.pop("mtlsRootUrl", None)
    return discovery.build_from_document(document, credentials=credentials.Credentials(at.token()))


def insert(official: Any) -> Any:
    content = media.MediaIoBaseUpload(io.BytesIO(CONTENT), "video/mp4", chunksize=GRANULE, resumable=True)
    return official.videos().insert(part="snippet,status", body=RESOURCE, media_body=content)


def uploaded(official: Any) -> dict[str, Any]:
    request, video = insert(official), None
    while video is None:
        _, video = request.next_chunk()
    assert isinstance(video, dict)
    return video


def test_google_s_own_client_uploads_and_reads(at: Studio, official: Any) -> None:
    video = uploaded(official)
    assert video["snippet"]["title"] == "Cats"
    assert [sha for _, sha in at.published()] == [sha256(CONTENT)]
    listed = official.videos().list(part="status,processingDetails,fileDetails", id=video["id"]).execute()
    assert listed["items"][0]["fileDetails"]["fileSize"] == str(len(CONTENT))
    counted = official.videos().batchGetStats(part="statistics", id=video["id"]).execute()
    assert counted["items"][0]["statistics"]["viewCount"] == "0"
    channel = official.channels().list(part="contentDetails", mine=True).execute()["items"][0]
    uploads = channel["contentDetails"]["relatedPlaylists"]["uploads"]
    items = official.playlistItems().list(part="contentDetails", playlistId=uploads).execute()["items"]
    assert items[0]["contentDetails"]["videoId"] == video["id"]


def test_google_s_own_client_goes_on_after_a_part_that_broke(at: Studio, official: Any) -> None:
    request = insert(official)
    request.next_chunk()
    at.world.faults.plan(Fault(Kind.ANSWER, method="PUT", status=503))
    with pytest.raises(errors.HttpError, match="503"):
        request.next_chunk()
    video = None
    while video is None:
        _, video = request.next_chunk()
    assert [sha for _, sha in at.published()] == [sha256(CONTENT)]


def test_google_s_own_client_understands_the_refusals(at: Studio, official: Any) -> None:
    at.channel.daily_uploads = 0
    with pytest.raises(errors.HttpError) as refused:
        uploaded(official)
    assert refused.value.status_code == 400
    assert refused.value.error_details[0]["reason"] == "uploadLimitExceeded"
