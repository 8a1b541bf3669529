"""What the stand-in for TikTok refuses, asked by a client that knows no rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integrations.tiktok_stage import ALL, Stage, tiktok_stage

from cliply.dev_providers.ledger import sha256
from cliply.dev_providers.tiktok_checks import Sizes
from cliply.dev_providers.tiktok_posting import Caps
from cliply.dev_providers.world import TikTokPerson

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CONTENT = (b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40)[:8500]
INFO = "/v2/post/publish/creator_info/query/"
INIT = "/v2/post/publish/video/init/"
INBOX = "/v2/post/publish/inbox/video/init/"
STATUS = "/v2/post/publish/status/fetch/"
LIST = "/v2/video/list/?fields="
QUERY = "/v2/video/query/?fields="
SOURCE = {"source": "FILE_UPLOAD", "video_size": 8500, "chunk_size": 1000, "total_chunk_count": 8}
PRIVACY = {"privacy_level": "PUBLIC_TO_EVERYONE"}


@dataclass
class Raw:
    stage: Stage
    http: httpx2.Client
    token: str

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, str, dict[str, Any]]:
        """Status, code and data."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        answer = (
            self.http.post(path, json=body, headers=sent) if body is not None else self.http.post(path, headers=sent)
        )
        told = answer.json()
        return answer.status_code, told["error"]["code"], told["data"]

    def begin(
        self, post: Mapping[str, object] = PRIVACY, source: Mapping[str, object] = SOURCE
    ) -> tuple[int, str, Any]:
        return self.ask(INIT, {"post_info": dict(post), "source_info": dict(source)})

    def begun(self, post: Mapping[str, object] = PRIVACY, source: Mapping[str, object] = SOURCE) -> tuple[str, str]:
        """Number and address of an upload."""
        assert self.ask(INFO)[1] == "ok"
        _, code, data = self.begin(post, source)
        assert code == "ok"
        return data["publish_id"], data["upload_url"]

    def put(self, address: str, first: int, last: int, content: bytes | None = None, **headers: str) -> httpx2.Response:
        sent = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-{last}/8500", **headers}
        return self.http.put(address, content=CONTENT[first : last + 1] if content is None else content, headers=sent)

    def put_all(self, address: str) -> None:
        for number in range(8):
            last = 8499 if number == 7 else number * 1000 + 999
            assert self.put(address, number * 1000, last).status_code == (201 if number == 7 else 206)

    def posted(self, post: Mapping[str, object] = PRIVACY) -> str:
        publish_id, address = self.begun(post)
        self.put_all(address)
        self.stage.clock.advance(5 * MINUTE)
        return publish_id

    def as_somebody(self, person: TikTokPerson) -> "Raw":
        return Raw(self.stage, self.http, self.stage.token(person))


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Raw]:
    with tiktok_stage(tmp_path) as stage, httpx2.Client(base_url=stage.url) as http:
        yield Raw(stage, http, stage.token())


