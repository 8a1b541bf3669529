"""`cliply accounts`, `publish` and `publications` at a service, with the networks' stand-ins behind it."""

import os
import pty
import re
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update
from tests.api.conftest import World, app, world
from tests.cli.at_a_service import Served, Terminal, hides_what_is_typed, service, terminal
from tests.cli.at_networks import Browser, film, finished_clip, networks, person, runtime
from tests.cli.test_signing_in import PASSWORD, become, log_in
from tests.features.clips.rows import ready_clip, ready_project
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until
from tests.servers.consent import answer, browser

from cliply.cli import service_accounts
from cliply.cli.service_accounts import NetworkName
from cliply.cli.service_publications import Seen, State
from cliply.cli.service_publishing import line_of
from cliply.dev_providers.ledger import PUBLISHED, sha256
from cliply.dev_providers.playground import Playground
from cliply.errors import Unavailable
from cliply.features.identity.models import Role, Workspace
from cliply.features.publishing import tasks
from cliply.features.publishing.models import PublicationState
from cliply.features.publishing.publications import Verdict
from cliply.features.publishing.schemas import OAuthProvider
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

__all__ = ["app", "film", "networks", "person", "runtime", "service", "terminal", "world"]


@pytest.fixture
def ada(service: Served, world: World, terminal: Callable[[str], Terminal]) -> Terminal:
    """An admin, known by a key that may do all that she may."""
    made = terminal("ada")
    made.environment = {"CLIPLY_REMOTE__URL": service.url, "CLIPLY_REMOTE__KEY": world.keys["admin"]}
    return made


@pytest.fixture
def clip(runtime: Runtime, world: World, film: Path) -> UUID:
    return finished_clip(runtime, world.workspace, film)


def in_berlin(world: World) -> None:
    with world.database.workspace(world.workspace) as session:
        session.execute(update(Workspace).values(timezone="Europe/Berlin"))


def test_words_of_the_terminal_are_those_of_the_service() -> None:
    assert [*NetworkName] == [*Network]
    assert [each.label for each in NetworkName] == [each.label for each in Network]
    assert [each.provider for each in NetworkName] == [OAuthProvider.of(each) for each in Network]
    assert {*map(str, State)} == {*map(str, PublicationState)}
    assert {*map(str, Seen)} == {*map(str, Verdict)}


def test_an_account_is_connected_in_the_browser_which_is_told_what_came_of_it(ada: Terminal, person: Browser) -> None:
    person.account = "UCada0000000000000000002"
    assert "“Analytical Engines” on YouTube is connected." in ada.run("accounts", "connect", "youtube")
    person.account = "-000ada"
    made = ada.told("accounts", "connect", "tiktok")
    assert (made["network"], made["name"], made["can_publish"]) == ("tiktok", "Ada Lovelace", True)
    person.close()
    assert ["“Analytical Engines” is connected" in page for page in person.pages] == [True, False]
    listed = ada.run("accounts", "list")
    assert re.search(r"youtube ready +Analytical Engines \(@engines\), default", listed)
    assert "tiktok  ready           Ada Lovelace (@adatalks), default" in listed
    assert "youtube.upload" in ada.run("accounts", "show", "youtube:analytical engines")
    person.account = "UCada0000000000000000001"
    ada.run("accounts", "connect", "youtube")
    assert "Several have the handle “adatalks”" in ada.refused("accounts", "show", "@adatalks")
    assert "Ada Lovelace" in ada.run("accounts", "show", "tiktok:@adatalks")


