"""A channel on a YouTube of this machine, and the client that publishes on it."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Fault, Faults, Kind
from cliply.dev_providers.google import google_app
from cliply.dev_providers.ledger import Ledger
from cliply.dev_providers.serve import serving
from cliply.dev_providers.world import App, Channel, Consent, GoogleAccount, GooglePerson, GoogleWorld
from cliply.dev_providers.youtube import YouTube
from cliply.dev_providers.youtube_resumable import GRANULE
from cliply.infra.breakers import ProcessBreakers, Rule
from cliply.infra.outbound import Outbound, ProviderClient
from cliply.integrations.publisher import Post, Video
from cliply.integrations.youtube import HOSTS, YouTubeAddresses, YouTubePublisher

NOON = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
"""In California."""
PREFIX = "https://www.googleapis.com/auth/"
SCOPES = frozenset({f"{PREFIX}youtube.upload", f"{PREFIX}youtube.readonly"})
MARK = "cliply-0b5c2a.mp4"
POST = Post("Why cats purr", "Nobody knows for sure.", ("cats",), "public")
UPLOAD = "^/upload/youtube/v3/videos"


@dataclass
class Studio:
    """`spent` is what the client has told of its quota."""

    world: GoogleWorld
    youtube: YouTube
    address: str
    client: ProviderClient
    spent: dict[str, int] = field(default_factory=dict)

    @property
    def channel(self) -> Channel:
        return self.world.people[0].channels[0]

    def account(self, channel: Channel | None = None) -> GoogleAccount:
        return GoogleAccount(self.world.people[0], channel or self.channel)

    def token(
        self,
        *,
        scopes: frozenset[str] = SCOPES,
        account: GoogleAccount | None = None,
        lasts: timedelta = timedelta(days=400),
    ) -> str:
        consent = Consent(self.world.apps[0], account or self.account(), scopes)
        return self.world.tokens.issue(consent, lasts, prefix="ya29.")

    def publisher(self, *, part_size: int = GRANULE) -> YouTubePublisher:
        return YouTubePublisher(
            self.client,
            YouTubeAddresses.below(self.address),
            spend=self._spend,
            now=self.world.clock.now,
            part_size=part_size,
        )

    def plan(self, kind: Kind, *, path: str = UPLOAD, method: str | None = "PUT", **more: Any) -> None:
        self.world.faults.plan(Fault(kind, path=path, method=method, **more))

    def published(self) -> list[tuple[object, object]]:
        """Name of the file and SHA-256 of all that was published, by the ledger."""
        entries = self.world.ledger.entries("video_published")
        return [(entry.details["file_name"], entry.details["sha256"]) for entry in entries]

    def _spend(self, bucket: str, amount: int) -> None:
        self.spent[bucket] = self.spent.get(bucket, 0) + amount


@contextmanager
def studio(*, start: datetime | None = NOON) -> Iterator[Studio]:
    """With one app, and one person with two channels."""
    clock = Clock(start)
    app = App("cliply.apps.googleusercontent.com", "GOCSPX-secret", "Cliply", ("http://127.0.0.1/callback",))
    channels = [Channel("UC" + "a" * 22, "Cats", "@cats"), Channel("UC" + "b" * 22, "Dogs", "@dogs")]
    world = GoogleWorld(clock, Ledger(clock), Faults(), [app], [GooglePerson("ann@example.com", "Ann", channels)])
    youtube = YouTube(world)
    outbound = Outbound(ProcessBreakers(Rule(failures=1000)), pause=0.001)
    with serving(google_app(world, youtube.routes())) as address:
        yield Studio(world, youtube, address, outbound.client("YouTube", hosts=HOSTS, url=address))
    outbound.close()


def clip(folder: Path, size: int = 3 * GRANULE + 17, *, seed: int = 1) -> Video:
    """A file of that many bytes; what is in it is nobody's business here."""
    path = folder / f"clip-{size}-{seed}.mp4"
    path.write_bytes(random.Random(seed).randbytes(size))
    return Video(path, size, "video/mp4", 42.0, 1080, 1920, 30.0)


def digest(video: Video) -> str:
    return hashlib.sha256(video.path.read_bytes()).hexdigest()
