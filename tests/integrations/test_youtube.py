import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from tests.integrations.youtube_bodies import BAD_GATEWAY
from tests.integrations.youtube_studio import MARK, POST, PREFIX, SCOPES, Studio, clip, digest, studio

from cliply.dev_providers.faults import Kind
from cliply.dev_providers.world import GoogleAccount
from cliply.dev_providers.youtube_quotas import Quota
from cliply.dev_providers.youtube_videos import Numbers, Outcome
from cliply.integrations.publisher import (
    Concerns,
    Figures,
    Handle,
    Phase,
    Post,
    Publisher,
    Reconnect,
    Rejected,
    Sighting,
    Standing,
    TokenExpired,
    TryLater,
    Unknown,
    Video,
)
from cliply.integrations.youtube import YouTubeAddresses, YouTubePublisher
from cliply.integrations.youtube_quota import Bucket

NOWHERE = Handle("")


@pytest.fixture
def at() -> Iterator[Studio]:
    with studio() as found:
        yield found


@pytest.fixture
def video(tmp_path: Path) -> Video:
    return clip(tmp_path)


def put(at: Studio, video: Video, post: Post = POST, *, mark: str = MARK, token: str | None = None) -> str:
    """The number of a video that has been uploaded; it is still processed."""
    publisher, token = at.publisher(), token or at.token()
    handle = publisher.begin(token, post, video, mark=mark)
    found = publisher.send(token, handle, video, lambda _received: None)
    assert found.phase is Phase.PROCESSING
    assert found.external_id is not None
    return found.external_id


# The whole way


def test_a_clip_is_published_and_its_bytes_are_the_same(at: Studio, video: Video) -> None:
    publisher: Publisher = at.publisher()
    token, heard = at.token(), list[int]()
    handle = publisher.begin(token, POST, video, mark=MARK)
    assert at.published() == []
    found = publisher.send(token, handle, video, heard.append)
    assert at.published() == [(MARK, digest(video))]
    assert heard == [0, 262_144, 524_288, 786_432, video.size]
    assert found.phase is Phase.PROCESSING
    assert publisher.look(token, handle, found.external_id).phase is Phase.PROCESSING
    at.world.clock.advance(at.youtube.library.processing_takes)
    seen = publisher.look(token, handle, found.external_id)
    address = f"{at.address}/watch?v={found.external_id}"
    assert seen == Sighting(Phase.PUBLISHED, external_id=found.external_id, url=address)
    assert at.spent == {Bucket.UPLOADS: 1, Bucket.UNITS: 2}


def test_the_client_s_count_of_the_quota_is_youtube_s_own(at: Studio, video: Video, tmp_path: Path) -> None:
    publisher, token, app = at.publisher(), at.token(), at.world.apps[0].id
    found = put(at, video)
    at.world.clock.advance(timedelta(minutes=1))
    publisher.look(token, NOWHERE, found)
    publisher.find(token, mark=MARK, post=POST, since=at.world.clock.now())
    publisher.figures(token, [found])
    Image.new("RGB", (9, 16)).save(tmp_path / "cover.png")
    publisher.dress(token, found, replace(POST, cover=tmp_path / "cover.png"))
    quotas = at.youtube.quotas
    assert at.spent == {
        Bucket.UPLOADS: quotas.spent(app, Quota.UPLOADS),
        Bucket.UNITS: quotas.spent(app, Quota.UNITS),
        Bucket.STATISTICS: quotas.spent(app, Quota.STATISTICS),
    }
    assert at.spent[Bucket.UNITS] == 1 + 3 + 50


@pytest.mark.parametrize("tries", [2, 3])
def test_a_request_that_is_made_again_since_its_answer_was_lost_counts_each_time(
    at: Studio, video: Video, tries: int
) -> None:
    publisher, token, found = at.publisher(), at.token(), put(at, video)
    at.spent.clear()
    at.plan(Kind.DROP_ANSWER, path="batchGetStats", method="GET", times=tries - 1)
    publisher.figures(token, [found])
    assert at.spent == {Bucket.STATISTICS: tries}
    assert at.youtube.quotas.spent(at.world.apps[0].id, Quota.STATISTICS) == tries


