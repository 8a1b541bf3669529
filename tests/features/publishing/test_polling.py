"""Figures are taken at fixed ages, once each, and say how old the post really was."""

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from tests.features.publishing.demo import in_demo_mode
from tests.features.publishing.hours import pass_by
from tests.features.publishing.mortal import Frozen, Killed, attempted, bury, kills_at, taken
from tests.features.publishing.polls import (
    HOUR,
    ages_of,
    followed,
    performance_of,
    poll,
    poll_at,
    posted,
    published,
    seen_by,
    snapshots,
    statistics_spent,
    wait_and_poll,
    watch,
)
from tests.features.publishing.stage import AGREED, BOUND, HERE, Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.youtube_quotas import Quota
from cliply.features.publishing import channels, connecting, polling
from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.models import Channel, ChannelState, Publication
from cliply.infra.queue.rows import Token
from cliply.infra.queue.worker import Stopped
from cliply.integrations.publisher import Network
from cliply.integrations.youtube_quota import Bucket, next_reset

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
STATISTICS, QUERY = "batchGetStats", "/v2/video/query/"


def units_spent(stage: Stage) -> int:
    return stage.youtube.quotas.spent("client", Quota.UNITS)


def views(stage: Stage, publication: Publication) -> list[int | None]:
    return [each.views for each in snapshots(stage, publication.id)]


@pytest.mark.parametrize("network", list(Network))
def test_figures_are_taken_at_each_age_once(stage: Stage, network: Network) -> None:
    stage.connect(network)
    publication = published(stage, network)
    poll(stage)
    assert ages_of(stage, publication.id) == []
    for number, age in enumerate((1, 3, 6, 24, 72, 168, 672), start=1):
        seen_by(stage, publication, 100 * number)
        poll_at(stage, publication, age * HOUR)
        seen_by(stage, publication, 9999)
        poll(stage)
        assert views(stage, publication) == [100 * each for each in range(1, number + 1)]
    assert ages_of(stage, publication.id) == [1, 3, 6, 24, 72, 168, 672]
    performance = followed(stage, publication)
    assert (performance.next_at, performance.standing, performance.gone_at) == (None, "shown", None)


