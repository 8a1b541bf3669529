"""What the stand-in for Google refuses, asked as an attacker or a careless app would."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from tests.dev_providers.people import ANY_PORT, LOCAL, SECRET, VERIFIER, WEB, Standing, google
from tests.servers.consent import answer, came_back, open_page, post_form, read_form

from cliply.dev_providers.google_oauth import AUTHORIZE, DISCOVERY, REVOKE, TOKEN
from cliply.dev_providers.world import GoogleWorld
from cliply.integrations.google_oauth import challenge

Server = Standing[GoogleWorld]
PREFIX = "https://www.googleapis.com/auth/"
READ, UPLOAD = f"{PREFIX}youtube.readonly", f"{PREFIX}youtube.upload"
ASKED = {
    "client_id": "app-id", "redirect_uri": WEB, "response_type": "code", "scope": f"{READ} {UPLOAD}", "state": "s",
    "access_type": "offline", "prompt": "consent", "code_challenge": challenge(VERIFIER),
    "code_challenge_method": "S256",
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with google() as there:
        yield there


def page_of(server: Server, **changed: str | None) -> str:
    query = {name: value for name, value in {**ASKED, **changed}.items() if value is not None}
    return f"{server.url}{AUTHORIZE}?{urlencode(query)}"


def code_of(server: Server, account: str = "a" * 22, **changed: str | None) -> str:
    return answer(page_of(server, **changed), account=account)[1]["code"]


def asked_for_token(server: Server, **changed: str | None) -> httpx2.Response:
    form = {
        "client_id": "app-id", "client_secret": SECRET, "grant_type": "authorization_code", "redirect_uri": WEB,
        "code_verifier": VERIFIER, **changed,
    }  # fmt: skip
    return post_form(server.url + TOKEN, [(name, value) for name, value in form.items() if value is not None])


def tokens_of(server: Server, account: str = "a" * 22, **changed: str | None) -> dict[str, Any]:
    reply = asked_for_token(server, code=code_of(server, account, **changed))
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


def refreshed(server: Server, token: str, **changed: str | None) -> httpx2.Response:
    left_out = {"redirect_uri": None, "code_verifier": None}
    return asked_for_token(server, grant_type="refresh_token", refresh_token=token, **{**left_out, **changed})


def is_good(server: Server, access: str) -> bool:
    return server.world.bearer(f"Bearer {access}") is not None


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": WEB + "/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": WEB + "?x=1"}, "redirect_uri_mismatch"),
        ({"redirect_uri": WEB + "/../evil"}, "redirect_uri_mismatch"),
        ({"redirect_uri": WEB.upper()}, "redirect_uri_mismatch"),
        ({"redirect_uri": WEB.replace("https", "http")}, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://evil.example.org/api/oauth/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://clips.example.com@evil.org/api/oauth/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1:8001/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": ANY_PORT}, None),
        ({"redirect_uri": "http://127.0.0.1:80@evil.org/loopback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1:1234567/loopback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1:1234/loopback/x"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_request"),
        ({"scope": f"{READ},{UPLOAD}"}, "invalid_scope"),
        ({"scope": "youtube.readonly"}, "invalid_scope"),
        ({"scope": f"{READ}  {UPLOAD}"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": challenge(VERIFIER) + "="}, "invalid_request"),
        ({"code_challenge": "0" * 64}, "invalid_request"),
        ({"access_type": "forever"}, "invalid_request"),
        ({"prompt": "please"}, "invalid_request"),
        ({"prompt": "none"}, "interaction_required"),
        ({"include_granted_scopes": "yes"}, "invalid_request"),
    ],
)
def test_what_is_asked_wrongly_gets_a_page_that_sends_nobody_anywhere(
    server: Server, changed: dict[str, str | None], error: str | None
) -> None:
    if error is None:
        changed = {"redirect_uri": "http://127.0.0.1:54321/loopback"}
    page = open_page(page_of(server, **changed))
    assert page.status_code == (200 if error is None else 400)
    assert "location" not in page.headers
    if error is not None:
        assert f"<code>{error}</code>" in page.text
        assert not read_form(page.text).action


def test_a_parameter_that_is_given_twice_is_refused(server: Server) -> None:
    page = open_page(f"{page_of(server)}&{urlencode({'redirect_uri': WEB})}")
    assert page.status_code == 400
    twice = post_form(server.url + TOKEN, [("client_id", "app-id"), ("client_id", "other-id")])
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


def test_the_page_is_a_form_that_shows_all_there_is_and_escapes_it(server: Server) -> None:
    page = open_page(page_of(server))
    form = read_form(page.text)
    assert (form.method, form.action, form.scopes) == ("post", AUTHORIZE, [READ, UPLOAD])
    assert [each.partition("@")[0] for each in form.accounts] == ["ada", "ada", "bob", "eve"]
    assert "<b>brand" not in page.text
    assert "Ada&#x27;s &lt;b&gt;brand" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_a_page_is_answered_once_and_with_what_it_offered(server: Server) -> None:
    def sent(**changed: str) -> httpx2.Response:
        form = read_form(open_page(page_of(server)).text)
        told = {"visit": form.hidden["visit"], "account": form.accounts[0], "answer": "allow", "scope": READ, **changed}
        again = [*told.items()]
        reply = post_form(server.url + AUTHORIZE, again)
        assert post_form(server.url + AUTHORIZE, again).status_code == 400
        return reply

    assert came_back(sent())[1]["scope"] == READ
    assert sent(scope=f"{PREFIX}youtube").status_code == 400
    assert sent(account="mallory@example.com/").status_code == 400
    assert sent(visit="guessed").status_code == 400
    assert came_back(sent(answer="deny"))[1]["error"] == "access_denied"


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "other-id", "client_secret": "other-secret"}, 400, "invalid_grant"),
        ({"redirect_uri": LOCAL}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": "short"}, 400, "invalid_grant"),
        ({"code_verifier": challenge(VERIFIER)}, 400, "invalid_grant"),
        ({"code": "4/0Aguessed"}, 400, "invalid_grant"),
        ({"code": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
    ],
)
def test_no_token_is_given_for_what_is_not_right(
    server: Server, changed: dict[str, str | None], status: int, error: str
) -> None:
    reply = asked_for_token(server, **{"code": code_of(server), **changed})
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert "access_token" not in reply.json()
    assert server.world.ledger.count("token_issued") == 0
    assert server.world.ledger.entries("refused")[-1].details["error"] == error


def test_a_code_that_comes_twice_ends_what_it_brought(server: Server) -> None:
    code = code_of(server)
    first = asked_for_token(server, code=code).json()
    assert is_good(server, first["access_token"])
    assert asked_for_token(server, code=code).json()["error"] == "invalid_grant"
    assert not is_good(server, first["access_token"])
    assert refreshed(server, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_wrong_verifier_uses_the_code_up_and_a_wrong_secret_does_not(server: Server) -> None:
    code = code_of(server)
    assert asked_for_token(server, code=code, client_secret="wrong").status_code == 401
    assert asked_for_token(server, code=code).status_code == 200
    code = code_of(server)
    assert asked_for_token(server, code=code, code_verifier="w" * 43).status_code == 400
    assert asked_for_token(server, code=code).json()["error"] == "invalid_grant"


def test_a_code_without_a_challenge_takes_no_verifier(server: Server) -> None:
    without: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
    assert asked_for_token(server, code=code_of(server, "a" * 22, **without)).json()["error"] == "invalid_grant"
    assert asked_for_token(server, code=code_of(server, "a" * 22, **without), code_verifier=None).status_code == 200


def test_codes_and_tokens_end_by_the_clock(server: Server) -> None:
    code, told = code_of(server), tokens_of(server)
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3599)
    server.world.clock.advance(timedelta(minutes=10))
    assert asked_for_token(server, code=code).json()["error"] == "invalid_grant"
    assert is_good(server, told["access_token"])
    server.world.clock.advance(timedelta(minutes=50))
    assert not is_good(server, told["access_token"])
    for _ in range(3):
        server.world.clock.advance(timedelta(days=180))
        again = refreshed(server, told["refresh_token"])
        assert (again.status_code, "refresh_token" in again.json()) == (200, False)
    server.world.clock.advance(timedelta(days=184))
    assert refreshed(server, told["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_comes_for_offline_use_with_forced_or_first_consent_only(server: Server) -> None:
    assert "refresh_token" in tokens_of(server, prompt=None)
    assert "refresh_token" not in tokens_of(server, prompt=None)
    assert "refresh_token" in tokens_of(server)
    assert "refresh_token" not in tokens_of(server, access_type="online")
    assert "refresh_token" not in tokens_of(server, access_type=None)


def test_a_refresh_token_is_its_own_app_s(server: Server) -> None:
    token = tokens_of(server)["refresh_token"]
    other = refreshed(server, token, client_id="other-id", client_secret="other-secret")
    assert (other.status_code, other.json()["error"]) == (401, "unauthorized_client")
    assert refreshed(server, token).status_code == 200


def test_scopes_granted_before_come_along_where_that_is_asked_for(server: Server) -> None:
    tokens_of(server, scope=UPLOAD)
    assert tokens_of(server, scope=READ)["scope"] == READ
    both = tokens_of(server, scope=READ, include_granted_scopes="true")
    assert set(both["scope"].split()) == {READ, UPLOAD}
    assert tokens_of(server, "b" * 22, scope=READ, include_granted_scopes="true")["scope"] == READ


def test_a_revocation_ends_all_of_a_person_and_nobody_else_s(server: Server) -> None:
    one, brand, bob = (tokens_of(server, account) for account in ("a" * 22, "b" * 22, "c" * 22))
    assert post_form(server.url + REVOKE, [("token", "guessed")]).json()["error"] == "invalid_token"
    assert post_form(server.url + REVOKE, [("token", brand["access_token"])]).status_code == 200
    assert [is_good(server, each["access_token"]) for each in (one, brand, bob)] == [False, False, True]
    assert refreshed(server, one["refresh_token"]).status_code == 400
    assert post_form(server.url + REVOKE, [("token", one["refresh_token"])]).status_code == 400


def test_a_closed_account_gets_nothing_more(server: Server) -> None:
    told = tokens_of(server)
    server.world.people[0].closed = True
    assert refreshed(server, told["refresh_token"]).json()["error"] == "invalid_grant"
    assert all("ada" not in each for each in read_form(open_page(page_of(server)).text).accounts)


def test_a_client_may_prove_itself_by_the_header_and_only_in_one_way(server: Server) -> None:
    def basic(secret: str, **more: str) -> httpx2.Response:
        written = base64.b64encode(f"app-id:{secret}".encode()).decode()
        form = {"grant_type": "refresh_token", "refresh_token": "x", **more}
        return httpx2.post(server.url + TOKEN, data=form, headers={"Authorization": f"Basic {written}"})

    assert basic(SECRET).json()["error"] == "invalid_grant"
    assert basic("wrong").status_code == 401
    assert basic(SECRET, client_secret=SECRET).json()["error"] == "invalid_request"
    odd = httpx2.post(server.url + TOKEN, data={"a": "b"}, headers={"Authorization": "Basic ???"})
    assert odd.status_code == 401


def test_a_body_that_is_no_form_is_refused(server: Server) -> None:
    url = server.url + TOKEN
    for reply in (
        httpx2.post(url, json={"grant_type": "x"}),
        httpx2.post(url, content=b"a=b"),
        httpx2.post(url, data={"a": "x" * 200_000}),
    ):
        assert reply.json()["error"] == "invalid_request"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"\xff=1", b"nonsense", b"%ff=1"):
        reply = httpx2.post(server.url + TOKEN, content=content, headers=headers)
        assert reply.json()["error"] == "invalid_request"
    assert httpx2.get(server.url + TOKEN).status_code == 405


def test_the_discovery_document_names_this_server(server: Server) -> None:
    told = httpx2.get(server.url + DISCOVERY).json()
    assert told["issuer"] == server.url
    assert told["token_endpoint"] == server.url + TOKEN
    assert answer(page_of(server))[1]["iss"] == server.url


def test_the_ledger_tells_who_did_what_and_no_secret(server: Server) -> None:
    told = tokens_of(server)
    refreshed(server, told["refresh_token"])
    entries = server.world.ledger.entries()
    assert [each.what for each in entries] == ["consent_asked", "consent_given", "token_issued", "token_refreshed"]
    assert {each.who for each in entries[1:]} == {"UC" + "a" * 22}
    assert not any(each in repr(entries) for each in (SECRET, VERIFIER, told["access_token"], told["refresh_token"]))
