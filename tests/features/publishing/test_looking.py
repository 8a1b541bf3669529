"""What is unknown is found out by looking, is sent anew only when it is not there, or is left to people."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.features.publishing.hours import live, pass_by
from tests.features.publishing.stage import AGREED, PART, Stage
from tests.features.publishing.test_sending import from_byte

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.publishing import publications, tokens
from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.looking import SURE_AFTER
from cliply.features.publishing.models import Publication, PublicationState
from cliply.features.publishing.outcomes import Outcome
from cliply.features.publishing.publications import NotAsItIs, Verdict
from cliply.features.publishing.steps import MOST_TIMES, put_off
from cliply.integrations.publisher import Network, Reconnect

LATER = timedelta(minutes=2)
WEEK = timedelta(days=8)
LAST = {Network.YOUTUBE: 3, Network.TIKTOK: 2}
"""The number of an upload's last part."""
ALL = {Network.YOUTUBE: "^/(upload/)?youtube/", Network.TIKTOK: "^/(v2/(post|video)|video)/"}


def silent_after_last_part(stage: Stage, network: Network, *, arrives: bool) -> UUID:
    """A publication of whose last part nobody has heard anything; the network does not answer from then on."""
    publication, faults = stage.publish(network), stage.faults(network)
    kind, part = Kind.DROP_ANSWER if arrives else Kind.DROP_IN_BODY, from_byte(f"{LAST[network] * PART}-")
    heard: list[Mapping[str, str]] = []

    def from_then_on(headers: object) -> bool:
        return bool(heard)

    def last(headers: Mapping[str, str]) -> bool:
        if part.where(headers):
            heard.append(headers)
        return bool(heard)

    faults.plan(
        Fault(kind, part.path, "PUT", where=last, after=1000),
        Fault(Kind.DROP_UNREAD, ALL[network], where=from_then_on, times=None),
    )
    jobs_until(stage, publication.id, "unknown")
    return publication.id


def settle(stage: Stage, publication_id: UUID, verdict: Verdict, url: str | None = None) -> None:
    with stage.office.entered("owner") as (session, caller):
        publications.reconcile(session, caller, publication_id, verdict, url=url)


def left_to_people(stage: Stage, publication_id: UUID) -> Publication:
    now = stage.publication(publication_id)
    assert (now.state, now.next_at) == ("unknown", None), stage.states(publication_id)
    assert "then settle it" in (now.error or "")
    return now


def jobs_until(stage: Stage, publication_id: UUID, state: str) -> int:
    """How many more it took."""
    for number in range(1, 30):
        stage._let_time_pass()
        assert stage.run_one()
        if stage.publication(publication_id).state == state:
            return number
    raise AssertionError(stage.states(publication_id))


@pytest.mark.parametrize("network", list(Network))
def test_what_arrived_without_a_word_is_found(busy: Stage, network: Network) -> None:
    busy.connect(network)
    publication_id = silent_after_last_part(busy, network, arrives=True)
    busy.faults(network).clear()
    busy.run(passing=LATER)
    now = busy.publication(publication_id)
    assert (now.state, now.error, len(busy.posts())) == ("published", None, 1)
    assert now.external_id is not None
    assert busy.ledger.count("upload_begun") == 1


@pytest.mark.parametrize("network", list(Network))
def test_what_did_not_arrive_goes_on_from_where_it_was(busy: Stage, network: Network) -> None:
    busy.connect(network)
    publication_id = silent_after_last_part(busy, network, arrives=False)
    busy.faults(network).clear()
    busy.run(passing=LATER)
    assert (busy.publication(publication_id).state, len(busy.posts())) == ("published", 1)
    assert busy.ledger.count("upload_begun") == 1


def test_a_session_that_expired_after_the_last_byte_is_found_among_the_channels_videos(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    publication_id = silent_after_last_part(busy, Network.YOUTUBE, arrives=True)
    busy.faults(Network.YOUTUBE).clear()
    for upload in busy.youtube.library.uploads.values():
        upload.expires_at = busy.clock.now()
    busy.run(passing=LATER)
    now = busy.publication(publication_id)
    assert (now.state, now.external_id) == ("published", busy.posts()[0].details["id"])
    assert len(busy.posts()) == 1


def expired_half_way(stage: Stage) -> UUID:
    """An upload at YouTube that is over before all of it has arrived; the next job finds that out."""
    publication = stage.publish(Network.YOUTUBE)
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, ALL[Network.YOUTUBE], "PUT", skip=2, times=8))
    stage.run_one()
    assert stage.publication(publication.id).state == "parked"
    stage.faults(Network.YOUTUBE).clear()
    stage.clock.advance(WEEK)
    assert jobs_until(stage, publication.id, "unknown") == 1
    return publication.id