def test_a_poll_that_comes_late_says_how_late_and_makes_nothing_up_for_those_it_missed(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    seen_by(stage, publication, 50)
    poll_at(stage, publication, 5 * HOUR)
    (only,) = snapshots(stage, publication.id)
    performance = followed(stage, publication)
    assert (only.age_hours, only.views) == (3, 50)
    assert timedelta() <= only.taken_at - performance.counts_from - 5 * HOUR < timedelta(minutes=1)
    assert performance.next_at == performance.counts_from + 6 * HOUR


def test_what_is_found_long_after_its_last_age_is_left_alone(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    poll(stage)
    poll_at(stage, publication, timedelta(days=36))
    assert (ages_of(stage, publication.id), followed(stage, publication).next_at) == ([], None)
    assert statistics_spent(stage) == 0


def test_ages_count_from_when_the_network_makes_it_public(stage: Stage) -> None:
    stage.connect(YOUTUBE)
    at = datetime.now(UTC) + timedelta(days=2)
    publication = published(stage, wanted=Wanted(privacy="private", publish_at=at))
    poll(stage)
    assert followed(stage, publication).counts_from == at
    poll_at(stage, publication, -HOUR)
    assert ages_of(stage, publication.id) == []
    poll_at(stage, publication, HOUR)
    assert ages_of(stage, publication.id) == [1]


def test_many_posts_of_a_channel_are_asked_about_at_once(stage: Stage) -> None:
    account = stage.connect(YOUTUBE)
    made = [posted(stage, account) for _ in range(53)]
    other = posted(stage, stage.connect(YOUTUBE, account="UCbbbb"), on=1)
    poll(stage)
    poll_at(stage, made[0], HOUR + timedelta(minutes=5))
    assert (statistics_spent(stage), units_spent(stage)) == (3, 3 + 2)
    assert {tuple(ages_of(stage, each.id)) for each in (*made, other)} == {(1,)}


# Quotas


def test_a_quota_that_is_used_up_is_waited_for_by_all_and_costs_one_request(stage: Stage) -> None:
    first = posted(stage, stage.connect(YOUTUBE))
    second = posted(stage, stage.connect(YOUTUBE, account="UCbbbb"), on=1)
    stage.youtube.quotas.limits[Quota.STATISTICS] = 0
    poll(stage)
    began = datetime.now(UTC)
    poll_at(stage, first, HOUR + timedelta(minutes=1))
    waits = [followed(stage, each) for each in (first, second)]
    poll(stage)
    # Two, where one has just passed.
    midnights = {next_reset(began), next_reset(datetime.now(UTC))}
    assert {each.next_at for each in waits} <= midnights
    assert "California" in (waits[0].problem or "")
    assert stage.ledger.count("youtube_refused") <= len(midnights), "once a day"
    stage.youtube.quotas.limits[Quota.STATISTICS] = 10
    for each in (first, second):
        wait_and_poll(stage, each)
    taken_at = [snapshots(stage, each.id)[0] for each in (first, second)]
    assert all(each.taken_at >= followed(stage, first).counts_from + HOUR for each in taken_at)
    assert [followed(stage, each).problem for each in (first, second)] == [None, None]


def test_what_uploads_may_need_is_left_to_them(stage: Stage) -> None:
    """Figures have a quota of their own; who sees a post is asked from the one that covers and looks need."""
    publication = posted(stage, stage.connect(YOUTUBE))
    seen_by(stage, publication, 7)
    budget = stage.runtime.providers.budget
    assert budget is not None
    budget.spend(Bucket.UNITS, budget.most[Bucket.UNITS] // 2)
    with stage.office.database.system() as session:
        # Midnight in California may pass, the more so as an hour goes by below.
        session.execute(text("update quotas set resets_at = now() + interval '1 day'"))
    before = units_spent(stage)
    poll(stage)
    poll_at(stage, publication, HOUR)
    assert units_spent(stage) == before
    assert (views(stage, publication), followed(stage, publication).standing) == ([7], None)


# Deleted, private, and without a number


def test_what_was_deleted_is_noted_and_asked_about_no_more(stage: Stage) -> None:
    account = stage.connect(YOUTUBE)
    publication, stays = posted(stage, account), posted(stage, account)
    poll(stage)
    poll_at(stage, publication, HOUR + timedelta(minutes=1))
    stage.youtube.delete(publication.external_id or "")
    poll_at(stage, publication, 3 * HOUR)
    assert followed(stage, publication).gone_at is None, "one answer is not enough"
    wait_and_poll(stage, publication)
    gone = followed(stage, publication)
    assert (gone.standing, gone.next_at) == ("gone", None)
    assert gone.gone_at is not None
    spent = statistics_spent(stage)
    poll_at(stage, publication, 6 * HOUR + timedelta(minutes=1))
    assert (ages_of(stage, publication.id), ages_of(stage, stays.id)) == ([1], [1, 3, 6])
    assert statistics_spent(stage) == spent + 1


def test_what_is_private_is_not_gone(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    external_id = publication.external_id or ""
    poll(stage)
    stage.youtube.set_privacy(external_id, "private")
    poll_at(stage, publication, HOUR)
    assert (ages_of(stage, publication.id), followed(stage, publication).standing) == ([1], "private")
    stage.youtube.set_privacy(external_id, "public")
    poll_at(stage, publication, 3 * HOUR)
    assert (ages_of(stage, publication.id), followed(stage, publication).standing) == ([1, 3], "shown")


def test_what_tiktok_does_not_show_may_be_shown_again(stage: Stage) -> None:
    stage.connect(TIKTOK)
    publication = published(stage, TIKTOK)
    (upload,) = stage.posting.uploads()
    poll(stage)
    stage.posting.set_privacy(upload.publish_id, "SELF_ONLY")
    poll_at(stage, publication, HOUR)
    hidden = followed(stage, publication)
    assert (hidden.standing, hidden.gone_at, ages_of(stage, publication.id)) == ("hidden", None, [])
    stage.posting.set_privacy(upload.publish_id, "PUBLIC_TO_EVERYONE")
    poll_at(stage, publication, 3 * HOUR)
    assert (followed(stage, publication).standing, ages_of(stage, publication.id)) == ("shown", [3])
    stage.posting.delete(upload.publish_id)
    for age in (6, 24, 72, 168, 672):
        poll_at(stage, publication, age * HOUR)
    ended = followed(stage, publication)
    assert (ended.standing, ended.next_at, ages_of(stage, publication.id)) == ("hidden", None, [3])


def test_a_number_that_tiktok_tells_late_is_looked_for_with_ever_longer_waits(stage: Stage) -> None:
    stage.connect(TIKTOK)
    publication = published(stage, TIKTOK, wanted=Wanted(privacy="SELF_ONLY", options=AGREED))
    assert publication.external_id is None
    poll(stage)
    looks = 0
    while followed(stage, publication).next_at is not None and looks < 12:
        wait_and_poll(stage, publication)
        looks += 1
    age = datetime.now(UTC) - followed(stage, publication).counts_from
    assert (ages_of(stage, publication.id), looks) == ([], 12)
    assert timedelta(days=2) < age < timedelta(days=4)
    (upload,) = stage.posting.uploads()
    stage.posting.set_privacy(upload.publish_id, "PUBLIC_TO_EVERYONE")
    wait_and_poll(stage, publication)
    now = stage.publication(publication.id)
    assert now.external_id == str(upload.post_id)
    assert (now.url or "").endswith(now.external_id)
    assert ages_of(stage, publication.id) == [72]


def test_a_number_that_nobody_ever_tells_is_given_up(stage: Stage) -> None:
    stage.connect(TIKTOK)
    publication = published(stage, TIKTOK, wanted=Wanted(privacy="SELF_ONLY", options=AGREED))
    poll(stage)
    poll_at(stage, publication, timedelta(days=34))
    assert "no number" in (followed(stage, publication).problem or "")
    poll_at(stage, publication, timedelta(days=36))
    assert followed(stage, publication).next_at is None


def test_a_video_that_was_settled_by_hand_is_found_by_its_upload(stage: Stage) -> None:
    stage.connect(YOUTUBE)
    publication = published(stage)
    with stage.office.database.workspace(stage.office.id) as session:
        session.execute(update(Publication).values(external_id=None, url=None))
    poll(stage)
    poll_at(stage, publication, HOUR)
    now = stage.publication(publication.id)
    assert (now.external_id, now.url) == (publication.external_id, publication.url)
    assert ages_of(stage, publication.id) == [1]


def test_a_post_whose_handle_nobody_can_open_keeps_no_figures_from_the_others(stage: Stage) -> None:
    account = stage.connect(YOUTUBE)
    nameless, other = posted(stage, account), posted(stage, account)
    with stage.office.database.workspace(stage.office.id) as session:
        ours = update(Publication).where(Publication.id == nameless.id)
        session.execute(ours.values(external_id=None, handle_sealed=b"sealed with a key that was lost"))
    poll(stage)
    poll_at(stage, other, HOUR + timedelta(seconds=30))
    assert (ages_of(stage, nameless.id), ages_of(stage, other.id)) == ([], [1])
    assert "no number" in (followed(stage, nameless).problem or "")


# Accounts


def test_an_account_that_has_to_be_connected_again_is_asked_for_nothing_until_it_is(stage: Stage) -> None:
    account = stage.connect(YOUTUBE)
    publication = posted(stage, account)
    poll(stage)
    stage.google.tokens.end(*stage.google.tokens.consents())
    poll_at(stage, publication, HOUR)
    assert stage.account(account.id).state is ChannelState.NEEDS_RECONNECT
    assert "Connect the account again" in (followed(stage, publication).problem or "")
    pass_by(stage, 4 * HOUR)
    watch(stage)
    assert not stage.run_one(), "nothing is started for it"
    stage.connect(YOUTUBE)
    pass_by(stage, timedelta(minutes=10))
    poll(stage)
    (late,) = snapshots(stage, publication.id)
    assert late.age_hours == 3
    assert late.taken_at - followed(stage, publication).counts_from > 5 * HOUR


def test_an_account_whose_tokens_cannot_be_opened_is_asked_for_nothing_until_it_is_connected_again(
    stage: Stage,
) -> None:
    account = stage.connect(YOUTUBE)
    publication = posted(stage, account)
    with stage.office.database.workspace(stage.office.id) as session:
        session.execute(update(Channel).values(grant_sealed=b"sealed with a key that was lost"))
    poll(stage)
    poll_at(stage, publication, HOUR)
    assert stage.account(account.id).state is ChannelState.NEEDS_RECONNECT
    assert "Connect it again" in (followed(stage, publication).problem or "")
    pass_by(stage, 4 * HOUR)
    watch(stage)
    assert not stage.run_one(), "nothing is started for it"
    stage.connect(YOUTUBE)
    poll(stage)
    assert ages_of(stage, publication.id) == [3]


def test_an_account_that_does_not_allow_figures_is_published_on_all_the_same(stage: Stage) -> None:
    with stage.office.entered("owner") as (session, caller):
        url = connecting.begin(stage.runtime, session, caller, TIKTOK, bound_to=BOUND, redirect_uri=HERE)
    account = stage.come_back(TIKTOK, stage.allow(url, without=["video.list"]))
    publication = published(stage, TIKTOK)
    poll(stage)
    poll_at(stage, publication, HOUR)
    now = stage.account(account.id)
    assert now.state is ChannelState.CONNECTED
    assert channels.health(now, stage.runtime.providers).can_publish
    performance = followed(stage, publication)
    assert (performance.attempts, ages_of(stage, publication.id)) == (1, [])
    assert performance.problem
    assert stage.publication(published(stage, TIKTOK).id).state == "published"


def test_what_is_on_a_network_is_left_alone_in_demo_mode(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    with in_demo_mode(stage):
        poll(stage)
        poll_at(stage, publication, HOUR)
    assert statistics_spent(stage) == 0
    assert followed(stage, publication).gone_at is None


# Whoever dies, and whoever comes twice


def poll_job(stage: Stage) -> Token:
    """The one that is queued now."""
    token = taken(stage)
    assert token is not None
    return token


def test_a_poll_that_dies_at_any_step_leaves_each_snapshot_once(stage: Stage) -> None:
    account = stage.connect(YOUTUBE)
    died, step = True, 0
    while died:
        step += 1
        publication = posted(stage, account)
        poll(stage)
        pass_by(stage, HOUR)
        watch(stage)
        died = False
        try:
            attempted(stage, poll_job(stage), kills_at(step))
        except Killed:
            died = True
            bury(stage)
        pass_by(stage, timedelta(minutes=11))
        poll(stage)
        assert ages_of(stage, publication.id) == [1], step
    assert step > 12


def test_two_that_poll_at_once_ask_once(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    first = frozen_poll(stage, publication, "after youtube.figures")
    with stage.office.database.workspace(stage.office.id) as session:
        polling.start(session, publication.channel_id)
    assert stage.run_one()
    first.ends()
    assert (ages_of(stage, publication.id), statistics_spent(stage)) == ([1], 1)


def test_who_stood_still_for_too_long_changes_nothing(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    seen_by(stage, publication, 10)
    first = frozen_poll(stage, publication, "after youtube.standing")
    pass_by(stage, timedelta(minutes=11))
    seen_by(stage, publication, 20)
    with stage.office.database.workspace(stage.office.id) as session:
        polling.start(session, publication.channel_id)
    assert stage.run_one()
    first.ends()
    assert views(stage, publication) == [20]
    assert followed(stage, publication).next_at == followed(stage, publication).counts_from + 3 * HOUR


class FrozenPoll:
    def __init__(self, stage: Stage, step: str) -> None:
        self._stage, self._token, self._frozen = stage, poll_job(stage), Frozen(step)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._frozen.stands.wait(30)

    def _run(self) -> None:
        with suppress(Stopped):
            attempted(self._stage, self._token, self._frozen.fate())

    def ends(self) -> None:
        self._frozen.thawed.set()
        self._thread.join()


def frozen_poll(stage: Stage, publication: Publication, step: str) -> FrozenPoll:
    poll(stage)
    pass_by(stage, datetime.now(UTC) - followed(stage, publication).counts_from + HOUR)
    watch(stage)
    return FrozenPoll(stage, step)


# Answers


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("-5", None),
        ("9" * 40, None),
        ("12a", None),
        (7, None),
        ([], None),
        (None, None),
        ("999999999999999999", 10**18 - 1),
    ],
)
def test_whatever_youtube_counts_is_a_number_or_left_open(stage: Stage, told: object, number: int | None) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    statistics = {"viewCount": told, "likeCount": "3"}
    body = json.dumps({"items": [{"id": publication.external_id, "statistics": statistics}]}).encode()
    stage.faults(YOUTUBE).plan(Fault(Kind.ANSWER, STATISTICS, status=200, body=body))
    poll(stage)
    poll_at(stage, publication, HOUR)
    (only,) = snapshots(stage, publication.id)
    assert (only.views, only.likes) == (number, 3)


@pytest.mark.parametrize("told", [-1, 10**30, "7", 1.5, True, None, {}])
def test_whatever_tiktok_counts_is_a_number_or_left_open(stage: Stage, told: object) -> None:
    stage.connect(TIKTOK)
    publication = published(stage, TIKTOK)
    video = {"id": publication.external_id, "view_count": told, "like_count": 3}
    body = {"data": {"videos": [video]}, "error": {"code": "ok", "message": "", "log_id": ""}}
    stage.faults(TIKTOK).plan(Fault(Kind.ANSWER, QUERY, status=200, body=json.dumps(body).encode()))
    poll(stage)
    poll_at(stage, publication, HOUR)
    (only,) = snapshots(stage, publication.id)
    assert (only.views, only.likes) == (None, 3)


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"no JSON", b'{"items": [7, {"id": []}]}', b'{"items": [{"statistics": {"viewCount": "1"}}]}'],
)
def test_an_answer_without_figures_is_asked_for_again_soon(stage: Stage, body: bytes) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    seen_by(stage, publication, 4)
    stage.faults(YOUTUBE).plan(Fault(Kind.ANSWER, STATISTICS, status=200, body=body))
    poll(stage)
    poll_at(stage, publication, HOUR)
    now = followed(stage, publication)
    assert (ages_of(stage, publication.id), now.attempts, now.gone_at) == ([], 1, None)
    wait_and_poll(stage, publication)
    (only,) = snapshots(stage, publication.id)
    assert (only.age_hours, only.views) == (1, 4)
    assert followed(stage, publication).attempts == 0


def test_a_post_that_spoils_the_request_for_all_is_asked_about_alone_in_the_end(stage: Stage) -> None:
    account = stage.connect(YOUTUBE)
    made = [posted(stage, account) for _ in range(3)]
    stage.faults(YOUTUBE).plan(Fault(Kind.ANSWER, STATISTICS, status=400, body=b'{"error": {"code": 400}}', times=3))
    poll(stage)
    poll_at(stage, made[0], HOUR + timedelta(seconds=30))
    for minutes in (6, 11):
        pass_by(stage, timedelta(minutes=minutes))
        poll(stage)
    assert {followed(stage, each).attempts for each in made} == {3}
    pass_by(stage, timedelta(minutes=21))
    poll(stage)
    assert statistics_spent(stage) == 3
    assert {tuple(ages_of(stage, each.id)) for each in made} == {(1,)}


def test_a_network_that_does_not_answer_is_asked_less_and_less(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    stage.faults(YOUTUBE).plan(Fault(Kind.ANSWER, STATISTICS, status=503, times=None))
    poll(stage)
    poll_at(stage, publication, HOUR)
    times = 0
    while datetime.now(UTC) - followed(stage, publication).counts_from < timedelta(days=7):
        wait_and_poll(stage, publication)
        times += 1
    assert times < 60
    stage.faults(YOUTUBE).clear()
    wait_and_poll(stage, publication)
    assert ages_of(stage, publication.id) == [168]


def test_what_is_not_published_is_not_followed(stage: Stage) -> None:
    stage.connect(YOUTUBE)
    publication = stage.publish(YOUTUBE)
    poll(stage)
    assert performance_of(stage, publication.id) is None


def test_the_database_takes_an_age_once_and_follows_nothing_that_is_gone(stage: Stage) -> None:
    publication = posted(stage, stage.connect(YOUTUBE))
    poll(stage)
    with pytest.raises(Exception, match="ck_performances_gone"), stage.office.database.system() as session:
        session.execute(text("update performances set standing = 'gone', gone_at = now()"))
    add = text("""
        insert into snapshots (publication_id, workspace_id, age_hours, taken_at)
        select publication_id, workspace_id, unnest(cast(:ages as integer[])), now() from performances
    """)
    for ages, constraint in (([1, 1], "pk_snapshots"), ([2], "ck_snapshots_age_hours")):
        with pytest.raises(Exception, match=constraint), stage.office.database.system() as session:
            session.execute(add, {"ages": ages})
    assert ages_of(stage, publication.id) == []
