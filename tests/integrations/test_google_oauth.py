"""Connecting a channel, against a server that is as strict as Google's."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.dev_providers.people import LOCAL, SECRET, VERIFIER, WEB, Standing, google
from tests.servers.consent import answer

from cliply.dev_providers.faults import Fault, Kind
from cliply.dev_providers.google_oauth import withdraw
from cliply.dev_providers.world import GoogleWorld
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.outbound import Outbound
from cliply.integrations.google_oauth import ANALYTICS, READ, UPLOAD, GoogleAddresses, GoogleConnector
from cliply.integrations.oauth import OAuthApp
from cliply.integrations.publisher import (
    Grant,
    Misconfigured,
    PublishFailure,
    Reconnect,
    Rejected,
    TokenExpired,
    TryLater,
    Unknown,
)

Server = Standing[GoogleWorld]


@pytest.fixture
def server() -> Iterator[Server]:
    """With as much of YouTube as tells who a channel is."""

    async def channels(request: Request) -> JSONResponse:
        caller = there.world.bearer(request.headers.get("authorization"))
        if caller is None:
            return JSONResponse({"error": {"code": 401, "errors": [{"reason": "authError"}]}}, status_code=401)
        channel = caller.account.channel
        pictures = {
            "default": {"url": "http://insecure.example.com/a.jpg"},
            "high": {"url": "https://yt.example.com/a"},
        }
        items = [] if channel is None else [
            {"id": channel.id, "snippet": {"title": channel.title, "customUrl": channel.handle, "thumbnails": pictures}}
        ]  # fmt: skip
        return JSONResponse({"kind": "youtube#channelListResponse", **({"items": items} if items else {})})

    with google([Route("/youtube/v3/channels", channels)]) as there:
        yield there


@contextmanager
def connector(server: Server, app: OAuthApp | None = None, **more: Any) -> Iterator[GoogleConnector]:
    outbound = Outbound(ProcessBreakers(), pause=0.001)
    client = outbound.client("Google", hosts=(), url=server.url)
    yield GoogleConnector(client, app or OAuthApp("app-id", SECRET), GoogleAddresses.below(server.url), **more)
    outbound.close()


def consented(server: Server, connecting: GoogleConnector, account: str = "a" * 22, **more: Any) -> str:
    url = connecting.consent_url(redirect_uri=WEB, state="s t&", verifier=VERIFIER, again=False)
    where, back = answer(url, account=account, **more)
    assert (where, back["state"], back["iss"]) == (WEB, "s t&", connecting.issuer)
    return back["code"]


def granted(server: Server, connecting: GoogleConnector, account: str = "a" * 22, **more: Any) -> Grant:
    code = consented(server, connecting, account, **more)
    return connecting.exchange(code, redirect_uri=WEB, verifier=VERIFIER)


def test_the_page_is_asked_for_as_google_wants_it(server: Server) -> None:
    with connector(server) as connecting:
        address = urlsplit(connecting.consent_url(redirect_uri=WEB, state="state", verifier=VERIFIER, again=False))
        again = urlsplit(connecting.consent_url(redirect_uri=WEB, state="state", verifier=VERIFIER, again=True))
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    digest = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    assert query == {
        "client_id": "app-id", "redirect_uri": WEB, "response_type": "code", "access_type": "offline",
        "scope": " ".join(sorted((UPLOAD, READ, ANALYTICS))), "prompt": "consent", "include_granted_scopes": "true",
        "state": "state", "code_challenge": digest, "code_challenge_method": "S256",
    }  # fmt: skip
    assert parse_qs(again.query)["prompt"] == ["select_account consent"]
    outbound = Outbound(ProcessBreakers())
    real = GoogleConnector(outbound.client("Google", hosts=()), OAuthApp("id", "secret"))
    url = real.consent_url(redirect_uri=WEB, state="s", verifier=VERIFIER, again=False)
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")


def test_a_channel_is_connected_renewed_and_let_go(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting)
        assert grant.scopes == connecting.asks_for
        assert grant.refresh_token is not None
        assert timedelta(minutes=58) < grant.expires_at - datetime.now(UTC) <= timedelta(hours=1)
        profile = connecting.profile(grant)
        assert (profile.external_id, profile.name, profile.handle) == ("UC" + "a" * 22, "Ada talks", "@ada")
        assert profile.picture == "https://yt.example.com/a"
        server.world.clock.advance(timedelta(hours=1))
        with pytest.raises(TokenExpired):
            connecting.profile(grant)
        renewed = connecting.refresh(grant)
        assert renewed.access_token != grant.access_token
        assert (renewed.refresh_token, renewed.scopes) == (grant.refresh_token, grant.scopes)
        assert connecting.profile(renewed) == profile
        connecting.revoke(renewed)
        connecting.revoke(renewed)
        with pytest.raises(Reconnect, match="permission has ended") as ended:
            connecting.refresh(renewed)
    assert ended.value.code == "invalid_grant"
    assert server.world.ledger.count("grant_revoked") == 1


def test_each_channel_of_a_person_is_a_grant_of_its_own(server: Server) -> None:
    with connector(server) as connecting:
        one, other = granted(server, connecting, "a" * 22), granted(server, connecting, "b" * 22)
        names = [connecting.profile(each).name for each in (one, other)]
        assert names == ["Ada talks", "Ada's brand"], "and no markup of theirs"
        connecting.revoke(one)
        with pytest.raises(Reconnect):
            connecting.refresh(other)
        assert connecting.revokes_all


def test_what_was_unticked_is_not_granted(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting, without=[ANALYTICS, UPLOAD])
    assert grant.scopes == {READ}
    assert not connecting.publishes_with <= grant.scopes


def test_whoever_does_not_allow_it_sends_back_an_error(server: Server) -> None:
    with connector(server) as connecting:
        url = connecting.consent_url(redirect_uri=LOCAL, state="s", verifier=VERIFIER, again=False)
        where, back = answer(url, allow=False)
    assert (where, back["error"], back["state"]) == (LOCAL, "access_denied", "s")


def test_an_account_without_a_channel_is_refused_with_what_to_do(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting, "eve@")
        with pytest.raises(Rejected, match=r"no YouTube channel.*Create one"):
            connecting.profile(grant)
        body = b'{"error": {"code": 401, "errors": [{"domain": "youtube.header", "reason": "youtubeSignupRequired"}]}}'
        server.world.faults.plan(Fault(Kind.ANSWER, "channels", status=401, body=body))
        with pytest.raises(Rejected, match=r"no YouTube channel.*Create one"):
            connecting.profile(grant)


def test_a_code_is_good_once_and_for_ten_minutes_with_its_verifier_and_address(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting)
        used = consented(server, connecting)
        connecting.exchange(used, redirect_uri=WEB, verifier=VERIFIER)
        late = consented(server, connecting)
        server.world.clock.advance(timedelta(minutes=11))
        for code, verifier in (
            (used, VERIFIER),
            (late, VERIFIER),
            (consented(server, connecting), "w" * 50),
            ("x", "y"),
        ):
            with pytest.raises(Reconnect):
                connecting.exchange(code, redirect_uri=WEB, verifier=verifier)
        with pytest.raises(Misconfigured, match="sent back to"):
            connecting.exchange(consented(server, connecting), redirect_uri=LOCAL, verifier=VERIFIER)
        assert connecting.refresh(grant).access_token


def test_an_app_that_google_does_not_know_is_the_operators_business(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting)
    for app in (OAuthApp("app-id", "wrong"), OAuthApp("nobody", SECRET), OAuthApp("other-id", "other-secret")):
        with connector(server, app) as wrong, pytest.raises(Misconfigured, match="CLIPLY_GOOGLE__CLIENT_SECRET"):
            wrong.refresh(grant)


def test_a_permission_that_was_withdrawn_or_has_ended_has_to_be_given_again(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting)
        (consent,) = server.world.tokens.consents()
        withdraw(server.world, consent)
        with pytest.raises(Reconnect):
            connecting.refresh(grant)
        server.world.apps[0].testing = True
        grant = granted(server, connecting)
        assert grant.refresh_expires_at is not None
        assert grant.refresh_expires_at - datetime.now(UTC) < timedelta(days=7)
        assert connecting.refresh(grant).refresh_expires_at == grant.refresh_expires_at
        server.world.clock.advance(timedelta(days=7, minutes=1))
        with pytest.raises(Reconnect):
            connecting.refresh(grant)
        with pytest.raises(Reconnect):
            connecting.refresh(replace(grant, refresh_token=None))


def test_a_lost_answer_to_a_code_is_unknown_and_to_a_refresh_is_asked_again(server: Server) -> None:
    faults = server.world.faults
    with connector(server) as connecting:
        code = consented(server, connecting)
        faults.plan(Fault(Kind.DROP_ANSWER, "/token"))
        with pytest.raises(Unknown):
            connecting.exchange(code, redirect_uri=WEB, verifier=VERIFIER)
        grant = granted(server, connecting)
        faults.plan(Fault(Kind.DROP_ANSWER, "/token"), Fault(Kind.DROP_UNREAD, "/token"))
        assert connecting.refresh(grant).access_token
        faults.plan(Fault(Kind.ANSWER, "/token", status=503, headers={"Retry-After": "3600"}))
        with pytest.raises(TryLater) as later:
            connecting.refresh(grant)
        assert later.value.at is not None
        faults.plan(Fault(Kind.ANSWER, "/token", status=200, body=b"{}", times=None))
        with pytest.raises(TryLater):
            connecting.refresh(grant)
        with pytest.raises(Unknown):
            connecting.exchange("code", redirect_uri=WEB, verifier=VERIFIER)


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "a", "token_type": "Bearer"}',
        b'{"access_token": "a", "token_type": "mac", "expires_in": 3599}',
        b'{"access_token": "a b\\r\\nX: y", "token_type": "Bearer", "expires_in": 3599}',
        b'{"access_token": "", "token_type": "Bearer", "expires_in": 3599}',
        b'{"access_token": ["a"], "token_type": "Bearer", "expires_in": 3599}',
        b'{"access_token": "a", "token_type": "Bearer", "expires_in": -1}',
        b'{"access_token": "a", "token_type": "Bearer", "expires_in": 1e99}',
        b'{"access_token": "a", "token_type": "Bearer", "expires_in": true}',
        b"<html>",
        b"[]",
    ],
)
def test_an_answer_that_holds_no_grant_is_none(server: Server, body: bytes) -> None:
    server.world.faults.plan(Fault(Kind.ANSWER, "/token", status=200, body=body))
    with connector(server) as connecting, pytest.raises(Unknown):
        connecting.exchange("code", redirect_uri=WEB, verifier=VERIFIER)


def test_a_grant_that_does_not_last_is_refused_with_what_to_do(server: Server) -> None:
    body = b'{"access_token": "a", "token_type": "bearer", "expires_in": "3599", "scope": "x"}'
    server.world.faults.plan(Fault(Kind.ANSWER, "/token", status=200, body=body))
    with connector(server) as connecting, pytest.raises(Reconnect, match=r"myaccount\.google\.com"):
        connecting.exchange("code", redirect_uri=WEB, verifier=VERIFIER)


def test_a_look_at_the_channel_is_paid_from_the_quota_before_it_is_made(server: Server) -> None:
    spent: list[tuple[str, int]] = []

    def spend(bucket: str, amount: int) -> None:
        spent.append((bucket, amount))
        raise KeyError("used up")

    with connector(server, spend=spend) as connecting:
        grant = granted(server, connecting)
        with pytest.raises(KeyError, match="used up"):
            connecting.profile(grant)
    assert spent == [("youtube.units", 1)]


def test_no_failure_shows_a_token_a_code_or_the_secret(server: Server) -> None:
    with connector(server) as connecting:
        grant = granted(server, connecting)
        secrets = (SECRET, VERIFIER, "code-canary", grant.access_token, grant.refresh_token or "")
        acts: list[Callable[[], object]] = [
            lambda: connecting.exchange("code-canary", redirect_uri=WEB, verifier=VERIFIER),
            lambda: connecting.refresh(grant),
        ]
        for kind in Kind:
            server.world.faults.plan(Fault(kind, "/token", status=500, body=SECRET.encode(), times=None))
            for act in acts:
                try:
                    act()
                except PublishFailure as failed:
                    said = f"{failed!r} {failed} {failed.code} {failed.__cause__!r} {failed.__context__!r}"
                    assert not any(each in said for each in secrets)
            server.world.faults.clear()
        assert not any(each in repr((connecting, grant, OAuthApp("id", SECRET))) for each in secrets)
