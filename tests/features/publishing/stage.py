"""A workspace with a clip, a YouTube and a TikTok of this machine, and jobs that run when a test says so."""

import random
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit
from uuid import UUID

import httpx2
from sqlalchemy import text
from tests.features.clips.rows import ready_clip, ready_project
from tests.features.jobs.attempts import attempt
from tests.features.jobs.working import runtime_in
from tests.features.workspaces.conftest import Office
from tests.infra.queue.claiming import claim, end, register
from tests.media.clips import TONE, make

from cliply.dev_providers import tiktok
from cliply.dev_providers.clock import Clock
from cliply.dev_providers.faults import Faults
from cliply.dev_providers.google import google_app
from cliply.dev_providers.ledger import Entry, Ledger, sha256
from cliply.dev_providers.serve import address_of, listening, running
from cliply.dev_providers.tiktok_app import tiktok_app
from cliply.dev_providers.tiktok_checks import Sizes
from cliply.dev_providers.tiktok_posting import Caps, Pace, Posting
from cliply.dev_providers.world import App, Channel, GooglePerson, GoogleWorld, TikTokPerson, TikTokWorld
from cliply.dev_providers.youtube import YouTube
from cliply.dev_providers.youtube_resumable import GRANULE
from cliply.features.clips.models import Clip
from cliply.features.publishing import connecting, publications, tasks, tokens
from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.connecting import Answer
from cliply.features.publishing.models import Channel as Account
from cliply.features.publishing.models import Publication
from cliply.infra.breakers import Breakers, ProcessBreakers, Rule
from cliply.infra.outbound import Outbound
from cliply.infra.queue.rows import Token
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Google, TikTok
from cliply.integrations.providers import build_providers
from cliply.integrations.publisher import Network, Publisher
from cliply.integrations.tiktok import TikTokPublisher
from cliply.integrations.tiktok_chunks import Chunking
from cliply.integrations.youtube import YouTubeAddresses, YouTubePublisher
from cliply.media import ffmpeg
from cliply.runtime import Runtime

assert tasks.QUEUE
HERE = "http://127.0.0.1:8765/oauth"
BOUND = b"the browser that began it"
AGREED = {"consented_at": "2026-11-30T11:00:00Z", "agreed_to": ["music_usage"]}
"""What TikTok's audit wants whoever posts to have seen."""
PART = GRANULE
"""Bytes: the smallest part that YouTube takes."""
_CONTENT = {"video": "video/mp4", "cover": "image/jpeg"}
_HIDDEN = re.compile(r'name="visit" value="([^"]+)"')


@cache
def _film(folder: Path, *options: str) -> tuple[Path, Path]:
    """What a render leaves: a small video, and its cover."""
    video, cover = folder / "clip.mp4", folder / "cover.jpg"
    encoding = ("-t", "4", "-pix_fmt", "yuv420p", "-c:a", "aac", *options)
    make(video, "testsrc2=s=720x720:r=30", TONE.format(seconds=4), *encoding)
    ffmpeg.run(["-f", "lavfi", "-i", "color=red:s=720x720", "-frames:v", "1", "-y", f"file:{cover}"])
    return video, cover


@cache
def _long_film(folder: Path) -> tuple[Path, Path]:
    """The same with so much after its end that YouTube gets four parts of it, and TikTok three."""
    (folder / "long").mkdir()
    video, cover = _film(folder / "long", "-crf", "40")
    size = 3 * PART + 12_345 - video.stat().st_size
    with video.open("ab") as file:
        file.write(struct.pack(">I4s", size, b"free") + random.Random(1).randbytes(size - 8))
    return video, cover


