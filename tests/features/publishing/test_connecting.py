"""An account is connected by its owner's consent: which ones, again, with less than was asked for, and not at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from tests.features.publishing.stage import BOUND, HERE, Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.errors import Invalid
from cliply.features.identity.access import NoSuchWorkspace, RoleTooLow
from cliply.features.identity.models import Membership, Role
from cliply.features.publishing import channels, connecting
from cliply.features.publishing.connecting import (
    AnotherAccount,
    ConnectingFailed,
    ConsentDenied,
    NotBegunHere,
    TooManyAttempts,
)
from cliply.features.publishing.models import Channel, OAuthAttempt
from cliply.features.publishing.tokens import NoSuchChannel
from cliply.infra.security import token_hash
from cliply.integrations import google_oauth, tiktok_oauth
from cliply.integrations.providers import NetworkNotSetUp, Providers
from cliply.integrations.publisher import Network, Profile

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
LATER = timedelta(minutes=2)


def begun(stage: Stage, network: Network, *, who: str = "owner", again: Channel | None = None) -> str:
    channel_id = None if again is None else again.id
    with stage.office.entered(who) as (session, caller):
        return connecting.begin(
            stage.runtime, session, caller, network, bound_to=BOUND, redirect_uri=HERE, channel_id=channel_id
        )


def kept(stage: Stage) -> list[Channel]:
    with stage.office.database.system() as session:
        return list(session.scalars(select(Channel).order_by(Channel.created_at)))


def health(stage: Stage, channel: Channel) -> channels.Health:
    return channels.health(stage.account(channel.id), stage.runtime.providers)


@pytest.mark.parametrize(
    ("network", "external_id", "name", "handle"),
    [(YOUTUBE, "UC" + "a" * 22, "Bees, daily", "@bees"), (TIKTOK, "open-ada", "Ada", "ada")],
)
def test_an_account_is_connected_as_its_network_knows_it(
    stage: Stage, network: Network, external_id: str, name: str, handle: str
) -> None:
    made = stage.connect(network)
    found = stage.account(made.id)
    assert (found.external_id, found.name, found.handle, found.state) == (external_id, name, handle, "connected")
    assert found.is_default
    assert found.connected_by == stage.office.people["owner"]
    assert set(found.scopes) == stage.runtime.providers.of(network).connector.asks_for
    assert health(stage, found) == channels.Health(True, None)
    assert found.grant_sealed is not None
    assert not any(prefix in found.grant_sealed for prefix in (b"ya29.", b"1//0", b"act.", b"rft."))
    assert stage.office.entries() == [("channel.connecting", network.value), ("channel.connected", str(made.id))]
    with stage.office.database.system() as session:
        assert session.scalars(select(OAuthAttempt)).all() == []


@pytest.mark.parametrize(("network", "others"), [(YOUTUBE, ["Wasps", "UC" + "b" * 22]), (TIKTOK, ["Bob", "open-bob"])])
def test_several_accounts_of_a_network_are_connected_and_the_first_is_the_default(
    stage: Stage, network: Network, others: list[str]
) -> None:
    first = stage.connect(network)
    second = stage.connect(network, account=others[1])
    assert [(each.name, each.is_default) for each in kept(stage)] == [(first.name, True), (others[0], False)]
    assert second.id != first.id
    grants = {stage.account(each.id).grant_sealed for each in (first, second)}
    assert len(grants) == 2, "each has a grant of its own"


def test_the_same_account_again_is_the_same_channel_with_what_was_set_for_it(stage: Stage) -> None:
    first = stage.connect(YOUTUBE)
    with stage.office.entered("owner") as (session, caller):
        channels.change(session, caller, first.id, name="Ours")
    again = stage.connect(YOUTUBE, who="admin")
    assert (again.id, again.name, again.connected_by) == (first.id, "Ours", stage.office.people["admin"])
    assert len(kept(stage)) == 1


def test_two_workspaces_connect_the_same_account_and_know_nothing_of_each_other(stage: Stage) -> None:
    ours = stage.connect(TIKTOK)
    other = replace(stage, office=replace(stage.office, id=stranger_workspace(stage))).connect(TIKTOK, who="stranger")
    assert (other.external_id, other.id == ours.id) == (ours.external_id, False)
    assert len(kept(stage)) == 2


def stranger_workspace(stage: Stage) -> UUID:
    with stage.office.database.system() as session:
        query = select(Membership.workspace_id).where(Membership.user_id == stage.office.people["stranger"])
        return session.scalars(query).one()


@pytest.mark.parametrize("network", list(Network))
def test_what_waited_for_its_account_goes_on_when_that_is_connected_again(stage: Stage, network: Network) -> None:
    channel = stage.connect(network)
    publication = stage.publish(network)
    world = stage.google if network is YOUTUBE else stage.tiktok
    world.tokens.end(*world.tokens.consents())
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "needs_reconnect"
    assert stage.account(channel.id).state == "needs_reconnect"
    assert stage.posts() == []
    stage.come_back(network, stage.allow(begun(stage, network, again=channel)))
    assert stage.account(channel.id).state == "connected"
    stage.run(passing=LATER)
    assert stage.publication(publication.id).state == "published"
    assert len(stage.posts()) == 1


def test_nothing_goes_on_where_the_permission_to_publish_is_still_missing(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    publication = stage.publish(TIKTOK)
    stage.tiktok.tokens.end(*stage.tiktok.tokens.consents())
    stage.run(passing=LATER)
    stage.come_back(TIKTOK, stage.allow(begun(stage, TIKTOK, again=channel), without=[tiktok_oauth.POST]))
    assert stage.run(passing=LATER) == 0
    assert stage.publication(publication.id).state == "needs_reconnect"


@pytest.mark.parametrize(("network", "account"), [(YOUTUBE, "UC" + "b" * 22), (TIKTOK, "open-bob")], ids=str)
def test_another_account_cannot_take_the_place_of_the_one_that_is_connected_again(
    stage: Stage, network: Network, account: str
) -> None:
    channel = stage.connect(network)
    before = stage.account(channel.id).grant_sealed
    back = stage.allow(begun(stage, network, again=channel), account=account)
    with pytest.raises(AnotherAccount, match="has to be connected again"):
        stage.come_back(network, back)
    assert [(each.external_id, each.grant_sealed) for each in kept(stage)] == [(channel.external_id, before)]
    assert health(stage, channel).can_publish


@pytest.mark.parametrize(
    ("network", "without", "named"),
    [
        (YOUTUBE, [google_oauth.UPLOAD], "youtube.upload"),
        (TIKTOK, [tiktok_oauth.POST], "video.publish"),
        (TIKTOK, [tiktok_oauth.POST, tiktok_oauth.DRAFT, tiktok_oauth.LIST], "video.publish"),
    ],
)
def test_who_allows_less_is_connected_and_told_what_is_missing(
    stage: Stage, network: Network, without: list[str], named: str
) -> None:
    channel = stage.come_back(network, stage.allow(begun(stage, network), without=without))
    assert set(without).isdisjoint(channel.scopes)
    told = health(stage, channel)
    assert not told.can_publish
    assert named in (told.reason or "")
    with pytest.raises(channels.CannotPublish, match=named):
        stage.publish(network)


def test_what_is_not_needed_for_publishing_may_be_left_out(stage: Stage) -> None:
    sent = stage.allow(begun(stage, YOUTUBE), without=[google_oauth.ANALYTICS])
    assert health(stage, stage.come_back(YOUTUBE, sent)).can_publish


@pytest.mark.parametrize("network", list(Network))
def test_who_denies_is_told_so_and_nothing_is_kept(stage: Stage, network: Network) -> None:
    sent = {"error": "access_denied", "state": state_in(begun(stage, network))}
    with pytest.raises(ConsentDenied, match="did not allow"):
        stage.come_back(network, sent)
    assert kept(stage) == []
    assert stage.ledger.count("token_issued") == 0
    stage.connect(network)


def state_in(consent_url: str) -> str:
    return consent_url.partition("state=")[2].partition("&")[0]


def test_a_google_account_without_a_channel_is_told_to_make_one(stage: Stage) -> None:
    stage.google.people[0].channels.clear()
    with pytest.raises(Invalid, match=r"no YouTube channel.*Create one"):
        stage.connect(YOUTUBE)
    assert kept(stage) == []


# What was granted and is kept nowhere


PROFILE = {YOUTUBE: "/youtube/v3/channels", TIKTOK: "/v2/user/info/"}
"""Where a network is asked whose account it is, once the code has been exchanged."""
FAILURES = [(503, b""), (200, b"{}"), (200, b"<html>"), (403, b'{"error": {"code": 403, "errors": []}}')]


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize(("status", "body"), FAILURES)
def test_a_permission_for_an_account_that_nobody_can_name_is_taken_back(
    stage: Stage, network: Network, status: int, body: bytes
) -> None:
    stage.faults(network).plan(Fault(Kind.ANSWER, path=PROFILE[network], status=status, body=body, times=None))
    with pytest.raises((ConnectingFailed, Invalid)):
        stage.connect(network)
    assert kept(stage) == []
    assert (stage.ledger.count("token_issued"), stage.ledger.count("grant_revoked")) == (1, 1)


def test_a_permission_for_an_account_without_a_channel_is_taken_back(stage: Stage) -> None:
    stage.google.people[0].channels.clear()
    with pytest.raises(Invalid, match="no YouTube channel"):
        stage.connect(YOUTUBE)
    assert stage.ledger.count("grant_revoked") == 1


def test_a_permission_for_the_wrong_account_is_taken_back_and_the_right_one_stays(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    with pytest.raises(AnotherAccount):
        stage.come_back(TIKTOK, stage.allow(begun(stage, TIKTOK, again=channel), account="open-bob"))
    assert stage.ledger.count("grant_revoked") == 1
    stage.publish(TIKTOK)
    stage.run(passing=LATER)
    assert len(stage.posts()) == 1


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_nothing_is_taken_back_that_would_take_a_connected_channel_along(stage: Stage, who: str) -> None:
    """Google ends all that a person has allowed, and who that was it has not said."""
    channel = stage.connect(YOUTUBE, who=who)
    stage.faults(YOUTUBE).plan(Fault(Kind.ANSWER, path=PROFILE[YOUTUBE], times=None))
    with pytest.raises(ConnectingFailed):
        stage.connect(YOUTUBE, account="UC" + "b" * 22)
    assert stage.ledger.count("grant_revoked") == 0
    assert health(stage, channel).can_publish


def test_where_the_network_cannot_be_told_either_the_first_failure_is_what_people_hear(stage: Stage) -> None:
    stage.tiktok.people[0].open_id = "open\x00ada"
    stage.faults(TIKTOK).plan(Fault(Kind.ANSWER, path="/v2/oauth/revoke/", times=None))
    with pytest.raises(ConnectingFailed, match="nothing about the account that can be used"):
        stage.connect(TIKTOK)
    assert kept(stage) == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("server_error", "busy at the moment"),
        ("temporarily_unavailable", "busy at the moment"),
        ("invalid_scope", r"installation's app asks for \(invalid_scope\)\. Its operators"),
        ("invalid_request", r"installation's app asks for \(invalid_request\)\. Its operators"),
        ("login_required", "sign in and answer on its page first"),
        ("<b>whatever", "no reason that is known"),
        ("", "no reason that is known"),
    ],
)
def test_what_a_network_says_instead_of_a_code_is_put_in_words(stage: Stage, error: str, told: str) -> None:
    sent = {"error": error, "state": state_in(begun(stage, YOUTUBE))}
    with pytest.raises(ConnectingFailed, match=told) as failed:
        stage.come_back(YOUTUBE, sent)
    assert "<b>" not in str(failed.value)
    assert stage.ledger.count("token_issued") == 0


def test_a_network_that_no_app_is_named_for_says_what_is_missing(stage: Stage) -> None:
    bare = replace(stage, runtime=replace(stage.runtime, providers=Providers()))
    for network, setting in ((YOUTUBE, "CLIPLY_GOOGLE__CLIENT_ID"), (TIKTOK, "CLIPLY_TIKTOK__CLIENT_KEY")):
        with pytest.raises(NetworkNotSetUp, match=setting):
            begun(bare, network)


def test_a_channel_whose_network_is_set_up_no_more_says_so(stage: Stage) -> None:
    channel = stage.connect(YOUTUBE)
    assert channels.health(channel, Providers()) == channels.Health(
        False, "YouTube is not set up on this installation."
    )


def test_nobody_begins_or_ends_it_who_may_not_manage_accounts(stage: Stage) -> None:
    for who in ("member", "viewer"):
        with pytest.raises(RoleTooLow):
            begun(stage, YOUTUBE, who=who)
    sent = stage.allow(begun(stage, YOUTUBE, who="admin"))
    demote(stage, "viewer")
    with pytest.raises(RoleTooLow):
        stage.come_back(YOUTUBE, sent, who="admin")
    assert stage.ledger.count("token_issued") == 0, "the code was not even exchanged"
    assert kept(stage) == []


def test_whoever_left_the_workspace_meanwhile_connects_nothing(stage: Stage) -> None:
    sent = stage.allow(begun(stage, YOUTUBE, who="admin"))
    demote(stage, None)
    with pytest.raises(NoSuchWorkspace):
        stage.come_back(YOUTUBE, sent, who="admin")
    assert (kept(stage), stage.ledger.count("token_issued")) == ([], 0)


def demote(stage: Stage, role: str | None) -> None:
    with stage.office.database.workspace(stage.office.id) as session:
        query = select(Membership).where(Membership.user_id == stage.office.people["admin"])
        membership = session.scalars(query).one()
        if role is None:
            session.delete(membership)
        else:
            membership.role = Role(role)


def test_a_channel_of_another_network_or_workspace_cannot_be_connected_again(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    with pytest.raises(NoSuchChannel):
        begun(stage, YOUTUBE, again=channel)
    there = replace(stage.office, id=stranger_workspace(stage))
    with pytest.raises(NoSuchChannel):
        begun(replace(stage, office=there), TIKTOK, who="stranger", again=channel)


def test_nobody_is_at_more_than_twenty_pages_at_once_and_old_ones_do_not_count(stage: Stage) -> None:
    for _ in range(20):
        begun(stage, YOUTUBE)
    with pytest.raises(TooManyAttempts):
        begun(stage, YOUTUBE)
    begun(stage, YOUTUBE, who="admin")
    with stage.office.database.system() as session:
        for attempt in session.scalars(select(OAuthAttempt)):
            attempt.expires_at -= timedelta(minutes=11)
    begun(stage, YOUTUBE)
    with stage.office.database.system() as session:
        assert session.scalar(select(func.count()).select_from(OAuthAttempt)) == 1


def test_what_is_kept_of_an_attempt_opens_nothing(stage: Stage) -> None:
    state = state_in(begun(stage, YOUTUBE))
    with stage.office.database.system() as session:
        [attempt] = session.scalars(select(OAuthAttempt)).all()
    assert attempt.state_hash == token_hash(state)
    assert state.encode() not in attempt.state_hash + attempt.verifier_sealed + attempt.bound_to


def test_one_of_many_who_come_back_with_the_same_answer_is_let_in(stage: Stage) -> None:
    sent = stage.allow(begun(stage, YOUTUBE))

    def come(_: int) -> str:
        try:
            return str(stage.come_back(YOUTUBE, sent).id)
        except NotBegunHere:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(come, range(16)))
    assert (told.count("refused"), len(kept(stage))) == (15, 1)


def test_accounts_that_are_connected_at_once_are_all_kept_with_one_default(stage: Stage) -> None:
    accounts = ["UC" + "a" * 22, "UC" + "b" * 22, "UC" + "a" * 22, "UC" + "b" * 22]
    sent = [stage.allow(begun(stage, YOUTUBE), account=each) for each in accounts]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: stage.come_back(YOUTUBE, each), sent))
    found = kept(stage)
    assert sorted(each.external_id for each in found) == sorted(set(accounts))
    assert [each.is_default for each in found].count(True) == 1


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Bees\n\x00\u202edaily", "Bees daily"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 500, "x" * 100),
        ("\u200b\x07", "open-ada"),
    ],
)
def test_a_name_from_a_network_is_one_line_that_can_be_read(stage: Stage, told: str, shown: str) -> None:
    stage.tiktok.people[0].name = told
    assert stage.connect(TIKTOK).name == shown


def test_what_cannot_be_kept_of_an_account_is_left_out_or_refused(stage: Stage) -> None:
    stage.tiktok.people[0].username = "a\x00b"
    assert stage.connect(TIKTOK).handle == "a b"
    assert not channels.is_usable(Profile("a\x00b", "Ada"))
    assert not channels.is_usable(Profile("\ud800", "Ada"))
    stage.tiktok.people[1].open_id = "open\x00bob"
    with pytest.raises(ConnectingFailed):
        stage.come_back(TIKTOK, stage.allow(begun(stage, TIKTOK), account="bob"))
