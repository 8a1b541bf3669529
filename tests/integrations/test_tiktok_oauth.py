"""Connecting an account, against a server that is as strict as TikTok's."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from tests.dev_providers.people import LOCAL, SECRET, VERIFIER, WEB, Standing, tiktok
from tests.servers.consent import answer

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.tiktok_oauth import withdraw
from cliply.dev_providers.world import TikTokWorld
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.outbound import Outbound
from cliply.integrations.oauth import OAuthApp
from cliply.integrations.publisher import (
    Grant,
    Misconfigured,
    PublishFailure,
    Reconnect,
    TokenExpired,
    TryLater,
    Unknown,
)
from cliply.integrations.tiktok_oauth import BASIC, DRAFT, LIST, NAMES, POST, TikTokConnector

Server = Standing[TikTokWorld]
LOOPBACK = "http://127.0.0.1:54321/loopback"


@pytest.fixture(params=[200, 400])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Its refusals come with 200 too."""
    with tiktok() as there:
        there.world.refusal_status = request.param
        yield there


@contextmanager
def connector(server: Server, app: OAuthApp | None = None) -> Iterator[TikTokConnector]:
    outbound = Outbound(ProcessBreakers(), pause=0.001)
    client = outbound.client("TikTok", hosts=(), url=server.url)
    yield TikTokConnector(client, app or OAuthApp("app-id", SECRET), url=server.url)
    outbound.close()


def consented(connecting: TikTokConnector, to: str = WEB, account: str = "open-ada", **more: Any) -> str:
    url = connecting.consent_url(redirect_uri=to, state="s t&", verifier=VERIFIER, again=False)
    where, back = answer(url, account=account, **more)
    assert (where, back["state"]) == (to, "s t&")
    return back["code"]


def granted(connecting: TikTokConnector, to: str = WEB, **more: Any) -> Grant:
    return connecting.exchange(consented(connecting, to, **more), redirect_uri=to, verifier=VERIFIER)


def asked(connecting: TikTokConnector, to: str, *, again: bool = False) -> dict[str, str]:
    url = connecting.consent_url(redirect_uri=to, state="state", verifier=VERIFIER, again=again)
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_page_is_asked_for_as_tiktok_wants_it(server: Server) -> None:
    with connector(server) as connecting:
        web, loopback = asked(connecting, WEB), asked(connecting, LOOPBACK, again=True)
    whole = {
        "client_key": "app-id", "response_type": "code", "scope": ",".join(sorted((BASIC, NAMES, POST, DRAFT, LIST))),
        "redirect_uri": WEB, "state": "state",
    }  # fmt: skip
    assert web == whole
    digest = hashlib.sha256(VERIFIER.encode()).hexdigest()
    proof = {"code_challenge": digest, "code_challenge_method": "S256", "disable_auto_auth": "1"}
    assert loopback == {**whole, "redirect_uri": LOOPBACK, **proof}
    outbound = Outbound(ProcessBreakers())
    real = TikTokConnector(outbound.client("TikTok", hosts=()), OAuthApp("key", "secret"))
    url = real.consent_url(redirect_uri=WEB, state="s", verifier=VERIFIER, again=False)
    assert url.startswith("https://www.tiktok.com/v2/auth/authorize/?")
    with pytest.raises(Misconfigured, match="https addresses only"):
        real.consent_url(redirect_uri="http://clips.example.com/x", state="s", verifier=VERIFIER, again=False)


@pytest.mark.parametrize("to", [WEB, LOCAL, LOOPBACK])
def test_an_account_is_connected_renewed_and_let_go(server: Server, to: str) -> None:
    with connector(server) as connecting:
        grant = granted(connecting, to)
        assert grant.scopes == connecting.asks_for
        assert timedelta(minutes=119) < grant.expires_at - datetime.now(UTC) <= timedelta(hours=2)
        assert grant.refresh_expires_at is not None
        assert grant.refresh_expires_at - datetime.now(UTC) > timedelta(days=179)
        profile = connecting.profile(grant)
        assert (profile.external_id, profile.name, profile.handle) == ("open-ada", "Ada", "ada")
        server.world.clock.advance(timedelta(hours=2))
        with pytest.raises(TokenExpired):
            connecting.profile(grant)
        renewed = connecting.refresh(grant)
        assert renewed.refresh_token not in (None, grant.refresh_token)
        assert connecting.profile(renewed) == profile
        with pytest.raises(Reconnect, match="ended or was used before"):
            connecting.refresh(grant)
        connecting.revoke(renewed)
        connecting.revoke(renewed)
        with pytest.raises(Reconnect):
            connecting.refresh(renewed)
    assert server.world.ledger.count("grant_revoked") == 1


