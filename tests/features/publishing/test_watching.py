"""Publications that nothing goes on with are gone on with; those that wait, for a time or for people, are not."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from tests.features.publishing.hours import pass_by, watch
from tests.features.publishing.mortal import bury, taken
from tests.features.publishing.stage import Stage
from tests.infra.queue.claiming import end

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.jobs import service as jobs
from cliply.features.publishing import publications, watching
from cliply.integrations.publisher import Network

LATER = timedelta(minutes=2)
LATE = timedelta(minutes=6)


def lose_jobs(stage: Stage) -> None:
    """As an operator does who deletes what he does not know."""
    with stage.office.database.system() as session:
        session.execute(text("delete from procrastinate_jobs where queue_name = 'publish'"))


def forsaken(stage: Stage, *, most: int = 1000) -> int:
    with stage.office.database.system() as session:
        return len(watching.forsaken(session, late=datetime.now(UTC) - timedelta(minutes=5), most=most))


def test_a_publication_whose_job_was_lost_goes_on(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    new, sent = stage.publish(Network.YOUTUBE), stage.publish(Network.YOUTUBE)
    lose_jobs(stage)
    watch(stage)
    assert not stage.run_one()
    pass_by(stage, LATE)
    assert forsaken(stage) == 2
    watch(stage)
    assert forsaken(stage) == 0
    assert stage.run_one()
    lose_jobs(stage)
    for _ in range(3):
        pass_by(stage, LATE)
        watch(stage)
        stage.run(passing=LATER)
    assert {stage.publication(each.id).state.value for each in (new, sent)} == {"published"}
    assert len(stage.posts()) == 2


def test_what_waits_for_its_time_or_has_a_job_is_left_alone(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    planned = stage.publish(Network.YOUTUBE, run_at=datetime.now(UTC) + timedelta(hours=1))
    stage.publish(Network.YOUTUBE)
    pass_by(stage, LATE)
    assert forsaken(stage) == 0
    lose_jobs(stage)
    assert forsaken(stage) == 1
    pass_by(stage, timedelta(hours=1))
    assert forsaken(stage) == 1, "its schedule sees to the other one"
    watch(stage)
    stage.run(passing=LATER)
    assert stage.publication(planned.id).state == "published"


def test_more_than_are_looked_at_at_once_hide_nothing(stage: Stage) -> None:
    """Those that wait for next month are older than the one whose job is lost."""
    stage.connect(Network.YOUTUBE)
    for _ in range(3):
        stage.publish(Network.YOUTUBE, run_at=datetime.now(UTC) + timedelta(days=30))
    stage.publish(Network.YOUTUBE)
    lose_jobs(stage)
    pass_by(stage, LATE)
    assert forsaken(stage, most=3) == 1


def test_a_job_that_somebody_cancels_calls_its_publication_off(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    publication = stage.publish(Network.YOUTUBE)
    with stage.office.entered("owner") as (session, _caller):
        jobs.cancel(session, stage.publication(publication.id).job_id or 0, actor="Ada")
    pass_by(stage, LATE)
    watch(stage)
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "cancelled"
    assert stage.posts() == []


def test_a_publication_that_was_moved_is_not_called_off_with_the_job_of_before(stage: Stage) -> None:
    """To move it cancels a job; the one that took its place was lost."""
    stage.connect(Network.YOUTUBE)
    publication = stage.publish(Network.YOUTUBE, run_at=datetime.now(UTC) + timedelta(days=1))
    with stage.office.entered("owner") as (session, caller):
        publications.move(session, caller, publication.id, datetime.now(UTC) + timedelta(hours=1))
    with stage.office.database.system() as session:
        session.execute(
            text("delete from procrastinate_jobs where id = :id"), {"id": stage.publication(publication.id).job_id}
        )
    pass_by(stage, timedelta(hours=1) + LATE)
    watch(stage)
    stage.run(passing=LATER)
    assert (stage.publication(publication.id).state, len(stage.posts())) == ("published", 1)


def test_a_job_that_is_given_up_again_and_again_ends_in_a_state_with_a_name(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    new, begun = stage.publish(Network.YOUTUBE), stage.publish(Network.YOUTUBE)
    stage.faults(Network.YOUTUBE).plan(Fault(Kind.ANSWER, "^/upload", "PUT", times=8))
    token = taken(stage)
    assert token is not None
    end(stage.office.database, token, "failed")
    assert stage.run_one()
    assert stage.publication(begun.id).handle_sealed is not None
    for _ in range(12):
        while (token := taken(stage)) is not None:
            end(stage.office.database, token, "failed")
        pass_by(stage, timedelta(hours=2))
        watch(stage)
    assert stage.publication(new.id).state == "rejected"
    now = stage.publication(begun.id)
    assert (now.state, now.next_at, now.error_code) == ("unknown", None, "fault")
    assert forsaken(stage) == 0


def test_what_is_published_is_not_begun_again_by_a_watch_that_is_late(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    publication = stage.publish(Network.YOUTUBE)
    stage.run(passing=LATER)
    pass_by(stage, LATE)
    before = stage.publication(publication.id)
    with stage.office.database.workspace(stage.office.id) as session:
        watching.wake(session, publication.id, late=datetime.now(UTC))
    after = stage.publication(publication.id)
    assert (after.state, after.version, after.published_at) == ("published", before.version, before.published_at)
    assert not stage.run_one()


def test_a_job_that_ended_its_workers_each_time_is_followed_by_another(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    publication = stage.publish(Network.YOUTUBE)
    for _ in range(3):
        assert taken(stage) is not None
        bury(stage)
    with stage.office.database.system() as session:
        session.execute(text("update procrastinate_jobs set status = 'failed' where queue_name = 'publish'"))
    pass_by(stage, LATE)
    watch(stage)
    stage.run(passing=LATER)
    assert (stage.publication(publication.id).state, len(stage.posts())) == ("published", 1)
