"""The folder that posts are written to in demo mode, held to what is asked of every network."""

import json
import os
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cliply.integrations import demo, youtube_rules
from cliply.integrations.demo import DemoConnector, DemoPublisher, code_for, is_demo
from cliply.integrations.publisher import (
    Connector,
    Figures,
    Grant,
    Handle,
    Misconfigured,
    Network,
    Phase,
    Post,
    Publisher,
    PublishFailure,
    Rejected,
    Standing,
    TryLater,
    Video,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HERE = "https://clips.example.com/api/oauth/google/callback"
REAL = Grant("ya29.real", NOW, frozenset({"https://www.googleapis.com/auth/youtube.upload"}), refresh_token="1//real")


@pytest.fixture
def connector() -> Connector:
    return DemoConnector(Network.YOUTUBE, now=lambda: NOW)


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return DemoPublisher(Network.YOUTUBE, tmp_path / "demo", youtube_rules.problems, now=lambda: NOW)


@pytest.fixture
def video(tmp_path: Path) -> Video:
    file = tmp_path / "clip.mp4"
    file.write_bytes(os.urandom(3 * (1 << 20) + 17))
    return Video(file, file.stat().st_size, "video/mp4", 20.0, 1080, 1920, 30.0)


@pytest.fixture
def token(connector: Connector) -> str:
    return granted(connector).access_token


def granted(connector: Connector, account: str = "1") -> Grant:
    url = connector.consent_url(redirect_uri=HERE, state="s", verifier="v" * 43, again=False)
    [challenge] = parse_qs(urlsplit(url).query)["challenge"]
    return connector.exchange(code_for(account, challenge), redirect_uri=HERE, verifier="v" * 43)


def post(**more: Any) -> Post:
    return replace(Post("How bees talk", "They dance.", ("bees",), "public"), **more)


class Stopped(Exception):
    pass


def stop_at_the_second(seen: list[int], done: int) -> None:
    seen.append(done)
    if len(seen) == 2:
        raise Stopped


def posts(folder: Path) -> list[Path]:
    return sorted((folder / "demo" / "youtube").glob("demo-*"))


def test_an_account_of_the_demo_calls_itself_one(connector: Connector) -> None:
    for account in demo.ACCOUNTS:
        grant = granted(connector, account)
        profile = connector.profile(grant)
        assert profile.name == f"DEMO YouTube {account}"
        assert is_demo(profile.external_id)
        assert grant.scopes == connector.publishes_with == {"demo"}
    assert granted(connector, "1") != granted(connector, "2")
    assert not any(is_demo(each) for each in ("UCada0000000000000000001", "-000ada", "demo", "demo-youtube-1x"))


def test_the_page_is_at_the_services_own_address_where_that_is_known(connector: Connector) -> None:
    wanted: dict[str, Any] = {"state": "s&t", "verifier": "v" * 43, "again": True}
    page = urlsplit(connector.consent_url(redirect_uri=HERE, **wanted))
    assert (page.scheme, page.netloc, page.path) == ("https", "clips.example.com", demo.PAGE)
    assert parse_qs(page.query)["state"] == ["s&t"]
    assert parse_qs(page.query)["redirect_uri"] == [HERE]
    loopback = connector.consent_url(redirect_uri="http://127.0.0.1:8765/oauth", **wanted)
    assert loopback.startswith(f"{demo.PAGE}?"), "a program has no page, and the service's address is not known here"


@pytest.mark.parametrize(
    "code", ["", "demo", "demo.1", "demo.1.", "demo.3.{challenge}", "demo.1.x", "é", "demo..{challenge}"]
)
def test_a_code_is_good_for_whoever_has_begun_and_for_its_own_accounts_only(connector: Connector, code: str) -> None:
    url = connector.consent_url(redirect_uri=HERE, state="s", verifier="v" * 43, again=False)
    [challenge] = parse_qs(urlsplit(url).query)["challenge"]
    with pytest.raises(Rejected):
        connector.exchange(code.format(challenge=challenge), redirect_uri=HERE, verifier="v" * 43)
    with pytest.raises(Rejected):
        connector.exchange(code_for("1", challenge), redirect_uri=HERE, verifier="w" * 43)


def test_a_grant_is_renewed_as_the_same_account_and_never_to_nothing(connector: Connector) -> None:
    grant = granted(connector, "2")
    renewed = connector.refresh(grant)
    assert renewed.refresh_token
    assert renewed.expires_at > NOW + timedelta(hours=1)
    assert connector.profile(renewed) == connector.profile(grant)
    connector.revoke(renewed)
    connector.revoke(renewed)


def test_a_networks_own_account_is_not_touched(connector: Connector, publisher: Publisher, video: Video) -> None:
    theirs = granted(DemoConnector(Network.TIKTOK))
    for grant in (REAL, theirs, Grant("demo:", NOW, frozenset())):
        handle, token = Handle("demo-x", size=1), grant.access_token
        for attempt in (
            lambda grant=grant: connector.refresh(grant),
            lambda grant=grant: connector.revoke(grant),
            lambda grant=grant: connector.profile(grant),
            lambda token=token: publisher.fresh_problems(token, post(), video),
            lambda token=token: publisher.begin(token, post(), video, mark="m"),
            lambda token=token, handle=handle: publisher.send(token, handle, video, lambda _: None),
            lambda token=token, handle=handle: publisher.look(token, handle, None),
            lambda token=token: publisher.find(token, mark="m", post=post(), since=NOW),
        ):
            with pytest.raises(Misconfigured, match="CLIPLY_PROVIDERS=demo"):
                attempt()


def test_a_post_appears_whole_with_its_words_and_says_that_it_is_a_demo(
    publisher: Publisher, token: str, video: Video, tmp_path: Path
) -> None:
    cover = tmp_path / "cover.jpg"
    cover.write_bytes(b"\xff\xd8\xffcover")
    handle = publisher.begin(token, post(cover=cover, publish_at=NOW), video, mark="mark-1")
    assert posts(tmp_path) == []
    told: list[int] = []
    seen = publisher.send(token, handle, video, told.append)
    assert seen.phase is Phase.PUBLISHED
    assert seen.external_id is not None
    assert seen.external_id.startswith("demo-how-bees-talk-")
    [folder] = posts(tmp_path)
    assert seen.url == (folder / "video.mp4").as_uri()
    assert "Nothing was sent to YouTube" in seen.note
    assert (folder / "video.mp4").read_bytes() == video.path.read_bytes()
    assert (folder / "cover.jpg").read_bytes() == cover.read_bytes()
    said = json.loads((folder / "post.json").read_text())
    assert said["demo"].startswith("Written by Cliply in demo mode")
    assert (said["title"], said["hashtags"], said["account"]) == ("How bees talk", ["bees"], "demo-youtube-1")
    assert told == sorted(told)
    assert told[-1] == video.size
    assert publisher.look(token, handle, None) == seen
    assert publisher.find(token, mark="mark-1", post=post(), since=NOW) == seen
    assert publisher.dress(token, seen.external_id, post()) == ""


def test_it_goes_on_where_it_was_broken_off_at_any_byte(
    publisher: Publisher, token: str, video: Video, tmp_path: Path
) -> None:
    handle = publisher.begin(token, post(), video, mark="m")
    starts = []
    for _ in range(4):
        seen: list[int] = []
        with pytest.raises(Stopped):
            publisher.send(token, handle, video, partial(stop_at_the_second, seen))
        starts.append(seen[0])
        assert posts(tmp_path) == []
    assert publisher.send(token, handle, video, lambda _: None).phase is Phase.PUBLISHED
    assert starts == [0, 1 << 20, 2 << 20, 3 << 20]
    assert (posts(tmp_path)[0] / "video.mp4").read_bytes() == video.path.read_bytes()


def test_two_that_send_at_once_make_one_post_of_the_same_bytes(
    publisher: Publisher, token: str, video: Video, tmp_path: Path
) -> None:
    handle = publisher.begin(token, post(), video, mark="m")
    found: list[object] = []

    def send() -> None:
        try:
            found.append(publisher.send(token, handle, video, lambda _: None).phase)
        except PublishFailure as failed:
            found.append(type(failed))

    both = [threading.Thread(target=send) for _ in range(8)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert Phase.PUBLISHED in found
    assert set(found) <= {Phase.PUBLISHED, TryLater}
    [folder] = posts(tmp_path)
    assert (folder / "video.mp4").read_bytes() == video.path.read_bytes()


def test_what_was_never_begun_or_is_deleted_is_gone(
    publisher: Publisher, token: str, video: Video, tmp_path: Path
) -> None:
    seen = publisher.look(token, Handle("demo-nothing-1", size=1), None)
    assert (seen.phase, seen.surely_absent) == (Phase.GONE, True)
    assert publisher.find(token, mark="m", post=post(), since=NOW) is None
    handle = publisher.begin(token, post(), video, mark="m")
    name = publisher.send(token, handle, video, lambda _: None).external_id or ""
    assert publisher.figures(token, [name, "demo-other"]) == {name: Figures(), "demo-other": None}
    assert publisher.standing(token, [name, "..", "demo-other"]) == {
        name: Standing.SHOWN, "..": Standing.GONE, "demo-other": Standing.GONE,
    }  # fmt: skip
    shutil.rmtree(tmp_path / "demo")
    assert publisher.look(token, handle, name).phase is Phase.GONE
    assert publisher.figures(token, [name]) == {name: None}


def test_what_is_on_a_network_is_not_gone_because_the_folder_knows_nothing_of_it(publisher: Publisher) -> None:
    for ask in (publisher.figures, publisher.standing):
        with pytest.raises(Misconfigured):
            ask("ya29.real", ["dQw4w9WgXcQ"])


@pytest.mark.parametrize("address", ["", "../x", "demo-../../etc", "demo-a/b", "/etc/passwd", "demo-\0", "other"])
def test_a_handle_leads_nowhere_beside_the_folder(publisher: Publisher, token: str, video: Video, address: str) -> None:
    with pytest.raises(Rejected):
        publisher.send(token, Handle(address, size=video.size), video, lambda _: None)
    with pytest.raises(Rejected):
        publisher.look(token, Handle(address), None)


@pytest.mark.parametrize("title", ["../../etc", "Ünïcödé 蜂", "", "a/b\0c", "x" * 500, "🐝"])
def test_a_title_of_any_letters_makes_a_folder_beside_the_others(
    publisher: Publisher, token: str, video: Video, tmp_path: Path, title: str
) -> None:
    handle = publisher.begin(token, post(title=title), video, mark="m")
    publisher.send(token, handle, video, lambda _: None)
    assert len(posts(tmp_path)) == 1


def test_a_networks_own_rules_hold_here_too(publisher: Publisher, token: str, video: Video) -> None:
    assert [each.code for each in publisher.problems(post(title="x" * 101), video)] == ["title_too_long"]
    assert publisher.problems(post(), video) == []
    assert publisher.fresh_problems(token, post(), video) == ()


def test_a_folder_that_cannot_be_written_is_tried_again_later(
    publisher: Publisher, token: str, video: Video, tmp_path: Path
) -> None:
    (tmp_path / "demo").write_text("no folder")
    with pytest.raises(TryLater, match="folder of the demo"):
        publisher.begin(token, post(), video, mark="m")
