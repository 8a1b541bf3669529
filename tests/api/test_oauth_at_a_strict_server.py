"""Connecting an account at an OAuth server that nobody here has written: what it refuses connects nobody, and people
are told in words what to do.

The server is `oidc-provider` from npm at Google's paths. Unlike Google it changes the refresh token with each use, and
takes one that comes twice for stolen.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World
from tests.api.networks import URL, browser_of
from tests.servers.strict_oidc import SECRET, WEB, Refused, StrictIssuer, allow, client, strict_issuing

from cliply.features.publishing import tokens
from cliply.features.publishing.models import Channel, OAuthAttempt
from cliply.infra.breakers import ProcessBreakers, Rule
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.sealing import open_sealer
from cliply.infra.settings import Google, Server
from cliply.integrations.google_oauth import ANALYTICS, UPLOAD
from cliply.integrations.oauth import TokenServer
from cliply.integrations.oauth_errors import Words
from cliply.integrations.providers import build_providers
from cliply.integrations.publisher import Grant, Misconfigured, Network, Reconnect, TokenExpired
from cliply.runtime import Runtime

pytestmark = pytest.mark.slow
CLIENTS = (client(), client("other"), client("narrow", scope="openid https://www.googleapis.com/auth/youtube.readonly"))


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictIssuer]:
    with strict_issuing(CLIENTS) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def evil() -> Iterator[StrictIssuer]:
    """A second server, just as strict, whose owner wants codes of the first."""
    with strict_issuing(CLIENTS) as issuer:
        yield issuer


@dataclass
class Visit:
    """The service with that server in Google's place, and its owner's browser."""

    runtime: Runtime
    world: World
    client: TestClient

    def begin(self, **body: Any) -> str:
        """Where the browser has to go."""
        headers = {**self.cookie, "x-workspace-id": str(self.world.workspace)}
        begun = self.client.post("/api/oauth/google/start", json=body, headers=headers)
        assert begun.status_code == 201, begun.text
        return str(begun.json()["consent_url"])

    def back(self, sent: dict[str, str]) -> Any:
        return self.client.get("/api/oauth/google/callback", params=sent, headers=self.cookie)

    def connect(self, **more: Any) -> UUID:
        done = self.back(allow(self.begin(), **more))
        assert done.status_code == 200, done.text
        return self.kept()[-1].id

    def kept(self) -> list[Channel]:
        with self.world.database.system() as session:
            return list(session.scalars(select(Channel).order_by(Channel.created_at)))

    def grant(self, channel_id: UUID) -> Grant:
        with self.world.database.workspace(self.world.workspace) as session:
            return tokens.opened(open_sealer(self.runtime.settings), tokens.find(session, channel_id))

    def fresh(self, channel_id: UUID, refused: str | None = None) -> str:
        return tokens.fresh(self.runtime, self.world.workspace, channel_id, refused=refused)

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"__Host-cliply={self.world.people['owner'].session}"}


@pytest.fixture
def visit(runtime: Runtime, world: World, strict: StrictIssuer) -> Iterator[Visit]:
    yield from visiting(runtime, world, strict)


def visiting(runtime: Runtime, world: World, issuer: StrictIssuer, **app: str) -> Iterator[Visit]:
    google = Google.model_validate({"client_id": "client", "client_secret": SECRET, "url": issuer.url, **app})
    settings = runtime.settings.model_copy(update={"server": Server(url=URL, sign_up="open"), "google": google})
    with closing(Outbound(ProcessBreakers(Rule(failures=100_000)), pause=0.001)) as outbound:
        providers = build_providers(settings, outbound, Quotas(world.database))
        served = replace(runtime, settings=settings, providers=providers)
        with browser_of(app_of(served)) as browser:
            yield Visit(served, world, browser)


def changed(url: str, **query: str | None) -> str:
    """The page of consent, asked for something else than the service has said."""
    address = urlsplit(url)
    asked = {**dict(parse_qsl(address.query)), **query}
    return urlunsplit(
        address._replace(query=urlencode({name: each for name, each in asked.items() if each is not None}))
    )


def test_an_account_is_connected_by_the_rules_of_the_standard(visit: Visit, strict: StrictIssuer) -> None:
    sent = allow(visit.begin())
    assert sent["iss"] == strict.url, "the server says who it is, and that is looked at"
    done = visit.back(sent)
    assert done.status_code == 200, done.text
    [channel] = visit.kept()
    assert (channel.external_id, channel.name, channel.state) == ("UC" + "a" * 22, "Ada Lovelace", "connected")
    assert set(channel.scopes) == visit.runtime.providers.of(Network.YOUTUBE).connector.asks_for
    assert sent["code"] not in done.text


def test_what_was_unticked_is_told(visit: Visit) -> None:
    done = visit.back(allow(visit.begin(), without=[UPLOAD, ANALYTICS]))
    assert "cannot be published on yet" in done.text
    assert "youtube.upload" in done.text


# Attacks


Do = Callable[[Visit, StrictIssuer], Any]


def asked_with(**query: str | None) -> Do:
    """The page is asked for with something changed, and answered as usual."""
    return lambda visit, _: visit.back(allow(changed(visit.begin(), **query)))


def answered_with(**query: str | None) -> Do:
    """The answer is changed on its way back."""

    def do(visit: Visit, _: StrictIssuer) -> Any:
        sent = {**allow(visit.begin()), **query}
        return visit.back({name: value for name, value in sent.items() if value is not None})

    return do


def code_of_another_attempt(visit: Visit, _: StrictIssuer) -> Any:
    """PKCE: the code belongs to the attempt whose verifier is known, to no other."""
    stolen = allow(visit.begin())["code"]
    return visit.back({**allow(visit.begin()), "code": stolen})


def code_that_was_used(visit: Visit, _: StrictIssuer) -> Any:
    sent = allow(visit.begin())
    assert visit.back(sent).status_code == 200
    forget(visit)
    return visit.back({**allow(visit.begin()), "code": sent["code"]})


def answer_that_was_used(visit: Visit, _: StrictIssuer) -> Any:
    sent = allow(visit.begin())
    assert visit.back(sent).status_code == 200
    forget(visit)
    return visit.back(sent)


def code_for_a_program(visit: Visit, _: StrictIssuer) -> Any:
    """It was asked for at another address, and RFC 6749 wants the same one named twice."""
    code = allow(visit.begin(loopback_port=8765))["code"]
    return visit.back({**allow(visit.begin()), "code": code})


def address_changed_meanwhile(visit: Visit, _: StrictIssuer) -> Any:
    """The verifier is right, the address is not."""
    sent = allow(visit.begin())
    with visit.world.database.system() as session:
        session.execute(update(OAuthAttempt).values(redirect_uri="http://127.0.0.1:8765/oauth"))
    return visit.back(sent)


def code_that_is_over(visit: Visit, strict: StrictIssuer) -> Any:
    sent = allow(visit.begin())
    strict.move_clock(120)
    try:
        return visit.back(sent)
    finally:
        strict.move_clock(0)


def code_of_another_app(visit: Visit, _: StrictIssuer) -> Any:
    return visit.back(allow(changed(visit.begin(), client_id="other")))


def forget(visit: Visit) -> None:
    with visit.world.database.system() as session:
        session.execute(delete(Channel))


ENDED, APP, NO_REASON = (
    "permission has ended or was used before",
    "installation's app asks for",
    "no reason that is known",
)
BEGIN_AGAIN = "Begin again"
ATTACKS: dict[str, tuple[Do, str]] = {
    "no challenge": (asked_with(code_challenge=None, code_challenge_method=None), APP),
    "a plain challenge": (asked_with(code_challenge_method="plain"), APP),
    "no method of the challenge": (asked_with(code_challenge_method=None), APP),
    "a challenge that is none": (asked_with(code_challenge="short"), APP),
    "a challenge of the attacker's": (asked_with(code_challenge="A" * 43), ENDED),
    "a token instead of a code": (asked_with(response_type="token"), APP),
    "an ID token beside the code": (asked_with(response_type="code id_token", scope="openid", nonce="n"), APP),
    "nothing to be answered": (asked_with(response_type="none"), BEGIN_AGAIN),
    "a request in a signed object": (asked_with(request="e30.e30."), BEGIN_AGAIN),
    "no page to be shown": (asked_with(prompt="none"), "sign in and answer on its page first"),
    "a challenge twice over": (asked_with(prompt="none login"), APP),
    "a scope of more than the app may have": (asked_with(client_id="narrow"), APP),
    "a code of another attempt": (code_of_another_attempt, ENDED),
    "a code that was used": (code_that_was_used, ENDED),
    "an answer that was used": (answer_that_was_used, BEGIN_AGAIN),
    "a code for a program": (code_for_a_program, ENDED),
    "an address that changed meanwhile": (address_changed_meanwhile, ENDED),
    "a code that is over": (code_that_is_over, ENDED),
    "a code of another app": (code_of_another_app, ENDED),
    "a code that nobody gave": (answered_with(code="A" * 43), ENDED),
    "a code and a blank": (answered_with(code="A" * 42 + " "), ENDED),
    "no code": (answered_with(code=None), NO_REASON),
    "another state": (answered_with(state="A" * 43), BEGIN_AGAIN),
    "another issuer": (answered_with(iss="https://evil.example"), BEGIN_AGAIN),
    "an issuer with a slash more": (answered_with(iss="http://127.0.0.1/"), BEGIN_AGAIN),
    "an error beside the code": (answered_with(error="invalid_scope"), APP),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_strict_server_refuses_connects_nobody_and_is_told_in_words(
    visit: Visit, strict: StrictIssuer, attack: str
) -> None:
    do, told = ATTACKS[attack]
    answer = do(visit, strict)
    assert answer.status_code == 400, answer.text
    assert told.replace("'", "&#x27;") in answer.text
    assert visit.kept() == []
    visit.connect()


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/oauth", "https://cliply.test.evil.example/api/oauth/google/callback", f"{URL}/",
        f"{URL}/api/oauth/google/callback/", f"{URL}/api/oauth/google/callback?next=evil", "javascript:alert(1)",
        f"{URL}/api/oauth/google/../google/callback", "http://127.0.0.1:8766/oauth", "http://localhost:8765/oauth",
        "https://user@cliply.test/api/oauth/google/callback", f"{URL}/api/oauth/google/callback#x", "",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_an_address_that_is_not_the_services_own(visit: Visit, address: str) -> None:
    with pytest.raises(Refused, match="redirect_uri"):
        allow(changed(visit.begin(), redirect_uri=address))
    assert visit.kept() == []


def test_who_does_not_allow_it_is_told_so(visit: Visit) -> None:
    answer = visit.back(allow(visit.begin(), deny=True))
    assert "did not allow it. Nothing was connected" in answer.text
    assert visit.kept() == []


@pytest.mark.parametrize("named", [True, False], ids=["naming itself", "naming nobody"])
def test_a_code_of_another_server_is_not_tried_out_on_this_one(
    visit: Visit, strict: StrictIssuer, evil: StrictIssuer, named: bool
) -> None:
    """Mix-up (RFC 9207): the victim was led to another server with what this service had asked for."""
    begun = visit.begin()
    led = urlunsplit(urlsplit(begun)._replace(netloc=urlsplit(evil.url).netloc))
    sent = allow(led)
    assert sent["iss"] == evil.url != strict.url
    answer = visit.back(sent if named else {name: each for name, each in sent.items() if name != "iss"})
    assert answer.status_code == 400
    assert (BEGIN_AGAIN if named else ENDED) in answer.text
    assert visit.kept() == []


@pytest.mark.parametrize(
    ("app", "told"),
    [
        ({"client_secret": "another"}, "does not know this installation&#x27;s app or its secret"),
        ({"client_id": "other", "client_secret": "another"}, "app or its secret"),
    ],
)
def test_an_app_that_the_server_does_not_know_is_its_operators_affair(
    runtime: Runtime, world: World, strict: StrictIssuer, app: dict[str, str], told: str
) -> None:
    for visit in visiting(runtime, world, strict, **app):
        answer = visit.back(allow(visit.begin()))
        assert answer.status_code == 400
        assert told in answer.text
        assert "CLIPLY_GOOGLE__CLIENT_SECRET" in answer.text
        assert "another" not in answer.text
        assert visit.kept() == []


def test_one_of_many_who_bring_the_same_answer_is_let_in(visit: Visit) -> None:
    sent = allow(visit.begin())
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: visit.back(sent).status_code, range(8)))
    assert statuses == [200] + [400] * 7
    assert visit.grant(visit.kept()[0].id).refresh_token is not None


# Tokens that change with each use


def test_a_refresh_token_is_used_once_however_many_want_a_new_token(visit: Visit) -> None:
    """The server ends the whole permission where one comes twice."""
    account = visit.connect()
    for _ in range(3):
        before = visit.grant(account)
        with ThreadPoolExecutor(8) as pool:
            given = set(pool.map(visit.fresh, [account] * 8, [before.access_token] * 8))
        after = visit.grant(account)
        assert given == {after.access_token} != {before.access_token}
        assert after.refresh_token not in (None, before.refresh_token)
    connector = visit.runtime.providers.of(Network.YOUTUBE).connector
    assert connector.profile(visit.grant(account)).external_id == "UC" + "a" * 22


def test_whoever_stole_a_refresh_token_ends_it_for_both_and_its_owner_is_told_to_connect_again(visit: Visit) -> None:
    account = visit.connect()
    connector, stolen = visit.runtime.providers.of(Network.YOUTUBE).connector, visit.grant(account)
    visit.fresh(account, stolen.access_token)
    with pytest.raises(Reconnect, match="ended or was used before"):
        connector.refresh(stolen)
    with pytest.raises(Reconnect, match="Connect the account again"):
        visit.fresh(account, visit.grant(account).access_token)
    [channel] = visit.kept()
    assert (channel.state, channel.problem) == (
        "needs_reconnect",
        "Google says that the permission has ended or was used before. Connect the account again.",
    )
    sent = allow(visit.begin(account_id=str(account)))
    assert visit.back(sent).status_code == 200
    assert visit.kept()[0].state == "connected"
    assert visit.fresh(account)


def test_a_server_that_will_not_take_a_permission_back_keeps_nothing_here(visit: Visit) -> None:
    """Google wants the token alone to revoke it; this server wants to know the app as well (RFC 7009, 2.1)."""
    account = visit.connect()
    headers = {**visit.cookie, "x-workspace-id": str(visit.world.workspace)}
    ended = visit.client.delete(f"/api/accounts/{account}", headers=headers)
    assert ended.status_code == 200
    assert "YouTube could not be told" in ended.json()["reason"]
    assert "remove Cliply in the settings of YouTube" in ended.json()["reason"]
    assert visit.kept()[0].grant_sealed is None
    with pytest.raises(Reconnect):
        visit.fresh(account)


def test_what_was_taken_back_opens_nothing_any_more(visit: Visit, strict: StrictIssuer) -> None:
    grant = visit.grant(visit.connect())
    connector = visit.runtime.providers.of(Network.YOUTUBE).connector
    with closing(Outbound(ProcessBreakers(), pause=0.001)) as outbound:
        server = TokenServer(outbound.client("Google", hosts=(), url=strict.url), Words("Google", "them", "there"))
        form = {"token": grant.refresh_token or "", "client_id": "client", "client_secret": SECRET}
        for _ in range(2):
            server.revoke(f"{strict.url}/revoke", form)
    with pytest.raises(Reconnect, match="has ended"):
        connector.refresh(grant)
    with pytest.raises(TokenExpired):
        connector.profile(grant)


def test_a_code_that_somebody_else_brings_again_takes_nothing_from_its_owner(visit: Visit) -> None:
    sent = allow(visit.begin())
    assert visit.back(sent).status_code == 200
    [channel] = visit.kept()
    assert ENDED in visit.back({**allow(visit.begin()), "code": sent["code"]}).text
    assert visit.fresh(channel.id, visit.grant(channel.id).access_token)
    assert visit.kept()[0].state == "connected"


def test_a_code_that_comes_again_with_its_proof_ends_what_it_gave(visit: Visit, strict: StrictIssuer) -> None:
    """RFC 6749, 4.1.2: somebody has stolen both, so that its first user may be the thief."""
    connector, verifier = visit.runtime.providers.of(Network.YOUTUBE).connector, "v" * 64
    url = connector.consent_url(redirect_uri=WEB, state="state", verifier=verifier, again=True)
    code = allow(url)["code"]
    grant = connector.exchange(code, redirect_uri=WEB, verifier=verifier)
    assert connector.profile(grant).name == "Ada Lovelace"
    with pytest.raises(Reconnect, match="was used before"):
        connector.exchange(code, redirect_uri=WEB, verifier=verifier)
    with pytest.raises(Reconnect):
        connector.refresh(grant)
    with pytest.raises(TokenExpired):
        connector.profile(grant)


@pytest.mark.parametrize("verifier", ["w" * 64, "v" * 63, "v" * 42, ""])
def test_a_code_without_the_right_proof_is_worth_nothing(visit: Visit, verifier: str) -> None:
    connector = visit.runtime.providers.of(Network.YOUTUBE).connector
    url = connector.consent_url(redirect_uri=WEB, state="state", verifier="v" * 64, again=False)
    with pytest.raises((Reconnect, Misconfigured)) as refused:
        connector.exchange(allow(url)["code"], redirect_uri=WEB, verifier=verifier)
    assert "again" in str(refused.value) or "Check the app" in str(refused.value)
