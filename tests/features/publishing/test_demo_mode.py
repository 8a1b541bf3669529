"""An installation that is switched to demo mode for a while: what belongs to networks is as it was afterwards."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from tests.features.publishing.stage import Stage

from cliply.features.publishing.models import Channel, ChannelState, PublicationState
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.integrations.providers import build_providers
from cliply.integrations.publisher import Network


@contextmanager
def in_demo_mode(stage: Stage) -> Iterator[None]:
    networks = stage.runtime
    settings = networks.settings.model_copy(update={"providers": "demo"})
    with closing(Outbound(ProcessBreakers())) as outbound:
        providers = build_providers(settings, outbound, Quotas(stage.office.database))
        stage.runtime = replace(networks, settings=settings, providers=providers)
        yield
    stage.runtime = networks


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