@dataclass
class Stage:
    office: Office
    runtime: Runtime
    clock: Clock
    ledger: Ledger
    google: GoogleWorld
    youtube: YouTube
    tiktok: TikTokWorld
    posting: Posting
    media: tuple[Path, Path]
    workers: list[int] = field(default_factory=list)

    # Accounts

    def connect(self, network: Network, *, account: str | None = None, who: str = "owner") -> Account:
        """As its owner does in a browser: the page, a choice, and the way back."""
        with self.office.entered(who) as (session, caller):
            url = connecting.begin(self.runtime, session, caller, network, bound_to=BOUND, redirect_uri=HERE)
        return self.come_back(network, self.allow(url, account=account), who=who)

    def allow(self, url: str, *, account: str | None = None, without: Sequence[str] = ()) -> dict[str, str]:
        """Press “Allow” on the page, on an account or the first one; what the browser comes back with."""
        page = httpx2.get(url)
        assert page.status_code == 200, page.text
        visit = _HIDDEN.search(page.text)
        assert visit is not None
        accounts = re.findall(r'name="account" value="([^"]+)"', page.text)
        chosen = accounts[0] if account is None else next(each for each in accounts if account in each)
        scopes = [each for each in re.findall(r'name="scope" value="([^"]+)"', page.text) if each not in without]
        form = {"visit": visit[1], "account": chosen, "scope": scopes, "answer": "allow"}
        action = re.search(r'action="([^"]+)"', page.text)
        assert action is not None
        back = httpx2.post(urljoin(url, action[1]), data=form)
        assert back.status_code in (302, 303), back.text
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    def come_back(self, network: Network, sent: dict[str, str], *, who: str = "owner") -> Account:
        by = self.office.principal(who)
        begun = connecting.come_back(self.runtime, by, network, bound_to=BOUND, state=sent["state"])
        answer = Answer(sent["state"], sent.get("code"), sent.get("error"), sent.get("iss"))
        return connecting.finish(self.runtime, by, begun, answer)

    def account(self, account_id: UUID) -> Account:
        with self.office.database.workspace(self.office.id) as session:
            return tokens.find(session, account_id)

    # Clips and publications

    @property
    def digest(self) -> str:
        """SHA-256 of every clip's video."""
        return sha256(self.media[0].read_bytes())

    def clip(self, **more: Any) -> Clip:
        """Rendered, with real files."""
        with self.office.entered("owner") as (session, _caller):
            clip = ready_clip(session, ready_project(session), rendered_version=1, **more)
            for kind, path in zip(("video", "cover"), self.media, strict=True):
                key = clip.key(kind, UUID(int=clip.id.int ^ (1 if kind == "video" else 2)))
                stored = self.runtime.storage.put_file(key, path, content_type=_CONTENT[kind])
                told = {"size": stored.size, "sha256": stored.sha256, "content_type": stored.content_type}
                clip.files = {**clip.files, kind: {"key": str(key), **told}}
            return clip

    def publish(self, network: Network, clip: Clip | None = None, **more: Any) -> Publication:
        wanted = more.pop("wanted", None) or (
            Wanted(privacy="PUBLIC_TO_EVERYONE", options=AGREED) if network is Network.TIKTOK else Wanted()
        )
        with self.office.entered(more.pop("who", "owner")) as (session, caller):
            clip_id = (clip or self.clip()).id
            return publications.publish(self.runtime, session, caller, network, clip_id, wanted=wanted, **more)

    def publication(self, publication_id: UUID) -> Publication:
        with self.office.database.workspace(self.office.id) as session:
            return publications.find(session, publication_id)

    def states(self, publication_id: UUID) -> list[str]:
        """All that it was, in order."""
        with self.office.database.workspace(self.office.id) as session:
            query = text("select state from publication_events where publication_id = :id order by id")
            return list(session.execute(query, {"id": publication_id}).scalars())

    def posts(self) -> list[Entry]:
        """Everything that is there for others, on either network."""
        return list(self.ledger.entries("video_published"))

    def copies(self, publication_id: UUID) -> list[Path]:
        """What storage holds for it."""
        files = self.runtime.settings.data.rglob(f"*{publication_id}*/**/*")
        return [path for path in files if path.is_file()]

    def faults(self, network: Network) -> Faults:
        return self.google.faults if network is Network.YOUTUBE else self.tiktok.faults

    # Jobs

    def run(self, most: int = 50, *, passing: timedelta | None = None) -> int:
        """Run what is due, and what waits as if its time had come, until nothing waits; how many jobs that were.

        With `passing`, that time goes by at the networks before each job."""
        for number in range(most):
            if passing is not None:
                self.clock.advance(passing)
            self._let_time_pass()
            if not self.run_one():
                return number
        raise AssertionError(f"there is more to do after {most} jobs")

    def run_one(self) -> bool:
        token = claim(self.office.database, self.worker(), queues=[tasks.QUEUE, tasks.CLOCK, "maintenance"])
        if token is None:
            return False
        self.attempt(token)
        return True

    def attempt(self, token: Token) -> None:
        """One attempt at a job, as a worker makes it; a failure ends it as it would with a last attempt."""
        if attempt(self.runtime, token):
            self._end(token)

    def worker(self) -> int:
        if not self.workers:
            self.workers.append(register(self.office.database))
        return self.workers[0]

    def _end(self, token: Token) -> None:
        """Of a handler that has not ended its job itself."""
        with self.office.database.system() as session:
            still = text(
                "select 1 from procrastinate_jobs where id = :job_id and status = 'doing' and worker_id = :worker_id"
                " and attempts = :attempts"
            )
            ours = session.execute(still, token.as_parameters()).first() is not None
        if ours:
            end(self.office.database, token, "succeeded")

    def _let_time_pass(self) -> None:
        with self.office.database.system() as session:
            session.execute(text("update procrastinate_jobs set scheduled_at = null where status = 'todo'"))
            session.execute(
                text("update publications set run_at = now(), local_at = now() at time zone zone where run_at > now()")
            )


