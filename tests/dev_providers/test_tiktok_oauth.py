"""What the stand-in for TikTok refuses, asked as an attacker or a careless app would."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from tests.dev_providers.people import LOCAL, SECRET, VERIFIER, WEB, Standing, tiktok
from tests.servers.consent import answer, came_back, open_page, post_form, read_form

from cliply.dev_providers.tiktok_oauth import AUTHORIZE, REVOKE, TOKEN, USER
from cliply.dev_providers.world import TikTokWorld
from cliply.integrations.google_oauth import challenge as base64url
from cliply.integrations.tiktok_oauth import challenge

Server = Standing[TikTokWorld]
LOOPBACK = "http://127.0.0.1:54321/loopback"
ASKED = {
    "client_key": "app-id", "redirect_uri": WEB, "response_type": "code", "scope": "user.info.basic,video.publish",
    "state": "s",
}  # fmt: skip
PROOF = {"code_challenge": challenge(VERIFIER), "code_challenge_method": "S256"}


@pytest.fixture
def server() -> Iterator[Server]:
    with tiktok() as there:
        yield there


def page_of(server: Server, **changed: str | None) -> str:
    query = {name: value for name, value in {**ASKED, **changed}.items() if value is not None}
    return f"{server.url}{AUTHORIZE}?{urlencode(query)}"


def code_of(server: Server, **changed: str | None) -> str:
    return answer(page_of(server, **changed), account="open-ada")[1]["code"]


def asked_for_token(server: Server, **changed: str | None) -> httpx2.Response:
    form = {
        "client_key": "app-id", "client_secret": SECRET, "grant_type": "authorization_code", "redirect_uri": WEB,
        **changed,
    }  # fmt: skip
    return post_form(server.url + TOKEN, [(name, value) for name, value in form.items() if value is not None])


def tokens_of(server: Server) -> dict[str, Any]:
    told: dict[str, Any] = asked_for_token(server, code=code_of(server)).json()
    assert "error" not in told
    return told


def refreshed(server: Server, token: str, **changed: str | None) -> dict[str, Any]:
    told: dict[str, Any] = asked_for_token(
        server, grant_type="refresh_token", refresh_token=token, redirect_uri=None, **changed
    ).json()
    return told


def user(server: Server, token: str, fields: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{server.url}{USER}", params={"fields": fields}, headers=headers)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_key": "nobody"}, "invalid_client"),
        ({"client_key": None, "client_id": "app-id"}, "invalid_request"),
        ({"redirect_uri": WEB + "/"}, "invalid_request"),
        ({"redirect_uri": WEB + "?x=1"}, "invalid_request"),
        ({"redirect_uri": WEB + "?"}, "invalid_request"),
        ({"redirect_uri": WEB + "#x"}, "invalid_request"),
        ({"redirect_uri": WEB.replace("https", "http")}, "invalid_request"),
        ({"redirect_uri": "https://evil.example.org/api/oauth/callback"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1/loopback", **PROOF}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:x/loopback", **PROOF}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:80@evil.org/loopback", **PROOF}, "invalid_request"),
        ({"redirect_uri": "http://localhost:54321/loopback", **PROOF}, "invalid_request"),
        ({"redirect_uri": LOOPBACK}, "invalid_request"),
        ({"redirect_uri": LOOPBACK, "code_challenge": challenge(VERIFIER)}, "invalid_request"),
        ({"redirect_uri": LOOPBACK, **PROOF, "code_challenge_method": "plain"}, "invalid_request"),
        ({"redirect_uri": LOOPBACK, **PROOF, "code_challenge": base64url(VERIFIER)}, "invalid_request"),
        ({"redirect_uri": LOOPBACK, **PROOF, "code_challenge": challenge(VERIFIER).upper()}, "invalid_request"),
        (PROOF, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "user.info.basic video.publish"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_request"),
        ({"disable_auto_auth": "yes"}, "invalid_request"),
    ],
)
def test_what_is_asked_wrongly_gets_a_page_that_sends_nobody_anywhere(
    server: Server, changed: dict[str, str | None], error: str
) -> None:
    page = open_page(page_of(server, **changed))
    assert page.status_code == 400
    assert f"<code>{error}</code>" in page.text
    assert not read_form(page.text).action


def test_the_page_s_address_ends_with_a_slash(server: Server) -> None:
    assert open_page(page_of(server).replace(AUTHORIZE, AUTHORIZE.rstrip("/"))).status_code == 404
    assert httpx2.post(server.url + TOKEN.rstrip("/"), follow_redirects=False).status_code == 404


def test_the_page_is_a_form_that_shows_all_there_is_and_escapes_it(server: Server) -> None:
    page = open_page(page_of(server))
    form = read_form(page.text)
    assert (form.method, form.scopes) == ("post", ["user.info.basic", "video.publish"])
    assert form.accounts == ["open-ada", "open-bob"]
    assert "<script>" not in page.text


def test_a_page_is_answered_once_and_with_what_it_offered(server: Server) -> None:
    def sent(**changed: str) -> httpx2.Response:
        form = read_form(open_page(page_of(server)).text)
        told = {"visit": form.hidden["visit"], "account": "open-ada", "answer": "allow", "scope": "video.publish"}
        again = [*{**told, **changed}.items()]
        reply = post_form(server.url + AUTHORIZE, again)
        assert post_form(server.url + AUTHORIZE, again).status_code == 400
        return reply

    back = came_back(sent())[1]
    assert (back["scopes"], back["state"]) == ("video.publish", "s")
    assert sent(scope="video.list").status_code == 400
    assert sent(account="open-mallory").status_code == 400
    assert sent(visit="guessed").status_code == 400
    denied = came_back(sent(answer="deny"))[1]
    assert (denied["error"], denied["state"]) == ("access_denied", "s")


def test_a_code_is_escaped_in_the_address_that_one_is_sent_back_to(server: Server) -> None:
    form = read_form(open_page(page_of(server)).text)
    sent = [*form.hidden.items(), ("account", "open-ada"), ("scope", "video.publish"), ("answer", "allow")]
    query = urlsplit(post_form(server.url + AUTHORIZE, sent).headers["location"]).query
    assert "%2A" in query
    assert "*" not in query


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_request"),
        ({"client_key": "nobody"}, "invalid_client"),
        ({"client_key": None, "client_id": "app-id"}, "invalid_request"),
        ({"client_key": "other-id", "client_secret": "other-secret"}, "invalid_grant"),
        ({"redirect_uri": LOCAL}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code_verifier": VERIFIER}, "invalid_request"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
)
def test_no_token_is_given_for_what_is_not_right(
    server: Server, changed: dict[str, str | None], error: str, status: int
) -> None:
    server.world.refusal_status = status
    reply = asked_for_token(server, **{"code": code_of(server), **changed})
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert set(reply.json()) == {"error", "error_description", "log_id"}
    assert server.world.ledger.count("token_issued") == 0


@pytest.mark.parametrize("verifier", [None, "w" * 43, "short", challenge(VERIFIER)])
def test_on_one_s_own_machine_a_code_is_worth_nothing_without_its_verifier(
    server: Server, verifier: str | None
) -> None:
    code = code_of(server, redirect_uri=LOOPBACK, **PROOF)
    reply = asked_for_token(server, code=code, redirect_uri=LOOPBACK, code_verifier=verifier)
    assert reply.json()["error"] == "invalid_grant"
    code = code_of(server, redirect_uri=LOOPBACK, **PROOF)
    reply = asked_for_token(server, code=code, redirect_uri=LOOPBACK, code_verifier=VERIFIER)
    assert reply.json()["access_token"]


def test_a_refresh_token_is_replaced_with_each_use_and_dead_at_once(server: Server) -> None:
    told = tokens_of(server)
    assert (told["expires_in"], told["refresh_expires_in"]) == (7200, 180 * 86_400)
    used = [told["refresh_token"]]
    for _ in range(3):
        told = refreshed(server, told["refresh_token"])
        assert told["access_token"]
        used.append(told["refresh_token"])
    assert len(set(used)) == 4
    assert [refreshed(server, each).get("error") for each in used] == ["invalid_grant"] * 3 + [None]


def test_another_app_s_try_does_not_use_a_refresh_token_up(server: Server) -> None:
    token = tokens_of(server)["refresh_token"]
    other = {"client_key": "other-id", "client_secret": "other-secret"}
    assert refreshed(server, token, **other)["error"] == "invalid_grant"
    assert refreshed(server, token, client_secret="wrong")["error"] == "invalid_client"
    assert refreshed(server, token)["access_token"]


def test_codes_and_tokens_end_by_the_clock_as_long_as_the_server_lets_them_last(server: Server) -> None:
    code, told = code_of(server), tokens_of(server)
    server.world.clock.advance(timedelta(hours=2))
    assert asked_for_token(server, code=code).json()["error"] == "invalid_grant"
    assert user(server, told["access_token"], "open_id").json()["error"]["code"] == "access_token_invalid"
    server.world.access_lasts, server.world.refresh_lasts = timedelta(days=1), timedelta(days=365)
    told = refreshed(server, told["refresh_token"])
    assert (told["expires_in"], told["refresh_expires_in"]) == (86_400, 365 * 86_400)
    server.world.clock.advance(timedelta(days=365))
    assert refreshed(server, told["refresh_token"])["error"] == "invalid_grant"


def test_a_revocation_takes_a_good_access_token_of_the_same_app(server: Server) -> None:
    told = tokens_of(server)

    def revoke(token: str, **changed: str) -> httpx2.Response:
        form = {"client_key": "app-id", "client_secret": SECRET, "token": token, **changed}
        return post_form(server.url + REVOKE, [*form.items()])

    other = {"client_key": "other-id", "client_secret": "other-secret"}
    assert revoke(told["access_token"], **other).json()["error"] == "invalid_grant"
    assert revoke(told["refresh_token"]).json()["error"] == "invalid_grant"
    assert revoke(told["access_token"], client_secret="wrong").json()["error"] == "invalid_client"
    done = revoke(told["access_token"])
    assert (done.status_code, done.content) == (200, b"")
    assert revoke(told["access_token"]).json()["error"] == "invalid_grant"
    assert refreshed(server, told["refresh_token"])["error"] == "invalid_grant"


def test_who_somebody_is_is_told_as_far_as_that_was_allowed(server: Server) -> None:
    token = tokens_of(server)["access_token"]
    told = user(server, token, "open_id,display_name").json()
    assert told["data"]["user"] == {"open_id": "open-ada", "display_name": "Ada"}
    assert told["error"]["code"] == "ok"
    for fields, code in (("username", "scope_not_authorized"), ("password", "invalid_params"), ("", "invalid_params")):
        assert user(server, token, fields).json()["error"]["code"] == code
    assert user(server, "guessed", "open_id").status_code == 401


def test_the_ledger_tells_who_did_what_and_no_secret(server: Server) -> None:
    told = tokens_of(server)
    refreshed(server, told["refresh_token"])
    entries = server.world.ledger.entries()
    assert [each.what for each in entries] == ["consent_asked", "consent_given", "token_issued", "token_refreshed"]
    assert {each.who for each in entries[1:]} == {"open-ada"}
    assert not any(each in repr(entries) for each in (SECRET, told["access_token"], told["refresh_token"]))
