"""What a disconnected account allowed is taken back, whoever dies on the way and however long its network is silent."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from tests.features.publishing.mortal import Killed, dies_at_step, kills_at, mortal
from tests.features.publishing.stage import Stage

from cliply.dev_providers import google_oauth, tiktok_oauth
from cliply.dev_providers.faults import Fault, Kind
from cliply.features.audit.models import ActorKind, AuditEntry
from cliply.features.identity.models import Workspace
from cliply.features.publishing import channels, resealing, revoking, tokens
from cliply.features.publishing.models import Channel, ChannelState, Revocation
from cliply.features.publishing.tasks import close_accounts
from cliply.infra.sealing import open_sealer
from cliply.infra.settings import Settings
from cliply.integrations.publisher import Grant, Network

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
REVOKES = {YOUTUBE: google_oauth.REVOKE, TIKTOK: tiktok_oauth.REVOKE}


def disconnect(stage: Stage, channel: Channel) -> Channel:
    return channels.disconnect(stage.runtime, stage.office.principal("owner"), stage.office.id, channel.id)


def grant(stage: Stage, channel: Channel) -> Grant:
    return tokens.opened(open_sealer(stage.runtime.settings), stage.account(channel.id))


def lets_in(stage: Stage, network: Network) -> bool:
    world = stage.google if network is YOUTUBE else stage.tiktok
    return bool([*world.tokens.consents()])


def kept(stage: Stage) -> Sequence[Revocation]:
    with stage.office.database.system() as session:
        return session.scalars(select(Revocation)).all()


def out_of_order(stage: Stage, network: Network, times: int | None = None) -> None:
    stage.faults(network).plan(Fault(Kind.ANSWER, status=503, times=times, path=REVOKES[network]))


def disconnected_in_vain(stage: Stage, network: Network) -> Channel:
    """The network is out of order when it is told."""
    channel = stage.connect(network)
    out_of_order(stage, network)
    told = disconnect(stage, channel).problem or ""
    assert f"{network.label} could not be told yet" in told
    assert f"remove Cliply in the settings of {network.label}" in told
    assert len(kept(stage)) == 1
    return channel


def months_pass(stage: Stage, by: timedelta) -> None:
    with stage.office.database.system() as session:
        session.execute(update(Revocation).values(created_at=Revocation.created_at - by))


@pytest.mark.parametrize("network", list(Network))
def test_a_network_that_was_out_of_order_is_told_later(stage: Stage, network: Network) -> None:
    channel = disconnected_in_vain(stage, network)
    assert stage.account(channel.id).grant_sealed is None
    stage._let_time_pass()
    assert stage.run_one()
    assert lets_in(stage, network)
    stage.faults(network).clear()
    stage.run()
    assert not lets_in(stage, network)
    assert (stage.account(channel.id).problem, kept(stage)) == ("It was disconnected.", [])


def test_nobody_asks_again_at_once_and_not_for_ever(stage: Stage) -> None:
    channel = disconnected_in_vain(stage, YOUTUBE)
    [waiting] = kept(stage)
    for age, wait in (("0 minutes", 1), ("10 minutes", 10), ("2 days", 360)):
        with stage.office.database.system() as session:
            session.execute(text(f"update revocations set created_at = now() - interval '{age}'"))
        again = revoking.attempt(stage.runtime, stage.office.id, waiting.id)
        assert again is not None
        assert round((again - datetime.now(UTC)) / timedelta(minutes=1)) == wait
    months_pass(stage, timedelta(days=2))
    stage.run()
    assert kept(stage) == [], "nothing of its tokens is left"
    assert lets_in(stage, YOUTUBE)
    told = stage.account(channel.id).problem or ""
    assert "could not be told." in told
    assert "Cliply forgot its tokens" in told


def test_the_job_and_the_row_that_wait_hold_no_secret_in_the_clear(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    allowed = grant(stage, channel)
    out_of_order(stage, TIKTOK)
    disconnect(stage, channel)
    with stage.office.database.system() as session:
        rows = [*session.execute(text("select to_jsonb(r)::text from revocations r")).scalars()]
        rows += session.execute(text("select to_jsonb(j)::text from procrastinate_jobs j")).scalars()
    sealed = kept(stage)[0].sealed
    assert len(rows) >= 2
    for secret in (allowed.access_token, allowed.refresh_token or ""):
        assert secret
        assert not any(secret in row or secret.encode().hex() in row for row in rows)
        assert secret.encode() not in sealed


def test_what_is_sealed_for_one_revocation_does_not_open_for_another(stage: Stage) -> None:
    one, other = disconnected_in_vain(stage, YOUTUBE), stage.connect(TIKTOK)
    out_of_order(stage, TIKTOK)
    disconnect(stage, other)
    with stage.office.database.system() as session:
        rows = {row.channel_id: row for row in session.scalars(select(Revocation))}
        rows[other.id].sealed = rows[one.id].sealed
    stage.faults(TIKTOK).clear()
    stage.faults(YOUTUBE).clear()
    stage.run()
    assert "remove Cliply in the settings of TikTok" in (stage.account(other.id).problem or "")
    assert (lets_in(stage, YOUTUBE), lets_in(stage, TIKTOK), kept(stage)) == (False, True, [])


def test_an_account_that_is_connected_again_meanwhile_stays_connected(stage: Stage) -> None:
    channel = disconnected_in_vain(stage, TIKTOK)
    stage.connect(TIKTOK)
    stage.faults(TIKTOK).clear()
    assert kept(stage) == []
    stage.run()
    assert stage.account(channel.id).problem is None
    assert stage.ledger.count("grant_revoked") == 0
    assert tokens.fresh(stage.runtime, stage.office.id, channel.id)


def test_a_refresh_token_that_is_good_once_is_not_lost_between_two_attempts(stage: Stage) -> None:
    """TikTok takes a permission back by an access token that is good only; renewing it uses the refresh token up."""
    channel = stage.connect(TIKTOK)
    stage.clock.advance(timedelta(hours=25))
    with stage.office.database.workspace(stage.office.id) as session:
        tokens.find(session, channel.id, locked=True).expires_at = datetime.now(UTC) - timedelta(hours=1)
    out_of_order(stage, TIKTOK)
    disconnect(stage, channel)
    assert lets_in(stage, TIKTOK)
    stage.faults(TIKTOK).clear()
    stage.run()
    assert (stage.ledger.count("grant_revoked"), lets_in(stage, TIKTOK), kept(stage)) == (1, False, [])


def test_what_waits_is_sealed_anew_with_the_present_key(stage: Stage) -> None:
    disconnected_in_vain(stage, YOUTUBE)
    stage.faults(YOUTUBE).clear()
    [before] = kept(stage)
    old = stage.runtime.settings.data / "secret.key"
    changed = {"secret_key": "a new key of more than thirty-two bytes"}
    settings = Settings.model_validate({**stage.runtime.settings.model_dump(), **changed})
    renewed = replace(stage, runtime=replace(stage.runtime, settings=settings))
    with stage.office.database.system() as session:
        resealing.reseal(session, open_sealer(settings))
    assert kept(stage)[0].sealed[:4] != before.sealed[:4]
    old.unlink()
    renewed.run()
    assert (lets_in(stage, YOUTUBE), kept(stage)) == (False, [])


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_a_process_that_dies_at_any_step_of_disconnecting_leaves_no_permission(stage: Stage, network: Network) -> None:
    struck = 0
    for step in range(1, 60):
        channel = stage.connect(network)
        doomed = replace(stage, runtime=mortal(stage.runtime, kills_at(step)))
        died = True
        with suppress(Killed):
            disconnect(doomed, channel)
            died = False
        struck += died
        found = stage.account(channel.id)
        if found.state == "connected":
            assert lets_in(stage, network), "nothing was done at all"
            disconnect(stage, channel)
        stage.run()
        assert stage.account(channel.id).grant_sealed is None
        assert not lets_in(stage, network)
        assert kept(stage) == []
        if not died:
            break
    assert 5 < struck < 59


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_a_worker_that_dies_at_any_step_of_taking_back_leaves_no_permission(stage: Stage, network: Network) -> None:
    for step in range(1, 60):
        stage.faults(network).clear()
        channel = disconnected_in_vain(stage, network)
        stage.faults(network).clear()
        died = dies_at_step(stage, step)
        assert not lets_in(stage, network)
        assert (stage.account(channel.id).problem, kept(stage)) == ("It was disconnected.", [])
        if not died:
            break
    assert 5 < step < 59


def goes_in(stage: Stage, days: float) -> None:
    with stage.office.database.system() as session:
        delete_at = datetime.now(UTC) + timedelta(days=days)
        session.execute(update(Workspace).where(Workspace.id == stage.office.id).values(delete_at=delete_at))


def close_what_is_closing(stage: Stage) -> None:
    with stage.office.database.system() as session:
        close_accounts.start(session)
    stage.run()


@pytest.mark.parametrize("network", list(Network))
def test_what_was_allowed_to_a_workspace_that_is_deleted_is_taken_back_before_it_goes(
    stage: Stage, network: Network
) -> None:
    channel = stage.connect(network)
    close_what_is_closing(stage)
    goes_in(stage, 3.1)
    close_what_is_closing(stage)
    assert lets_in(stage, network), "its deletion may still be called off"
    goes_in(stage, 2.9)
    close_what_is_closing(stage)
    assert not lets_in(stage, network)
    assert kept(stage) == []
    closed = stage.account(channel.id)
    assert (closed.state, closed.grant_sealed, closed.problem) == (
        ChannelState.DISCONNECTED, None, "It was disconnected."
    )  # fmt: skip
    with stage.office.database.workspace(stage.office.id) as session:
        by = session.scalars(select(AuditEntry.actor_kind).where(AuditEntry.action == "channel.disconnected")).all()
    assert by == [ActorKind.SYSTEM]