def test_what_was_chosen_reaches_youtube(at: Studio, video: Video) -> None:
    moment = at.world.clock.now() + timedelta(days=2)
    options = {"tags": ["big cats", "purr"], "category_id": "15", "language": "en", "paid_promotion": True}
    found = put(at, video, replace(POST, privacy="private", publish_at=moment, synthetic=True, options=options))
    sent = at.youtube.library.videos[found].resource
    assert sent["snippet"]["description"] == "Nobody knows for sure.\n\n#cats"
    assert sent["snippet"]["tags"] == ["big cats", "purr"]
    assert (sent["status"]["privacyStatus"], sent["status"]["publishAt"]) == ("private", "2026-12-02T20:00:00Z")
    assert sent["status"]["containsSyntheticMedia"] is True
    assert sent["status"]["selfDeclaredMadeForKids"] is False
    assert sent["paidProductPlacementDetails"] == {"hasPaidProductPlacement": True}


def test_a_video_that_becomes_public_later_says_when(at: Studio, video: Video) -> None:
    post = replace(POST, privacy="private", publish_at=at.world.clock.now() + timedelta(days=2))
    found = put(at, video, post)
    at.world.clock.advance(timedelta(hours=1))
    note = "YouTube makes it public on 2026-12-02 at 20:00 UTC."
    assert at.publisher().look(at.token(), NOWHERE, found).note == note
    at.world.clock.advance(timedelta(days=2))
    assert at.publisher().look(at.token(), NOWHERE, found).note == ""


@pytest.mark.parametrize(("privacy", "note"), [("private", "only its owner"), ("unlisted", "who has the link")])
def test_a_video_that_is_not_public_says_who_sees_it(at: Studio, video: Video, privacy: str, note: str) -> None:
    found = put(at, video, replace(POST, privacy=privacy))
    at.world.clock.advance(timedelta(hours=1))
    assert note in at.publisher().look(at.token(), NOWHERE, found).note


def test_a_handle_tells_nothing_when_it_is_written_down(at: Studio, video: Video) -> None:
    handle = at.publisher().begin(at.token(), POST, video, mark=MARK)
    assert "upload_id" in handle.address
    assert "upload_id" not in repr(handle)
    assert Handle(**asdict(handle)) == handle


def test_a_rendered_clip_of_another_size_is_not_mixed_into_an_upload(at: Studio, video: Video, tmp_path: Path) -> None:
    handle = at.publisher().begin(at.token(), POST, video, mark=MARK)
    with pytest.raises(TryLater) as told:
        at.publisher().send(at.token(), handle, clip(tmp_path, 5000), lambda _received: None)
    assert told.value.anew
    assert at.world.ledger.count("part_stored") == 0


# What becomes of it


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("failed", "conversion", "failed", "transcodeFailed"), "could not convert"),
        (Outcome("failed", "codec", "failed"), "how the video is coded"),
        (Outcome("failed", "invalidFile", "failed"), "cannot read the file"),
        (Outcome("failed", "emptyFile", "failed"), "empty"),
        (Outcome("failed", "tooSmall", "failed"), "too small"),
        (Outcome("failed", "uploadAborted", "failed"), "broken off"),
        (Outcome("failed", None, "failed"), "could not take the video in"),
        (Outcome("uploaded", None, "failed", "streamingFailed"), "being watched"),
        (Outcome("uploaded", None, "terminated"), "could not process"),
        (Outcome("rejected", "copyright"), "somebody else owns"),
        (Outcome("rejected", "claim"), "claimed"),
        (Outcome("rejected", "inappropriate"), "community guidelines"),
        (Outcome("rejected", "duplicate"), "has it already"),
        (Outcome("rejected", "termsOfUse"), "terms of service"),
        (Outcome("rejected", "trademark"), "trademark"),
        (Outcome("rejected", "legal"), "legal reason"),
        (Outcome("rejected", "length"), "too long"),
        (Outcome("rejected", "uploaderAccountSuspended"), "suspended"),
        (Outcome("rejected", "uploaderAccountClosed"), "closed"),
    ],
)
def test_a_video_that_youtube_refuses_afterwards_says_why(
    at: Studio, video: Video, outcome: Outcome, words: str
) -> None:
    at.youtube.library.outcomes.append(outcome)
    found = put(at, video)
    at.world.clock.advance(timedelta(minutes=5))
    with pytest.raises(Rejected, match=words):
        at.publisher().look(at.token(), NOWHERE, found)