def test_the_creator_is_told_with_what_they_may_choose(raw: Raw) -> None:
    status, code, data = raw.ask(INFO)
    assert (status, code) == (200, "ok")
    assert data["privacy_level_options"] == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert (data["creator_username"], data["creator_nickname"]) == ("ada.l", "Ada")
    assert (data["duet_disabled"], data["max_video_post_duration_sec"]) == (False, 600)
    raw.stage.person.private = True
    _, _, data = raw.ask(INFO)
    assert data["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert (data["duet_disabled"], data["stitch_disabled"], data["comment_disabled"]) == (True, True, False)


def test_a_post_is_kept_byte_by_byte_and_settles_by_the_clock(raw: Raw) -> None:
    publish_id, address = raw.begun({**PRIVACY, "title": "Bees #dance", "video_cover_timestamp_ms": 5})
    raw.put_all(address)
    assert raw.ask(STATUS, {"publish_id": publish_id})[2] == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 8500}
    raw.stage.clock.advance(timedelta(seconds=30))
    complete = raw.ask(STATUS, {"publish_id": publish_id})[2]
    assert complete == {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": []}
    raw.stage.clock.advance(MINUTE)
    (post_id,) = raw.ask(STATUS, {"publish_id": publish_id})[2]["publicaly_available_post_id"]
    assert isinstance(post_id, int)
    assert int(float(post_id)) != post_id, "a number that is rounded shows"
    (entry,) = raw.stage.ledger.entries("video_published")
    assert entry.details["sha256"] == sha256(CONTENT)
    assert entry.details["caption"] == "Bees #dance"
    assert [entry.what for entry in raw.stage.ledger.entries()] == (
        ["upload_begun", *["chunk_received"] * 8, "video_received", "video_published"]
    )


def test_nothing_secret_is_in_the_ledger(raw: Raw) -> None:
    _, address = raw.begun()
    raw.put(address, 0, 999, Authorization=f"Bearer {raw.token}")
    written = repr(raw.stage.ledger.entries())
    assert raw.token not in written
    assert address.rpartition("=")[2] not in written


# Who may ask, what and how often


@pytest.mark.parametrize("path", [INFO, INIT, INBOX, STATUS, LIST + "id", QUERY + "id"])
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer act.nobody", "Basic eDp5"])
def test_nobody_is_answered_without_a_token_that_is_good(raw: Raw, path: str, header: str) -> None:
    assert raw.ask(path, {}, Authorization=header)[:2] == (401, "access_token_invalid")


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (INFO, {"video.publish"}),
        (INIT, {"video.publish"}),
        (INBOX, {"video.upload"}),
        (STATUS, {"video.publish", "video.upload"}),
        (LIST + "id", {"video.list"}),
        (QUERY + "id", {"video.list"}),
    ],
)
def test_each_call_wants_its_permission(raw: Raw, path: str, missing: set[str]) -> None:
    raw.token = raw.stage.token(scopes=ALL - missing)
    assert raw.ask(path, {})[:2] == (401, "scope_not_authorized")


@pytest.mark.parametrize(
    ("path", "most"), [(INFO, 20), (INIT, 6), (INBOX, 6), (STATUS, 30), (LIST + "id", 600), (QUERY + "id", 600)]
)
def test_the_minute_of_each_call_slides(raw: Raw, path: str, most: int) -> None:
    def answers(count: int) -> list[str]:
        return [raw.ask(path, {"x": 1})[1] for _ in range(count)]

    refused_as_such = answers(1)
    raw.stage.clock.advance(timedelta(seconds=30))
    assert answers(most - 1) == refused_as_such * (most - 1)
    assert answers(1) == ["rate_limit_exceeded"]
    raw.stage.clock.advance(timedelta(seconds=30))
    assert answers(2) == [*refused_as_such, "rate_limit_exceeded"], "only the first of them is a minute old"


def test_limits_are_each_token_s_own(raw: Raw) -> None:
    for _ in range(20):
        raw.ask(INFO)
    assert raw.ask(INFO)[0] == 429
    assert raw.as_somebody(raw.stage.newcomer()).ask(INFO)[0] == 200


