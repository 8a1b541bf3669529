"""Who there is in tests of the stand-ins, and the stand-ins themselves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from starlette.routing import BaseRoute

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.google import google_app
from cliply.dev_providers.ledger import Ledger
from cliply.dev_providers.serve import serving
from cliply.dev_providers.tiktok_app import tiktok_app
from cliply.dev_providers.world import App, Channel, GooglePerson, GoogleWorld, TikTokPerson, TikTokWorld

WEB = "https://clips.example.com/api/oauth/callback"
LOCAL = "http://127.0.0.1:8000/callback"
ANY_PORT = "http://127.0.0.1:*/loopback"
VERIFIER = "v" * 43 + "-._~0"
SECRET = "app-secret-canary"
START = datetime(2026, 11, 30, 12, tzinfo=UTC)

World = TypeVar("World", GoogleWorld, TikTokWorld)


@dataclass
class Standing(Generic[World]):
    url: str
    world: World


def app(name: str = "app") -> App:
    return App(f"{name}-id", SECRET if name == "app" else f"{name}-secret", name, (WEB, LOCAL, ANY_PORT))


def google_world() -> GoogleWorld:
    clock = Clock(START)
    ada = GooglePerson("ada@example.com", "Ada", [Channel("UC" + "a" * 22, "Ada talks", "@ada"),
                                                  Channel("UC" + "b" * 22, "Ada's <b>brand", "@brand")])  # fmt: skip
    people = [ada, GooglePerson("bob@example.com", "Bob", [Channel("UC" + "c" * 22, "Bob", "@bob")]),
              GooglePerson("eve@example.com", "Eve")]  # fmt: skip
    return GoogleWorld(clock, Ledger(clock), Faults(), [app(), app("other")], people)


def tiktok_world() -> TikTokWorld:
    clock = Clock(START)
    people = [TikTokPerson("open-ada", "ada", "Ada"), TikTokPerson("open-bob", "bob", "Bob <script>")]
    return TikTokWorld(clock, Ledger(clock), Faults(), [app(), app("other")], people)


@contextmanager
def google(*more: Sequence[BaseRoute]) -> Iterator[Standing[GoogleWorld]]:
    world = google_world()
    with serving(google_app(world, *more)) as url:
        yield Standing(url, world)


@contextmanager
def tiktok(*more: Sequence[BaseRoute]) -> Iterator[Standing[TikTokWorld]]:
    world = tiktok_world()
    with serving(tiktok_app(world, *more)) as url:
        yield Standing(url, world)