def in_parts(runtime: Runtime, outbound: Outbound) -> Runtime:
    """The same with parts of `PART` bytes, so that small files have several."""
    google, tiktoks = runtime.settings.google.url, runtime.settings.tiktok.url
    assert google is not None
    assert tiktoks is not None
    budget = runtime.providers.budget
    assert budget is not None
    publishers: dict[Network, Publisher] = {
        Network.YOUTUBE: YouTubePublisher(
            outbound.client("YouTube", hosts=(), url=google),
            YouTubeAddresses.below(google),
            spend=budget.spend,
            part_size=PART,
        ),
        Network.TIKTOK: TikTokPublisher(
            outbound.client("TikTok", hosts=(), url=tiktoks),
            api=tiktoks,
            chunking=Chunking(whole_up_to=PART, chunk_size=PART),
        ),
    }
    networks = {
        network: replace(provider, publisher=publishers[network])
        for network, provider in runtime.providers.by_network.items()
    }
    return replace(runtime, providers=replace(runtime.providers, by_network=networks))


@contextmanager
def stage(
    office: Office,
    folder: Path,
    media: Path,
    *,
    start: datetime | None = None,
    parts: bool = False,
    breakers: Breakers | None = None,
    generous: bool = False,
    at_once: bool = False,
) -> Iterator[Stage]:
    """Both networks have one app, and people with accounts; no account is connected yet.

    With `parts`, a clip is sent in several of `PART` bytes; `generous` networks set no caps, and
    some are done `at_once` with what they get.
    """
    clock = Clock(start)
    ledger = Ledger(clock)
    app = App("client", "app-secret-canary", "Cliply", (HERE, "http://127.0.0.1:*/oauth"))
    channels = [Channel("UC" + "a" * 22, "Bees, daily", "@bees"), Channel("UC" + "b" * 22, "Wasps", "@wasps")]
    google = GoogleWorld(clock, ledger, Faults(), [app], [GooglePerson("ada@example.com", "Ada", channels)])
    people = [TikTokPerson("open-ada", "ada", "Ada"), TikTokPerson("open-bob", "bob", "Bob")]
    tiktoks = TikTokWorld(clock, ledger, Faults(), [app], people)
    posting = Posting(
        tiktoks,
        caps=Caps(10**6, 10**6, 10**6, a_minute=dict.fromkeys(Caps().a_minute, 10**6)) if generous else None,
        pace=Pace(timedelta(), timedelta()) if at_once else None,
        sizes=Sizes(PART, PART, 2 * PART) if parts else None,
    )
    youtube = YouTube(google)
    if generous:
        youtube.quotas.limits = dict.fromkeys(youtube.quotas.limits, 10**6)
        for channel in channels:
            channel.daily_uploads = 10**6
    if at_once:
        youtube.library.processing_takes = youtube.library.file_known_after = timedelta()
    with ExitStack() as opened:
        urls = []
        for served in (google_app(google, youtube.routes()), tiktok_app(tiktoks, tiktok.routes(posting))):
            listener = opened.enter_context(listening())
            opened.enter_context(running(served, listener))
            urls.append(address_of(listener))
        runtime = runtime_in(
            folder,
            office.database,
            google=Google.model_validate(
                {"client_id": "client", "client_secret": app.secret, "url": urls[0]}
                | ({"uploads_a_day": 10**6, "units_a_day": 10**8} if generous else {})
            ),
            tiktok=TikTok.model_validate({"client_key": "client", "client_secret": app.secret, "url": urls[1]}),
        )
        outbound = Outbound(breakers or ProcessBreakers(Rule(failures=100_000)), pause=0.001)
        opened.callback(outbound.close)
        runtime = replace(runtime, providers=build_providers(runtime.settings, outbound, Quotas(office.database)))
        if parts:
            runtime = in_parts(runtime, outbound)
        film = _long_film(media) if parts else _film(media)
        yield Stage(office, runtime, clock, ledger, google, youtube, tiktoks, posting, film)