@pytest.mark.parametrize("path", [INFO, INIT, INBOX, STATUS, LIST + "id", QUERY + "id"])
def test_a_body_that_is_odd_is_refused(raw: Raw, path: str) -> None:
    for content, kind in ((b"{", "application/json"), (b"[]", "application/json"), (b"a=b", "text/plain")):
        answer = raw.http.post(
            path, content=content, headers={"Authorization": f"Bearer {raw.token}", "Content-Type": kind}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_params")


# What may be begun


def test_a_post_wants_the_creator_asked_for_within_the_hour(raw: Raw) -> None:
    assert raw.begin()[:2] == (400, "invalid_params")
    raw.ask(INFO)
    raw.stage.clock.advance(HOUR - MINUTE)
    assert raw.begin()[1] == "ok"
    raw.stage.clock.advance(MINUTE)
    assert raw.begin()[:2] == (400, "invalid_params")


@pytest.mark.parametrize(
    ("post", "code"),
    [
        ({}, "invalid_params"),
        ({"privacy_level": "PUBLIC"}, "invalid_params"),
        ({"privacy_level": None}, "invalid_params"),
        ({"privacy_level": "FOLLOWER_OF_CREATOR"}, "privacy_level_option_mismatch"),
        ({"privacy_level": "SELF_ONLY", "brand_content_toggle": True}, "invalid_params"),
        ({"privacy_level": "SELF_ONLY", "brand_organic_toggle": True}, "ok"),
        ({**PRIVACY, "brand_content_toggle": True}, "ok"),
        ({**PRIVACY, "brand_content_toggle": "yes"}, "invalid_params"),
        ({**PRIVACY, "is_aigc": 1}, "invalid_params"),
        ({**PRIVACY, "title": "😀" * 1100}, "ok"),
        ({**PRIVACY, "title": "😀" * 1100 + "a"}, "invalid_params"),
        ({**PRIVACY, "title": 7}, "invalid_params"),
        ({**PRIVACY, "video_cover_timestamp_ms": -1}, "invalid_params"),
        ({**PRIVACY, "video_cover_timestamp_ms": 2**31}, "invalid_params"),
        ({**PRIVACY, "video_cover_timestamp_ms": 1.5}, "invalid_params"),
        ({**PRIVACY, "hashtags": []}, "invalid_params"),
    ],
)
def test_the_words_of_a_post_are_checked(raw: Raw, post: dict[str, object], code: str) -> None:
    raw.ask(INFO)
    assert raw.begin(post)[1] == code


@pytest.mark.parametrize("trait", ["comments_off", "duets_off", "stitches_off"])
def test_what_the_creator_turned_off_stays_off(raw: Raw, trait: str) -> None:
    setattr(raw.stage.person, trait, True)
    raw.ask(INFO)
    assert raw.begin()[1] == "invalid_params"
    assert raw.begin({**PRIVACY, "disable_comment": True, "disable_duet": True, "disable_stitch": True})[1] == "ok"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"source": "ELSEWHERE"}, "invalid_params"),
        ({"source": "PULL_FROM_URL"}, "url_ownership_unverified"),
        ({"video_size": 0}, "invalid_params"),
        ({"video_size": "8500"}, "invalid_params"),
        ({"video_size": True}, "invalid_params"),
        ({"total_chunk_count": 9}, "invalid_params"),
        ({"total_chunk_count": 7}, "invalid_params"),
        ({"total_chunk_count": None}, "invalid_params"),
        ({"chunk_size": 999, "total_chunk_count": 8}, "invalid_params"),
        ({"chunk_size": 8501, "total_chunk_count": 0}, "invalid_params"),
        ({"chunk_size": 8500, "total_chunk_count": 1}, "invalid_params"),
        ({"video_size": 999, "chunk_size": 999, "total_chunk_count": 1}, "ok"),
        ({"video_size": 1500, "chunk_size": 750, "total_chunk_count": 2}, "invalid_params"),
        ({"video_size": 6400, "chunk_size": 6400, "total_chunk_count": 1}, "ok"),
        ({"video_size": 12799, "chunk_size": 6400, "total_chunk_count": 1}, "ok"),
        ({"video_size": 1_001_000, "chunk_size": 1000, "total_chunk_count": 1001}, "invalid_params"),
        ({"video_size": 1_000_999, "chunk_size": 1000, "total_chunk_count": 1000}, "ok"),
        ({"video_size": 4_000_000_001, "chunk_size": 6400, "total_chunk_count": 625_000}, "invalid_file_upload"),
        ({"video_url": "https://example.com/clip.mp4"}, "invalid_params"),
    ],
)
def test_the_arithmetic_of_chunks_is_checked(raw: Raw, changed: dict[str, object], code: str) -> None:
    raw.ask(INFO)
    assert raw.begin(source={**SOURCE, **changed})[1] == code


def test_real_sizes_are_checked_by_the_narrower_megabyte() -> None:
    from cliply.dev_providers.tiktok_checks import Refused, source_of

    def takes(size: int, chunk: int) -> bool:
        told = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": size // chunk}
        try:
            source_of(told, Sizes())
        except Refused:
            return False
        return True

    assert takes(50_000_123, 10_000_000)
    assert takes(4_000_000, 4_000_000)
    assert takes(64_000_000, 64_000_000)
    assert not takes(64_000_001, 64_000_001)
    assert not takes(20_000_000, 5_000_000), "less than 5 MB where a megabyte is 1,048,576 bytes"
    assert not takes(20_000_000, 4_000_000)


def test_a_draft_is_told_no_words(raw: Raw) -> None:
    assert raw.ask(INBOX, {"post_info": PRIVACY, "source_info": SOURCE})[1] == "invalid_params"
    assert raw.ask(INBOX, {"source_info": SOURCE})[1] == "ok"


