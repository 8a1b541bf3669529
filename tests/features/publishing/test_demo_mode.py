"""An installation that is switched to demo mode for a while: what belongs to networks is as it was afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from tests.features.publishing.demo import connect_demo, in_demo_mode
from tests.features.publishing.polls import HOUR, followed, performance_of, poll, poll_at, published
from tests.features.publishing.stage import Stage

from cliply.features.publishing import metrics
from cliply.features.publishing.models import Channel, ChannelState, Performance, PublicationState
from cliply.features.publishing.reading import publication_metrics
from cliply.integrations.publisher import Network


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize("token_is_over", [False, True])
def test_what_is_meant_for_a_network_waits_and_its_tokens_stay(
    stage: Stage, network: Network, token_is_over: bool
) -> None:
    account = stage.connect(network)
    made = stage.publish(network)
    if token_is_over:
        with stage.office.database.workspace(stage.office.id) as session:
            session.execute(update(Channel).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
    before = stage.account(account.id).grant_sealed
    with in_demo_mode(stage):
        stage.run_one()
        waiting = stage.publication(made.id)
        assert waiting.state is PublicationState.PARKED
        assert "CLIPLY_PROVIDERS=demo" in (waiting.error or "")
        assert not (stage.runtime.settings.data / "demo").exists()
    assert stage.account(account.id).state is ChannelState.CONNECTED
    assert stage.account(account.id).grant_sealed == before
    assert stage.posts() == []
    stage.run(passing=timedelta(minutes=1))
    assert stage.publication(made.id).state is PublicationState.PUBLISHED
    assert len(stage.posts()) == 1


@pytest.mark.parametrize("network", list(Network))
def test_what_is_published_into_a_folder_is_not_followed_and_says_so(stage: Stage, network: Network) -> None:
    with in_demo_mode(stage):
        connect_demo(stage, network)
        publication = published(stage, network)
        poll(stage)
        poll_at(stage, publication, HOUR)
        assert performance_of(stage, publication.id) is None
    poll(stage)
    assert performance_of(stage, publication.id) is None
    with stage.office.entered("owner") as (session, caller):
        told = publication_metrics(metrics.of_publication(session, caller, publication.id))
    assert (told.next_at, told.snapshots) == (None, [])
    assert "demo mode" in (told.problem or "")


def test_what_was_followed_though_it_is_in_a_folder_is_followed_no_more(stage: Stage) -> None:
    """As it was before anybody knew better."""
    with in_demo_mode(stage):
        connect_demo(stage, Network.YOUTUBE)
        publication = published(stage)
        with stage.office.database.workspace(stage.office.id) as session:
            at = datetime.now(UTC) + HOUR
            session.add(Performance(publication_id=publication.id, counts_from=at - HOUR, next_at=at))
        poll(stage)
        assert followed(stage, publication).next_at is None
