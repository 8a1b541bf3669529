"""A TikTok on this machine with one creator, and the client that Cliply asks it with."""

import atexit
import random
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from cliply.dev_providers import tiktok
from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.ledger import Entry, Ledger
from cliply.dev_providers.serve import address_of, listening, running
from cliply.dev_providers.tiktok_app import tiktok_app
from cliply.dev_providers.tiktok_checks import Sizes
from cliply.dev_providers.tiktok_posting import Caps, Posting
from cliply.dev_providers.world import App, Consent, TikTokPerson, TikTokWorld
from cliply.infra.breakers import ProcessBreakers, Rule
from cliply.infra.outbound import Outbound
from cliply.integrations.publisher import Handle, Post, Sighting, Video
from cliply.integrations.tiktok import TikTokPublisher
from cliply.integrations.tiktok_api import HOSTS
from cliply.integrations.tiktok_chunks import Chunking

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ALL = frozenset({"user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list"})
PATIENT = Rule(failures=1000)
"""Breakers that stay out of what a test is about."""
SMALL_SIZES = Sizes(smallest_chunk=1000, largest_chunk=6400, largest_last_chunk=12_800)
"""TikTok's, ten thousand times smaller."""
SMALL_CHUNKS = Chunking(whole_up_to=6400, chunk_size=1000)
CHOSEN: Mapping[str, object] = {"consented_at": "2026-11-30T11:00:00Z", "agreed_to": ["music_usage"]}
POST = Post("Why bees dance", "They tell where the flowers are.", ("bees",), "PUBLIC_TO_EVERYONE", options=CHOSEN)
DRAFT = replace(POST, privacy="", options={"destination": "inbox", "consented_at": "2026-11-30T11:00:00Z"})


@dataclass
class Stage:
    url: str
    folder: Path
    world: TikTokWorld
    posting: Posting
    publisher: TikTokPublisher
    app: App
    person: TikTokPerson
    clock: Clock
    ledger: Ledger
    faults: Faults
    sent: list[int] = field(default_factory=list)
    """What senders were told that TikTok has."""

    def token(
        self,
        person: TikTokPerson | None = None,
        *,
        scopes: Iterable[str] = ALL,
        app: App | None = None,
        days: int = 1000,
    ) -> str:
        consent = Consent(app or self.app, person or self.person, frozenset(scopes))
        return self.world.tokens.issue(consent, timedelta(days=days), prefix="act.")

    def newcomer(self, **traits: Any) -> TikTokPerson:
        number = len(self.world.people)
        person = TikTokPerson(f"open-{number}", f"creator{number}", f"Creator {number}", **traits)
        self.world.people.append(person)
        return person

    def video(self, size: int = 3500, *, seed: int = 1) -> Video:
        """As much of one as TikTok looks at: what a container begins with, and bytes that are all different."""
        path = self.folder / f"clip-{size}-{seed}.mp4"
        path.write_bytes((b"\0\0\0\x18ftypmp42" + random.Random(seed).randbytes(size))[:size])
        return Video(path, size, "video/mp4", 42.0, 1080, 1920, 30.0)

    def begun(self, token: str, video: Video, post: Post = POST) -> Handle:
        assert list(self.publisher.problems(post, video)) == []
        assert list(self.publisher.fresh_problems(token, post, video)) == []
        return self.publisher.begin(token, post, video, mark="mark-1")

    def published(self, token: str, post: Post = POST, *, seed: int = 1) -> Handle:
        """A post that everybody can see."""
        video = self.video(seed=seed)
        handle = self.begun(token, video, post)
        self.publisher.send(token, handle, video, self.sent.append)
        self.clock.advance(timedelta(minutes=5))
        self.posting.settle()
        return handle

    def seen(self, token: str, handle: Handle, after: timedelta = timedelta(0)) -> Sighting:
        self.clock.advance(after)
        return self.publisher.look(token, handle, None)

    def posts(self, person: TikTokPerson | None = None) -> list[Entry]:
        """What has been posted, as the ledger tells it once everything is done."""
        self.clock.advance(timedelta(minutes=5))
        self.posting.settle()
        return list(self.ledger.entries("video_published", who=(person or self.person).open_id))


class _Stand:
    """A server, which takes longer to start and to stop than a test: there is a new app in it for each."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            assert self.app is not None, "nobody is asked while no test runs"
            await self.app(scope, receive, send)

        lasting = ExitStack()
        listener = lasting.enter_context(listening())
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lasting.enter_context(running(answer, listener))
        atexit.register(lasting.close)
        self.url = address_of(listener)


_IDLE: list[_Stand] = []


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    stand = _IDLE.pop() if _IDLE else _Stand()
    stand.app = app
    yield stand.url
    stand.app = None
    _IDLE.append(stand)


@cache
def _outbound(rule: Rule) -> Outbound:
    """One for all tests: certificates take a while to read."""
    return Outbound(ProcessBreakers(rule), pause=0.001)


def publisher_for(url: str, clock: Clock, chunking: Chunking, rule: Rule = PATIENT) -> TikTokPublisher:
    client = _outbound(rule).client("TikTok", hosts=HOSTS, url=url)
    return TikTokPublisher(client, api=url, chunking=chunking, clock=clock.now)


@contextmanager
def tiktok_stage(
    folder: Path, *, sizes: Sizes = SMALL_SIZES, chunking: Chunking = SMALL_CHUNKS, caps: Caps | None = None
) -> Iterator[Stage]:
    clock, faults = Clock(NOON), Faults()
    ledger = Ledger(clock)
    app = App("app-key", "app-secret", "Cliply", ("http://127.0.0.1:*/callback",))
    person = TikTokPerson("open-ada", "ada.l", "Ada")
    world = TikTokWorld(clock, ledger, faults, [app], [person])
    posting = Posting(world, caps=caps, sizes=sizes)
    with _served(tiktok_app(world, tiktok.routes(posting))) as url:
        publisher = publisher_for(url, clock, chunking)
        yield Stage(url, folder, world, posting, publisher, app, person, clock, ledger, faults)
