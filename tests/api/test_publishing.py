"""Accounts and publications over HTTP, beside networks of this machine."""

import base64
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import jsonschema
import pytest
from sqlalchemy import text
from tests.api.apps import app_of
from tests.api.networks import PROVIDERS, Scene, browser_of, media, scene, served_at
from tests.features.publishing.stage import AGREED

from cliply.dev_providers.serve import serving
from cliply.features.publishing import tokens
from cliply.infra.plain_page import plain_page
from cliply.infra.sealing import open_sealer
from cliply.integrations.providers import Providers

__all__ = ["media", "scene"]

LATER = timedelta(minutes=2)
WASPS = "UC" + "b" * 22
WANTED: dict[str, dict[str, Any]] = {
    "youtube": {},
    "tiktok": {"privacy": "PUBLIC_TO_EVERYONE", "options": AGREED},
}
SCRIPT = "<script>alert(1)</script>"


def ask(scene: Scene, method: str, path: str, body: Any = None, *, who: str = "owner", **headers: str) -> Any:
    sent = {**scene.cookie(who), "x-workspace-id": str(scene.world.workspace), **headers}
    return scene.client.request(method, path, headers=sent, json=body)


def publish(scene: Scene, network: str = "youtube", **more: Any) -> Any:
    headers = more.pop("headers", {})
    clip_id = str(more.pop("clip_id", None) or scene.stage.clip().id)
    return ask(scene, "POST", f"/api/publish/{network}", {"clip_id": clip_id, **WANTED[network], **more}, **headers)


def published(scene: Scene, network: str = "youtube", **more: Any) -> dict[str, Any]:
    answer = publish(scene, network, **more)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


# Accounts


@pytest.mark.parametrize(("provider", "name"), [("google", "Bees, daily"), ("tiktok", "Ada")])
def test_a_browser_connects_an_account_and_sees_what_it_can_do(scene: Scene, provider: str, name: str) -> None:
    network = PROVIDERS[provider]
    begun = ask(scene, "POST", "/api/accounts", {"network": network.value})
    assert begun.status_code == 201, begun.text
    assert begun.json()["expires_in"] == 600
    page = scene.back(provider, scene.stage.allow(begun.json()["consent_url"]))
    assert page.status_code == 200
    assert f"“{name}” on {network.label} is connected" in page.text
    [account] = ask(scene, "GET", "/api/accounts", who="viewer").json()
    assert (account["name"], account["network"], account["state"]) == (name, network.value, "connected")
    assert (account["can_publish"], account["reason"], account["is_default"]) == (True, None, True)
    details = ask(scene, "GET", f"/api/accounts/{account['id']}", who="viewer").json()
    assert details == {**account, "last_publication": None}
    assert set(details["scopes"]) == scene.stage.runtime.providers.of(network).connector.asks_for


def test_an_account_is_named_set_up_made_the_default_and_disconnected(scene: Scene) -> None:
    bees, wasps = (scene.connect("google", account=each) for each in (None, WASPS))
    assert ask(scene, "PATCH", f"/api/accounts/{bees}", {"name": "Ours"}).json()["name"] == "Ours"
    assert ask(scene, "PATCH", f"/api/accounts/{wasps}", {"is_default": True}).json()["is_default"] is True
    assert [each["is_default"] for each in ask(scene, "GET", "/api/accounts").json()] == [False, True]
    settings = {"daily_cap": 3, "quiet_from": "22:00:00", "quiet_to": "07:00:00", "privacy": "unlisted"}
    changed = ask(scene, "POST", "/api/accounts/publish", {"account_id": str(bees), "settings": settings})
    assert changed.json()["settings"] | settings == changed.json()["settings"]
    gone = ask(scene, "DELETE", f"/api/accounts/{wasps}").json()
    assert (gone["state"], gone["can_publish"], gone["is_default"]) == ("disconnected", False, False)
    assert published(scene)["post"]["privacy"] == "unlisted"


