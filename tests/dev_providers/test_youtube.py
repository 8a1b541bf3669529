"""What the stand-in for YouTube refuses, asked by a client that knows no rules."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.integrations.youtube_studio import PREFIX, Studio, studio

from cliply.dev_providers.ledger import sha256
from cliply.dev_providers.world import GoogleAccount
from cliply.dev_providers.youtube_quotas import Quota
from cliply.dev_providers.youtube_resumable import GRANULE
from cliply.dev_providers.youtube_videos import Numbers

UPLOADS = "/upload/youtube/v3/videos"
THUMBNAILS = "/upload/youtube/v3/thumbnails/set"
VIDEOS = "/youtube/v3/videos"
STATISTICS = "/youtube/v3/videos:batchGetStats"
CHANNELS = "/youtube/v3/channels"
ITEMS = "/youtube/v3/playlistItems"
REPORTS = "/v2/reports"
CONTENT = bytes(range(256)) * (GRANULE // 128) + b"the end"
"""Two granules and seven bytes."""
SIZE = len(CONTENT)
RESOURCE: dict[str, Any] = {"snippet": {"title": "Cats"}, "status": {"privacyStatus": "public"}}
QUERY = {"uploadType": "resumable", "part": "snippet,status"}
PNG = b"\x89PNG\r\n\x1a\n and so on"
REPORT = {
    "ids": "channel==MINE",
    "startDate": "2026-01-01",
    "endDate": "2026-12-31",
    "metrics": "views,estimatedMinutesWatched",
    "dimensions": "video",
    "sort": "-views",
    "maxResults": "10",
}


@dataclass
class Raw:
    studio: Studio
    http: httpx2.Client
    token: str

    def headers(self, **more: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): told for name, told in more.items()},
        }

    def get(self, path: str, **params: Any) -> httpx2.Response:
        return self.http.get(path, params=params, headers=self.headers())

    def begin(
        self,
        resource: object = RESOURCE,
        query: Mapping[str, Any] = QUERY,
        *,
        content: bytes | None = None,
        **more: str,
    ) -> httpx2.Response:
        named = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": "video/mp4",
            "X-Upload-Content-Length": str(SIZE),
            "Slug": "cats.mp4",
        } | {name.replace("_", "-"): told for name, told in more.items()}
        sent = {name: told for name, told in named.items() if told}
        body = json.dumps(resource).encode() if content is None else content
        return self.http.post(UPLOADS, params=query, content=body, headers=self.headers(**sent))

    def begun(self, **more: Any) -> str:
        answer = self.begin(**more)
        assert answer.status_code == 200, answer.text
        assert answer.content == b""
        return answer.headers["location"]

    def put(self, address: str, content: bytes, told: str | None) -> httpx2.Response:
        named = {} if told is None else {"Content-Range": told}
        return self.http.put(address, content=content, headers=self.headers(**named))

    def part(self, address: str, first: int, end: int, total: int = SIZE) -> httpx2.Response:
        return self.put(address, CONTENT[first:end], f"bytes {first}-{end - 1}/{total}")

    def video(self, **more: Any) -> str:
        answer = self.put(self.begun(**more), CONTENT, None)
        assert answer.status_code == 201
        found = answer.json()["id"]
        assert isinstance(found, str)
        return found


@pytest.fixture
def at() -> Iterator[Studio]:
    with studio() as found:
        yield found


@pytest.fixture
def raw(at: Studio) -> Iterator[Raw]:
    with httpx2.Client(base_url=at.address, trust_env=False) as http:
        yield Raw(at, http, at.token())


def told(answer: httpx2.Response) -> tuple[int, str]:
    """Status and reason."""
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


# Who may ask

READS = [
    (VIDEOS, {"part": "status", "id": "x"}),
    (STATISTICS, {"part": "statistics", "id": "x"}),
    (CHANNELS, {"part": "id", "mine": "true"}),
    (ITEMS, {"part": "id", "playlistId": "UU" + "a" * 22}),
    (REPORTS, REPORT | {"filters": "video==x"}),
]


@pytest.mark.parametrize(("path", "params"), READS)
def test_reading_wants_a_token_that_may_read(raw: Raw, path: str, params: dict[str, str]) -> None:
    assert raw.get(path, **params).status_code in (200, 404)
    raw.token = raw.studio.token(scopes=frozenset({f"{PREFIX}youtube.upload"}))
    refused = raw.get(path, **params)
    assert told(refused) == (403, "insufficientPermissions")
    assert refused.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    raw.token = "ya29.made-up"
    assert told(raw.get(path, **params)) == (401, "authError")
    assert raw.http.get(path, params=params).status_code == 401


def test_uploading_wants_a_token_that_may_upload(raw: Raw) -> None:
    raw.token = raw.studio.token(scopes=frozenset({f"{PREFIX}youtube.readonly"}))
    assert told(raw.begin()) == (403, "insufficientPermissions")
    thumbnail = raw.http.post(THUMBNAILS, params={"videoId": "x"}, headers=raw.headers())
    assert told(thumbnail) == (403, "insufficientPermissions")


def test_a_token_ends_by_the_clock(raw: Raw) -> None:
    raw.token = raw.studio.token(lasts=timedelta(hours=1))
    assert raw.get(CHANNELS, part="id", mine="true").status_code == 200
    raw.studio.world.clock.advance(timedelta(hours=1))
    assert told(raw.get(CHANNELS, part="id", mine="true")) == (401, "authError")


def test_a_session_belongs_to_its_channel(raw: Raw) -> None:
    address, studio_ = raw.begun(), raw.studio
    raw.token = studio_.token(account=studio_.account(studio_.world.people[0].channels[1]))
    assert told(raw.part(address, 0, SIZE)) == (401, "authError")
    assert studio_.published() == []


def test_an_account_without_a_channel_has_none(raw: Raw) -> None:
    raw.token = raw.studio.token(account=GoogleAccount(raw.studio.world.people[0], None))
    assert "items" not in raw.get(CHANNELS, part="snippet", mine="true").json()
    assert told(raw.begin()) == (401, "youtubeSignupRequired")


# Quotas


def test_every_request_takes_from_its_bucket_and_those_that_are_refused_too(raw: Raw) -> None:
    quotas, app = raw.studio.youtube.quotas, raw.studio.world.apps[0].id
    raw.begin({"snippet": {"title": ""}})
    raw.get(VIDEOS, part="status")
    raw.get(CHANNELS, part="id", mine="true")
    raw.get(STATISTICS, part="id", id="x")
    raw.http.post(THUMBNAILS, params={"videoId": "x"}, headers=raw.headers())
    raw.token = "ya29.made-up"
    raw.get(VIDEOS, part="status", id="x")
    assert {quota: quotas.spent(app, quota) for quota in Quota} == {
        Quota.UPLOADS: 1, Quota.UNITS: 52, Quota.STATISTICS: 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("quota", "path", "refusal"),
    [
        (Quota.UNITS, VIDEOS, (403, "quotaExceeded")),
        (Quota.STATISTICS, STATISTICS, (429, "rateLimitExceeded")),
        (Quota.UPLOADS, UPLOADS, (429, "rateLimitExceeded")),
    ],
)
def test_an_empty_bucket_is_full_again_at_midnight_in_california(
    raw: Raw, quota: Quota, path: str, refusal: tuple[int, str]
) -> None:
    def ask() -> httpx2.Response:
        return raw.begin() if path == UPLOADS else raw.get(path, part="id", id="x")

    raw.studio.youtube.quotas.limits[quota] = 1
    assert ask().status_code == 200
    refused = ask()
    assert told(refused) == refusal
    if quota is Quota.UPLOADS:
        assert "limit 'Video Uploads per day'" in refused.json()["error"]["message"]
    raw.studio.world.clock.move_to(datetime(2026, 12, 1, 7, 59, 59, tzinfo=UTC))
    assert told(ask()) == refusal
    raw.studio.world.clock.advance(timedelta(seconds=1))
    assert ask().status_code == 200


def test_a_channel_takes_so_many_videos_in_a_day_whatever_app_sends_them(raw: Raw) -> None:
    raw.studio.channel.daily_uploads = 1
    raw.video()
    assert told(raw.begin()) == (400, "uploadLimitExceeded")
    raw.studio.world.clock.advance(timedelta(hours=24))
    raw.video()


# What an upload begins with


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"snippet": {"title": "x" * 101}}, "invalidTitle"),
        ({"snippet": {"title": " "}}, "invalidTitle"),
        ({"snippet": {"title": "<b>"}}, "invalidTitle"),
        ({"snippet": {}}, "invalidTitle"),
        ({"status": {"privacyStatus": "public"}}, "invalidTitle"),
        ({"snippet": {"title": "x", "description": "é" * 2501}}, "invalidDescription"),
        ({"snippet": {"title": "x", "description": ">"}}, "invalidDescription"),
        ({"snippet": {"title": "x", "tags": ["x" * 501]}}, "invalidTags"),
        ({"snippet": {"title": "x", "tags": ["a b" * 83, "c" * 249, "d"]}}, "invalidTags"),
        ({"snippet": {"title": "x", "categoryId": "18"}}, "invalidCategoryId"),
        (
            {"snippet": {"title": "x"}, "status": {"privacyStatus": "public", "publishAt": "2027-01-01T00:00:00Z"}},
            "invalidPublishAt",
        ),
        ({"snippet": {"title": "x"}, "status": {"publishAt": "2027-01-01T00:00:00Z"}}, "invalidPublishAt"),
        # What Google's description of the API does not have, or has otherwise
        ({"snippet": {"title": "x", "colour": "red"}}, "badRequest"),
        ({"snippet": {"title": 7}}, "badRequest"),
        ({"snippet": {"title": "x", "tags": "cats"}}, "badRequest"),
        ({"snippet": {"title": "x", "tags": [1]}}, "badRequest"),
        ({"snippet": {"title": "x"}, "status": {"privacyStatus": "friends"}}, "badRequest"),
        ({"snippet": {"title": "x"}, "status": {"embeddable": "true"}}, "badRequest"),
        ({"snippet": {"title": "x"}, "status": {"license": "mit"}}, "badRequest"),
        ({"snippet": {"title": "x"}, "status": {"privacyStatus": "private", "publishAt": "soon"}}, "badRequest"),
        ({"snippet": {"title": "x"}, "status": {"publishAt": "2027-01-01T00:00:00"}}, "badRequest"),
        ({"snippet": ["title"]}, "badRequest"),
        ({"snippet": {"title": "x"}, "statistics": {"viewCount": "9"}}, "unexpectedPart"),
        ({"snippet": {"title": "x"}, "paidProductPlacementDetails": {}}, "unexpectedPart"),
        ([], "parseError"),
    ],
)
def test_metadata_that_youtube_does_not_take_is_refused(raw: Raw, resource: object, reason: str) -> None:
    assert told(raw.begin(resource)) == (400, reason)
    assert raw.studio.world.ledger.count("upload_begun") == 0
    (entry,) = raw.studio.world.ledger.entries("youtube_refused")
    assert (entry.who, entry.details["reason"]) == (raw.studio.channel.id, reason)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"X_Upload_Content_Type": "image/png"}, "badContent"),
        ({"X_Upload_Content_Type": ""}, "badContent"),
        ({"X_Upload_Content_Type": "video/"}, "badContent"),
        ({"X_Upload_Content_Length": ""}, "mediaBodyRequired"),
        ({"X_Upload_Content_Length": "0"}, "mediaBodyRequired"),
        ({"X_Upload_Content_Length": "274877906945"}, "mediaBodyRequired"),
        ({"Content_Type": "text/plain"}, "badContent"),
    ],
)
def test_an_upload_is_announced_as_it_has_to_be(raw: Raw, more: dict[str, Any], reason: str) -> None:
    assert told(raw.begin(**more)) == (400, reason)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"uploadType": "resumable"}, "badRequest"),
        ({"uploadType": "media", "part": "snippet,status"}, "badRequest"),
        ({"part": "snippet,status"}, "badRequest"),
        ({"uploadType": "resumable", "part": "snippet,status,colour"}, "unknownPart"),
        ({"uploadType": "resumable", "part": "snippet,status", "colour": "red"}, "badRequest"),
        ({"uploadType": "resumable", "part": "snippet,status", "notifySubscribers": "yes"}, "badRequest"),
    ],
)
def test_parameters_are_those_of_the_description(raw: Raw, query: dict[str, str], reason: str) -> None:
    assert told(raw.begin(query=query)) == (400, reason)


def test_parts_may_be_joined_or_repeated(raw: Raw) -> None:
    raw.begun(query={"uploadType": "resumable", "part": ["snippet", "status"]})
    found = raw.video()
    assert raw.get(VIDEOS, part=["status", "snippet"], id=[found, "other"]).json()["items"][0]["id"] == found


def test_metadata_that_is_no_json_is_refused(raw: Raw) -> None:
    assert told(raw.begin(content=b"{")) == (400, "parseError")


def test_without_a_word_on_privacy_a_video_is_public(raw: Raw) -> None:
    found = raw.video(resource={"snippet": {"title": "Oops"}})
    assert raw.get(VIDEOS, part="status", id=found).json()["items"][0]["status"]["privacyStatus"] == "public"


# Bytes


def test_a_file_may_come_at_once_or_in_parts(raw: Raw) -> None:
    whole = raw.put(raw.begun(), CONTENT, None)
    address = raw.begun()
    first, second = raw.part(address, 0, GRANULE), raw.part(address, GRANULE, 2 * GRANULE)
    last = raw.part(address, 2 * GRANULE, SIZE)
    assert [first.status_code, second.status_code, last.status_code] == [308, 308, 201]
    assert (first.headers["range"], second.headers["range"]) == ("bytes=0-262143", "bytes=0-524287")
    assert whole.status_code == 201
    assert raw.studio.published() == [("cats.mp4", sha256(CONTENT))] * 2
    assert whole.json()["id"] != last.json()["id"]
    assert last.json()["status"]["uploadStatus"] == "uploaded"
    assert set(last.json()) == {"kind", "etag", "id", "snippet", "status"}


def test_a_question_is_answered_with_what_has_come_and_at_the_end_with_the_video(raw: Raw) -> None:
    address = raw.begun()
    empty = raw.put(address, b"", f"bytes */{SIZE}")
    assert (empty.status_code, "range" in empty.headers) == (308, False)
    raw.part(address, 0, GRANULE)
    assert raw.put(address, b"", "bytes */*").headers["range"] == "bytes=0-262143"
    raw.part(address, GRANULE, 2 * GRANULE)
    done = raw.part(address, 2 * GRANULE, SIZE)
    assert raw.put(address, b"", f"bytes */{SIZE}").json() == done.json()
    assert raw.part(address, 2 * GRANULE, SIZE).json() == done.json()
    assert len(raw.studio.published()) == 1


@pytest.mark.parametrize(
    ("content", "span"),
    [
        (CONTENT[:GRANULE], f"bytes 0-{GRANULE - 1}/{SIZE + 1}"),
        (CONTENT[:GRANULE], f"bytes 0-{GRANULE}/{SIZE}"),
        (CONTENT[:GRANULE], f"bytes 0-{GRANULE - 2}/{SIZE}"),
        (CONTENT[:GRANULE], f"bytes 0-{GRANULE - 1}/*"),
        (CONTENT[:GRANULE], f"0-{GRANULE - 1}/{SIZE}"),
        (CONTENT[:GRANULE], f"bytes {GRANULE}-0/{SIZE}"),
        (CONTENT[:GRANULE], ""),
        (CONTENT[:1000], f"bytes 0-999/{SIZE}"),
        (CONTENT[: GRANULE + 1], f"bytes 0-{GRANULE}/{SIZE}"),
        (b"", f"bytes */{SIZE + 1}"),
        (b"x", f"bytes */{SIZE}"),
    ],
)
def test_a_part_that_is_not_what_it_says_is_refused(raw: Raw, content: bytes, span: str) -> None:
    address = raw.begun()
    assert raw.put(address, content, span).status_code == 400
    assert "range" not in raw.put(address, b"", f"bytes */{SIZE}").headers


def test_parts_are_of_one_size(raw: Raw) -> None:
    content = CONTENT * 3
    address = raw.begun(X_Upload_Content_Length=str(len(content)))
    raw.put(address, content[:GRANULE], f"bytes 0-{GRANULE - 1}/{len(content)}")
    refused = raw.put(address, content[GRANULE : 3 * GRANULE], f"bytes {GRANULE}-{3 * GRANULE - 1}/{len(content)}")
    assert refused.status_code == 400


@pytest.mark.parametrize("first", [0, 2 * GRANULE])
def test_what_overlaps_or_leaves_a_gap_is_not_kept(raw: Raw, first: int) -> None:
    address = raw.begun()
    raw.part(address, 0, GRANULE)
    answer = raw.part(address, first, first + GRANULE if first == 0 else SIZE)
    assert (answer.status_code, answer.headers["range"]) == (308, "bytes=0-262143")
    assert raw.studio.world.ledger.count("part_misplaced") == 1
    assert raw.studio.published() == []


def test_a_session_is_over_some_day(raw: Raw) -> None:
    address = raw.begun()
    raw.studio.world.clock.advance(raw.studio.youtube.library.session_lasts)
    assert raw.part(address, 0, SIZE).status_code == 404
    assert raw.part(address.replace("upload_id=", "upload_id=x"), 0, SIZE).status_code == 404


# What can be asked about videos


def test_a_video_goes_from_uploaded_to_processed_by_the_clock(raw: Raw) -> None:
    found = raw.video()

    def state() -> tuple[str, str]:
        (item,) = raw.get(VIDEOS, part="status,processingDetails", id=found).json()["items"]
        return item["status"]["uploadStatus"], item["processingDetails"]["processingStatus"]

    assert state() == ("uploaded", "processing")
    raw.studio.world.clock.advance(timedelta(seconds=29))
    assert state() == ("uploaded", "processing")
    raw.studio.world.clock.advance(timedelta(seconds=1))
    assert state() == ("processed", "succeeded")


def test_strangers_do_not_see_what_is_private(raw: Raw) -> None:
    private = raw.video(resource={"snippet": {"title": "x"}, "status": {"privacyStatus": "private"}})
    public = raw.video()
    world = raw.studio.world
    raw.token = raw.studio.token(account=raw.studio.account(world.people[0].channels[1]))
    items = raw.get(VIDEOS, part="status", id=f"{private},{public}").json()["items"]
    assert [item["id"] for item in items] == [public]
    assert [item["id"] for item in raw.get(STATISTICS, part="id", id=f"{private},{public}").json()["items"]] == [public]
    assert told(raw.get(VIDEOS, part="fileDetails", id=public)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (VIDEOS, {"part": "status"}),
        (VIDEOS, {"id": "x"}),
        (VIDEOS, {"part": "stats", "id": "x"}),
        (VIDEOS, {"part": "status", "id": ",".join(map(str, range(51)))}),
        (VIDEOS, {"part": "status", "id": "x", "maxResults": "51"}),
        (STATISTICS, {"part": "statistics", "id": ",".join(map(str, range(51)))}),
        (STATISTICS, {"part": "status", "id": "x"}),
        (STATISTICS, {"id": "x"}),
        (STATISTICS, {"part": "statistics"}),
        (CHANNELS, {"part": "id"}),
        (CHANNELS, {"mine": "true"}),
        (ITEMS, {"part": "id", "playlistId": "UU" + "a" * 22, "maxResults": "51"}),
        (ITEMS, {"part": "id", "playlistId": "UU" + "a" * 22, "pageToken": "PTx"}),
        (REPORTS, REPORT),
        (REPORTS, REPORT | {"filters": "country==US"}),
        (REPORTS, REPORT | {"filters": "video==x", "metrics": "colours"}),
        (REPORTS, REPORT | {"filters": "video==x", "sort": "likes"}),
        (REPORTS, REPORT | {"filters": "video==x", "maxResults": "201"}),
        (REPORTS, REPORT | {"filters": "video==x", "startDate": "yesterday"}),
    ],
)
def test_questions_that_youtube_does_not_understand_are_refused(raw: Raw, path: str, params: dict[str, str]) -> None:
    raw.video()
    assert raw.get(path, **params).status_code == 400


def test_counts_are_text_and_a_hidden_one_is_missing(raw: Raw) -> None:
    found = raw.video()
    raw.studio.youtube.library.videos[found].numbers = Numbers(2**60, None, 0)
    counted = {"viewCount": str(2**60), "commentCount": "0"}
    (item,) = raw.get(STATISTICS, part="statistics", id=found).json()["items"]
    assert item["statistics"] == counted
    (item,) = raw.get(VIDEOS, part="statistics", id=found).json()["items"]
    assert item["statistics"] == counted


def test_uploads_are_paged_newest_first(raw: Raw) -> None:
    found = []
    for _ in range(3):
        found.append(raw.video())
        raw.studio.world.clock.advance(timedelta(minutes=1))
    (channel,) = raw.get(CHANNELS, part="contentDetails,snippet", mine="true").json()["items"]
    assert channel["snippet"]["customUrl"] == "@cats"
    playlist = channel["contentDetails"]["relatedPlaylists"]["uploads"]
    page = raw.get(ITEMS, part="contentDetails", playlistId=playlist, maxResults=2).json()
    rest = raw.get(ITEMS, part="contentDetails", playlistId=playlist, pageToken=page["nextPageToken"]).json()
    listed = [item["contentDetails"]["videoId"] for item in (*page["items"], *rest["items"])]
    assert listed == found[::-1]
    assert "nextPageToken" not in rest


def test_reports_are_two_days_behind(raw: Raw) -> None:
    found = raw.video()
    raw.studio.youtube.library.videos[found].numbers = Numbers(10, minutes_watched=2.5)
    asked = REPORT | {"filters": f"video=={found}"}
    assert "rows" not in raw.get(REPORTS, **asked).json()
    raw.studio.world.clock.advance(timedelta(hours=48))
    assert raw.get(REPORTS, **asked).json()["rows"] == [[found, 10, 2.5]]


# Covers


def thumbnail(
    raw: Raw, video: str, content: bytes = PNG, media_type: str = "image/png", **more: str
) -> httpx2.Response:
    params = {"videoId": video, "uploadType": "media"} | more
    return raw.http.post(THUMBNAILS, params=params, content=content, headers=raw.headers(Content_Type=media_type))


def test_a_cover_has_to_be_a_picture_of_a_processed_video_of_one_s_own(raw: Raw) -> None:
    found = raw.video()
    assert told(thumbnail(raw, found)) == (400, "failedPrecondition")
    raw.studio.world.clock.advance(timedelta(minutes=1))
    assert told(thumbnail(raw, "other")) == (404, "videoNotFound")
    assert told(thumbnail(raw, found, b"GIF89a")) == (400, "invalidImage")
    assert told(thumbnail(raw, found, b"")) == (400, "mediaBodyRequired")
    assert told(thumbnail(raw, found, media_type="image/webp")) == (400, "badContent")
    assert told(thumbnail(raw, found, uploadType="multipart")) == (400, "badContent")
    assert told(thumbnail(raw, found, PNG + bytes(52_428_800))) == (413, "uploadTooLarge")
    assert raw.studio.world.ledger.count("thumbnail_set") == 0
    assert "shortsAspectRatio" in thumbnail(raw, found).json()["items"][0]
    (entry,) = raw.studio.world.ledger.entries("thumbnail_set")
    assert entry.details["sha256"] == sha256(PNG)


# For people


def test_a_page_shows_a_video_and_runs_nothing_of_it(raw: Raw) -> None:
    found = raw.video(resource={"snippet": {"title": "Cats & 'dogs'", "description": "&lt;script&gt;"}})
    page = raw.http.get("/watch", params={"v": found})
    assert "Cats &amp; &#x27;dogs&#x27;" in page.text
    assert "&amp;lt;script" in page.text
    hidden = raw.video(resource={"snippet": {"title": "x"}, "status": {"privacyStatus": "private"}})
    assert raw.http.get("/watch", params={"v": hidden}).status_code == 404


def test_the_ledger_holds_no_token_and_no_address_of_an_upload(raw: Raw) -> None:
    address = raw.begun()
    raw.put(address, CONTENT, None)
    raw.begin({"snippet": {"title": ""}})
    written = repr(raw.studio.world.ledger.entries())
    assert raw.token not in written
    assert address.partition("upload_id=")[2] not in written
