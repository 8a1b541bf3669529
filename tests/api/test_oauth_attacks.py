"""Whoever is not who began it connects nothing: attacks on the way to a network and back, each tried over HTTP.

One is refused where nothing was stored, nothing of it is repeated, and its victim can still connect.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import delete as sql_delete
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session
from tests.api.apps import app_of
from tests.api.networks import PROVIDERS, URL, Scene, browser_of, media, scene, served_at
from tests.features.publishing.stage import HERE

from cliply.dev_providers.world import App
from cliply.features.identity.models import Membership, Role, User
from cliply.features.publishing.models import OAuthAttempt
from cliply.infra.security import token_hash

__all__ = ["media", "scene"]

BOTH, TIKTOK = tuple(PROVIDERS), ("tiktok",)
Do: TypeAlias = Callable[[Scene, str], Any]


@dataclass(frozen=True)
class Attack:
    name: str
    do: Do
    """The last answer of the service, or None where the network itself has refused."""
    providers: tuple[str, ...] = BOTH


def other(provider: str) -> str:
    return "tiktok" if provider == "google" else "google"


def with_state(change: Callable[[str], Any]) -> Do:
    """The victim's own answer, with another state."""

    def do(scene: Scene, provider: str) -> Any:
        sent = scene.allowed(provider)
        state = change(sent.pop("state"))
        return scene.back(provider, {**sent, **({} if state is None else {"state": state})})

    return do


def brought_by(
    proof: Callable[[Scene], dict[str, str]], begun_by: Callable[[Scene], dict[str, str]] = Scene.cookie
) -> Do:
    """Somebody else comes back with it, in a browser."""

    def do(scene: Scene, provider: str) -> Any:
        return scene.back(provider, scene.allowed(provider, begun_by(scene)), proof(scene))

    return do


def handed_in_by(proof: Callable[[Scene], dict[str, str]], begun_by: Callable[[Scene], dict[str, str]]) -> Do:
    """Somebody else hands it in, as a program does."""

    def do(scene: Scene, provider: str) -> Any:
        return scene.finish(provider, scene.allowed(provider, begun_by(scene), loopback_port=8765), proof(scene))

    return do


def with_answer(**changed: str | None) -> Do:
    """The victim's own answer, changed on its way."""

    def do(scene: Scene, provider: str) -> Any:
        sent: dict[str, Any] = {**scene.allowed(provider), **changed}
        return scene.back(provider, {name: value for name, value in sent.items() if value is not None})

    return do


def with_consent(change: Callable[[dict[str, str]], None]) -> Do:
    """The page of consent is asked for something else than the service said; the rest is as ever."""

    def do(scene: Scene, provider: str) -> Any:
        address = urlsplit(scene.begin(provider, scene.cookie(), loopback_port=8765))
        query = dict(parse_qsl(address.query))
        change(query)
        changed = urlunsplit(address._replace(query=urlencode(query)))
        if httpx2.get(changed).status_code != 200:
            return None
        return scene.finish(provider, scene.stage.allow(changed), scene.cookie())

    return do


# State