def test_a_video_that_was_deleted_is_gone(at: Studio, video: Video) -> None:
    found = put(at, video)
    at.youtube.delete(found)
    seen = at.publisher().look(at.token(), NOWHERE, found)
    assert (seen.phase, seen.external_id) == (Phase.GONE, found)


def test_without_a_number_the_session_is_looked_at(at: Studio, video: Video) -> None:
    publisher, token = at.publisher(), at.token()
    handle = publisher.begin(token, POST, video, mark=MARK)
    assert publisher.look(token, handle, None) == Sighting(Phase.UPLOADING, received=0)
    found = publisher.send(token, handle, video, lambda _received: None)
    assert publisher.look(token, handle, None) == found
    at.world.clock.advance(at.youtube.library.session_lasts)
    assert publisher.look(token, handle, None).phase is Phase.GONE


# Finding an upload again


def test_an_upload_that_nobody_heard_of_again_is_found_by_its_file_s_name(at: Studio, video: Video) -> None:
    put(at, video, mark="another.mp4")
    found, since = put(at, video), at.world.clock.now()
    put(at, video, mark="a-third.mp4")
    seen = at.publisher().find(at.token(), mark=MARK, post=POST, since=since)
    assert seen is not None
    assert (seen.phase, seen.external_id) == (Phase.PROCESSING, found)


@pytest.mark.parametrize("suffix", ["", ".mp4"])
def test_a_name_to_which_youtube_has_added_its_kind_is_the_same(at: Studio, video: Video, suffix: str) -> None:
    put(at, video, mark="0b5c2a" + suffix)
    since = at.world.clock.now()
    assert at.publisher().find(at.token(), mark="0b5c2a", post=POST, since=since) is not None
    assert at.publisher().find(at.token(), mark="0b5c", post=POST, since=since) is None


def test_nothing_is_found_where_there_is_nothing(at: Studio, video: Video) -> None:
    publisher, token, since = at.publisher(), at.token(), at.world.clock.now()
    assert publisher.find(token, mark=MARK, post=POST, since=since) is None
    put(at, video, mark="another.mp4")
    assert publisher.find(token, mark=MARK, post=POST, since=since) is None
    other = at.token(account=at.account(at.world.people[0].channels[1]))
    put(at, video, token=other)
    assert publisher.find(token, mark=MARK, post=POST, since=since) is None


def test_looking_for_an_upload_stops_where_older_ones_begin(at: Studio, tmp_path: Path) -> None:
    at.channel.daily_uploads = 1000
    at.youtube.quotas.limits[Quota.UPLOADS] = 1000
    small = clip(tmp_path, 10)
    old = put(at, small)
    at.world.clock.advance(timedelta(days=1))
    for number in range(51):
        put(at, small, mark=f"{number}.mp4")
    since = at.world.clock.now() - timedelta(hours=1)
    at.spent.clear()
    assert at.publisher().find(at.token(), mark=MARK, post=POST, since=since) is None
    assert at.spent == {Bucket.UNITS: 1 + 2 * 2}
    long_ago = at.publisher().find(at.token(), mark=MARK, post=POST, since=since - timedelta(days=2))
    assert long_ago is not None
    assert long_ago.external_id == old


def test_a_video_whose_file_is_not_named_yet_leaves_the_question_open(at: Studio, video: Video) -> None:
    at.youtube.library.file_known_after = timedelta(minutes=1)
    found, since = put(at, video), at.world.clock.now()
    with pytest.raises(Unknown, match="which file"):
        at.publisher().find(at.token(), mark=MARK, post=POST, since=since)
    assert at.publisher().find(at.token(), mark=MARK, post=replace(POST, title="Dogs"), since=since) is None
    at.world.clock.advance(timedelta(minutes=1))
    seen = at.publisher().find(at.token(), mark=MARK, post=POST, since=since)
    assert seen is not None
    assert seen.external_id == found