def test_five_drafts_wait_at_most_and_for_a_day(raw: Raw) -> None:
    numbers = [raw.ask(INBOX, {"source_info": SOURCE})[2]["publish_id"] for _ in range(5)]
    raw.stage.clock.advance(MINUTE)
    assert raw.ask(INBOX, {"source_info": SOURCE})[:2] == (403, "spam_risk_too_many_pending_share")
    assert len(set(numbers)) == 5
    raw.stage.clock.advance(DAY - MINUTE)
    assert raw.ask(INBOX, {"source_info": SOURCE})[1] == "ok"


def test_a_draft_that_was_posted_waits_no_more(raw: Raw) -> None:
    begun = [raw.ask(INBOX, {"source_info": SOURCE})[2] for _ in range(5)]
    raw.put_all(begun[0]["upload_url"])
    raw.stage.clock.advance(MINUTE)
    assert raw.ask(STATUS, {"publish_id": begun[0]["publish_id"]})[2] == {"status": "SEND_TO_USER_INBOX"}
    raw.stage.posting.finish_draft(begun[0]["publish_id"], privacy="SELF_ONLY")
    assert raw.ask(INBOX, {"source_info": SOURCE})[1] == "ok"
    with pytest.raises(ValueError, match="not in anybody's inbox"):
        raw.stage.posting.finish_draft(begun[1]["publish_id"], privacy="SELF_ONLY")


def test_a_creator_posts_fifteen_times_a_day_with_all_apps_together(tmp_path: Path) -> None:
    with tiktok_stage(tmp_path) as stage, httpx2.Client(base_url=stage.url) as http:
        raw = Raw(stage, http, stage.token())
        for _ in range(15):
            raw.posted()
        assert raw.ask(INFO)[:2] == (200, "spam_risk_too_many_posts")
        assert raw.begin()[:2] == (403, "spam_risk_too_many_posts")
        assert raw.as_somebody(stage.newcomer()).ask(INFO)[1] == "ok"
        stage.clock.advance(DAY - 80 * MINUTE)
        assert raw.ask(INFO)[1] == "spam_risk_too_many_posts"
        stage.clock.advance(10 * MINUTE)
        assert raw.ask(INFO)[1] == "ok"


def test_posts_beyond_the_day_s_fail_when_they_were_begun_before(tmp_path: Path) -> None:
    with tiktok_stage(tmp_path, caps=Caps(posts_a_day=1)) as stage, httpx2.Client(base_url=stage.url) as http:
        raw = Raw(stage, http, stage.token())
        (_, first), (second_id, second) = raw.begun(), raw.begun()
        raw.put_all(first)
        raw.put_all(second)
        stage.clock.advance(MINUTE)
        told = raw.ask(STATUS, {"publish_id": second_id})[2]
        assert (told["status"], told["fail_reason"]) == ("FAILED", "spam_risk_too_many_posts")
        assert stage.ledger.count("video_published") == 1


def test_somebody_who_is_banned_is_told_so(raw: Raw) -> None:
    raw.ask(INFO)
    raw.stage.person.banned = True
    assert raw.ask(INFO)[:2] == (200, "spam_risk_user_banned_from_posting")
    assert raw.begin()[:2] == (403, "spam_risk_user_banned_from_posting")


def test_users_of_an_app_are_counted_for_a_day(tmp_path: Path) -> None:
    with (
        tiktok_stage(tmp_path, caps=Caps(users_a_day=2)) as stage,
        httpx2.Client(base_url=stage.url) as http,
    ):
        one, two, three = (Raw(stage, http, stage.token(stage.newcomer())) for _ in range(3))
        one.begun()
        two.begun()
        assert three.ask(INFO)[:2] == (200, "reached_active_user_cap")
        assert three.begin()[:2] == (403, "reached_active_user_cap")
        one.begun()
        stage.clock.advance(DAY)
        three.begun()