def test_what_three_looks_do_not_find_is_sent_anew_once(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    publication_id = expired_half_way(busy)
    assert jobs_until(busy, publication_id, "preparing") == SURE_AFTER
    busy.run(passing=LATER)
    assert busy.publication(publication_id).state == "published"
    assert (busy.ledger.count("upload_begun"), len(busy.posts())) == (2, 1)


def test_before_it_is_sent_anew_a_minute_and_then_five_go_by_between_looks(busy: Stage) -> None:
    """A network's lists can be minutes behind, however soon one looks at what it works on."""
    busy.connect(Network.YOUTUBE)
    publication_id, waits = expired_half_way(busy), []
    for _ in range(SURE_AFTER - 1):
        jobs_until(busy, publication_id, "unknown")
        now = busy.publication(publication_id)
        assert now.next_at is not None
        waits.append((now.next_at - datetime.now(UTC)).total_seconds())
    assert 50 < waits[0] <= 60
    assert 290 < waits[1] <= 300


def test_a_look_that_failed_is_none_of_the_three(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    publication_id = expired_half_way(busy)
    busy.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/youtube/v3/channels", skip=1, times=8))
    # The second and the third look fail, whose client tries four times each.
    assert jobs_until(busy, publication_id, "preparing") == SURE_AFTER + 2
    busy.run(passing=LATER)
    assert (busy.publication(publication_id).state, len(busy.posts())) == ("published", 1)


def test_a_look_that_could_not_tell_is_none_of_the_three(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    publication_id, tellings = expired_half_way(busy), 3
    with busy.office.database.workspace(busy.office.id) as session:
        publication = publications.find(session, publication_id, locked=True)
        for _ in range(tellings):
            at = datetime.now(UTC)
            put_off(session, publication, Outcome(PublicationState.UNKNOWN, "It cannot be told.", "silent", at))
    # Of the jobs that were started by that, all but the last have nothing to do; nor has the one of before.
    assert jobs_until(busy, publication_id, "preparing") == tellings + SURE_AFTER


def test_a_video_that_comes_late_into_the_list_is_not_sent_again(busy: Stage) -> None:
    """Two looks do not find it, and the third does."""
    busy.connect(Network.YOUTUBE)
    publication_id = silent_after_last_part(busy, Network.YOUTUBE, arrives=True)
    busy.faults(Network.YOUTUBE).clear()
    for upload in busy.youtube.library.uploads.values():
        upload.expires_at = busy.clock.now()
    hidden = dict(busy.youtube.library.videos)
    busy.youtube.library.videos.clear()
    for _ in range(SURE_AFTER - 1):
        busy._let_time_pass()
        busy.run_one()
        assert busy.publication(publication_id).state == "unknown"
    busy.youtube.library.videos.update(hidden)
    busy.run(passing=LATER)
    assert (busy.publication(publication_id).state, len(busy.posts())) == ("published", 1)


def test_an_upload_that_tiktok_waited_for_too_long_is_begun_anew(busy: Stage) -> None:
    busy.connect(Network.TIKTOK)
    publication = busy.publish(Network.TIKTOK)
    busy.faults(Network.TIKTOK).plan(Fault(Kind.ANSWER, "^/video/", "PUT", skip=1, times=4))
    busy.run_one()
    assert busy.publication(publication.id).state == "parked"
    busy.clock.advance(timedelta(hours=2))
    busy.run(passing=LATER)
    assert busy.publication(publication.id).state == "published", busy.states(publication.id)
    assert (busy.ledger.count("upload_begun"), len(busy.posts())) == (2, 1)


def test_a_tiktok_that_tells_no_count_while_it_works_is_waited_for(busy: Stage) -> None:
    busy.posting.leaves_count_out = True
    busy.connect(Network.TIKTOK)
    publication = busy.publish(Network.TIKTOK)
    busy.run(passing=timedelta(seconds=4))
    assert busy.states(publication.id) == [
        "intent", "preparing", "uploading", "processing", "pending", "published",
    ]  # fmt: skip
    assert busy.ledger.count("chunk_received") == 3
    assert busy.ledger.count("chunk_refused") == 0


@pytest.mark.parametrize("network", list(Network))
def test_a_network_that_is_silent_for_a_week_leaves_it_to_people(busy: Stage, network: Network) -> None:
    busy.connect(network)
    publication_id = silent_after_last_part(busy, network, arrives=True)
    assert live(busy, 24) < 100
    assert busy.publication(publication_id).next_at is not None
    pass_by(busy, WEEK)
    live(busy, 2)
    left_to_people(busy, publication_id)
    busy.faults(network).clear()
    settle(busy, publication_id, Verdict.LOOK)
    busy.run(passing=LATER)
    assert (busy.publication(publication_id).state, len(busy.posts())) == ("published", 1)


def test_people_can_say_that_it_is_there_or_not(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    there = silent_after_last_part(busy, Network.YOUTUBE, arrives=True)
    busy.faults(Network.YOUTUBE).clear()
    settle(busy, there, Verdict.PUBLISHED, "https://youtu.be/abc")
    now = busy.publication(there)
    assert (now.state, now.url, now.error) == ("published", "https://youtu.be/abc", None)
    absent = silent_after_last_part(busy, Network.YOUTUBE, arrives=False)
    busy.faults(Network.YOUTUBE).clear()
    settle(busy, absent, Verdict.ABSENT)
    busy.run(passing=LATER)
    assert busy.publication(absent).state == "published"
    assert busy.ledger.count("upload_begun") == 3
    assert len(busy.posts()) == 2
    for publication_id in (there, absent):
        assert busy.copies(publication_id) == []
        with pytest.raises(NotAsItIs):
            settle(busy, publication_id, Verdict.ABSENT)


def test_of_an_account_that_nobody_connects_again_people_say_what_became(busy: Stage) -> None:
    channel = busy.connect(Network.YOUTUBE)
    publication_id = silent_after_last_part(busy, Network.YOUTUBE, arrives=True)
    busy.faults(Network.YOUTUBE).clear()
    with busy.office.database.workspace(busy.office.id) as session:
        tokens.lose(session, tokens.find(session, channel.id), Reconnect("Gone."), settings=busy.runtime.settings)
    busy.run(passing=LATER)
    assert busy.publication(publication_id).state == "needs_reconnect"
    with pytest.raises(NotAsItIs):
        settle(busy, publication_id, Verdict.LOOK)
    settle(busy, publication_id, Verdict.PUBLISHED)
    assert busy.publication(publication_id).state == "published"


def test_a_video_that_is_never_done_is_left_to_people(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    busy.youtube.library.processing_takes = timedelta(days=30)
    publication = busy.publish(Network.YOUTUBE)
    live(busy, 1)
    assert busy.publication(publication.id).state == "processing"
    pass_by(busy, timedelta(days=3))
    live(busy, 1)
    left_to_people(busy, publication.id)
    assert busy.publication(publication.id).external_id == busy.posts()[0].details["id"]


def test_a_draft_in_an_inbox_waits_for_its_owner_for_a_month(busy: Stage) -> None:
    busy.connect(Network.TIKTOK)
    draft = Wanted(options=AGREED | {"destination": "inbox"}, privacy="SELF_ONLY")
    publication = busy.publish(Network.TIKTOK, wanted=draft)
    live(busy, 3)
    assert busy.publication(publication.id).state == "pending"
    pass_by(busy, timedelta(days=29))
    live(busy, 2)
    assert busy.publication(publication.id).state == "pending"
    pass_by(busy, timedelta(days=2))
    live(busy, 2)
    left_to_people(busy, publication.id)
    [upload] = busy.posting.uploads()
    busy.posting.finish_draft(upload.publish_id, privacy="PUBLIC_TO_EVERYONE")
    settle(busy, publication.id, Verdict.LOOK)
    busy.run(passing=LATER)
    assert busy.publication(publication.id).state == PublicationState.PUBLISHED


def test_a_network_that_fails_at_it_each_time_is_not_asked_for_ever(busy: Stage) -> None:
    busy.connect(Network.TIKTOK)
    busy.posting.fail_next(*["internal"] * 100)
    publication = busy.publish(Network.TIKTOK)
    live(busy, 100)
    now = busy.publication(publication.id)
    assert now.state == "rejected"
    assert f"{MOST_TIMES} times" in (now.error or "")
    assert busy.ledger.count("upload_begun") == MOST_TIMES
    assert busy.posts() == []
    assert busy.copies(publication.id) == []


def test_what_was_said_while_tiktok_reviewed_it_is_not_said_once_it_is_published(stage: Stage) -> None:
    stage.connect(Network.TIKTOK)
    publication = stage.publish(Network.TIKTOK)
    noted = set()
    for _ in range(30):
        stage.clock.advance(timedelta(seconds=10))
        stage._let_time_pass()
        stage.run_one()
        now = stage.publication(publication.id)
        noted.add((now.state.value, bool(now.note)))
    assert ("pending", True) in noted
    assert (now.state, now.note) == ("published", None)
