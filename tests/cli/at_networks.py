"""A service that publishes on the stand-ins of this machine, and somebody's browser."""

import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.features.clips.rows import ready_clip, ready_project
from tests.media.clips import TONE, make
from tests.servers.consent import answer, browser

from cliply.dev_providers.playground import Playground, playground
from cliply.dev_providers.serve import serving
from cliply.infra.breakers import ProcessBreakers
from cliply.infra.db import Database
from cliply.infra.mail import FolderMailer
from cliply.infra.outbound import Outbound
from cliply.infra.quotas import Quotas
from cliply.infra.settings import Google, Server, Settings, TikTok
from cliply.infra.storage.opening import open_storage
from cliply.integrations.providers import build_providers
from cliply.runtime import Runtime


@pytest.fixture
def networks() -> Playground:
    there = playground()
    there.youtube.library.processing_takes = there.youtube.library.file_known_after = timedelta()
    return there


@pytest.fixture
def runtime(database: Database, tmp_path: Path, networks: Playground) -> Iterator[Runtime]:
    with ExitStack() as opened:
        google, tiktok = (opened.enter_context(serving(app)) for app in networks.apps()[:2])
        told = networks.settings(google, tiktok, "http://127.0.0.1:9")

        def of(name: str) -> dict[str, str]:
            return {key.rpartition("__")[2].lower(): value for key, value in told.items() if f"_{name}__" in key}

        settings = Settings(
            data=tmp_path,
            server=Server(sign_up="open"),
            google=Google.model_validate(of("GOOGLE")),
            tiktok=TikTok.model_validate(of("TIKTOK")),
        )
        outbound = Outbound(ProcessBreakers(), pause=0.001)
        opened.callback(outbound.close)
        providers = build_providers(settings, outbound, Quotas(database))
        mailer = FolderMailer(tmp_path / "mail", settings.mail.sender)
        yield Runtime(settings, database, open_storage(settings), mailer, providers)


@dataclass
class Browser:
    """Opens a page of consent as somebody would: presses a button, and sees what it is led back to."""

    account: str = ""
    allow: bool = True
    without: Sequence[str] = ()
    pages: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    _visits: list[threading.Thread] = field(default_factory=list)

    def open(self, url: str) -> bool:
        self.opened.append(url)
        self._visits.append(threading.Thread(target=self._visit, args=(url,)))
        self._visits[-1].start()
        return True

    def _visit(self, url: str) -> None:
        back, brought = answer(url, account=self.account, without=self.without, allow=self.allow)
        self.pages.append(browser().get(back, params=brought).text)

    def close(self) -> None:
        for each in self._visits:
            each.join(20)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Sits at the machine's browser."""
    it = Browser()
    monkeypatch.setattr(webbrowser, "get", lambda: it)
    yield it
    it.close()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds, as the edit of a finished clip says."""
    at = tmp_path_factory.mktemp("film") / "clip.mp4"
    encoding = ("-t", "10", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-c:a", "aac")
    return make(at, "testsrc2=s=360x360:r=30", TONE.format(seconds=10), *encoding).path


def finished_clip(runtime: Runtime, workspace: UUID, film: Path) -> UUID:
    """Rendered and stored."""
    with runtime.database.workspace(workspace) as session:
        clip = ready_clip(session, ready_project(session), rendered_version=1)
        key = clip.key("video", uuid4())
        stored = runtime.storage.put_file(key, film, content_type="video/mp4")
        told = {"size": stored.size, "sha256": stored.sha256, "content_type": stored.content_type}
        clip.files = {"video": {"key": str(key), **told}}
        return clip.id