def test_an_account_is_connected_again_by_its_own_address(scene: Scene) -> None:
    account = scene.connect("tiktok")
    scene.stage.tiktok.tokens.end(*scene.stage.tiktok.tokens.consents())
    waiting = published(scene, "tiktok")["id"]
    scene.stage.run(passing=LATER)
    shown = ask(scene, "GET", f"/api/accounts/{account}").json()
    assert (shown["state"], shown["can_publish"]) == ("needs_reconnect", False)
    assert "Connect the account again" in shown["reason"]
    begun = ask(scene, "POST", f"/api/accounts/{account}/reconnect", {})
    assert begun.status_code == 201, begun.text
    page = scene.back("tiktok", scene.stage.allow(begun.json()["consent_url"]))
    assert page.status_code == 200, page.text
    scene.stage.run(passing=LATER)
    assert ask(scene, "GET", f"/api/publications/{waiting}").json()["state"] == "published"


def test_a_program_connects_by_a_port_of_its_machine(scene: Scene) -> None:
    headers = {**scene.key(), "x-workspace-id": str(scene.world.workspace)}
    begun = scene.client.post("/api/accounts", json={"network": "tiktok", "loopback_port": 8765}, headers=headers)
    done = scene.finish("tiktok", scene.stage.allow(begun.json()["consent_url"]))
    assert (done.status_code, done.json()["name"], done.json()["can_publish"]) == (200, "Ada", True)


def test_an_address_to_consent_at_is_kept_for_no_key(scene: Scene) -> None:
    """Who can read the database must not be able to come back in somebody's place."""
    for path, body in (("/api/accounts", {"network": "tiktok"}), ("/api/oauth/google/start", {})):
        begun = ask(scene, "POST", path, body, **{"idempotency-key": "once"})
        assert begun.status_code == 201
        again = ask(scene, "POST", path, body, **{"idempotency-key": "once"})
        assert (again.status_code, again.json()["code"]) == (409, "answered_once")
        state = re.search(r"state=([\w-]+)", begun.json()["consent_url"])
        assert state is not None
        with scene.world.database.system() as session:
            written = "k::text || coalesce(encode(body, 'escape'), '')"
            rows = session.scalars(text(f"select {written} from idempotency_keys k")).all()
        assert rows
        assert not any(state[1] in row for row in rows)


