"""People and jobs that meet at one publication, jobs that come twice, and jobs that come too early."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.features.publishing.meetings import lets_go, meeting
from tests.features.publishing.mortal import Frozen, taken
from tests.features.publishing.stage import Stage

from cliply.errors import Conflict
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.publishing import publications, tokens
from cliply.features.publishing.models import Publication
from cliply.infra.queue.worker import Stopped
from cliply.integrations.publisher import Network

LATER = timedelta(minutes=2)
NEXT_WEEK = timedelta(days=7)


def cancelled(stage: Stage, publication_id: UUID) -> bool:
    """False where it was too late for that."""
    with suppress(Conflict), stage.office.entered("owner") as (session, caller):
        publications.cancel(session, caller, publication_id)
        return True
    return False


def moved(stage: Stage, publication_id: UUID) -> bool:
    with suppress(Conflict), stage.office.entered("owner") as (session, caller):
        publications.move(session, caller, publication_id, datetime.now(UTC) + NEXT_WEEK)
        return True
    return False


def started_again(stage: Stage, publication: Publication) -> None:
    """By somebody who knows no better: the same job, for the same version of the row."""
    now = stage.publication(publication.id)
    with stage.office.database.workspace(stage.office.id) as session:
        kind = REGISTRY.kinds[f"PUBLISH_{now.network.value.upper()}"].options(subject=now.id)
        kind.start(session, publication_id=now.id, version=now.version)


def one_post_or_none(stage: Stage, publication: Publication, *, posts: int, called_off: bool) -> None:
    now = stage.publication(publication.id)
    assert now.state == ("cancelled" if called_off else "published"), stage.states(publication.id)
    assert len(stage.posts()) == posts
    assert stage.copies(publication.id) == []


def calls_off(busy: Stage, publication_id: UUID, answers: list[bool]) -> None:
    answers.append(cancelled(busy, publication_id))


def goes_on_twice(busy: Stage, publication: Publication) -> None:
    """Not to the end: what removes its copies waits for the job that stands still."""
    started_again(busy, publication)
    for _ in range(8):
        busy.clock.advance(LATER)
        busy._let_time_pass()
        busy.run_one()


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_whoever_calls_it_off_at_any_step_of_a_job_is_obeyed_or_told_that_it_is_too_late(
    busy: Stage, network: Network
) -> None:
    busy.connect(network)
    obeyed, posts, stands, step = [], 0, True, 0
    while stands:
        step += 1
        publication = busy.publish(network)
        answers: list[bool] = []
        stands = meeting(busy, step, partial(calls_off, busy, publication.id, answers))
        busy.run(passing=LATER)
        called_off = answers == [True]
        posts += not called_off
        one_post_or_none(busy, publication, posts=posts, called_off=called_off)
        obeyed.append(called_off)
    # Up to the moment at which the network has begun it and that is noted, and not after it.
    assert 10 < sum(obeyed) < len(obeyed) - 3


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_whatever_job_comes_twice_makes_one_post(busy: Stage, network: Network) -> None:
    busy.connect(network)
    stands, step = True, 0
    while stands:
        step += 1
        publication = busy.publish(network)
        stands = meeting(busy, step, partial(goes_on_twice, busy, publication))
        busy.run(passing=LATER)
        one_post_or_none(busy, publication, posts=step, called_off=False)
    assert step > 15


@pytest.mark.parametrize("network", list(Network))
def test_of_two_jobs_that_both_have_begun_it_one_sends(busy: Stage, network: Network) -> None:
    """The second stands before its first byte when the first wants to keep what it has begun."""
    busy.connect(network)
    publication = busy.publish(network)
    first, second = Frozen(f"after {network}.begin"), Frozen(f"before {network}.send")
    workers = []
    for frozen in (first, second):
        token = taken(busy)
        assert token is not None
        workers.append(threading.Thread(target=lets_go, args=(busy, token, frozen)))
        workers[-1].start()
        assert frozen.stands.wait(30)
        if frozen is first:
            started_again(busy, publication)
    for frozen, worker in zip((first, second), workers, strict=True):
        frozen.thawed.set()
        worker.join()
    busy.run(passing=LATER)
    assert busy.ledger.count("upload_begun") == 2
    one_post_or_none(busy, publication, posts=1, called_off=False)


def test_what_was_moved_before_its_job_ended_goes_out_at_its_new_time_only(busy: Stage) -> None:
    busy.connect(Network.YOUTUBE)
    publication = busy.publish(Network.YOUTUBE, run_at=datetime.now(UTC) + timedelta(hours=1))
    assert moved(busy, publication.id)
    first = "from procrastinate_jobs where task_name = 'SCHEDULE_FIRE' order by id limit 1"
    with busy.office.database.system() as session:
        assert session.execute(text(f"select status {first}")).scalar_one() == "cancelled"
        again = "set status = 'todo', abort_requested = false, scheduled_at = null"
        session.execute(text(f"update procrastinate_jobs {again} where id = (select id {first})"))
    assert busy.run_one()
    assert busy.publication(publication.id).state == "intent"
    assert busy.ledger.count("upload_begun") == 0
    busy.run(passing=LATER)
    assert len(busy.posts()) == 1


def test_a_job_that_comes_before_its_time_sends_nothing(busy: Stage) -> None:
    """The database's clock was an hour fast for a moment."""
    busy.connect(Network.YOUTUBE)
    wanted = datetime.now(UTC) + timedelta(hours=1)
    publication, asked = busy.publish(Network.YOUTUBE, run_at=wanted), len(busy.ledger.entries())
    with busy.office.database.system() as session:
        session.execute(text("update procrastinate_jobs set scheduled_at = scheduled_at - interval '2 hours'"))
    assert busy.run_one()
    now = busy.publication(publication.id)
    assert (now.state, now.schedule, now.next_at) == ("intent", "planned", wanted)
    assert len(busy.ledger.entries()) == asked
    assert not busy.run_one()
    busy.run(passing=LATER)
    assert (busy.publication(publication.id).state, len(busy.posts())) == ("published", 1)


def test_people_and_jobs_never_wait_for_each_other(busy: Stage) -> None:
    """They lock jobs, channels and publications: in one order, or one of them is thrown out."""
    channel = busy.connect(Network.YOUTUBE)
    wrong: list[BaseException] = []

    def guarded(act: Callable[[], object]) -> None:
        try:
            act()
        except (Conflict, Stopped):
            pass
        except BaseException as failed:  # noqa: BLE001 - whatever it is, the test tells it
            wrong.append(failed)

    def reconnected() -> None:
        with busy.office.database.workspace(busy.office.id) as session:
            tokens.find(session, channel.id, locked=True)
            publications.go_on_after_reconnect(session, channel.id)

    for _ in range(12):
        made = [busy.publish(Network.YOUTUBE) for _ in range(2)]
        acts: list[Callable[[], object]] = [reconnected]
        acts += [partial(busy.attempt, token) for _ in made if (token := taken(busy)) is not None]
        acts += [partial(act, busy, each.id) for each in made for act in (cancelled, moved)]
        threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    busy.run(passing=LATER)