def test_an_address_is_printed_where_no_browser_is_to_be_opened(
    ada: Terminal, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    def note(message: str) -> None:
        noted.append(message)
        if page := re.search(r"http\S+/o/oauth2\S+", message):
            person.open(page[0])

    monkeypatch.setattr(service_accounts, "note", note)
    assert "is connected" in ada.run("accounts", "connect", "youtube", "--no-browser", "--port", free_port())
    assert noted[0].startswith("Open this page:")


def test_a_browser_in_text_does_not_take_over_the_terminal(
    ada: Terminal, person: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_text = tmp_path / "links"
    in_text.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    in_text.chmod(0o755)
    person_at = iter([webbrowser.GenericBrowser(str(in_text)), None])

    def found() -> webbrowser.BaseBrowser:
        if (browser := next(person_at)) is None:
            raise webbrowser.Error("no browser")
        return browser

    monkeypatch.setattr(webbrowser, "get", found)
    monkeypatch.setattr(service_accounts, "note", lambda message: person.open(re.findall(r"http\S+", message)[0]))
    for _ in range(2):
        assert "is connected" in ada.run("accounts", "connect", "youtube")
    assert not (tmp_path / "opened").exists()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_who_does_not_allow_it_or_has_no_channel_is_told_in_both_places(ada: Terminal, person: Browser) -> None:
    person.allow = False
    assert "you did not allow it" in ada.refused("accounts", "connect", "tiktok")
    person.allow, person.account = True, "eve"
    assert "has no YouTube channel" in ada.refused("accounts", "connect", "youtube")
    person.close()
    assert "TikTok is not connected" in person.pages[0]
    assert "has no YouTube channel" in person.pages[1]
    assert ada.told("accounts", "list") == []


def test_an_empty_list_says_what_fills_it_beside_the_output(ada: Terminal) -> None:
    for listed, hint in (
        ("accounts", "cliply accounts connect youtube"),
        ("publications", "cliply publish --help"),
        ("schedule", "cliply schedule add --help"),
    ):
        shown = ada.invoke(listed, "list")
        assert (shown.exit_code, shown.stdout) == (0, "")
        assert hint in shown.stderr
        assert ada.invoke(listed, "list", "--json").stderr == ""


def test_what_was_not_allowed_and_is_missing_is_told_in_both_places(ada: Terminal, person: Browser) -> None:
    person.without = ["https://www.googleapis.com/auth/youtube.upload"]
    done = ada.invoke("accounts", "connect", "youtube")
    assert done.exit_code == 0
    assert "cannot be published on yet: It was connected without what publishing needs: youtube.upload" in done.stderr
    person.close()
    assert "without what publishing needs: youtube.upload" in person.pages[0]


def test_the_services_own_page_tells_that_too(service: Served, world: World) -> None:
    mine = world.headers("admin", workspace=world.workspace)
    begun = browser().post(f"{service.url}/api/accounts", json={"network": "youtube"}, headers=mine).json()
    where, brought = answer(begun["consent_url"], without=["https://www.googleapis.com/auth/youtube.upload"])
    page = browser().get(where, params=brought, headers=mine)
    assert page.status_code == 200
    assert "“Ada talks” on YouTube is connected. It cannot be published on yet: " in page.text
    again = browser().get(where, params=brought, headers=mine)
    assert again.status_code == 400
    assert "not connected" not in again.text, "it still is"
    assert "Nothing was connected by this page" in again.text
    assert "What is connected already stays so." in again.text


@pytest.mark.slow
def test_an_account_is_named_set_up_connected_again_and_disconnected(ada: Terminal, person: Browser) -> None:
    person.account = "UCada0000000000000000001"
    ada.run("accounts", "connect", "youtube")
    person.account = "UCada0000000000000000002"
    ada.run("accounts", "connect", "youtube")
    assert "Engines, daily" in ada.run("accounts", "rename", "@engines", "Engines, daily")
    assert "Engines, daily (@engines), default" in ada.run("accounts", "default", "youtube:ENGINES, DAILY")
    done = ada.told(
        "accounts", "set-up", "@engines", "--daily-cap", 3, "--quiet", "22:00-07:00", "--privacy", "unlisted",
        "--synthetic", "--category", "27",
    )["settings"]  # fmt: skip
    assert done == {
        "privacy": "unlisted", "category": "27", "daily_cap": 3, "quiet_from": "22:00:00", "quiet_to": "07:00:00",
        "made_for_kids": False, "synthetic": True, "late": 180, "spacing": None,
    }  # fmt: skip
    done = ada.told("accounts", "set-up", "@engines", "--daily-cap", 0, "--quiet", "", "--privacy", "")["settings"]
    assert (done["privacy"], done["daily_cap"], done["quiet_from"], done["category"]) == (None, None, None, "27")
    assert "Say what to set" in ada.refused("accounts", "set-up", "@engines")
    assert "“Ada talks” was chosen" in _refused_with(ada, person, "UCada0000000000000000001")
    person.account = "UCada0000000000000000002"
    assert "is connected" in ada.run("accounts", "reconnect", "@engines")
    assert "Nobody is there to ask" in ada.refused("accounts", "disconnect", "@engines")
    assert "disconnected" in ada.run("accounts", "disconnect", "@engines", "--yes")
    shown = ada.run("accounts", "show", "@engines")
    assert "Nothing was published yet" in shown
    assert "Minutes that what was planned may be late: 180" in shown
    assert "There is no account “nobody”. There are: Ada talks" in ada.refused("accounts", "show", "nobody")


def _refused_with(ada: Terminal, person: Browser, account: str) -> str:
    person.account = account
    return ada.refused("accounts", "reconnect", "@engines")


@pytest.mark.slow
def test_a_planned_publication_is_said_back_moved_and_called_off(
    ada: Terminal, person: Browser, clip: UUID, world: World
) -> None:
    in_berlin(world)
    ada.run("accounts", "connect", "youtube")
    done = ada.invoke(
        "publish", clip, "--to", "youtube", "--at", "tomorrow 18:00", "--title", "Bees", "--hashtags", "a,b"
    )
    assert done.exit_code == 0, done.output
    assert re.search(r"It goes out on \w+, \d+ \w+ \d+, 18:00 \(Europe/Berlin, UTC\+0[12]:00\)", done.stderr)
    assert re.search(r"youtube planned +Bees  at \S+ 18:00", done.stdout)
    [listed] = ada.told("publications", "list", "--clip", clip, "--account", "ada talks", "--state", "intent")
    assert (listed["post"]["title"], listed["post"]["hashtags"]) == ("Bees", ["a", "b"])
    number = listed["id"]
    assert "already" in ada.refused("publish", clip, "--to", "youtube:@adatalks")
    assert ada.told("publish", clip, "--to", "youtube", "--again", "--at", "in 2 days")["id"] != number
    moved = ada.told("publications", "move", number, "in 3 days")
    assert datetime.fromisoformat(moved["run_at"]) > datetime.now(UTC)
    assert "planned" in ada.run("publications", "show", number)
    assert "cancelled  Bees" in ada.run("publications", "cancel", number)
    assert "is cancelled" in ada.refused("publications", "move", number, "now").replace("publication is", "is")
    assert "nothing to try again" in ada.refused("publications", "retry", number)
    assert "nothing to settle" in ada.refused("publications", "settle", number, "absent")


@pytest.mark.slow
def test_one_of_several_accounts_has_to_be_named(ada: Terminal, person: Browser, clip: UUID) -> None:
    assert "No YouTube account is connected" in ada.refused("publish", clip, "--to", "youtube")
    for account in ("UCada0000000000000000001", "UCada0000000000000000002"):
        person.account = account
        ada.run("accounts", "connect", "youtube")
    ada.run("accounts", "disconnect", "Ada talks", "--yes")
    person.account = "UCada0000000000000000001"
    ada.run("accounts", "reconnect", "Ada talks")
    refused = ada.refused("publish", clip, "--to", "youtube")
    assert "name one, or make one the default" in refused
    assert "“Ada talks”" in refused
    made = ada.told("publish", clip, "--to", "youtube:Ada talks")
    assert made["account_id"] == next(
        each["id"] for each in ada.told("accounts", "list") if each["name"] == "Ada talks"
    )


def test_rules_of_a_network_are_told_before_anything_is_sent(ada: Terminal, person: Browser, clip: UUID) -> None:
    ada.run("accounts", "connect", "youtube")
    assert "YouTube knows public, unlisted, private" in ada.refused(
        "publish", clip, "--to", "youtube", "--privacy", "friends"
    )
    assert "titles of up to 100" in ada.refused("publish", clip, "--to", "youtube", "--title", "x" * 101)
    assert "categories" in ada.refused("publish", clip, "--to", "youtube", "--option", "category_id=99")
    refused = ada.refused("publish", clip, "--to", "youtube", "--option", "colour=red", "--option", 'tags=["a","b"]')
    assert "colour" in refused
    assert "tags" not in refused


def test_tiktok_is_not_posted_to_before_somebody_has_agreed(
    ada: Terminal, person: Browser, clip: UUID, networks: Playground
) -> None:
    person.account = "-000ada"
    ada.run("accounts", "connect", "tiktok")
    wanted = ("publish", clip, "--to", "tiktok", "--privacy", "SELF_ONLY")
    done = ada.invoke(*wanted)
    assert "add --agree" in str(done.exception)
    assert "By posting, you agree to TikTok's Music Usage Confirmation." in done.stderr
    assert "https://www.tiktok.com/legal" in done.stderr
    before = datetime.now(UTC)
    options = ada.told(*wanted, "--agree")["post"]["options"]
    assert options["agreed_to"] == ["music_usage"]
    assert abs((datetime.fromisoformat(options["consented_at"]) - before).total_seconds()) < 60
    assert "consented_at" not in ada.refused("publish", clip, "--to", "tiktok", "--again", "--agree")


@pytest.mark.parametrize(
    ("clip", "why"),
    [
        ("{file}", "is on this machine, and it is a service that publishes.*`cliply upload`"),
        ("clips/01.mp4", "is no id of a clip. `cliply clips list"),
        ("\x1b[31m", "is no id of a clip"),
    ],
)
def test_what_cliply_clip_has_made_is_led_to_the_service(ada: Terminal, tmp_path: Path, clip: str, why: str) -> None:
    file = tmp_path / "01-bees.mp4"
    file.touch()
    refused = ada.refused("publish", clip.format(file=file), "--to", "youtube")
    assert re.search(why, refused)
    assert "\x1b" not in refused


def test_wrong_words_are_told_and_nothing_is_made(ada: Terminal, clip: UUID) -> None:
    for why, options in {
        "names no network. Write youtube or tiktok": ("--to", "vimeo"),
        "no NAME=VALUE": ("--to", "youtube", "--option", "x"),
        "looks like JSON": ("--to", "youtube", "--option", "tags=[1"),
        "is no time": ("--to", "youtube", "--at", "someday"),
        "is over": ("--to", "youtube", "--at", "2020-01-01 10:00"),
        "no account “nobody”": ("--to", "youtube:nobody"),
    }.items():
        done = ada.invoke("publish", clip, *options)
        assert done.exit_code != 0
        assert why in " ".join(re.sub(r"[│╭╮╰╯─]", "", f"{done.output} {done.exception}").split())
    assert ada.told("publications", "list") == []


def test_a_service_that_names_no_page_of_the_web_opens_nothing() -> None:
    for page in ("file:///etc/passwd?state=s", "javascript:alert(1)", "", "https://a@b/?state=s"):
        with pytest.raises(Unavailable, match="no page that can be opened"):
            service_accounts.check_page(page)


@pytest.mark.slow
def test_who_begins_at_a_terminal_by_password_finishes_as_the_same(
    service: Served, world: World, terminal: Callable[[str], Terminal]
) -> None:
    become(world, "ada@example.com", Role.ADMIN)
    ada = terminal("ada")
    log_in(ada)
    mine, theirs = pty.openpty()
    command = ["accounts", "connect", "youtube", "--no-browser", "--port", str(free_port())]
    connecting = subprocess.Popen(
        [Path(sys.executable).with_name("cliply"), *command],
        env={**os.environ, "HOME": str(ada.home), "XDG_CONFIG_HOME": str(ada.home / "config")},
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = ""

    def found(what: str) -> re.Match[str] | None:
        nonlocal shown
        shown += os.read(mine, 1000).decode()
        return re.search(what, shown)

    until(lambda: found("Password of ada@example.com"))
    until(lambda: hides_what_is_typed(mine))
    os.write(mine, f"{PASSWORD}\n".encode())
    until(lambda: found(r"http://\S+/o/oauth2\S+\s"))
    page = re.search(r"http://\S+/o/oauth2\S+", shown)
    assert page is not None
    person = Browser()
    person.open(page[0])
    out, _ = connecting.communicate(timeout=60)
    os.close(mine)
    person.close()
    assert "is connected" in out, "the key alone may not, and is not asked to finish"
    assert "is connected" in person.pages[0]


@pytest.mark.slow
def test_a_clip_arrives_at_both_networks_once_and_its_terminal_waits_for_that(
    ada: Terminal, person: Browser, clip: UUID, runtime: Runtime, migrated: str, networks: Playground, film: Path
) -> None:
    ada.run("accounts", "connect", "youtube")
    person.account = "-000ada"
    ada.run("accounts", "connect", "tiktok")
    kinds = [tasks.publish_on_youtube, tasks.publish_on_tiktok, tasks.check_publication]
    with working(migrated, runtime.database, kinds, runtime=runtime):
        on_youtube = ada.told("publish", clip, "--to", "youtube", "--wait")
        wanted = ("publish", clip, "--to", "tiktok", "--privacy", "SELF_ONLY", "--agree")
        planned = ada.told(*wanted, "--at", "in 1 hour")
        ada.run("publications", "move", planned["id"], "now")
        until(
            lambda: ada.told("publications", "show", planned["id"])["state"] in ("processing", "published"), within=30
        )
    assert on_youtube["state"] == "published"
    assert on_youtube["url"] in ada.run("publications", "list", "--state", "published")
    [video] = [each for each in networks.google.ledger.entries(PUBLISHED) if each.provider == "google"]
    assert video.details["sha256"] == sha256(film.read_bytes())
    assert "published" in ada.run("publications", "show", on_youtube["id"])


@pytest.mark.slow
def test_a_post_that_has_no_address_is_listed_with_the_reason(
    ada: Terminal, person: Browser, clip: UUID, runtime: Runtime, migrated: str
) -> None:
    person.account = "-000ada"
    ada.run("accounts", "connect", "tiktok")
    with working(migrated, runtime.database, [tasks.publish_on_tiktok, tasks.check_publication], runtime=runtime):
        sent = ada.told("publish", clip, "--to", "tiktok", "--privacy", "SELF_ONLY", "--agree")["id"]
        until(lambda: ada.told("publications", "show", sent)["state"] == "published", within=60)
    for shown in (ada.run("publications", "list"), ada.run("publications", "show", sent)):
        assert "TikTok tells no address of posts that not everybody can see" in shown


def test_clips_of_the_newest_projects_are_listed_where_none_is_named(ada: Terminal, clip: UUID, world: World) -> None:
    other = [clip_of(world, "Second talk"), clip_of(world, "Third talk")]
    shown = ada.run("clips", "list").splitlines()
    assert [line.split()[0] for line in shown] == [str(each) for each in (*reversed(other), clip)]
    assert shown[0].endswith("(Third talk)")
    assert [each["id"] for each in ada.told("clips", "list")] == [line.split()[0] for line in shown]


def clip_of(world: World, name: str) -> UUID:
    with world.database.workspace(world.workspace) as session:
        project = ready_project(session)
        project.name = name
        return ready_clip(session, project).id


def test_who_has_no_clips_yet_is_told_where_they_come_from(ada: Terminal, world: World) -> None:
    assert "cliply upload talk.mp4" in ada.invoke("clips", "list").stderr
    with world.database.workspace(world.workspace) as session:
        ready_project(session)
    shown = ada.invoke("clips", "list")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "cliply projects list" in shown.stderr
    assert ada.told("clips", "list") == []


@pytest.mark.slow
def test_a_script_signs_in_beforehand_and_then_connects_an_account(
    service: Served, world: World, terminal: Callable[[str], Terminal], person: Browser
) -> None:
    become(world, "ada@example.com", Role.ADMIN)
    ada = terminal("ada")
    log_in(ada)
    assert "cliply account sign-in" in ada.refused("accounts", "connect", "youtube", typed=f"{PASSWORD}\n")
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    assert "is connected" in ada.run("accounts", "connect", "youtube")


@pytest.mark.parametrize(
    ("state", "told", "then"),
    [
        ("needs_reconnect", {"error": "YouTube lets nobody in."}, "  (YouTube lets nobody in.)"),
        ("rejected", {"error": "It is too long."}, "  (It is too long.)"),
        ("published", {"url": "https://x/1", "note": "Unlisted."}, "  https://x/1"),
        ("processing", {"note": "It waits."}, ""),
    ],
)
def test_a_line_of_a_list_says_why_there_is_no_post(state: str, told: dict[str, str], then: str) -> None:
    each = {
        "id": "7", "network": "youtube", "state": state, "post": {"title": "Bees"}, "schedule": None,
        "url": None, "next_at": None, "error": None, "note": None, **told,
    }  # fmt: skip
    assert line_of(each, ZoneInfo("UTC")).partition("Bees")[2] == then
