"""Channels are listed, named, chosen and set up; a disconnected one has no token left, here or at its network."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from tests.features.publishing.stage import Stage

from cliply.dev_providers import google_oauth, tiktok_oauth
from cliply.dev_providers.faults import Fault, Kind
from cliply.errors import Invalid
from cliply.features.identity.access import RoleTooLow
from cliply.features.identity.models import Membership
from cliply.features.publishing import channels, tokens
from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.channels import NoChannel, WhichChannel
from cliply.features.publishing.models import Channel, ChannelState
from cliply.features.publishing.tokens import NoSuchChannel
from cliply.infra.sealing import open_sealer
from cliply.integrations.providers import Providers
from cliply.integrations.publisher import Grant, Network, Reconnect

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
LATER = timedelta(minutes=2)


def change(stage: Stage, channel: Channel, *, who: str = "owner", name: str | None = None, **more: bool) -> Channel:
    with stage.office.entered(who) as (session, caller):
        return channels.change(session, caller, channel.id, name=name, **more)


def disconnect(stage: Stage, channel: Channel, *, who: str = "owner") -> Channel:
    return channels.disconnect(stage.runtime, stage.office.principal(who), stage.office.id, channel.id)


def chosen(stage: Stage, network: Network, channel_id: UUID | None = None) -> Channel:
    with stage.office.database.workspace(stage.office.id) as session:
        return channels.chosen(session, network, channel_id)


def grant(stage: Stage, channel: Channel) -> Grant:
    return tokens.opened(open_sealer(stage.runtime.settings), stage.account(channel.id))


def still_lets_in(stage: Stage, network: Network, before: Grant) -> bool:
    world = stage.google if network is YOUTUBE else stage.tiktok
    return any(world.tokens.find(each or "") is not None for each in (before.access_token, before.refresh_token))


def elsewhere(stage: Stage) -> Stage:
    """The other workspace, which `stranger` owns."""
    with stage.office.database.system() as session:
        query = select(Membership.workspace_id).where(Membership.user_id == stage.office.people["stranger"])
        return replace(stage, office=replace(stage.office, id=session.scalars(query).one()))


# Chosen


def test_the_one_that_is_named_goes_before_the_default_and_the_default_before_the_only_one(stage: Stage) -> None:
    with pytest.raises(NoChannel, match="No TikTok account"):
        chosen(stage, TIKTOK)
    ada = stage.connect(TIKTOK)
    assert chosen(stage, TIKTOK).id == ada.id
    bob = stage.connect(TIKTOK, account="bob")
    assert chosen(stage, TIKTOK).id == ada.id
    assert chosen(stage, TIKTOK, bob.id).id == bob.id
    change(stage, bob, is_default=True)
    assert chosen(stage, TIKTOK).id == bob.id
    change(stage, bob, is_default=False)
    with pytest.raises(WhichChannel) as asked:
        chosen(stage, TIKTOK)
    assert asked.value.choices == [{"id": str(ada.id), "name": "Ada"}, {"id": str(bob.id), "name": "Bob"}]
    disconnect(stage, ada)
    assert chosen(stage, TIKTOK).id == bob.id
    disconnect(stage, bob)
    with pytest.raises(NoChannel):
        chosen(stage, TIKTOK)


def test_one_of_another_network_or_workspace_is_not_there(stage: Stage) -> None:
    ada = stage.connect(TIKTOK)
    for there, network, channel_id in (
        (stage, YOUTUBE, ada.id),
        (elsewhere(stage), TIKTOK, ada.id),
        (stage, TIKTOK, uuid4()),
    ):
        with pytest.raises(NoSuchChannel):
            chosen(there, network, channel_id)


def test_one_that_has_to_be_connected_again_is_meant_all_the_same(stage: Stage) -> None:
    """What is published goes where it was meant to go or nowhere."""
    ada, bob = stage.connect(TIKTOK), stage.connect(TIKTOK, account="bob")
    with stage.office.database.workspace(stage.office.id) as session:
        found = tokens.find(session, ada.id, locked=True)
        tokens.lose(session, found, Reconnect("It has ended."), settings=stage.runtime.settings)
    assert chosen(stage, TIKTOK).id == ada.id
    with pytest.raises(channels.CannotPublish, match="has ended"):
        stage.publish(TIKTOK)
    assert stage.publish(TIKTOK, channel_id=bob.id).channel_id == bob.id


# Changed


def test_each_network_has_one_default_however_many_choose_at_once(stage: Stage) -> None:
    made = [stage.connect(YOUTUBE), stage.connect(YOUTUBE, account="UC" + "b" * 22), stage.connect(TIKTOK)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: change(stage, made[number % 3], is_default=True), range(24)))
    found = [stage.account(each.id) for each in made]
    assert [each.is_default for each in found[:2]].count(True) == 1
    assert found[2].is_default


@pytest.mark.parametrize("name", ["", " ", "\n", "\u200b", "x" * 101])
def test_a_name_has_to_be_one_that_can_be_read(stage: Stage, name: str) -> None:
    ada = stage.connect(TIKTOK)
    with pytest.raises(Invalid, match="1 to 100 characters"):
        change(stage, ada, name=name)
    assert stage.account(ada.id).name == "Ada"


def test_what_is_changed_is_written_down_and_only_who_manages_accounts_may(stage: Stage) -> None:
    ada = stage.connect(TIKTOK)
    assert change(stage, ada, who="admin", name="  Ours, \n daily ").name == "Ours, daily"
    with stage.office.entered("owner") as (session, caller):
        settings = ChannelSettings(daily_cap=3, quiet_from=time(22), quiet_to=time(7), privacy="SELF_ONLY")
        channels.set_up(session, caller, ada.id, settings)
    assert channels.settings_of(stage.account(ada.id)) == settings
    for who in ("member", "viewer"):
        with pytest.raises(RoleTooLow):
            change(stage, ada, who=who, name="Mine")
        with pytest.raises(RoleTooLow):
            disconnect(stage, ada, who=who)
    with stage.office.entered("viewer") as (session, caller):
        assert [each.id for each in channels.of_workspace(session, caller)] == [ada.id]
    assert [each[0] for each in stage.office.entries()[2:]] == ["channel.changed", "channel.changed"]
    assert stage.account(ada.id).state == "connected"


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_from": "22:00"},
        {"quiet_from": "22:00", "quiet_to": "22:00"},
        {"daily_cap": 0},
        {"category": "News"},
        {"tokens": "x"},
    ],
)
def test_settings_that_leave_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChannelSettings.model_validate(wrong)


# Disconnected


@pytest.mark.parametrize("network", list(Network))
def test_who_is_disconnected_is_let_in_no_more_and_nothing_is_left_of_the_tokens(
    stage: Stage, network: Network
) -> None:
    channel = stage.connect(network)
    before = grant(stage, channel)
    disconnect(stage, channel)
    found = stage.account(channel.id)
    assert (found.state, found.problem) == ("disconnected", "It was disconnected.")
    assert (found.grant_sealed, found.scopes, found.expires_at, found.refresh_expires_at) == (None, [], None, None)
    assert not found.is_default
    assert not still_lets_in(stage, network, before)
    assert stage.ledger.count("grant_revoked") == 1
    assert stage.office.entries()[-1] == ("channel.disconnected", str(channel.id))
    with pytest.raises(Reconnect):
        tokens.fresh(stage.runtime, stage.office.id, channel.id)


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.DROP_UNREAD, times=None),
        Fault(Kind.DROP_ANSWER, times=None),
        Fault(Kind.ANSWER, status=503, times=None),
        Fault(Kind.ANSWER, status=200, body=b'{"error": "invalid_client"}', times=None),
        Fault(Kind.ANSWER, status=404, body=b"<html>", times=None),
    ],
    ids=["cut before", "answer lost", "out of order", "app not known", "not there"],
)
def test_a_network_that_does_not_answer_keeps_nothing_from_being_wiped(
    stage: Stage, network: Network, fault: Fault
) -> None:
    channel = stage.connect(network)
    world = stage.google if network is YOUTUBE else stage.tiktok
    path = google_oauth.REVOKE if network is YOUTUBE else tiktok_oauth.REVOKE
    world.faults.plan(replace(fault, path=path))
    told = disconnect(stage, channel).problem or ""
    assert stage.account(channel.id).grant_sealed is None
    if fault.kind is not Kind.DROP_ANSWER:
        assert f"{network.label} could not be told" in told
        assert f"remove Cliply in the settings of {network.label}" in told


@pytest.mark.parametrize("network", list(Network))
def test_while_the_network_is_asked_nothing_is_held_and_no_token_is_left(stage: Stage, network: Network) -> None:
    channel, found = stage.connect(network), []

    def looks(_headers: Mapping[str, str]) -> bool:
        with stage.office.database.workspace(stage.office.id) as session:
            query = select(Channel).where(Channel.id == channel.id).with_for_update(nowait=True)
            row = session.scalars(query).one()
            found.append((row.state, row.grant_sealed, row.problem))
        return False

    path = google_oauth.REVOKE if network is YOUTUBE else tiktok_oauth.REVOKE
    stage.faults(network).plan(Fault(Kind.ANSWER, path=path, where=looks))
    assert disconnect(stage, channel).problem == "It was disconnected."
    assert len(found) == 1, "nobody waited for anybody"
    state, sealed, problem = found[0]
    assert (state, sealed) == ("disconnected", None)
    assert "remove Cliply" in (problem or ""), "what holds if nobody comes to say more"


def test_an_account_that_is_connected_again_while_the_network_is_slow_to_answer_stays_so(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)

    def connects(_headers: Mapping[str, str]) -> bool:
        with stage.office.database.workspace(stage.office.id) as session:
            row = tokens.find(session, channel.id, locked=True)
            row.state, row.problem, row.grant_sealed = ChannelState.CONNECTED, None, b"a new one"
        return False

    stage.faults(TIKTOK).plan(Fault(Kind.ANSWER, path=tiktok_oauth.REVOKE, where=connects))
    disconnect(stage, channel)
    found = stage.account(channel.id)
    assert (found.state, found.problem, found.grant_sealed) == ("connected", None, b"a new one")


@pytest.mark.parametrize("network", list(Network))
def test_what_its_owner_has_taken_back_already_is_no_failure(stage: Stage, network: Network) -> None:
    channel = stage.connect(network)
    world = stage.google if network is YOUTUBE else stage.tiktok
    world.tokens.end(*world.tokens.consents())
    assert disconnect(stage, channel).problem == "It was disconnected."


def test_one_whose_access_token_is_over_is_taken_back_all_the_same(stage: Stage) -> None:
    """TikTok takes a permission back by an access token only, and an old one would leave it alive."""
    channel = stage.connect(TIKTOK)
    before = grant(stage, channel)
    stage.clock.advance(timedelta(hours=25))
    with stage.office.database.workspace(stage.office.id) as session:
        tokens.find(session, channel.id, locked=True).expires_at = before.expires_at - timedelta(hours=25)
    disconnect(stage, channel)
    assert not still_lets_in(stage, TIKTOK, before)
    assert stage.ledger.count("grant_revoked") == 1


def test_one_of_two_channels_of_a_person_leaves_the_other_connected(stage: Stage) -> None:
    """Google takes back all that a person has allowed, so that is left to the last one."""
    bees, wasps = stage.connect(YOUTUBE), stage.connect(YOUTUBE, account="UC" + "b" * 22)
    told = disconnect(stage, bees).problem or ""
    assert "would end other accounts of the same person" in told
    assert "remove Cliply" not in told, "that would end the other one"
    assert stage.account(bees.id).grant_sealed is None
    assert stage.ledger.count("grant_revoked") == 0
    stage.publish(YOUTUBE)
    stage.run(passing=LATER)
    assert len(stage.posts()) == 1
    assert disconnect(stage, wasps).problem == "It was disconnected."
    assert stage.ledger.count("grant_revoked") == 1


def test_a_channel_of_the_same_account_in_another_workspace_stays_connected(stage: Stage) -> None:
    ours, theirs = stage.connect(YOUTUBE), elsewhere(stage).connect(YOUTUBE, who="stranger")
    disconnect(stage, ours)
    assert stage.ledger.count("grant_revoked") == 0
    assert elsewhere(stage).account(theirs.id).state == "connected"
    assert tokens.fresh(stage.runtime, elsewhere(stage).office.id, theirs.id)


def test_tiktok_accounts_are_taken_back_one_by_one(stage: Stage) -> None:
    ada, bob = stage.connect(TIKTOK), stage.connect(TIKTOK, account="bob")
    kept = grant(stage, bob)
    disconnect(stage, ada)
    assert stage.ledger.count("grant_revoked") == 1
    assert still_lets_in(stage, TIKTOK, kept)


def test_twice_is_as_good_as_once(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    disconnect(stage, channel)
    disconnect(stage, channel)
    assert stage.ledger.count("grant_revoked") == 1


def test_one_whose_network_is_set_up_no_more_is_wiped_and_told(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    bare = replace(stage, runtime=replace(stage.runtime, providers=Providers()))
    assert "remove Cliply" in (disconnect(bare, channel).problem or "")
    assert stage.account(channel.id).grant_sealed is None


def test_one_whose_tokens_do_not_open_any_more_can_be_disconnected_and_connected_again(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    with stage.office.database.workspace(stage.office.id) as session:
        tokens.find(session, channel.id, locked=True).grant_sealed = b"sealed with a key that nobody has"
    assert "remove Cliply" in (disconnect(stage, channel).problem or "")
    assert stage.account(channel.id).grant_sealed is None
    again = stage.connect(TIKTOK)
    assert (again.id, stage.account(again.id).state) == (channel.id, "connected")


def test_what_is_still_to_go_out_waits_for_the_account_and_goes_out_once_it_is_back(stage: Stage) -> None:
    channel = stage.connect(YOUTUBE)
    publication = stage.publish(YOUTUBE)
    disconnect(stage, channel)
    stage.run(passing=LATER)
    assert (stage.publication(publication.id).state, stage.posts()) == ("needs_reconnect", [])
    stage.connect(YOUTUBE)
    stage.run(passing=LATER)
    assert (stage.publication(publication.id).state, len(stage.posts())) == ("published", 1)