def test_an_expired_token_is_renewed_so_that_the_permission_can_be_taken_back(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(connecting)
        server.world.clock.advance(timedelta(hours=3))
        connecting.revoke(replace(grant, expires_at=datetime.now(UTC) - timedelta(hours=1)))
        assert server.world.ledger.count("grant_revoked") == 1
        assert list(server.world.tokens.consents()) == []
        connecting.revoke(replace(grant, expires_at=datetime.now(UTC) - timedelta(hours=1)))


def test_what_was_unticked_is_not_granted_and_a_name_is_told_without_a_handle(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(connecting, account="open-bob", without=[POST, NAMES])
        assert grant.scopes == {BASIC, DRAFT, LIST}
        assert not connecting.publishes_with <= grant.scopes
        assert connecting.profile(grant).handle is None
        with pytest.raises(Reconnect):
            connecting.profile(granted(connecting, without=[BASIC]))


def test_whoever_does_not_allow_it_sends_back_an_error(server: Server) -> None:
    with connector(server) as connecting:
        url = connecting.consent_url(redirect_uri=WEB, state="s", verifier=VERIFIER, again=False)
        where, back = answer(url, allow=False)
    assert (where, back["error"], back["state"]) == (WEB, "access_denied", "s")


def test_a_code_is_taken_as_it_stands_in_the_address_too(server: Server) -> None:
    with connector(server) as connecting:
        code = consented(connecting)
        assert quote(code) != code
        assert connecting.exchange(quote(code), redirect_uri=WEB, verifier=VERIFIER).access_token


def test_a_code_is_good_once_and_for_ten_minutes_with_its_verifier_and_address(server: Server) -> None:
    with connector(server) as connecting:
        used, late = consented(connecting), consented(connecting)
        connecting.exchange(used, redirect_uri=WEB, verifier=VERIFIER)
        server.world.clock.advance(timedelta(minutes=11))
        for code in (used, late, "x"):
            with pytest.raises(Reconnect):
                connecting.exchange(code, redirect_uri=WEB, verifier=VERIFIER)
        with pytest.raises(Reconnect):
            connecting.exchange(consented(connecting, LOOPBACK), redirect_uri=LOOPBACK, verifier="w" * 50)
        with pytest.raises(Misconfigured):
            connecting.exchange(consented(connecting, LOOPBACK), redirect_uri=LOCAL, verifier=VERIFIER)


def test_an_app_that_tiktok_does_not_know_is_the_operators_business(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(connecting)
        for app in (OAuthApp("app-id", "wrong"), OAuthApp("nobody", SECRET)):
            with connector(server, app) as wrong, pytest.raises(Misconfigured, match="CLIPLY_TIKTOK__CLIENT_SECRET"):
                wrong.refresh(grant)
        with connector(server, OAuthApp("other-id", "other-secret")) as other, pytest.raises(Reconnect):
            other.refresh(grant)
        assert connecting.refresh(grant).access_token, "nobody's wrong try has used it up"


def test_a_lost_answer_is_unknown_and_what_was_sent_is_not_sent_again(server: Server) -> None:
    faults, ledger = server.world.faults, server.world.ledger
    with connector(server) as connecting:
        code, grant = consented(connecting), granted(connecting)
        faults.plan(Fault(Kind.DROP_ANSWER, "/token/", times=2))
        with pytest.raises(Unknown):
            connecting.exchange(code, redirect_uri=WEB, verifier=VERIFIER)
        with pytest.raises(Unknown):
            connecting.refresh(grant)
        assert (ledger.count("token_issued"), ledger.count("token_refreshed")) == (2, 1)
        with pytest.raises(Reconnect):
            connecting.refresh(grant)
        for fault in (
            Fault(Kind.ANSWER, "/token/", status=502, body=b"<html>"),
            Fault(Kind.ANSWER, "/token/", status=200),
        ):
            faults.plan(fault)
            with pytest.raises(Unknown):
                connecting.refresh(grant)
        body = b'{"error": "temporarily_unavailable", "error_description": "", "log_id": "1"}'
        faults.plan(Fault(Kind.ANSWER, "/token/", status=200, body=body))
        with pytest.raises(TryLater):
            connecting.refresh(grant)


def test_a_permission_that_was_withdrawn_or_has_ended_has_to_be_given_again(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(connecting)
        (consent,) = server.world.tokens.consents()
        withdraw(server.world, consent)
        with pytest.raises(Reconnect):
            connecting.refresh(grant)
        grant = granted(connecting)
        server.world.clock.advance(timedelta(days=181))
        with pytest.raises(Reconnect):
            connecting.refresh(grant)
        with pytest.raises(Reconnect):
            connecting.refresh(replace(grant, refresh_token=None))


def test_a_profile_that_cannot_be_read_is_asked_for_later(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(connecting)
        ok = b'"error": {"code": "ok"}'
        for body in (b"{%s}" % ok, b'{"data": {"user": []}, %s}' % ok, b'{"data": {"user": {"open_id": 7}}, %s}' % ok):
            server.world.faults.plan(Fault(Kind.ANSWER, "/user/info/", status=200, body=body))
            with pytest.raises(TryLater):
                connecting.profile(grant)


def test_no_failure_shows_a_token_a_code_or_the_secret(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(connecting)
        secrets = (SECRET, VERIFIER, "code-canary", grant.access_token, grant.refresh_token or "")
        acts: list[Callable[[], object]] = [
            lambda: connecting.exchange("code-canary", redirect_uri=LOCAL, verifier=VERIFIER),
            lambda: connecting.refresh(grant),
            lambda: connecting.revoke(grant),
        ]
        for kind in Kind:
            server.world.faults.plan(Fault(kind, "/token/", status=500, body=SECRET.encode(), times=None))
            for act in acts:
                try:
                    act()
                except PublishFailure as failed:
                    said = f"{failed!r} {failed} {failed.code} {failed.__cause__!r} {failed.__context__!r}"
                    assert not any(each in said for each in secrets)
            server.world.faults.clear()
        assert not any(each in repr((connecting, grant)) for each in secrets)