# Covers


@pytest.fixture
def cover(tmp_path: Path) -> Path:
    path = tmp_path / "cover.jpg"
    Image.new("RGB", (216, 384), "navy").save(path)
    return path


def test_a_cover_is_set_when_the_video_is_processed(at: Studio, video: Video, cover: Path) -> None:
    found, post = put(at, video), replace(POST, cover=cover)
    assert "not processed yet" in at.publisher().dress(at.token(), found, post)
    at.world.clock.advance(timedelta(minutes=1))
    assert at.publisher().dress(at.token(), found, post) == ""
    assert [entry.details["id"] for entry in at.world.ledger.entries("thumbnail_set")] == [found]


def test_without_a_cover_nothing_is_asked(at: Studio) -> None:
    assert at.publisher().dress("no token", "whatever", POST) == ""
    assert at.spent == {}


def test_a_cover_that_fails_is_told_and_the_video_stays(at: Studio, video: Video, cover: Path) -> None:
    found, post = put(at, video), replace(POST, cover=cover)
    at.world.clock.advance(timedelta(minutes=1))
    at.channel.phone_verified = False
    assert "telephone number" in at.publisher().dress(at.token(), found, post)
    assert "not on YouTube any more" in at.publisher().dress(at.token(), "elsewhere", post)
    at.channel.phone_verified = True
    at.plan(Kind.ANSWER, path="thumbnails", method="POST", times=None, status=502, body=BAD_GATEWAY)
    assert "out of order" in at.publisher().dress(at.token(), found, post)
    at.world.faults.clear()
    cover.unlink()
    assert "cannot be read" in at.publisher().dress(at.token(), found, post)
    cover.write_text("<svg/>")
    assert "JPEG or PNG" in at.publisher().dress(at.token(), found, post)
    assert at.publisher().look(at.token(), NOWHERE, found).phase is Phase.PUBLISHED


def test_a_channel_has_so_many_covers_a_day(at: Studio, video: Video, cover: Path) -> None:
    found, post = put(at, video), replace(POST, cover=cover)
    at.world.clock.advance(timedelta(minutes=1))
    at.youtube.thumbnails_a_day = 2
    told = [at.publisher().dress(at.token(), found, post) for _ in range(3)]
    assert told[:2] == ["", ""]
    assert "no more covers" in told[2]


def test_an_old_token_is_told_before_a_cover_is_given_up(at: Studio, video: Video, cover: Path) -> None:
    found = put(at, video)
    with pytest.raises(TokenExpired):
        at.publisher().dress("ya29.old", found, replace(POST, cover=cover))


# Figures


def test_figures_are_counted_for_those_that_are_still_there(at: Studio, tmp_path: Path) -> None:
    small = clip(tmp_path, 10)
    ids = [put(at, small), put(at, small), *(f"gone-{number}" for number in range(50)), put(at, small)]
    library = at.youtube.library
    library.videos[ids[0]].numbers = Numbers(2_000_000_000_000, 7, None)
    library.videos[ids[52]].numbers = Numbers(5, None, 3)
    at.youtube.delete(ids[1])
    at.spent.clear()
    found = at.publisher().figures(at.token(), ids)
    assert list(found) == ids
    assert found[ids[0]] == Figures(views=2_000_000_000_000, likes=7)
    assert [found[each] for each in ids[1:52]] == [None] * 51
    assert found[ids[52]] == Figures(views=5, comments=3)
    assert at.spent == {Bucket.STATISTICS: 2}