def test_an_app_that_was_not_audited_posts_to_private_accounts_and_privately(raw: Raw) -> None:
    raw.stage.app.audited = False
    raw.ask(INFO)
    private = {"privacy_level": "SELF_ONLY", "disable_duet": True, "disable_stitch": True}
    assert raw.begin(private)[:2] == (403, "unaudited_client_can_only_post_to_private_accounts")
    raw.stage.person.private = True
    assert raw.begin({**private, "privacy_level": "MUTUAL_FOLLOW_FRIENDS"})[1] == "privacy_level_option_mismatch"
    assert raw.begin(private)[1] == "ok"


# Bytes


@pytest.mark.parametrize(
    ("first", "last", "headers", "status"),
    [
        (0, 998, {}, 400),
        (0, 1999, {}, 400),
        (1000, 1999, {}, 416),
        (1, 1000, {}, 416),
        (0, 999, {"Content-Type": "application/octet-stream"}, 400),
        (0, 999, {"Content-Range": "bytes 0-999/8501"}, 400),
        (0, 999, {"Content-Range": "bytes 0-998/8500"}, 400),
        (0, 999, {"Content-Range": "0-999/8500"}, 400),
        (0, 999, {"Content-Range": "bytes 0-999/*"}, 400),
        (0, 999, {"Authorization": "Bearer x"}, 400),
    ],
)
def test_a_chunk_is_refused_that_is_not_the_next_one(
    raw: Raw, first: int, last: int, headers: dict[str, Any], status: int
) -> None:
    publish_id, address = raw.begun()
    answer = raw.put(address, first, last, **headers)
    assert answer.status_code == status
    assert answer.headers.get("content-range") == ("bytes 0-0/8500" if status == 416 else None)
    assert raw.ask(STATUS, {"publish_id": publish_id})[2] == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0}
    assert raw.stage.ledger.count("chunk_refused") == 1
    assert raw.put(address, 0, 999).status_code == 206


def test_a_length_that_is_not_announced_is_refused(raw: Raw) -> None:
    _, address = raw.begun()
    headers = {"Content-Type": "video/mp4", "Content-Range": "bytes 0-999/8500"}
    assert raw.http.put(address, content=iter([CONTENT[:1000]]), headers=headers).status_code == 400


def test_a_chunk_is_taken_once_and_progress_is_told(raw: Raw) -> None:
    _, address = raw.begun()
    assert raw.put(address, 0, 999).headers["content-range"] == "bytes 0-1000/8500"
    again = raw.put(address, 0, 999)
    assert (again.status_code, again.headers["content-range"]) == (416, "bytes 0-1000/8500")
    raw.stage.posting.tells_last_byte = True
    assert raw.put(address, 0, 999).headers["content-range"] == "bytes 0-999/8500"


def test_an_upload_that_is_complete_takes_nothing_more(raw: Raw) -> None:
    _, address = raw.begun()
    raw.put_all(address)
    assert raw.put(address, 7000, 8499).status_code == 416
    assert raw.stage.ledger.count("video_received") == 1


def test_an_address_is_good_for_an_hour(raw: Raw) -> None:
    _, address = raw.begun()
    raw.stage.clock.advance(HOUR - MINUTE)
    assert raw.put(address, 0, 999).status_code == 206
    raw.stage.clock.advance(MINUTE)
    assert raw.put(address, 1000, 1999).status_code == 403


def test_an_address_is_known_by_its_number_and_opened_by_its_token(raw: Raw) -> None:
    _, address = raw.begun()
    assert raw.put(address + "x", 0, 999).status_code == 403
    assert raw.put(address.replace("upload_id=", "upload_id=9"), 0, 999).status_code == 404


# What is told of posts


def test_only_the_number_s_own_app_and_person_are_told_its_status(raw: Raw) -> None:
    publish_id, _ = raw.begun()
    assert raw.ask(STATUS, {"publish_id": "v_pub_file~1"})[:2] == (400, "invalid_publish_id")
    assert raw.as_somebody(raw.stage.newcomer()).ask(STATUS, {"publish_id": publish_id})[:2] == (
        403,
        "token_not_authorized_for_specified_publish_id",
    )


def test_public_posts_are_listed_from_the_newest_on_page_by_page(raw: Raw) -> None:
    for title in ("one", "two", "three"):
        raw.posted({**PRIVACY, "title": title})
    raw.posted({"privacy_level": "SELF_ONLY", "title": "hidden"})
    _, _, page = raw.ask(LIST + "id,title", {"max_count": 2})
    assert [video["title"] for video in page["videos"]] == ["three", "two"]
    assert page["has_more"] is True
    _, _, rest = raw.ask(LIST + "id,title", {"max_count": 2, "cursor": page["cursor"]})
    assert [video["title"] for video in rest["videos"]] == ["one"]
    assert rest["has_more"] is False
    assert raw.as_somebody(raw.stage.newcomer()).ask(LIST + "id", {})[2]["videos"] == []


