"""Demo mode as somebody with a browser meets it: nothing that is published reaches a network, and all of it says so."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World, app, client, world
from tests.cli.at_networks import film, finished_clip
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until

from cliply.features.publishing import tasks
from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.models import Channel, ChannelState
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.db import Database
from cliply.infra.mail import FolderMailer
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Google, Server, Settings
from cliply.infra.storage.opening import open_storage
from cliply.integrations.demo import PAGE
from cliply.integrations.providers import build_providers
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

__all__ = ["app", "client", "film", "world"]

HERE = "http://cliply.test"


@pytest.fixture
def runtime(database: Database, tmp_path: Path) -> Runtime:
    settings = Settings(data=tmp_path, providers="demo", server=Server(url=HERE))
    return with_providers(
        Runtime(settings, database, open_storage(settings), FolderMailer(tmp_path / "mail", settings.mail.sender))
    )


def with_providers(runtime: Runtime) -> Runtime:
    providers = build_providers(runtime.settings, Outbound(ProcessBreakers()), Quotas(runtime.database))
    return replace(runtime, providers=providers)


def links(page: str) -> dict[str, str]:
    return {told: html.unescape(to) for to, told in re.findall(r'<a href="([^"]+)">([^<]+)</a>', page)}


def connect(client: TestClient, world: World, network: str, choice: str) -> str:
    """What the browser shows in the end."""
    begun = client.post("/api/accounts", json={"network": network}, **world.as_("admin"))
    assert begun.status_code == 201, begun.text
    page = client.get(begun.json()["consent_url"])
    assert page.status_code == 200
    return client.get(links(page.text)[choice], **world.as_("admin")).text


def test_an_account_is_chosen_on_a_page_that_says_demo_and_is_called_so(client: TestClient, world: World) -> None:
    assert "“DEMO YouTube 2” on YouTube is connected" in connect(client, world, "youtube", "Connect DEMO YouTube 2")
    assert "you did not allow it" in connect(client, world, "tiktok", "Cancel")
    [account] = client.get("/api/accounts", **world.as_("admin")).json()
    assert (account["name"], account["handle"], account["is_demo"]) == ("DEMO YouTube 2", "@demo2", True)
    assert account["can_publish"]


def test_the_page_runs_nothing_and_says_what_it_is(client: TestClient, world: World) -> None:
    begun = client.post("/api/accounts", json={"network": "tiktok"}, **world.as_("admin")).json()
    page = client.get(begun["consent_url"])
    assert "<strong>DEMO</strong>" in page.text
    assert "This is not TikTok" in page.text
    assert "script" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    back = client.get(links(page.text)["Cancel"], **world.as_("admin"))
    assert back.headers["content-security-policy"] == policy, "both look the same"
    [style] = re.findall("<style>(.*?)</style>", page.text)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/api/oauth/google/callback", "http://cliply.test.evil.example/api/oauth/google/callback",
        "http://cliply.test/api/oauth/tiktok/callback", "http://cliply.test@evil.example/api/oauth/google/callback",
        "http://cliply.test/api/oauth/google/callback?x=1", "javascript:alert(1)", "//evil.example/oauth", "",
        "http://127.0.0.1/oauth", "http://127.0.0.1:80@evil.example/oauth", "http://127.0.0.1:99999/oauth",
        "http://127.0.0.1.evil.example:80/oauth", "http://localhost:8765/oauth", "http://127.0.0.1:8765/oauth?x",
        "https://127.0.0.1:8765/oauth", "http://127.0.0.1:8765/other",
    ],
)  # fmt: skip
def test_it_sends_nobody_elsewhere(client: TestClient, back: str) -> None:
    asked = {"network": "youtube", "redirect_uri": back, "state": "s", "challenge": "c"}
    for headers in ({}, {"host": "evil.example"}, {"x-forwarded-host": "evil.example"}):
        page = client.get(f"{PAGE}?{urlencode(asked)}", headers=headers)
        assert page.status_code == 400
        assert "<a " not in page.text


def test_a_program_on_the_browsers_machine_is_led_back_to(client: TestClient) -> None:
    asked = {"network": "youtube", "redirect_uri": "http://127.0.0.1:8765/oauth", "state": "<s>", "challenge": "c"}
    page = client.get(f"{PAGE}?{urlencode(asked)}")
    assert links(page.text)["Connect DEMO YouTube 1"] == "http://127.0.0.1:8765/oauth?code=demo.1.c&state=%3Cs%3E"
    assert "<s>" not in page.text


def test_without_demo_mode_there_is_no_such_page(runtime: Runtime) -> None:
    settings = runtime.settings.model_copy(update={"providers": "networks"})
    with TestClient(app_of(with_providers(replace(runtime, settings=settings))), base_url=HERE) as client:
        assert client.get(PAGE).status_code == 404
    assert with_providers(replace(runtime, settings=settings)).providers.by_network == {}


def test_accounts_of_networks_are_left_alone_in_demo_mode_and_those_of_the_demo_outside_it(
    client: TestClient, world: World, runtime: Runtime, film: Path
) -> None:
    clip = str(finished_clip(runtime, world.workspace, film))
    real = _real_channel(world)
    refused = client.post("/api/publish/youtube", json={"clip_id": clip, "account_id": str(real)}, **world.as_("admin"))
    assert refused.status_code == 409
    assert "“Bees” cannot be published on. It is an account of YouTube itself" in refused.json()["detail"]
    connect(client, world, "youtube", "Connect DEMO YouTube 1")
    google = Google.model_validate({"client_id": "id", "client_secret": "secret"})
    settings = runtime.settings.model_copy(update={"providers": "networks", "google": google})
    with TestClient(app_of(with_providers(replace(runtime, settings=settings))), base_url=HERE) as networks:
        told = {each["name"]: each for each in networks.get("/api/accounts", **world.as_("admin")).json()}
        assert not told["DEMO YouTube 1"]["can_publish"]
        assert told["DEMO YouTube 1"]["reason"].startswith("It is an account of demo mode")
        assert told["Bees"]["can_publish"]
        assert [each["is_demo"] for each in told.values()] == [False, True]


def _real_channel(world: World) -> UUID:
    scopes = [f"https://www.googleapis.com/auth/youtube{each}" for each in (".readonly", ".upload")]
    with world.database.workspace(world.workspace) as session:
        channel = Channel(
            id=uuid4(), network=Network.YOUTUBE, external_id="UCbees", name="Bees", state=ChannelState.CONNECTED,
            scopes=scopes, grant_sealed=b"x", settings=ChannelSettings().model_dump(mode="json"),
        )  # fmt: skip
        session.add(channel)
        return channel.id


def test_a_clip_is_written_to_the_folder_once_and_says_so(
    client: TestClient, world: World, runtime: Runtime, film: Path, migrated: str, tmp_path: Path
) -> None:
    connect(client, world, "youtube", "Connect DEMO YouTube 1")
    clip = str(finished_clip(runtime, world.workspace, film))
    made = client.post("/api/publish/youtube", json={"clip_id": clip}, **world.as_("admin")).json()
    path = f"/api/publications/{made['id']}"
    with working(migrated, runtime.database, [tasks.publish_on_youtube], runtime=runtime):
        until(lambda: client.get(path, **world.as_("admin")).json()["state"] == "published")
    done = client.get(path, **world.as_("admin")).json()
    [folder] = (tmp_path / "demo" / "youtube").glob("demo-*")
    assert done["url"] == (folder / "video.mp4").as_uri()
    assert done["external_id"] == folder.name
    assert done["note"].startswith("DEMO: written to a folder")
    assert (folder / "video.mp4").read_bytes() == film.read_bytes()
    assert json.loads((folder / "post.json").read_text())["title"] == "How bees talk"


def test_every_process_says_in_its_log_that_it_is_a_demo(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    with_providers(runtime)
    assert [(each.levelname, each.message) for each in caplog.records] == [("WARNING", "demo_providers")]