def replayed(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    assert scene.back(provider, sent).status_code == 200
    forget(scene)
    return scene.back(provider, sent)


def replayed_after_a_failure(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    assert scene.back(provider, {**sent, "code": "wrong"}).status_code == 400
    return scene.back(provider, sent)


def replayed_after_a_denial(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    denied = {name: value for name, value in sent.items() if name != "code"} | {"error": "access_denied"}
    assert scene.back(provider, denied).status_code == 400
    return scene.back(provider, sent)


def expired(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    with scene.world.database.system() as session:
        session.execute(
            update(OAuthAttempt).values(expires_at=OAuthAttempt.expires_at - timedelta(minutes=10, seconds=1))
        )
    return scene.back(provider, sent)


def by_its_hash(scene: Scene, provider: str) -> Any:
    """By what somebody who can read the database knows."""
    sent = scene.allowed(provider)
    with scene.world.database.system() as session:
        kept = session.scalars(select(OAuthAttempt.state_hash)).all()
    hashed = token_hash(sent["state"])
    assert hashed in kept
    return scene.back(provider, {**sent, "state": hashed.hex()})


def twice_in_one(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    return scene.back(provider, [("state", sent["state"]), ("state", "x" * 43), ("code", sent["code"])])


def of_the_other_network(scene: Scene, provider: str) -> Any:
    answer = scene.back(other(provider), scene.allowed(provider))
    assert scene.stage.ledger.count("refused") == 0, "no network was even asked"
    return answer


def mixed_up(scene: Scene, provider: str) -> Any:
    """The state of one network with the code of the other."""
    state = scene.allowed(provider)["state"]
    return scene.back(provider, {**scene.allowed(other(provider)), "state": state})


# Who brings it


def signed_out(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    assert scene.client.post("/api/auth/sign-out", headers=scene.cookie()).is_success
    answer = scene.back(provider, sent)
    # For whoever comes next.
    token = scene.another_browser()["cookie"].partition("=")[2]
    scene.world.people["owner"] = replace(scene.world.people["owner"], session=token)
    return answer


def changed_meanwhile(change: Callable[[Session, UUID], None]) -> Do:
    """An admin who is one no more when they come back."""

    def do(scene: Scene, provider: str) -> Any:
        user_id, cookie = scene.newcomer()
        sent = scene.allowed(provider, cookie)
        with scene.world.database.system() as session:
            change(session, user_id)
        return scene.back(provider, sent, cookie)

    return do


def demote(session: Session, user_id: UUID) -> None:
    session.execute(update(Membership).where(Membership.user_id == user_id).values(role=Role.VIEWER))


def remove(session: Session, user_id: UUID) -> None:
    session.execute(sql_delete(Membership).where(Membership.user_id == user_id))


def delete(session: Session, user_id: UUID) -> None:
    session.execute(sql_delete(User).where(User.id == user_id))


def forced_on_the_victim(scene: Scene, provider: str) -> Any:
    """Login CSRF: the attacker's account is to end up in the victim's workspace, and get the victim's clips."""
    sent = scene.allowed(provider, scene.cookie("admin"))
    return scene.back(provider, sent, scene.cookie("owner"))


def forced_from_another_workspace(scene: Scene, provider: str) -> Any:
    begun = scene.start(provider, scene.cookie("stranger"), workspace=scene.world.other)
    sent = scene.stage.allow(begun.json()["consent_url"])
    return scene.back(provider, sent, scene.cookie("owner"))


def named_into_another_workspace(scene: Scene, provider: str) -> Any:
    """The header of the one who comes back names where it is to be kept."""
    begun = scene.start(provider, scene.cookie("stranger"), workspace=scene.world.other)
    sent = scene.stage.allow(begun.json()["consent_url"])
    headers = {**scene.cookie("owner"), "x-workspace-id": str(scene.world.workspace)}
    return scene.back(provider, sent, headers)


# Codes


def code_of_another_attempt(scene: Scene, provider: str) -> Any:
    """The attacker's code in the victim's answer: PKCE tells them apart, where a network has it."""
    code = scene.allowed(provider, scene.cookie("admin"), loopback_port=8765)["code"]
    state = scene.allowed(provider, loopback_port=8765)["state"]
    return scene.finish(provider, {"state": state, "code": code}, scene.cookie())


def code_used_before(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    assert scene.back(provider, sent).status_code == 200
    forget(scene)
    return scene.back(provider, {**scene.allowed(provider), "code": sent["code"]})


def code_of_another_app(scene: Scene, provider: str) -> Any:
    world = scene.stage.google if provider == "google" else scene.stage.tiktok
    world.apps.append(App("evil", "evil-secret", "Evil", (HERE, f"{URL}/api/oauth/{provider}/callback")))
    begun = scene.begin(provider)
    own = begun.replace("client_id=client", "client_id=evil").replace("client_key=client", "client_key=evil")
    assert own != begun
    return scene.back(provider, scene.stage.allow(own))


def code_for_another_address(scene: Scene, provider: str) -> Any:
    """Asked for by a program, handed in by a browser."""
    code = scene.allowed(provider, loopback_port=8765)["code"]
    return scene.back(provider, {**scene.allowed(provider), "code": code})


def code_that_is_over(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    scene.stage.clock.advance(timedelta(minutes=11))
    return scene.back(provider, sent)


# PKCE


def without_challenge(query: dict[str, str]) -> None:
    del query["code_challenge"], query["code_challenge_method"]


def plain_challenge(query: dict[str, str]) -> None:
    query["code_challenge_method"] = "plain"


def unnamed_method(query: dict[str, str]) -> None:
    del query["code_challenge_method"]


def own_challenge(query: dict[str, str]) -> None:
    query["code_challenge"] = ("0" if query["code_challenge"][0] != "0" else "1") + query["code_challenge"][1:]


def evil_redirect(address: str) -> Callable[[dict[str, str]], None]:
    def change(query: dict[str, str]) -> None:
        query["redirect_uri"] = address

    return change


# Where people are sent back to


def port(value: Any) -> Do:
    return lambda scene, provider: scene.start(provider, scene.cookie(), loopback_port=value)


def host(name: str, **headers: str) -> Do:
    """A service that was not told its address is asked by another name."""

    def do(scene: Scene, provider: str) -> Any:
        with browser_of(app_of(served_at(scene.stage, None)), "http://localhost:8000") as client:
            proof = {"cookie": scene.cookie()["cookie"].replace("__Host-", "")}
            headers_ = {**proof, "x-workspace-id": str(scene.world.workspace), "host": name, **headers}
            return client.post(f"/api/oauth/{provider}/start", json={}, headers=headers_)

    return do


# Methods and shapes


def by_post(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider)
    return scene.client.post(f"/api/oauth/{provider}/callback", params=sent, headers=scene.cookie())


def form_post(scene: Scene, provider: str) -> Any:
    """`response_mode=form_post` by a page of another site."""
    sent = scene.allowed(provider)
    return scene.client.post(f"/api/oauth/{provider}/callback", data=sent, headers=scene.cookie())


def finished_by_get(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider, loopback_port=8765)
    return scene.client.get(f"/api/oauth/{provider}/finish", params=sent, headers=scene.cookie())


def finished_by_form(scene: Scene, provider: str) -> Any:
    sent = scene.allowed(provider, loopback_port=8765)
    return scene.client.post(f"/api/oauth/{provider}/finish", data=sent, headers=scene.cookie())


def finished_cross_site(**headers: str) -> Do:
    def do(scene: Scene, provider: str) -> Any:
        return scene.finish(provider, scene.allowed(provider, loopback_port=8765), scene.cookie(), **headers)

    return do


def begun_cross_site(**headers: str) -> Do:
    def do(scene: Scene, provider: str) -> Any:
        return scene.start(provider, scene.cookie() | headers)

    return do


def begun_by_get(scene: Scene, provider: str) -> Any:
    headers = {**scene.cookie(), "x-workspace-id": str(scene.world.workspace)}
    return scene.client.get(f"/api/oauth/{provider}/start", headers=headers)


def at_no_provider(scene: Scene, provider: str) -> Any:
    return scene.back("evil", scene.allowed(provider))


def in_a_foreign_workspace(scene: Scene, provider: str) -> Any:
    return scene.start(provider, scene.cookie(), workspace=scene.world.other)


def for_a_foreign_account(scene: Scene, provider: str) -> Any:
    """A reconnection of somebody else's channel."""
    begun = scene.start(provider, scene.cookie("stranger"), workspace=scene.world.other, loopback_port=8765)
    done = scene.finish(provider, scene.stage.allow(begun.json()["consent_url"]), scene.cookie("stranger"))
    answer = scene.start(provider, scene.cookie(), account_id=done.json()["id"])
    forget(scene)
    return answer


def another_account_in_its_place(scene: Scene, provider: str) -> Any:
    account = scene.connect(provider)
    second = "UC" + "b" * 22 if provider == "google" else "bob"
    before = scene.kept()
    answer = scene.back(provider, scene.allowed(provider, account_id=str(account), account=second))
    assert scene.kept() == before
    forget(scene)
    return answer


def forget(scene: Scene) -> None:
    """What was connected rightly on the way, so that what is there afterwards is the attack's."""
    with scene.world.database.system() as session:
        session.execute(text("DELETE FROM channels"))


SCRIPT = "<script>alert(1)</script>"
ATTACKS = (
    # The state
    Attack("no state", with_state(lambda _: None)),
    Attack("an empty state", with_state(lambda _: "")),
    Attack("a guessed state", with_state(lambda state: "A" * len(state))),
    Attack("a state cut short", with_state(lambda state: state[:-1])),
    Attack("half a state", with_state(lambda state: state[: len(state) // 2])),
    Attack("a longer state", with_state(lambda state: state + "A")),
    Attack("a state in other letters", with_state(str.swapcase)),
    Attack("a state with blanks", with_state(lambda state: f" {state} ")),
    Attack("a state that is a pattern", with_state(lambda _: "%")),
    Attack("a state with a zero byte", with_state(lambda state: state + "\0")),
    Attack("a state of five thousand letters", with_state(lambda state: state + "A" * 5000)),
    Attack("the hash of a state", by_its_hash),
    Attack("two states", twice_in_one),
    Attack("a state that was used", replayed),
    Attack("a state whose exchange failed", replayed_after_a_failure),
    Attack("a state that was denied", replayed_after_a_denial),
    Attack("a state that is over", expired),
    Attack("a state of the other network", of_the_other_network),
    Attack("a code of the other network", mixed_up),
    # Who brings it
    Attack("nobody", brought_by(lambda _: {})),
    Attack("a made-up cookie", brought_by(lambda _: {"cookie": f"__Host-cliply={'A' * 43}"})),
    Attack("a cookie without its prefix", brought_by(lambda it: {"cookie": it.cookie()["cookie"][7:]})),
    Attack("a made-up key", brought_by(lambda _: {"authorization": "Bearer clp_live_" + "A" * 40})),
    Attack("somebody who signed out", signed_out),
    Attack("another browser of the same person", brought_by(Scene.another_browser)),
    Attack("an admin of the same workspace", brought_by(lambda it: it.cookie("admin"))),
    Attack("a viewer of the same workspace", brought_by(lambda it: it.cookie("viewer"))),
    Attack("somebody of another workspace", brought_by(lambda it: it.cookie("stranger"))),
    Attack("an operator", brought_by(lambda it: it.cookie("operator"))),
    Attack("a key of the same person", brought_by(Scene.key)),
    Attack("a key of another workspace", handed_in_by(lambda it: it.key("stranger"), Scene.key)),
    Attack("another key of the same person", handed_in_by(Scene.another_key, Scene.key)),
    Attack("a browser for what a key began", handed_in_by(Scene.cookie, Scene.key)),
    Attack("a key for what a browser began", handed_in_by(Scene.key, Scene.cookie)),
    Attack("somebody whose role was lowered", changed_meanwhile(demote)),
    Attack("somebody who was removed", changed_meanwhile(remove)),
    Attack("somebody who is gone", changed_meanwhile(delete)),
    Attack("the victim of a forged login", forced_on_the_victim),
    Attack("the victim of a stranger's forged login", forced_from_another_workspace),
    Attack("the victim, naming a workspace", named_into_another_workspace),
    # The issuer
    *(
        Attack(f"the issuer {issuer!r}", with_answer(iss=issuer))
        for issuer in ("https://evil.example", "", "null", "https://accounts.google.com.evil.example", "A" * 5000)
    ),
    Attack("an issuer where none is ever named", with_answer(iss="https://www.tiktok.com"), TIKTOK),
    Attack("a denial by another issuer", with_answer(iss="https://evil.example", error="access_denied", code=None)),
    # The code
    Attack("no code", with_answer(code=None)),
    Attack("an empty code", with_answer(code="")),
    Attack("a guessed code", with_answer(code="4/0AAAAAAAAAAAAAAAAAAAA")),
    Attack("a code with parameters in it", with_answer(code="x&client_id=evil&redirect_uri=https://evil.example")),
    Attack("a code with lines in it", with_answer(code="x\r\nHost: evil.example\r\n\r\n")),
    Attack("a code of five thousand letters", with_answer(code="A" * 5000)),
    Attack("a code and an error", with_answer(error="server_error")),
    Attack("an error that is a script", with_answer(error=SCRIPT, code=None)),
    Attack("an error of five thousand letters", with_answer(error="A" * 5000, code=None)),
    Attack("a code of another attempt", code_of_another_attempt),
    Attack("a code that was used", code_used_before),
    Attack("a code of another app", code_of_another_app),
    Attack("a code for another address", code_for_another_address),
    Attack("a code that is over", code_that_is_over),
    # PKCE
    Attack("no challenge", with_consent(without_challenge)),
    Attack("a plain challenge", with_consent(plain_challenge)),
    Attack("a challenge by no method", with_consent(unnamed_method)),
    Attack("a challenge of the attacker's", with_consent(own_challenge)),
    # Where people are sent back to
    *(
        Attack(f"back to {address}", with_consent(evil_redirect(address)))
        for address in (
            "https://evil.example/oauth",
            f"{HERE}.evil.example",
            f"{HERE}/../evil",
            HERE.replace("127.0.0.1", "127.0.0.1@evil.example"),
            HERE.replace("http:", "https:"),
            HERE.upper(),
            f"{URL}/api/oauth/google/callback/",
            f"{URL}.evil.example/api/oauth/google/callback",
        )
    ),
    *(
        Attack(f"the port {value!r}", port(value))
        for value in (0, -1, 80, 1023, 65_536, 1e99, "8765@evil.example", "8765/..", [8765], True)
    ),
    *(
        Attack(f"the host {name}", host(name))
        for name in (
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:8000",
            "127.0.0.1evil.example",
            "0.0.0.0",
            "[::ffff:7f00:1]",
        )
    ),
    Attack("a host that a proxy is said to have seen", host("evil.example", **{"x-forwarded-host": "localhost"})),
    Attack("a host in Forwarded", host("evil.example", forwarded="host=localhost;proto=https")),
    # Methods and shapes
    Attack("a callback by POST", by_post),
    Attack("a callback by a form", form_post),
    Attack("a finish by GET", finished_by_get),
    Attack("a finish by a form", finished_by_form),
    Attack("a finish from another site", finished_cross_site(**{"sec-fetch-site": "cross-site"})),
    Attack("a finish from a neighbour", finished_cross_site(**{"sec-fetch-site": "same-site"})),
    Attack("a finish by another origin", finished_cross_site(origin="https://evil.example")),
    Attack("a start from another site", begun_cross_site(**{"sec-fetch-site": "cross-site"})),
    Attack("a start by another origin", begun_cross_site(origin="null")),
    Attack("a start by GET", begun_by_get),
    Attack("a provider that there is not", at_no_provider),
    Attack("a start in a foreign workspace", in_a_foreign_workspace),
    Attack("a foreign account, connected again", for_a_foreign_account),
    Attack("another account in its place", another_account_in_its_place),
)


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_stores_nothing_and_its_victim_connects_all_the_same(scene: Scene, attack: Attack) -> None:
    for provider in attack.providers:
        answer = attack.do(scene, provider)
        assert scene.kept() == [], provider
        if answer is not None:
            assert 400 <= answer.status_code < 500 or answer.status_code == 503, (provider, answer.text)
            assert SCRIPT not in answer.text
            assert "consent_url" not in answer.text
            assert not any(mark in answer.text for mark in ("4/0A", "*1!4512", "ya29.", "act.", "Traceback"))
        done = scene.back(provider, scene.allowed(provider))
        assert done.status_code == 200, (provider, done.text)
        assert len(scene.kept()) == 1
        forget(scene)


def test_a_hundred_attacks_at_least_are_tried() -> None:
    assert len({each.name for each in ATTACKS}) == len(ATTACKS) >= 100


@pytest.mark.parametrize("provider", BOTH)
def test_what_was_brought_without_proof_is_still_good_for_its_owner(scene: Scene, provider: str) -> None:
    """Whoever has lost their session on the way signs in, and comes back once more in the same browser."""
    sent = scene.allowed(provider)
    for proof in ({}, {"cookie": "__Host-cliply=x"}, {"authorization": "Bearer x"}):
        assert scene.back(provider, sent, proof).status_code == 401
    for wrong in ({**sent, "state": "x"}, {**sent, "state": sent["state"].lower() + "x"}):
        assert scene.back(provider, wrong).status_code == 400
    assert scene.back(provider, sent).status_code == 200


@pytest.mark.parametrize("provider", BOTH)
def test_a_state_that_somebody_else_knows_is_used_up(scene: Scene, provider: str) -> None:
    """It has leaked: better begun again than good for two."""
    sent = scene.allowed(provider)
    assert scene.back(provider, sent, scene.cookie("admin")).status_code == 400
    assert scene.back(provider, sent).status_code == 400
    assert scene.stage.ledger.count("token_issued") == 0


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("forged", ["evil.example", "localhost:9999"])
def test_people_are_sent_back_to_where_the_settings_say_whatever_a_request_says(
    scene: Scene, provider: str, forged: str
) -> None:
    headers = {**scene.cookie(), "host": forged, "x-forwarded-host": forged, "x-forwarded-proto": "http"}
    begun = scene.start(provider, headers)
    sent_to = parse_qs(urlsplit(begun.json()["consent_url"]).query)["redirect_uri"]
    assert sent_to == [f"{URL}/api/oauth/{provider}/callback"]


@pytest.mark.parametrize("forged", ["localhost:8000", "localhost@evil.example", "evil.example#localhost"])
def test_on_this_machine_a_service_needs_no_address_and_takes_nobodys_word_for_one(scene: Scene, forged: str) -> None:
    with browser_of(app_of(served_at(scene.stage, None)), "http://localhost:8000") as client:
        headers: Mapping[str, str] = {
            "cookie": scene.cookie()["cookie"].replace("__Host-", ""),
            "x-workspace-id": str(scene.world.workspace),
            "host": forged,
            "x-forwarded-host": "evil.example",
        }
        begun = client.post("/api/oauth/google/start", json={}, headers=headers)
        sent_to = parse_qs(urlsplit(begun.json()["consent_url"]).query)["redirect_uri"]
        assert sent_to == ["http://localhost:8000/api/oauth/google/callback"]


@pytest.mark.parametrize("provider", BOTH)
def test_a_state_is_good_for_one_of_many_at_once(scene: Scene, provider: str) -> None:
    sent = scene.allowed(provider)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: scene.back(provider, sent).status_code, range(16)))
    assert statuses == [200] + [400] * 15
    assert scene.stage.ledger.count("token_issued") == 1
