"""Publishing on a TikTok on this machine that keeps the real one's rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.integrations.tiktok_bodies import BAD_GATEWAY, told
from tests.integrations.tiktok_stage import (
    ALL,
    CHOSEN,
    DRAFT,
    NOON,
    POST,
    SMALL_CHUNKS,
    Stage,
    publisher_for,
    tiktok_stage,
)

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.ledger import sha256
from cliply.dev_providers.tiktok_posting import Caps
from cliply.dev_providers.world import App
from cliply.infra.breakers import Rule
from cliply.integrations.publisher import (
    Concerns,
    Misconfigured,
    Phase,
    Post,
    PublishFailure,
    Reconnect,
    Rejected,
    Standing,
    TokenExpired,
    TryLater,
    Unknown,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
PRIVATE = replace(POST, privacy="SELF_ONLY")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with tiktok_stage(tmp_path, caps=Caps(posts_a_day=1000)) as made:
        yield made


def test_a_post_goes_from_its_first_byte_to_everybody(stage: Stage) -> None:
    token, video = stage.token(), stage.video(7500)
    post = replace(POST, synthetic=True, cover_at=timedelta(seconds=3), options={**CHOSEN, "allow_comments": True})
    handle = stage.begun(token, video, post)
    assert (handle.size, handle.part_size, handle.expires_at, handle.public) == (7500, 1000, NOON + HOUR, True)
    assert stage.seen(token, handle).phase is Phase.UPLOADING

    sighting = stage.publisher.send(token, handle, video, stage.sent.append)
    assert (sighting.phase, sighting.received) == (Phase.PROCESSING, 7500)
    assert stage.seen(token, handle).phase is Phase.PROCESSING

    reviewed = stage.seen(token, handle, timedelta(seconds=40))
    assert (reviewed.phase, reviewed.external_id) == (Phase.PENDING, None)
    assert "reviews it before everybody can see it" in reviewed.note

    found = stage.seen(token, handle, MINUTE)
    assert (found.phase, found.external_id) == (Phase.PUBLISHED, "7100000000000000001")
    assert found.url == "https://www.tiktok.com/@ada.l/video/7100000000000000001"

    (entry,) = stage.posts()
    assert entry.details == {
        "publish_id": handle.reference,
        "post_id": "7100000000000000001",
        "caption": "Why bees dance\n\nThey tell where the flowers are.\n\n#bees",
        "privacy": "PUBLIC_TO_EVERYONE",
        "size": 7500,
        "sha256": sha256(video.path.read_bytes()),
        "synthetic": True,
        "branded": False,
        "own_brand": False,
        "allows": ["comment"],
        "cover_at": 3000,
    }


def test_a_sender_hears_what_tiktok_has_and_nothing_it_has_not(stage: Stage) -> None:
    token, video = stage.token(), stage.video(7500)
    stage.publisher.send(token, stage.begun(token, video), video, stage.sent.append)
    assert sorted(stage.sent) == stage.sent
    assert set(stage.sent) == {0, 1000, 2000, 3000, 4000, 5000, 6000, 7500}


def test_a_post_for_fewer_than_everybody_is_never_told_a_number(stage: Stage) -> None:
    token = stage.token()
    handle = stage.published(token, PRIVATE)
    sighting = stage.seen(token, handle, timedelta(days=1))
    assert (sighting.phase, sighting.external_id) == (Phase.PUBLISHED, None)
    assert "tells no address of posts that not everybody can see" in sighting.note


def test_a_number_that_is_known_stays_known(stage: Stage) -> None:
    token = stage.token()
    handle = stage.published(token, PRIVATE)
    assert stage.publisher.look(token, handle, "71").external_id == "71"


def test_a_draft_waits_in_the_inbox_until_its_owner_posts_it(stage: Stage) -> None:
    token, video = stage.token(scopes={"video.upload"}), stage.video()
    handle = stage.begun(token, video, DRAFT)
    stage.publisher.send(token, handle, video, stage.sent.append)
    waiting = stage.seen(token, handle, MINUTE)
    assert waiting.phase is Phase.PENDING
    assert "its owner finishes and posts it in the app" in waiting.note
    assert stage.posts() == []

    stage.posting.finish_draft(handle.reference, privacy="PUBLIC_TO_EVERYONE", caption="Mine")
    done = stage.seen(token, handle, MINUTE)
    assert (done.phase, done.external_id) == (Phase.PUBLISHED, "7100000000000000001")
    assert done.url is None, "without leave to ask about the creator, nobody knows their name"


def test_rules_that_only_tiktok_can_tell_are_asked_for_before_each_post(stage: Stage) -> None:
    token, video = stage.token(), stage.video()
    stage.person.private, stage.person.comments_off, stage.person.longest = True, True, 30
    post = replace(POST, options={**CHOSEN, "allow_comments": True, "allow_duet": True})
    codes = [problem.code for problem in stage.publisher.fresh_problems(token, post, video)]
    assert codes == ["comments_off", "duet_off", "privacy_not_offered", "too_long_for_creator"]
    assert stage.publisher.creator(token).privacy == ("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")
    assert stage.publisher.creator(token).nickname == "Ada"


def test_a_post_that_was_not_asked_for_within_the_hour_is_refused(stage: Stage) -> None:
    token, video = stage.token(), stage.video()
    stage.publisher.creator(token)
    stage.clock.advance(HOUR)
    with pytest.raises(Rejected, match="fault of Cliply"):
        stage.publisher.begin(token, POST, video, mark="")
    assert stage.ledger.count("upload_begun") == 0


def test_options_that_cannot_be_read_are_a_problem_and_no_question(stage: Stage) -> None:
    odd = replace(POST, options={"allow_coments": True})
    assert list(stage.publisher.fresh_problems("nobody's", odd, stage.video())) == []
    assert [problem.code for problem in stage.publisher.problems(odd, stage.video())] == ["options_invalid"]


def test_a_draft_needs_no_leave_to_post(stage: Stage) -> None:
    token = stage.token(scopes={"video.upload"})
    assert list(stage.publisher.fresh_problems(token, DRAFT, stage.video())) == []


# What TikTok says of an account or an app


def test_a_token_that_is_over_asks_for_a_fresh_one(stage: Stage) -> None:
    token = stage.token(days=1)
    handle = stage.begun(token, stage.video())
    stage.clock.advance(timedelta(days=1))
    for asked in (
        lambda: stage.publisher.creator(token),
        lambda: stage.publisher.look(token, handle, None),
        lambda: stage.publisher.send(token, handle, stage.video(), stage.sent.append),
    ):
        with pytest.raises(TokenExpired):
            asked()


def test_a_permission_that_was_not_given_asks_to_connect_again(stage: Stage) -> None:
    token = stage.token(scopes={"user.info.basic"})
    with pytest.raises(Reconnect, match="every permission ticked"):
        stage.publisher.fresh_problems(token, POST, stage.video())
    with pytest.raises(Reconnect, match="every permission ticked"):
        stage.publisher.begin(token, DRAFT, stage.video(), mark="")


def test_a_creator_who_may_not_post_hears_so_before_anything_is_sent(stage: Stage) -> None:
    stage.person.banned = True
    with pytest.raises(Rejected, match="does not let this account post"):
        stage.publisher.fresh_problems(stage.token(), POST, stage.video())


def test_the_day_s_posts_of_an_account_are_a_wait_of_a_day(tmp_path: Path) -> None:
    with tiktok_stage(tmp_path, caps=Caps(posts_a_day=2)) as stage:
        token = stage.token()
        for seed in range(2):
            stage.published(token, seed=seed)
        with pytest.raises(TryLater) as raised:
            stage.publisher.fresh_problems(token, POST, stage.video())
        assert (raised.value.at, raised.value.concerns) == (stage.clock.now() + timedelta(days=1), Concerns.ACCOUNT)
        stage.clock.advance(timedelta(days=1))
        assert list(stage.publisher.fresh_problems(token, POST, stage.video())) == []


def test_an_inbox_that_is_full_is_explained(stage: Stage) -> None:
    token = stage.token()
    for _ in range(5):
        stage.publisher.begin(token, DRAFT, stage.video(), mark="")
    with pytest.raises(TryLater, match="at most 5 uploads of 24 hours") as raised:
        stage.publisher.begin(token, DRAFT, stage.video(), mark="")
    assert raised.value.concerns is Concerns.ACCOUNT


def test_an_app_that_nobody_audited_posts_to_private_accounts_only(stage: Stage) -> None:
    stage.app.audited = False
    token, video = stage.token(), stage.video()
    stage.publisher.creator(token)
    with pytest.raises(Rejected, match="Make the account private"):
        stage.publisher.begin(token, PRIVATE, video, mark="")
    stage.person.private = True
    with pytest.raises(Rejected, match="Choose again") as raised:
        stage.publisher.begin(token, replace(POST, privacy="MUTUAL_FOLLOW_FRIENDS"), video, mark="")
    assert raised.value.field == "privacy"
    assert stage.publisher.begin(token, PRIVATE, video, mark="").reference


def test_the_users_of_a_day_stop_everybody_without_a_place(stage: Stage) -> None:
    stage.app.audited = False
    people = [stage.newcomer(private=True) for _ in range(6)]
    tokens = [stage.token(person) for person in people]
    for token in tokens[:5]:
        stage.begun(token, stage.video(), PRIVATE)
    with pytest.raises(TryLater) as raised:
        stage.begun(tokens[5], stage.video(), PRIVATE)
    assert raised.value.concerns is Concerns.APP
    stage.begun(tokens[0], stage.video(), PRIVATE)


def test_too_many_requests_are_a_wait_of_a_minute(stage: Stage) -> None:
    token = stage.token()
    handle = stage.begun(token, stage.video())
    for _ in range(30):
        stage.seen(token, handle)
    with pytest.raises(TryLater) as raised:
        stage.seen(token, handle)
    assert (raised.value.at, raised.value.concerns) == (NOON + MINUTE, Concerns.REQUEST)
    assert stage.seen(token, handle, MINUTE).phase is Phase.UPLOADING


def test_the_upload_of_somebody_else_is_not_to_be_seen(stage: Stage) -> None:
    handle = stage.begun(stage.token(), stage.video())
    with pytest.raises(Rejected, match="another TikTok account or app"):
        stage.seen(stage.token(stage.newcomer()), handle)
    other = App("other-key", "", "Other", ())
    with pytest.raises(Rejected, match="another TikTok account or app"):
        stage.seen(stage.token(app=other), handle)
    with pytest.raises(Rejected, match="does not know this upload"):
        stage.seen(stage.token(), replace(handle, reference="v_pub_file~v2-1.0"))


# Posts that fail


@pytest.mark.parametrize(
    ("reason", "kind", "anew"),
    [
        ("internal", TryLater, True),
        ("spam_risk_too_many_posts", TryLater, True),
        ("spam_risk_text", Rejected, None),
        ("frame_rate_check_failed", Rejected, None),
        ("auth_removed", Reconnect, None),
    ],
)
def test_a_post_that_failed_says_so_when_it_is_looked_at(
    stage: Stage, reason: str, kind: type[PublishFailure], anew: bool | None
) -> None:
    token, video = stage.token(), stage.video()
    stage.posting.fail_next(reason)
    handle = stage.begun(token, video)
    stage.publisher.send(token, handle, video, stage.sent.append)
    with pytest.raises(kind) as raised:
        stage.seen(token, handle, MINUTE)
    assert raised.value.code == reason
    assert getattr(raised.value, "anew", None) is anew
    with pytest.raises(kind):
        stage.publisher.send(token, handle, video, stage.sent.append)
    assert stage.posts() == []


def test_a_file_that_is_no_video_is_refused_when_it_is_looked_at(stage: Stage) -> None:
    token, video = stage.token(), stage.video()
    video.path.write_bytes(b"x" * video.size)
    handle = stage.begun(token, video)
    stage.publisher.send(token, handle, video, stage.sent.append)
    with pytest.raises(Rejected, match=r"cannot read the file\. Render the clip again") as raised:
        stage.seen(token, handle, MINUTE)
    assert raised.value.field == "video"


# Addresses of uploads


def test_an_upload_that_was_not_finished_in_its_hour_is_gone(stage: Stage) -> None:
    token, video = stage.token(), stage.video(7500)
    handle = stage.begun(token, video)
    assert stage.seen(token, handle, HOUR).phase is Phase.UPLOADING, "a last chunk may be on its way"
    gone = stage.publisher.send(token, handle, video, stage.sent.append)
    assert (gone.phase, gone.received, gone.surely_absent) == (Phase.GONE, 0, True)
    assert "for an hour only" in gone.note
    gone = stage.seen(token, handle, timedelta(minutes=10))
    assert (gone.phase, gone.surely_absent) == (Phase.GONE, True)


def test_an_upload_that_was_finished_is_never_gone(stage: Stage) -> None:
    token, video = stage.token(), stage.video(7500)
    stage.posting.pace = replace(stage.posting.pace, processing=timedelta(days=1))
    handle = stage.begun(token, video)
    stage.publisher.send(token, handle, video, stage.sent.append)
    assert stage.seen(token, handle, 2 * HOUR).phase is Phase.PROCESSING
    assert stage.publisher.send(token, handle, video, stage.sent.append).phase is Phase.PROCESSING
    stage.posting.leaves_count_out = True
    assert stage.seen(token, handle).phase is Phase.PROCESSING


def test_where_tiktok_does_not_say_what_it_has_an_upload_is_not_called_gone(stage: Stage) -> None:
    token, video = stage.token(), stage.video(7500)
    handle = stage.begun(token, video)
    stage.posting.leaves_count_out = True
    stage.clock.advance(HOUR)
    with pytest.raises(Unknown):
        stage.publisher.send(token, handle, video, stage.sent.append)
    assert stage.seen(token, handle, HOUR).phase is Phase.PROCESSING


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/video/?upload_token=x",
        "https://open-upload.tiktokapis.com.example.com/video/",
        "http://open-upload.tiktokapis.com/video/",
        "http://169.254.169.254/latest/meta-data/",
        "https://user:word@open-upload.tiktokapis.com/video/",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_no_byte_goes_to_an_address_that_is_not_tiktok_s(stage: Stage, address: str) -> None:
    token, video = stage.token(), stage.video()
    body = told("ok", "", {"publish_id": "v_pub_file~v2-1.1", "upload_url": address})
    stage.faults.plan(Fault(Kind.ANSWER, "/init/", status=200, body=body))
    handle = stage.begun(token, video)
    status = told("ok", "", {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0})
    stage.faults.plan(Fault(Kind.ANSWER, "/status/", status=200, body=status))
    with pytest.raises(Misconfigured) as raised:
        stage.publisher.send(token, handle, video, stage.sent.append)
    assert address not in str(raised.value)


def test_the_token_of_the_account_is_not_sent_with_the_bytes(stage: Stage) -> None:
    token, video = stage.token(), stage.video()
    seen: list[bool] = []

    def without_token(headers: Mapping[str, str]) -> bool:
        seen.append("authorization" in headers)
        return False

    stage.faults.plan(Fault(Kind.ANSWER, "^/video/", "PUT", without_token))
    stage.publisher.send(token, stage.begun(token, video), video, stage.sent.append)
    assert seen == [False]


@pytest.mark.parametrize(
    "data", [{}, {"publish_id": "v"}, {"upload_url": "https://x"}, {"publish_id": 7, "upload_url": 7}]
)
def test_a_beginning_without_an_address_is_unknown(stage: Stage, data: dict[str, object]) -> None:
    token = stage.token()
    stage.faults.plan(Fault(Kind.ANSWER, "/init/", status=200, body=told("ok", "", data)))
    with pytest.raises(Unknown):
        stage.begun(token, stage.video())


def test_neither_token_nor_address_is_shown(stage: Stage) -> None:
    token = stage.token()
    handle = stage.begun(token, stage.video())
    secret = handle.address.rpartition("upload_token=")[2]
    assert len(secret) > 20
    assert secret not in repr(handle)
    stage.faults.plan(Fault(Kind.ANSWER, "", times=None, status=500, body=f"{token} {secret}".encode()))
    with pytest.raises(PublishFailure) as raised:
        stage.seen(token, handle)
    failure = raised.value
    assert not {token, secret} & set(f"{failure!r} {failure.__context__!r} {failure.__cause__!r}".split())


# Finding and counting


def test_a_post_is_found_by_its_caption(stage: Stage) -> None:
    token = stage.token()
    began = stage.clock.now()
    long = replace(POST, description="They tell " + "where the flowers are. " * 20)
    assert stage.publisher.find(token, mark="", post=POST, since=began) is None
    stage.published(token)
    stage.published(token, long)
    for post, number in ((POST, "7100000000000000001"), (long, "7100000000000000002")):
        found = stage.publisher.find(token, mark="", post=post, since=began)
        assert found is not None
        assert (found.phase, found.external_id) == (Phase.PUBLISHED, number)
        assert found.url == f"https://www.tiktok.com/@ada.l/video/{number}"
    other = replace(long, description=long.description.replace("They", "Some"))
    assert stage.publisher.find(token, mark="", post=other, since=began) is None
    assert stage.publisher.find(token, mark="", post=POST, since=stage.clock.now()) is None


def test_a_post_is_found_behind_many_others(stage: Stage) -> None:
    token = stage.token()
    began = stage.clock.now()
    stage.published(token)
    for seed in range(45):
        stage.published(token, replace(POST, title=f"Number {seed}"), seed=seed)
    found = stage.publisher.find(token, mark="", post=POST, since=began)
    assert found is not None
    assert found.external_id == "7100000000000000001"


@pytest.mark.parametrize(
    ("post", "scopes"),
    [
        (PRIVATE, ALL),
        (DRAFT, ALL),
        (Post("", "", (), "PUBLIC_TO_EVERYONE", options=CHOSEN), ALL),
        (POST, ALL - {"video.list"}),
    ],
)
def test_what_tiktok_cannot_tell_stays_unknown(stage: Stage, post: Post, scopes: frozenset[str]) -> None:
    with pytest.raises(Unknown, match="Look at the account"):
        stage.publisher.find(stage.token(scopes=scopes), mark="", post=post, since=NOON)


def test_two_posts_with_one_caption_are_not_guessed_between(stage: Stage) -> None:
    token = stage.token()
    stage.published(token)
    stage.published(token)
    with pytest.raises(Unknown, match="Several posts"):
        stage.publisher.find(token, mark="", post=POST, since=NOON)


def test_figures_of_many_posts_are_asked_for_twenty_at_a_time(stage: Stage) -> None:
    token = stage.token()
    handles = [stage.published(token, replace(POST, title=str(seed)), seed=seed) for seed in range(23)]
    uploads = {upload.publish_id: upload for upload in stage.posting.uploads()}
    for number, handle in enumerate(handles):
        upload = uploads[handle.reference]
        upload.views, upload.likes, upload.comments, upload.shares = 1000 + number, 100, 10, number
    stage.posting.delete(handles[0].reference)
    ids = [str(uploads[handle.reference].post_id) for handle in handles]
    figures = stage.publisher.figures(token, [*ids, "71", ids[1]])
    assert set(figures) == {*ids, "71"}
    assert figures[ids[0]] is None, "it was deleted"
    assert figures["71"] is None
    last = figures[ids[22]]
    assert last is not None
    assert (last.views, last.likes, last.comments, last.shares) == (1022, 100, 10, 22)
    assert (last.watched_seconds, last.average_share_watched) == (None, None)
    assert stage.publisher.figures(token, []) == {}


def test_what_is_private_and_what_is_deleted_look_the_same(stage: Stage) -> None:
    token = stage.token()
    handles = [stage.published(token, replace(POST, title=str(seed)), seed=seed) for seed in range(22)]
    ids = [str(upload.post_id) for upload in stage.posting.uploads()]
    stage.posting.delete(handles[0].reference)
    stage.posting.set_privacy(handles[21].reference, "SELF_ONLY")
    found = stage.publisher.standing(token, ids)
    assert list(found) == ids
    assert [number for number, each in enumerate(ids) if found[each] is Standing.HIDDEN] == [0, 21]
    assert set(found.values()) == {Standing.HIDDEN, Standing.SHOWN}
    stage.posting.set_privacy(handles[21].reference, "PUBLIC_TO_EVERYONE")
    assert stage.publisher.standing(token, ids[21:]) == {ids[21]: Standing.SHOWN}
    odd: dict[str, object] = {"videos": None}
    stage.faults.plan(Fault(Kind.ANSWER, "/video/query/", status=200, body=told("ok", "", odd)))
    assert stage.publisher.standing(token, ids[:1]) == {}


def test_nothing_of_a_post_is_set_afterwards(stage: Stage) -> None:
    assert stage.publisher.dress(stage.token(), "71", POST) == ""


def test_an_answer_that_is_odd_is_read_with_care(stage: Stage) -> None:
    token = stage.token()
    handle = stage.published(token)
    for number, shown in ((7.1e18, None), (True, None), ("7300000000000000001", "7300000000000000001"), ({}, None)):
        data: dict[str, object] = {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [number]}
        stage.faults.plan(Fault(Kind.ANSWER, "/status/", status=200, body=told("ok", "", data)))
        assert stage.seen(token, handle).external_id == shown
    stage.faults.plan(Fault(Kind.ANSWER, "/status/", status=200, body=told("ok", "", {"status": "SOMETHING_NEW"})))
    assert stage.seen(token, handle).phase is Phase.PROCESSING
    stage.faults.plan(Fault(Kind.ANSWER, "/creator_info/", status=200, body=told("ok", "", {"creator_nickname": 7})))
    with pytest.raises(TryLater, match="cannot be read"):
        stage.publisher.creator(token)
    odd = [{"id": "x"}, {"id": "71", "create_time": 1e300}, {"id": "72", "create_time": 10**17}, 7]
    stage.faults.plan(Fault(Kind.ANSWER, "/video/list/", status=200, body=told("ok", "", {"videos": odd})))
    assert stage.publisher.find(token, mark="", post=POST, since=NOON) is None


def test_an_address_without_a_name_is_left_out(stage: Stage) -> None:
    token = stage.token()
    handle = stage.published(token)
    stage.person.username = "../../elsewhere?"
    sighting = stage.seen(token, handle)
    assert (sighting.phase, sighting.url) == (Phase.PUBLISHED, None)


# A TikTok that is out of order


def test_a_look_is_repeated_and_a_beginning_is_not(stage: Stage) -> None:
    token, video = stage.token(), stage.video()
    handle = stage.begun(token, video)
    stage.faults.plan(Fault(Kind.ANSWER, "/status/", times=2, status=503, body=BAD_GATEWAY))
    assert stage.seen(token, handle).phase is Phase.UPLOADING
    stage.faults.plan(Fault(Kind.ANSWER, "/init/", times=1, status=503, body=BAD_GATEWAY))
    with pytest.raises(Unknown):
        stage.begun(token, video)
    assert stage.ledger.count("upload_begun") == 1


def test_a_tiktok_that_answers_nobody_is_left_alone(stage: Stage) -> None:
    impatient = publisher_for(stage.url, stage.clock, SMALL_CHUNKS, Rule(failures=3))
    token = stage.token()
    stage.faults.plan(Fault(Kind.DROP_UNREAD, times=None))
    with pytest.raises(TryLater) as silent:
        impatient.creator(token)
    with pytest.raises(TryLater) as alone:
        impatient.creator(token)
    assert silent.value.code in ("no_answer", "left_alone")
    assert alone.value.code == "left_alone"
    assert isinstance(alone.value.at, datetime)
