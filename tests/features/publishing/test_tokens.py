"""Tokens are renewed once however many want them, kept where they belong, and given up only on the network's word."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, text, update
from tests.features.publishing.renewing import renew
from tests.features.publishing.stage import Stage

from cliply.dev_providers import google_oauth, tiktok_oauth
from cliply.dev_providers.faults import Fault, Kind
from cliply.features.notifications.models import Mail
from cliply.features.publishing import tokens
from cliply.features.publishing.models import Channel
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.sealing import WrongSealKey, open_sealer
from cliply.infra.shared_breakers import SharedBreakers
from cliply.integrations.providers import build_providers
from cliply.integrations.publisher import Grant, Misconfigured, Network, Reconnect, TryLater

YOUTUBE, TIKTOK = Network.YOUTUBE, Network.TIKTOK
_PATHS = {YOUTUBE: google_oauth.TOKEN, TIKTOK: tiktok_oauth.TOKEN}


def expire(stage: Stage, channel: Channel, *, left: timedelta = timedelta(0)) -> None:
    """Its access token, as far as we know."""
    change(stage, channel, expires_at=datetime.now(UTC) + left)


def change(stage: Stage, channel: Channel, **values: object) -> None:
    with stage.office.database.system() as session:
        session.execute(update(Channel).where(Channel.id == channel.id).values(**values))


def fresh(stage: Stage, channel: Channel, **more: str) -> str:
    return tokens.fresh(stage.runtime, stage.office.id, channel.id, **more)


def grant(stage: Stage, channel: Channel) -> Grant:
    return tokens.opened(open_sealer(stage.runtime.settings), stage.account(channel.id))


def refreshes(stage: Stage) -> int:
    return stage.ledger.count("token_refreshed")


def faults(stage: Stage, network: Network, *planned: Fault) -> None:
    (stage.google if network is YOUTUBE else stage.tiktok).faults.plan(*planned)


def letters(stage: Stage) -> list[str]:
    """To whom, of those that wait to be sent."""
    with stage.office.database.system() as session:
        sealer = open_sealer(stage.runtime.settings)
        found = session.execute(select(Mail.id, Mail.sealed)).all()
    return sorted(json.loads(sealer.open(each.sealed, row=f"mails/{each.id}"))["to"] for each in found)


# Once


@contextmanager
def elsewhere(stage: Stage) -> Iterator[Stage]:
    """Ten connections, which the breakers take theirs from as well."""
    database = stage.office.database.apart(connections=10)
    with closing(database), closing(Outbound(SharedBreakers(database), pause=0.001)) as outbound:
        providers = build_providers(stage.runtime.settings, outbound, Quotas(database))
        yield replace(stage, runtime=replace(stage.runtime, database=database, providers=providers))


@pytest.mark.parametrize("network", list(Network))
def test_fifty_who_want_a_token_at_once_renew_it_once(stage: Stage, network: Network) -> None:
    channel = stage.connect(network)
    expire(stage, channel)
    # As long as a provider takes: meanwhile everybody waits for one row.
    faults(stage, network, Fault(Kind.DELAY, path=_PATHS[network], seconds=0.5))
    with elsewhere(stage) as there, ThreadPoolExecutor(50) as pool:
        began = time.monotonic()
        got = list(pool.map(lambda _: fresh(there, channel), range(50)))
    assert (len(got), len(set(got)), refreshes(stage)) == (50, 1, 1)
    assert time.monotonic() - began < 20, "nobody waited for a connection that who renews holds"
    assert got[0] == grant(stage, channel).access_token


@pytest.mark.slow
@pytest.mark.parametrize("network", list(Network))
def test_processes_that_want_a_token_at_once_renew_it_once(stage: Stage, network: Network, migrated: str) -> None:
    channel = stage.connect(network)
    expire(stage, channel)
    faults(stage, network, Fault(Kind.DELAY, path=_PATHS[network], seconds=1.0))
    alone = multiprocessing.get_context("spawn")
    begin, told = alone.Barrier(4), alone.Queue()
    wanted = (stage.runtime.settings, migrated, stage.office.id, channel.id, 13, begin, told)
    processes = [alone.Process(target=renew, args=wanted) for _ in range(4)]
    for each in processes:
        each.start()
    got = [token for _ in processes for token in told.get(timeout=90)]
    for each in processes:
        each.join(30)
    assert (len(got), len(set(got)), refreshes(stage)) == (52, 1, 1)
    assert got[0] == grant(stage, channel).access_token


def test_fifty_whose_token_was_refused_renew_it_once(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    old = fresh(stage, channel)
    with elsewhere(stage) as there, ThreadPoolExecutor(50) as pool:
        got = list(pool.map(lambda _: fresh(there, channel, refused=old), range(50)))
    assert (set(got) == {grant(stage, channel).access_token}, old in got, refreshes(stage)) == (True, False, 1)


def test_channels_are_renewed_each_by_itself(stage: Stage) -> None:
    channels = [stage.connect(TIKTOK), stage.connect(TIKTOK, account="bob"), stage.connect(YOUTUBE)]
    for each in channels:
        expire(stage, each)
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda number: fresh(stage, channels[number % 3]), range(30)))
    assert refreshes(stage) == 3


@pytest.mark.parametrize(
    ("left", "renewed"),
    [(timedelta(minutes=-1), 1), (timedelta(0), 1), (timedelta(minutes=4), 1), (timedelta(minutes=6), 0)],
)
def test_a_token_is_renewed_some_minutes_before_it_ends(stage: Stage, left: timedelta, renewed: int) -> None:
    channel = stage.connect(YOUTUBE)
    expire(stage, channel, left=left)
    fresh(stage, channel)
    fresh(stage, channel)
    assert refreshes(stage) == renewed


@pytest.mark.parametrize("network", list(Network))
def test_a_publication_whose_token_is_refused_renews_it_once_and_goes_out(stage: Stage, network: Network) -> None:
    channel = stage.connect(network)
    publication = stage.publish(network)
    # Its end came sooner than was said.
    stage.clock.advance(timedelta(hours=25 if network is TIKTOK else 2))
    stage.run(passing=timedelta(minutes=1))
    assert stage.publication(publication.id).state == "published"
    assert refreshes(stage) == 1
    assert stage.account(channel.id).state == "connected"


# Never lost


def test_a_refresh_token_that_changes_with_each_use_is_kept_each_time(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    seen = [grant(stage, channel).refresh_token]
    for _ in range(5):
        expire(stage, channel)
        fresh(stage, channel)
        seen.append(grant(stage, channel).refresh_token)
    assert len(set(seen)) == 6
    assert stage.account(channel.id).refresh_expires_at is not None


@pytest.mark.parametrize("network", list(Network))
def test_a_refresh_token_is_never_replaced_by_nothing(stage: Stage, network: Network) -> None:
    channel = stage.connect(network)
    before = grant(stage, channel)
    expire(stage, channel)
    told = {"access_token": "another-access-token", "expires_in": 3600, "token_type": "Bearer"}
    answer = Fault(Kind.ANSWER, path=_PATHS[network], status=200, body=json.dumps(told).encode())
    faults(stage, network, answer)
    assert fresh(stage, channel) == "another-access-token"
    now = grant(stage, channel)
    assert (now.refresh_token, now.refresh_expires_at) == (before.refresh_token, before.refresh_expires_at)
    assert now.scopes == before.scopes


def test_a_grant_without_a_refresh_token_keeps_the_one_of_before(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    before = grant(stage, channel)
    sealer = open_sealer(stage.runtime.settings)
    with stage.office.database.workspace(stage.office.id) as session:
        found = tokens.find(session, channel.id, locked=True)
        tokens.keep(sealer, found, Grant("new", datetime.now(UTC) + timedelta(hours=1), frozenset({"video.publish"})))
    now = grant(stage, channel)
    assert (now.access_token, now.refresh_token) == ("new", before.refresh_token)
    assert now.refresh_expires_at == before.refresh_expires_at
    assert now.scopes == {"video.publish"}


# Given up only for a reason

_GONE = [{"error": "invalid_grant"}, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}]
_PASSES = {
    "out of order": Fault(Kind.ANSWER, status=500, body=b"<html>oops</html>", times=None),
    "bad gateway": Fault(Kind.ANSWER, status=502, body=b"", times=None),
    "busy": Fault(Kind.ANSWER, status=503, body=b'{"error": "temporarily_unavailable"}', times=None),
    "asked too often": Fault(Kind.ANSWER, status=429, headers={"retry-after": "60"}, times=None),
    "cut before": Fault(Kind.DROP_UNREAD, times=None),
    "no grant in it": Fault(Kind.ANSWER, status=200, body=b'{"access_token": ""}', times=None),
    "no JSON": Fault(Kind.ANSWER, status=200, body=b"yes", times=None),
    "forbidden without a reason": Fault(Kind.ANSWER, status=403, body=b"<html>", times=None),
    "server error with a code": Fault(Kind.ANSWER, status=400, body=b'{"error": "server_error"}', times=None),
    "our app is not known": Fault(Kind.ANSWER, status=401, body=b'{"error": "invalid_client"}', times=None),
    "our app may not": Fault(Kind.ANSWER, status=400, body=b'{"error": "unauthorized_client"}', times=None),
    "no such grant type": Fault(Kind.ANSWER, status=400, body=b'{"error": "unsupported_grant_type"}', times=None),
    "scope": Fault(Kind.ANSWER, status=400, body=b'{"error": "invalid_scope"}', times=None),
    "what nobody has heard of": Fault(Kind.ANSWER, status=400, body=b'{"error": "out_of_cheese"}', times=None),
}


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize("name", list(_PASSES))
def test_what_passes_or_is_our_own_fault_disconnects_nobody(stage: Stage, network: Network, name: str) -> None:
    channel = stage.connect(network)
    before = grant(stage, channel)
    expire(stage, channel)
    faults(stage, network, replace(_PASSES[name], path=_PATHS[network]))
    with pytest.raises((TryLater, Misconfigured)):
        fresh(stage, channel)
    assert (stage.account(channel.id).state, letters(stage)) == ("connected", [])
    assert replace(grant(stage, channel), expires_at=before.expires_at) == before
    (stage.google if network is YOUTUBE else stage.tiktok).faults.clear()
    assert fresh(stage, channel) != before.access_token


def test_an_answer_that_google_lost_costs_nothing(stage: Stage) -> None:
    channel = stage.connect(YOUTUBE)
    expire(stage, channel)
    faults(stage, YOUTUBE, Fault(Kind.DROP_ANSWER, path=google_oauth.TOKEN))
    fresh(stage, channel)
    assert stage.account(channel.id).state == "connected"


def test_an_answer_that_tiktok_lost_is_asked_for_once_more_before_the_owner_is(stage: Stage) -> None:
    """The refresh token was good once, so that it may be gone with the answer; only TikTok can say."""
    channel = stage.connect(TIKTOK)
    expire(stage, channel)
    faults(stage, TIKTOK, Fault(Kind.DROP_ANSWER, path=tiktok_oauth.TOKEN))
    with pytest.raises(TryLater):
        fresh(stage, channel)
    assert (stage.account(channel.id).state, letters(stage)) == ("connected", [])
    with pytest.raises(Reconnect):
        fresh(stage, channel)
    assert stage.account(channel.id).state == "needs_reconnect"


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize("told", _GONE, ids=["invalid_grant", "invalid_rapt"])
def test_who_is_let_in_no_more_is_told_once_however_many_ask(
    stage: Stage, network: Network, told: dict[str, str]
) -> None:
    channel = stage.connect(network, who="admin")
    expire(stage, channel)
    faults(stage, network, Fault(Kind.ANSWER, path=_PATHS[network], status=400, body=json.dumps(told).encode()))

    def ask(_: int) -> str:
        with pytest.raises(Reconnect) as ended:
            fresh(stage, channel)
        return str(ended.value)

    with ThreadPoolExecutor(10) as pool:
        reasons = set(pool.map(ask, range(20)))
    found = stage.account(channel.id)
    assert (found.state, {found.problem}) == ("needs_reconnect", reasons)
    assert letters(stage) == ["admin@example.com", "owner@example.com"]


def test_the_letter_says_which_account_and_what_to_do(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    stage.tiktok.tokens.end(*stage.tiktok.tokens.consents())
    expire(stage, channel)
    with pytest.raises(Reconnect):
        fresh(stage, channel)
    with stage.office.database.system() as session:
        found = session.execute(select(Mail.id, Mail.sealed)).one()
    letter = json.loads(open_sealer(stage.runtime.settings).open(found.sealed, row=f"mails/{found.id}"))
    assert "“Ada” on TikTok again" in letter["subject"]
    assert "permission has ended" in letter["text"]
    assert not any(prefix in str(letter) for prefix in ("act.", "rft."))


def test_a_permission_that_has_run_out_is_not_even_asked_for(stage: Stage) -> None:
    channel = stage.connect(TIKTOK)
    expire(stage, channel)
    change(stage, channel, refresh_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(Reconnect, match="run out"):
        fresh(stage, channel)
    assert (refreshes(stage), stage.ledger.count("refused")) == (0, 0)
    assert letters(stage) == ["owner@example.com"]


# Where they belong


def test_what_is_moved_to_another_row_or_workspace_does_not_open(stage: Stage) -> None:
    one, other = stage.connect(TIKTOK), stage.connect(TIKTOK, account="bob")
    sealed = stage.account(one.id).grant_sealed
    sealer = open_sealer(stage.runtime.settings)
    change(stage, other, grant_sealed=sealed)
    with pytest.raises(Reconnect, match="cannot be opened"):
        fresh(stage, other)
    moved = stage.account(one.id)
    for name in ("id", "workspace_id"):
        right = getattr(moved, name)
        setattr(moved, name, UUID(int=7))
        with pytest.raises(WrongSealKey):
            tokens.opened(sealer, moved)
        setattr(moved, name, right)
    assert tokens.opened(sealer, moved).access_token == fresh(stage, one)


def test_what_was_changed_in_the_database_does_not_open(stage: Stage) -> None:
    channel = stage.connect(YOUTUBE)
    sealed = stage.account(channel.id).grant_sealed or b""
    for at in (0, 5, 20, len(sealed) - 1):
        change(stage, channel, grant_sealed=sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        change(stage, channel, state="connected")
        with pytest.raises(Reconnect, match="cannot be opened"):
            fresh(stage, channel)


def test_whoever_owns_tokens_that_cannot_be_opened_is_told_once_and_can_connect_again(stage: Stage) -> None:
    channel = stage.connect(YOUTUBE)
    publications = [stage.publish(YOUTUBE), stage.publish(YOUTUBE)]
    change(stage, channel, grant_sealed=b"sealed with a key that was lost")
    assert stage.run_one()
    assert stage.run_one()
    assert [stage.publication(each.id).state for each in publications] == ["needs_reconnect"] * 2
    found = stage.account(channel.id)
    assert found.state == "needs_reconnect"
    assert "a key that is not here" in (found.problem or "")
    assert letters(stage) == ["owner@example.com"]
    stage.connect(YOUTUBE)
    stage.run(passing=timedelta(minutes=2))
    assert [stage.publication(each.id).state for each in publications] == ["published"] * 2


def test_a_grant_without_a_refresh_token_is_kept_where_the_one_of_before_cannot_be_opened(stage: Stage) -> None:
    channel = stage.connect(YOUTUBE)
    sealer = open_sealer(stage.runtime.settings)
    with stage.office.database.workspace(stage.office.id) as session:
        found = tokens.find(session, channel.id, locked=True)
        found.grant_sealed = b"sealed with a key that was lost"
        tokens.keep(sealer, found, Grant("new", datetime.now(UTC) + timedelta(hours=1), frozenset()))
    assert (grant(stage, channel).access_token, grant(stage, channel).refresh_token) == ("new", None)


def test_no_row_of_the_database_holds_a_token(stage: Stage) -> None:
    for network in Network:
        channel = stage.connect(network)
        stage.publish(network)
        expire(stage, channel)
    stage.run(passing=timedelta(minutes=2))
    grants = [grant(stage, channel) for channel in accounts(stage)]
    secrets = [token for each in grants for token in (each.access_token, each.refresh_token or "")]
    assert len(secrets) == 4
    with stage.office.database.system() as session:
        tables = session.scalars(
            text("select table_name from information_schema.columns where column_name = 'workspace_id'")
        ).all()
        rows = [row for table in {*tables} for row in session.scalars(text(f"select t::text from {table} t"))]
    assert len(rows) > 10
    held = [secret for secret in secrets for row in rows if secret in row or secret.encode().hex() in row]
    assert held == []


def accounts(stage: Stage) -> list[Channel]:
    with stage.office.database.system() as session:
        return list(session.scalars(select(Channel)))


def test_the_stand_in_takes_a_rotated_token_once_only(stage: Stage) -> None:
    """What the others here prove is proved against a network that is as strict as the real one."""
    channel = stage.connect(TIKTOK)
    used = grant(stage, channel).refresh_token
    expire(stage, channel)
    fresh(stage, channel)
    form = {
        "client_key": "client", "client_secret": "app-secret-canary", "grant_type": "refresh_token",
        "refresh_token": used,
    }  # fmt: skip
    url = f"{stage.runtime.settings.tiktok.url}{tiktok_oauth.TOKEN}"
    assert httpx2.post(url, data=form).json()["error"] == "invalid_grant"