def test_watch_time_comes_where_analytics_is_allowed_and_days_later(at: Studio, video: Video) -> None:
    found = put(at, video)
    at.youtube.library.videos[found].numbers = Numbers(100, 7, 3, shares=4, minutes_watched=50.5, percent_watched=87.5)
    allowed = at.token(scopes=SCOPES | {f"{PREFIX}yt-analytics.readonly"})
    counted = Figures(views=100, likes=7, comments=3)
    assert at.publisher().figures(allowed, [found])[found] == counted
    at.world.clock.advance(timedelta(days=3))
    whole = replace(counted, shares=4, watched_seconds=3030.0, average_share_watched=0.875)
    assert at.publisher().figures(allowed, [found])[found] == whole
    at.plan(Kind.ANSWER, path="/v2/reports", method="GET", times=None, status=403, body=b"{}")
    assert at.publisher().figures(allowed, [found])[found] == counted


def test_who_sees_a_video_is_told_to_its_owner(at: Studio, tmp_path: Path) -> None:
    small = clip(tmp_path, 10)
    shown, private, gone, refused = (put(at, small) for _ in range(4))
    at.youtube.set_privacy(private, "private")
    at.youtube.delete(gone)
    at.youtube.library.videos[refused].outcome = Outcome("rejected", "copyright")
    at.world.clock.advance(timedelta(minutes=1))
    at.spent.clear()
    ids = [shown, private, gone, refused, *(f"gone-{number}" for number in range(50))]
    found = at.publisher().standing(at.token(), ids)
    assert list(found) == ids
    assert [found[each] for each in ids[:4]] == [Standing.SHOWN, Standing.PRIVATE, Standing.GONE, Standing.HIDDEN]
    assert {found[each] for each in ids[4:]} == {Standing.GONE}
    assert at.spent == {Bucket.UNITS: 2}
    figures = at.publisher().figures(at.token(), [private, refused])
    assert figures == dict.fromkeys([private, refused], Figures(views=0, likes=0, comments=0))


@pytest.mark.parametrize("body", [b"{}", b'{"items": null}', b'{"items": {}}'])
def test_nothing_is_called_gone_because_an_answer_is_odd(at: Studio, tmp_path: Path, body: bytes) -> None:
    found = put(at, clip(tmp_path, 10))
    at.plan(Kind.ANSWER, path="/youtube/v3/videos", method="GET", status=200, body=body)
    assert at.publisher().standing(at.token(), [found]) == {}


# What keeps it from being published


def test_a_long_video_needs_a_verified_channel(at: Studio, video: Video) -> None:
    publisher, token = at.publisher(), at.token()
    long = replace(video, seconds=901.0)
    assert publisher.fresh_problems(token, POST, video) == []
    assert at.spent == {}
    assert publisher.fresh_problems(token, POST, long) == []
    at.channel.phone_verified = False
    (problem,) = publisher.fresh_problems(token, POST, long)
    assert problem.code == "video_length_unverified"
    assert publisher.problems(POST, long) == []


def test_the_uploads_of_a_day_are_gone_until_midnight_in_california(at: Studio, video: Video) -> None:
    at.youtube.quotas.limits[Quota.UPLOADS] = 1
    put(at, video)
    with pytest.raises(TryLater) as told:
        at.publisher().begin(at.token(), POST, video, mark="next.mp4")
    assert (told.value.concerns, told.value.bucket) == (Concerns.APP, Bucket.UPLOADS)
    assert told.value.at == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    at.world.clock.move_to(told.value.at)
    put(at, video, mark="next.mp4")
    assert len(at.published()) == 2


def test_without_units_there_is_still_an_upload_and_nothing_is_looked_at(at: Studio, video: Video) -> None:
    at.youtube.quotas.limits[Quota.UNITS] = 0
    found = put(at, video)
    with pytest.raises(TryLater) as told:
        at.publisher().look(at.token(), NOWHERE, found)
    assert (told.value.concerns, told.value.bucket) == (Concerns.APP, Bucket.UNITS)
    assert at.publisher().figures(at.token(), [found]) == {found: Figures(views=0, likes=0, comments=0)}


def test_a_budget_of_our_own_keeps_a_request_from_being_sent(at: Studio, video: Video) -> None:
    def refuse(bucket: str, amount: int) -> None:
        raise TryLater("Enough for today.", at=None, concerns=Concerns.APP, bucket=bucket)

    publisher = YouTubePublisher(at.client, YouTubeAddresses.below(at.address), spend=refuse)
    with pytest.raises(TryLater, match="Enough"):
        publisher.begin(at.token(), POST, video, mark=MARK)
    assert at.world.ledger.entries() == []