def test_posts_are_asked_about_by_their_numbers(raw: Raw) -> None:
    deleted, kept = raw.posted({**PRIVACY, "title": "a" * 200}), raw.posted()
    ids = [str(upload.post_id) for upload in raw.stage.posting.uploads()]
    _, _, told = raw.ask(QUERY + "id,title,create_time,share_url,view_count", {"filters": {"video_ids": ids}})
    first, second = told["videos"]
    assert [first["id"], second["id"]] == sorted(ids, reverse=True)
    assert len(second["title"]) == 150
    assert first["share_url"].startswith(f"https://www.tiktok.com/@ada.l/video/{ids[1]}?")
    raw.stage.posting.delete(deleted)
    assert [video["id"] for video in raw.ask(QUERY + "id", {"filters": {"video_ids": ids}})[2]["videos"]] == [ids[1]]
    assert raw.ask(STATUS, {"publish_id": kept})[2]["publicaly_available_post_id"] == [int(ids[1])]
    with pytest.raises(ValueError, match="not among the posts"):
        raw.stage.posting.delete("v_pub_file~v2-1.0")


@pytest.mark.parametrize("path", [LIST, QUERY, LIST + "id,secret", QUERY + "secret"])
def test_what_is_to_be_told_has_to_be_named(raw: Raw, path: str) -> None:
    assert raw.ask(path, {"filters": {"video_ids": ["1"]}} if path.startswith(QUERY) else {})[1] == "invalid_params"


@pytest.mark.parametrize("ids", [[], [str(number) for number in range(21)], [71], "71", None])
def test_twenty_posts_at_a_time(raw: Raw, ids: object) -> None:
    assert raw.ask(QUERY + "id", {"filters": {"video_ids": ids}})[1] == "invalid_params"


@pytest.mark.parametrize("body", [{"max_count": 21}, {"max_count": 0}, {"cursor": "x"}, {"page": 1}])
def test_pages_have_bounds(raw: Raw, body: dict[str, object]) -> None:
    assert raw.ask(LIST + "id", body)[1] == "invalid_params"


# The app on the phone


def test_an_owner_finishes_a_draft_and_deletes_a_post_on_the_phone(raw: Raw) -> None:
    begun = raw.ask(INBOX, {"source_info": SOURCE})[2]
    raw.put_all(begun["upload_url"])
    raw.stage.clock.advance(MINUTE)
    publish_id = begun["publish_id"]
    assert publish_id in raw.http.get("/phone").text
    chosen = {"publish_id": publish_id, "privacy": "PUBLIC_TO_EVERYONE", "caption": "<b>Mine</b>", "do": "post"}
    assert raw.http.post("/phone", data=chosen).status_code == 303
    shown = raw.http.get("/phone").text
    assert "&lt;b&gt;Mine&lt;/b&gt;" in shown
    assert "Nothing waits." in shown
    assert raw.http.post("/phone", data=chosen).status_code == 400, "it is posted already"
    assert raw.http.post("/phone", data={"publish_id": publish_id, "do": "delete"}).status_code == 303
    assert raw.http.post("/phone", data={"publish_id": publish_id, "do": "delete"}).status_code == 400
    assert "Nothing was posted." in raw.http.get("/phone").text
    assert [entry.what for entry in raw.stage.ledger.entries()][-2:] == ["video_published", "video_deleted"]


@pytest.mark.parametrize("privacy", ["", "FOLLOWER_OF_CREATOR", "public"])
def test_an_owner_chooses_among_what_their_account_offers(raw: Raw, privacy: str) -> None:
    begun = raw.ask(INBOX, {"source_info": SOURCE})[2]
    raw.put_all(begun["upload_url"])
    raw.stage.clock.advance(MINUTE)
    with pytest.raises(ValueError, match="cannot choose"):
        raw.stage.posting.finish_draft(begun["publish_id"], privacy=privacy)
