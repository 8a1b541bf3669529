"""What a person finds at the stand-ins, and what there is to see afterwards."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from tests.servers.consent import answer, browser

from cliply.dev_providers.ledger import PUBLISHED
from cliply.dev_providers.playground import Playground, playground
from cliply.dev_providers.serve import serving
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.outbound import Outbound
from cliply.integrations.google_oauth import GoogleAddresses, GoogleConnector
from cliply.integrations.oauth import OAuthApp
from cliply.integrations.publisher import Connector, Profile
from cliply.integrations.tiktok_oauth import TikTokConnector

VERIFIER = "v" * 43


@dataclass
class Open:
    playground: Playground
    google: str
    tiktok: str
    outbound: Outbound

    def connectors(self) -> tuple[Connector, Connector]:
        """By the settings that it tells."""
        told = self.playground.settings(self.google, self.tiktok, "http://127.0.0.1:9")
        youtube = GoogleConnector(
            self.outbound.client("Google", hosts=(), url=told["CLIPLY_GOOGLE__URL"]),
            OAuthApp(told["CLIPLY_GOOGLE__CLIENT_ID"], told["CLIPLY_GOOGLE__CLIENT_SECRET"]),
            GoogleAddresses.below(told["CLIPLY_GOOGLE__URL"]),
        )
        tiktok = TikTokConnector(
            self.outbound.client("TikTok", hosts=(), url=told["CLIPLY_TIKTOK__URL"]),
            OAuthApp(told["CLIPLY_TIKTOK__CLIENT_KEY"], told["CLIPLY_TIKTOK__CLIENT_SECRET"]),
            url=told["CLIPLY_TIKTOK__URL"],
        )
        return youtube, tiktok


@pytest.fixture
def opened() -> Iterator[Open]:
    there = playground("https://clips.example.com/")
    with ExitStack() as stack:
        google, tiktok = (stack.enter_context(serving(app)) for app in there.apps()[:2])
        outbound = Outbound(ProcessBreakers())
        stack.callback(outbound.close)
        yield Open(there, google, tiktok, outbound)


def connected(connector: Connector, account: str, to: str) -> Profile:
    url = connector.consent_url(redirect_uri=to, state="s", verifier=VERIFIER, again=False)
    back = answer(url, account=account)[1]
    return connector.profile(connector.exchange(back["code"], redirect_uri=to, verifier=VERIFIER))


@pytest.mark.parametrize("to", ["http://localhost:80", "http://127.0.0.1:9", "https://clips.example.com", "oauth"])
def test_accounts_are_connected_from_this_machine_and_from_where_cliply_is(opened: Open, to: str) -> None:
    youtube, tiktok = opened.connectors()
    for connector, path, account, name in (
        (youtube, "google", "UCada0000000000000000001", "Ada talks"),
        (tiktok, "tiktok", "-000ada", "Ada Lovelace"),
    ):
        back = "http://127.0.0.1:54321/oauth" if to == "oauth" else f"{to}/api/oauth/{path}/callback"
        assert connected(connector, account, back).name == name


def test_the_page_shows_people_posts_permissions_and_the_ledger_of_both(opened: Open) -> None:
    youtube, _ = opened.connectors()
    connected(youtube, "UCada0000000000000000001", "http://127.0.0.1:8000/api/oauth/google/callback")
    nasty = "<script>alert(1)</script>"
    opened.playground.google.ledger.add(
        "tiktok", PUBLISHED, who="-000ada", caption=nasty, privacy="SELF_ONLY", size=7, sha256="abc", post_id="1"
    )
    one, other = (browser().get(url) for url in (opened.google, opened.tiktok))
    assert one.text == other.text
    for shown in (
        "Ada talks (@adatalks)",
        "no channel",
        "@bob, private",
        "SELF_ONLY",
        "youtube.upload",
        "token_issued",
    ):
        assert shown in one.text
    assert nasty not in one.text
    assert "&lt;script&gt;" in one.text
    posts = one.text.partition("<h2>Posts</h2>")[2].partition("<h2>Permissions</h2>")[0]
    assert re.findall('<td data-head="Account">(.*?)</td>', posts) == ["Ada Lovelace (@adatalks)"]
    assert "-000ada" not in one.text, "people know accounts by their names"
    assert re.search(r"<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d</time>", posts)
    assert "<code>abc</code>" in posts
    assert "token_issued" in one.text
    assert "scopes: https://www.googleapis.com/auth/youtube.readonly https://" in one.text
    assert one.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_page_shows_no_more_of_a_long_ledger_than_one_reads(opened: Open) -> None:
    for number in range(1000):
        opened.playground.google.ledger.add("google", "part_stored", number=number)
    page = browser().get(opened.google).text
    assert "1000 entries, the last 300 of them" in page
    assert page.count("part_stored") == 300
    assert "number: 999" in page