def test_a_channel_s_own_cap_stops_that_channel_for_a_day(at: Studio, video: Video) -> None:
    at.channel.daily_uploads = 1
    put(at, video)
    with pytest.raises(TryLater) as told:
        at.publisher().begin(at.token(), POST, video, mark="next.mp4")
    assert (told.value.concerns, told.value.at) == (Concerns.ACCOUNT, at.world.clock.now() + timedelta(days=1))
    put(at, video, token=at.token(account=at.account(at.world.people[0].channels[1])))


def test_who_may_not_publish_is_told_what_to_do(at: Studio, video: Video) -> None:
    publisher, person = at.publisher(), at.world.people[0]
    with pytest.raises(TokenExpired):
        publisher.begin("ya29.unknown", POST, video, mark=MARK)
    with pytest.raises(Reconnect, match="allow all"):
        publisher.begin(at.token(scopes=frozenset({f"{PREFIX}youtube.readonly"})), POST, video, mark=MARK)
    with pytest.raises(Reconnect, match="no YouTube channel"):
        publisher.begin(at.token(account=GoogleAccount(person, None)), POST, video, mark=MARK)
    person.suspended = True
    with pytest.raises(Reconnect, match="suspended"):
        publisher.begin(at.token(), POST, video, mark=MARK)
    person.suspended, person.closed = False, True
    with pytest.raises(Reconnect, match="closed"):
        publisher.begin(at.token(), POST, video, mark=MARK)
    assert at.world.ledger.count("upload_begun") == 0


def test_without_a_channel_nothing_can_be_found(at: Studio) -> None:
    token = at.token(account=GoogleAccount(at.world.people[0], None))
    with pytest.raises(Reconnect, match="no YouTube channel"):
        at.publisher().find(token, mark=MARK, post=POST, since=at.world.clock.now())


# Answers that are none


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"', b"\xff", b"nul"])
def test_an_answer_that_cannot_be_read_is_asked_for_again_later(at: Studio, body: bytes) -> None:
    at.plan(Kind.ANSWER, path="/youtube/v3/videos", method="GET", times=None, status=200, body=body)
    with pytest.raises(TryLater):
        at.publisher().look(at.token(), NOWHERE, "abc")


@pytest.mark.parametrize("item", [{}, {"id": 7}, {"id": "../x"}, {"id": "a b", "status": {}}, {"id": None}])
def test_a_video_without_a_number_is_none(at: Studio, item: dict[str, object]) -> None:
    body = json.dumps({"items": [item]}).encode()
    at.plan(Kind.ANSWER, path="/youtube/v3/videos", method="GET", status=200, body=body)
    with pytest.raises(TryLater):
        at.publisher().look(at.token(), NOWHERE, "abc")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/upload/youtube/v3/videos?upload_id=1",
        "http://www.googleapis.com/upload/youtube/v3/videos?upload_id=1",
        "https://evil.example/upload/youtube/v3/videos?upload_id=1",
        "https://www.googleapis.com.evil.example/upload/youtube/v3/videos?upload_id=1",
        "https://user@www.googleapis.com/upload/youtube/v3/videos?upload_id=1",
        "http://127.0.0.1:1/upload/youtube/v3/videos?upload_id=1",
    ],
)
def test_bytes_and_token_are_not_sent_elsewhere(at: Studio, video: Video, location: str) -> None:
    at.plan(Kind.ANSWER, method="POST", status=200, headers={"location": location} if location else {})
    with pytest.raises(TryLater, match="where the video"):
        at.publisher().begin(at.token(), POST, video, mark=MARK)


def test_a_start_whose_answer_is_lost_has_put_nothing_there(at: Studio, video: Video) -> None:
    at.plan(Kind.DROP_ANSWER, method="POST")
    with pytest.raises(TryLater):
        at.publisher().begin(at.token(), POST, video, mark=MARK)
    assert at.world.ledger.count("upload_begun") == 1
    put(at, video)
    assert at.published() == [(MARK, digest(video))]
