"""Posts count from their intent on, are charged when they are published, and given back when they never are."""

from datetime import timedelta

from tests.features.publishing.stage import Stage
from tests.features.usage.books import agree, counted, entries
from tests.features.workspaces.planned import admitted_at_once, is_admitted, on_plan

from cliply.features.publishing import publications
from cliply.features.publishing.models import PublicationState
from cliply.features.usage.models import Metric
from cliply.integrations.publisher import Network

POSTS = Metric.PUBLICATIONS


def test_a_post_is_charged_once_it_is_out(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    published = stage.publish(Network.YOUTUBE)
    assert counted(stage.office, POSTS) == (0, 1)
    stage.run(passing=timedelta(minutes=1))
    assert stage.publication(published.id).state is PublicationState.PUBLISHED
    assert entries(stage.office, POSTS) == {str(published.id): ("committed", 1)}
    agree(stage.office.database)


def test_what_is_called_off_or_rejected_is_given_back_and_tried_again_it_is_asked_anew(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    on_plan(stage.office, "pro", publications_per_month=1)
    first = stage.publish(Network.YOUTUBE)
    assert not is_admitted(lambda: stage.publish(Network.YOUTUBE, stage.clip()))
    with stage.office.entered("owner") as (session, caller):
        publications.cancel(session, caller, first.id)
    second = stage.publish(Network.YOUTUBE, stage.clip())
    with stage.office.database.workspace(stage.office.id) as session:
        row = publications.find(session, second.id, locked=True)
        row.state, row.error = PublicationState.REJECTED, "The network does not take it."
    assert counted(stage.office, POSTS) == (0, 0)
    with stage.office.entered("owner") as (session, caller):
        publications.retry(session, caller, second.id)
    assert counted(stage.office, POSTS) == (0, 1)
    assert entries(stage.office, POSTS)[str(second.id)] == ("reserved", 1)
    agree(stage.office.database)


def test_of_ten_at_once_one_gets_the_last_post_of_the_month(stage: Stage) -> None:
    stage.connect(Network.YOUTUBE)
    on_plan(stage.office, "pro", publications_per_month=1)
    clips = [stage.clip() for _ in range(10)]
    steps = [lambda clip=clip: stage.publish(Network.YOUTUBE, clip) for clip in clips]
    assert admitted_at_once(steps) == 1
    assert counted(stage.office, POSTS) == (0, 1)