def test_networks_that_are_not_set_up_say_what_is_missing(scene: Scene) -> None:
    account = scene.connect("google")
    scene.client = browser_of(app_of(replace(served_at(scene.stage), providers=Providers())))
    for path, body in (
        ("/api/accounts", {"network": "youtube"}),
        ("/api/oauth/tiktok/start", {}),
        ("/api/publish/tiktok", {"clip_id": str(uuid4())}),
        (f"/api/accounts/{account}/reconnect", {}),
    ):
        answer = ask(scene, "POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (503, "network_not_set_up"), answer.text
        assert re.search(r"CLIPLY_(GOOGLE|TIKTOK)__CLIENT_", answer.json()["detail"])
    [shown] = ask(scene, "GET", "/api/accounts").json()
    assert (shown["can_publish"], shown["reason"]) == (False, "YouTube is not set up on this installation.")


def test_tiktok_sends_nobody_back_to_an_address_without_https(scene: Scene) -> None:
    scene.client = browser_of(app_of(served_at(scene.stage, "http://clips.example.com")), "http://clips.example.com")
    headers = {**scene.key(), "x-workspace-id": str(scene.world.workspace)}
    answer = scene.client.post("/api/accounts", json={"network": "tiktok"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "cannot_connect")
    assert "https" in answer.json()["detail"]


# The page that a browser comes back to


def test_the_page_of_the_way_back_runs_nothing_and_is_kept_nowhere(scene: Scene) -> None:
    for answer in (
        scene.back("google", scene.allowed("google")),
        scene.back("google", {"state": "x", "code": "y"}),
        scene.back("tiktok", {**scene.allowed("tiktok"), "error": "access_denied"}),
    ):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        style = re.search(r"<style>(.*)</style>", answer.text)
        assert style is not None
        allowed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"style-src 'sha256-{allowed}'" in policy, "or the browser shows it bare"
        assert 'name="viewport" content="width=device-width, initial-scale=1"' in answer.text
        assert "overflow-wrap:anywhere" in style[1], "a name may be one long word"


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_whatever_an_account_is_called_its_name_is_text(scene: Scene, provider: str) -> None:
    scene.stage.tiktok.people[0].name = SCRIPT
    scene.stage.google.people[0].channels[0].title = SCRIPT
    page = scene.back(provider, scene.allowed(provider))
    assert page.status_code == 200, page.text
    assert SCRIPT not in page.text
    # Google's titles hold what is escaped in HTML, and lose it on their way to us.
    assert ("&lt;script&gt;alert(1)" if provider == "tiktok" else "“alert(1)”") in page.text


def test_text_on_the_page_is_escaped_wherever_it_stands() -> None:
    page = plain_page(f"{SCRIPT}{{told}}", "\"'&<b>{title}")
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("{told}") == 2
    assert page.count("{title}") == 1


def test_the_page_says_what_to_do_when_it_failed(scene: Scene) -> None:
    denied = scene.back("tiktok", {"state": scene.allowed("tiktok")["state"], "error": "access_denied"})
    assert (denied.status_code, "Nothing was connected" in denied.text) == (400, True)
    assert "Begin again" in scene.back("google", {"state": "x", "code": "y"}).text
    scene.stage.google.people[0].channels.clear()
    assert "Create one on youtube.com" in scene.back("google", scene.allowed("google")).text


# Publications


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_a_clip_is_published_and_what_became_of_it_is_shown(scene: Scene, provider: str) -> None:
    account, network = scene.connect(provider), PROVIDERS[provider].value
    clip = scene.stage.clip()
    made = published(scene, network, clip_id=clip.id, title="Bees at work")
    assert (made["state"], made["account_id"], made["clip_id"]) == ("intent", str(account), str(clip.id))
    assert made["post"]["title"] == "Bees at work"
    assert ask(scene, "GET", f"/api/jobs/{made['job_id']}").status_code == 200
    scene.stage.run(passing=LATER)
    shown = ask(scene, "GET", f"/api/publications/{made['id']}", who="viewer").json()
    assert (shown["state"], shown["error"], shown["next_at"]) == ("published", None, None)
    assert shown["external_id"] in shown["url"]
    assert [each["state"] for each in shown["events"]][:3] == ["intent", "preparing", "uploading"]
    assert shown["events"][-1]["state"] == "published"
    last = ask(scene, "GET", f"/api/accounts/{account}").json()["last_publication"]
    assert last == {name: shown[name] for name in ("id", "url", "published_at")}
    assert len(scene.stage.posts()) == 1


def test_publications_are_listed_newest_first_page_by_page(scene: Scene) -> None:
    youtube, tiktok = scene.connect("google"), scene.connect("tiktok")
    clip = scene.stage.clip()
    made = [published(scene, "youtube", clip_id=clip.id, again=True)["id"] for _ in range(3)]
    made.append(published(scene, "tiktok")["id"])
    seen, query = [], "/api/publications?limit=3"
    while query:
        page = ask(scene, "GET", query).json()
        seen += [each["id"] for each in page["items"]]
        query = page["next"] and f"/api/publications?limit=3&cursor={page['next']}"
    assert seen == made[::-1]
    for narrowed, found in (
        (f"account_id={tiktok}", made[3:]),
        (f"account_id={youtube}&state=intent", made[2::-1]),
        (f"clip_id={clip.id}", made[2::-1]),
        ("state=published", []),
    ):
        assert [each["id"] for each in ask(scene, "GET", f"/api/publications?{narrowed}").json()["items"]] == found


def test_a_publication_is_planned_moved_and_called_off(scene: Scene) -> None:
    scene.connect("google")
    at = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    made = published(scene, run_at=at.isoformat())
    path = f"/api/publications/{made['id']}"
    assert datetime.fromisoformat(made["run_at"]) == at
    moved = ask(scene, "PATCH", path, {"run_at": (at + timedelta(hours=1)).isoformat()}).json()
    assert datetime.fromisoformat(moved["next_at"]) == at + timedelta(hours=1)
    assert ask(scene, "POST", f"{path}/cancel").json()["state"] == "cancelled"
    assert ask(scene, "POST", f"{path}/cancel").status_code == 200
    scene.stage.run(passing=LATER)
    assert scene.stage.posts() == []
    for method, last, body in (("PATCH", "", {"run_at": None}), ("POST", "/retry", None)):
        answer = ask(scene, method, path + last, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_as_it_is")
    settled = ask(scene, "POST", f"{path}/settle", {"verdict": "published"})
    assert (settled.status_code, settled.json()["code"]) == (409, "not_as_it_is")


def test_what_was_refused_is_tried_again(scene: Scene) -> None:
    scene.connect("tiktok")
    scene.stage.tiktok.people[0].banned = True
    made = published(scene, "tiktok")
    scene.stage.run(passing=LATER)
    path = f"/api/publications/{made['id']}"
    assert ask(scene, "GET", path).json()["state"] == "rejected"
    scene.stage.tiktok.people[0].banned = False
    assert ask(scene, "POST", f"{path}/retry").status_code == 202
    scene.stage.run(passing=LATER)
    assert ask(scene, "GET", path).json()["state"] == "published"
    assert len(scene.stage.posts()) == 1


@pytest.mark.parametrize(
    "run_at", ["2020-01-01T00:00:00Z", "2126-01-01T00:00:00Z", "2126-01-01T00:00:00", "tomorrow", 7, "now"]
)
def test_a_time_that_is_over_or_far_off_or_none_is_refused(scene: Scene, run_at: Any) -> None:
    scene.connect("google")
    assert publish(scene, run_at=run_at).status_code == 422


# Which account


def test_the_account_that_is_meant_is_named_or_the_default_or_the_only_one(scene: Scene) -> None:
    none = publish(scene)
    assert (none.status_code, none.json()["code"]) == (409, "no_channel")
    bees = scene.connect("google")
    assert published(scene)["account_id"] == str(bees), "the only one"
    wasps = scene.connect("google", account=WASPS)
    assert published(scene)["account_id"] == str(bees), "the default"
    assert published(scene, account_id=str(wasps))["account_id"] == str(wasps), "the one that is named"
    ask(scene, "PATCH", f"/api/accounts/{bees}", {"is_default": False})
    answer = publish(scene)
    assert (answer.status_code, answer.json()["code"]) == (409, "which_channel")
    assert answer.json()["choices"] == [
        {"id": str(bees), "name": "Bees, daily"}, {"id": str(wasps), "name": "Wasps"},
    ]  # fmt: skip
    document = scene.client.get("/api/openapi.json").json()
    jsonschema.validate(answer.json(), {**document, "$ref": "#/components/schemas/Problem"})


def test_an_account_of_another_workspace_or_network_is_not_there(scene: Scene) -> None:
    scene.connect("google")
    begun = scene.start("google", scene.cookie("stranger"), workspace=scene.world.other, loopback_port=8765)
    sent = scene.stage.allow(begun.json()["consent_url"])
    theirs = scene.finish("google", sent, scene.cookie("stranger")).json()["id"]
    for account in (theirs, str(scene.connect("tiktok")), str(uuid4())):
        answer = publish(scene, account_id=account)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_channel")
    assert [each["id"] for each in ask(scene, "GET", "/api/accounts").json()].count(theirs) == 0
    for method, path, body in (
        ("GET", f"/api/accounts/{theirs}", None),
        ("PATCH", f"/api/accounts/{theirs}", {"name": "Mine"}),
        ("DELETE", f"/api/accounts/{theirs}", None),
        ("POST", f"/api/accounts/{theirs}/reconnect", {}),
        ("POST", "/api/accounts/publish", {"account_id": theirs, "settings": {}}),
    ):
        assert ask(scene, method, path, body).status_code == 404, path
    assert scene.stage.ledger.count("grant_revoked") == 0


# What a network would refuse


@pytest.mark.parametrize(
    ("network", "more", "pointers"),
    [
        ("youtube", {"title": "x" * 101}, ["/body/title"]),
        ("youtube", {"title": "x" * 101, "privacy": "secret"}, ["/body/privacy", "/body/title"]),
        ("youtube", {"options": {"category_id": "999"}}, ["/body/options/category_id"]),
        ("youtube", {"hashtags": ["a b"]}, ["/body/hashtags"]),
        ("tiktok", {"privacy": "everybody"}, ["/body/privacy"]),
        ("tiktok", {"options": {}}, ["/body/options/agreed_to", "/body/options/consented_at"]),
        ("tiktok", {"description": "x" * 2300}, ["/body/description"]),
    ],
)
def test_a_rule_that_is_broken_is_named_with_its_field_before_anything_is_asked(
    scene: Scene, network: str, more: dict[str, Any], pointers: list[str]
) -> None:
    scene.connect("google" if network == "youtube" else "tiktok")
    before = len(scene.stage.ledger.entries())
    answer = publish(scene, network, **more)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "rule_broken"), answer.text
    assert sorted({each["pointer"] for each in told["errors"]}) == pointers
    assert all(each["detail"] in told["detail"] for each in told["errors"])
    assert len(scene.stage.ledger.entries()) == before
    assert ask(scene, "GET", "/api/publications").json()["items"] == []


def test_tiktok_wants_whoever_posts_to_choose_who_sees_it(scene: Scene) -> None:
    scene.connect("tiktok")
    answer = publish(scene, "tiktok", privacy=None)
    assert (answer.status_code, answer.json()["code"]) == (422, "privacy_not_chosen")


def test_the_same_clip_goes_to_an_account_once_unless_it_is_said_again(scene: Scene) -> None:
    scene.connect("google")
    clip_id = scene.stage.clip().id
    first = published(scene, clip_id=clip_id)
    again = publish(scene, clip_id=clip_id)
    assert (again.status_code, again.json()["code"]) == (409, "published_before")
    assert first["id"] in again.json()["detail"]
    assert publish(scene, clip_id=clip_id, again=True).status_code == 202


# Once, not too often, and as the plan allows


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_fifty_requests_with_one_key_at_once_are_one_publication_and_one_post(scene: Scene, provider: str) -> None:
    scene.connect(provider)
    network = PROVIDERS[provider].value
    body = {"clip_id": str(scene.stage.clip().id), **WANTED[network]}
    headers = {**scene.key(), "x-workspace-id": str(scene.world.workspace), "idempotency-key": "k-1"}
    with serving(app_of(served_at(scene.stage))) as url, httpx2.Client(base_url=url, timeout=60) as client:

        def post(_: int) -> httpx2.Response:
            return client.post(f"/api/publish/{network}", json=body, headers=headers)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(post, range(50)))
        last = post(0)
    told = {(each.status_code, each.json().get("id") or each.json()["code"]) for each in answers}
    [made] = [each for each in told if each[0] == 202]
    assert told <= {made, (409, "still_running")}
    assert (last.json()["id"], last.headers["idempotency-replayed"]) == (made[1], "true")
    scene.stage.run(passing=LATER)
    assert [each["id"] for each in ask(scene, "GET", "/api/publications").json()["items"]] == [made[1]]
    assert len(scene.stage.posts()) == 1


def test_who_asks_too_often_is_told_how_long_to_wait(scene: Scene) -> None:
    scene.connect("google")
    clip_id = scene.stage.clip().id
    path = f"/api/admin/workspaces/{scene.world.workspace}"
    rate = {"overrides": {"rates": {"publish": {"workspace": "20/hour"}}}}
    assert scene.client.patch(path, json=rate, headers=scene.cookie("operator")).status_code == 200
    answers = [publish(scene, clip_id=clip_id, again=True) for _ in range(20)]
    assert [each.status_code for each in answers] == [202] * 20
    assert answers[0].headers["ratelimit"] == '"publish-workspace";r=19;t=180'
    refused = [publish(scene, clip_id=clip_id, again=True) for _ in range(9)][-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "too_often")
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 180
    assert refused.headers["ratelimit-policy"] == '"publish-workspace";q=20;w=3600'
    assert refused.headers["ratelimit"] == f'"publish-workspace";r=0;t={wait}'
    scene.connect("tiktok")
    assert publish(scene, "tiktok").status_code == 429, "a workspace has one measure for both"


def test_a_plan_without_scheduling_publishes_at_once_only(scene: Scene) -> None:
    scene.connect("google")
    path = f"/api/admin/workspaces/{scene.world.workspace}"
    assert scene.client.patch(path, json={"plan": "basic"}, headers=scene.cookie("operator")).status_code == 200
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for more in ({"run_at": at}, {"publish_at": at, "privacy": "private"}):
        refused = publish(scene, **more)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_in_plan"), refused.text
        assert (refused.json()["exceeded"], refused.json()["lifts"]) == ("scheduling", ["pro", "premium"])
    made = published(scene)
    moved = ask(scene, "PATCH", f"/api/publications/{made['id']}", {"run_at": at})
    assert (moved.status_code, moved.json()["code"]) == (403, "not_in_plan")
    assert ask(scene, "PATCH", f"/api/publications/{made['id']}", {"run_at": None}).status_code == 200


# Nothing secret


def test_no_answer_holds_a_token_or_what_is_made_of_one(scene: Scene) -> None:
    accounts = [scene.connect(provider) for provider in PROVIDERS]
    made = [published(scene, network.value)["id"] for network in PROVIDERS.values()]
    sealer = open_sealer(scene.stage.runtime.settings)
    answers = []
    for _ in range(4):
        scene.stage._let_time_pass()
        scene.stage.run_one()
        paths = ["/api/accounts", "/api/publications", "/api/jobs", f"/api/workspaces/{scene.world.workspace}/audit"]
        paths += [f"/api/accounts/{each}" for each in accounts] + [f"/api/publications/{each}" for each in made]
        answers += [ask(scene, "GET", path) for path in paths]
    with scene.world.database.workspace(scene.world.workspace) as session:
        channels = [tokens.find(session, each) for each in accounts]
        secrets = [each.grant_sealed for each in channels]
        grants = [tokens.opened(sealer, each) for each in channels]
    known = [token for each in grants for token in (each.access_token, each.refresh_token or "")]
    known += [each.hex() for each in secrets if each] + ["app-secret-canary"]
    known += [base64.b64encode(each).decode()[:40] for each in secrets if each]
    told = "\n".join(each.text for each in answers)
    assert [each for each in known if each in told] == []
    assert sum(each.status_code == 200 for each in answers) >= 7 * 4
    names = set(re.findall(r'"(\w+)":', told))
    assert {name for name in names if re.search(r"sealed|token|secret|handle_|grant", name)} == set()


def test_the_document_has_no_field_for_a_token(scene: Scene) -> None:
    schemas = scene.client.get("/api/openapi.json").json()["components"]["schemas"]
    ours = {name: each for name, each in schemas.items() if re.match("Account|Publication|Consent|LastPub", name)}
    assert len(ours) > 8
    fields = {name for each in ours.values() for name in each.get("properties", {})}
    assert not {name for name in fields if re.search(r"sealed|token|secret|grant", name)}


def test_the_way_back_wants_a_session_and_tells_programs_so(scene: Scene) -> None:
    answer = scene.back("google", {"state": "x", "code": "y"}, {})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.json()["code"] == "signed_out"
