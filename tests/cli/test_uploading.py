"""The command line against a service on a real port, each command a process of its own."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from tests.api.apps import app_of
from tests.api.conftest import World, app, runtime, world
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.jobs.working import runtime_in, working
from tests.features.pipeline.made import film, heard
from tests.features.pipeline.studio import PACE
from tests.media.clips import TONE, make

from cliply.dev_providers.serve import serving
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts, login_sessions
from cliply.features.identity.access import Principal, resolve
from cliply.features.identity.models import Membership, Role
from cliply.features.identity.plans import BUILT_IN
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.service import BrandDefaults
from cliply.infra.db import Database
from cliply.runtime import Runtime

__all__ = ["app", "runtime", "world"]

pytestmark = pytest.mark.slow

CLIPLY = Path(sys.executable).with_name("cliply")


@dataclass
class Terminal:
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *command: object) -> "subprocess.Popen[str]":
        environment = {**os.environ, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config")}
        environment |= {"CLIPLY_CACHE": str(self.home / "cache"), **self.environment}
        return subprocess.Popen(
            [CLIPLY, *map(str, command)], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *command: object, typed: str = "") -> str:
        running = self.start(*command)
        out, said = running.communicate(typed, timeout=200)
        assert running.returncode == 0, said
        return out

    def refused(self, *command: object, typed: str = "") -> str:
        running = self.start(*command)
        _, said = running.communicate(typed, timeout=100)
        assert running.returncode != 0
        return said


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


def test_a_key_is_kept_for_its_user_alone_and_a_wrong_one_is_refused(
    app: FastAPI, world: World, terminal: Terminal
) -> None:
    assert "cliply login" in terminal.refused("projects", "list")
    with serving(app) as url:
        assert "That is no API key. It is empty." in terminal.refused("login", url, typed="\n")
        assert "does not know this key" in terminal.refused("login", url, typed="clp_live_nonsense\n")
        assert "Engines & Co." in terminal.run("login", url, typed=world.keys["member"] + "\n")
        assert terminal.run("projects", "list") == ""
    file = terminal.home / "config" / "cliply" / "service.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "does not answer" in terminal.refused("projects", "list")


def test_who_has_an_account_signs_in_with_it_and_is_given_a_key(
    app: FastAPI, database: Database, world: World, terminal: Terminal
) -> None:
    password = "analytical engine no. 1"
    ada = accounts.sign_up(
        database, email="ada@example.com", name="Ada", password=password, by=Actor(ActorKind.OPERATOR)
    )
    with serving(app) as url:
        login = ("login", url, "--email", "ada@example.com")
        assert "password is wrong" in terminal.refused(*login, typed="another\n")
        assert "“My clips”" in terminal.run(*login, typed=password + "\n")
        assert terminal.run("projects", "list") == ""
        with database.workspace(world.workspace) as session:
            session.add(Membership(workspace_id=world.workspace, user_id=ada, role=Role.ADMIN))
        assert "Engines & Co., My clips" in terminal.refused(*login, typed=password + "\n")
        chosen = terminal.run(*login, "--workspace", "Engines & Co.", typed=password + "\n")
        assert "“Engines & Co.”" in chosen
    with database.system() as session:
        assert login_sessions.list_live(session, ada) == [], "nothing but the key is left behind"
    assert password not in (terminal.home / "config" / "cliply" / "service.json").read_text()


def test_what_is_not_named_is_as_the_workspace_s_brand_says_and_a_link_goes_to_the_service(
    app: FastAPI, world: World, terminal: Terminal, tmp_path: Path
) -> None:
    voice = make(tmp_path / "voice.wav", None, TONE.format(seconds=20)).path
    with world.database.workspace(world.workspace) as session:
        owner = resolve(session, Principal(world.people["owner"].id), BUILT_IN)
        workspaces.change(session, owner, brand=BrandDefaults(style="karaoke"))
    with serving(app) as url:
        terminal.environment = {"CLIPLY_REMOTE__URL": url, "CLIPLY_REMOTE__KEY": world.keys["member"]}
        asked = ("--from", "0:02", "--keywords", "bees, honey", "--no-title", "--tighten", "gentle", "--json")
        project = json.loads(terminal.run("upload", voice, *asked))["project"]["id"]
        options = json.loads(terminal.run("projects", "show", project, "--json"))["options"]
        wanted = {"style": "karaoke", "begin": 2000, "end": None, "keywords": ["bees", "honey"], "title": False}
        assert wanted.items() <= options.items()
        assert options["tighten"] == "gentle"
        assert "CLIPLY_DOWNLOADS" in terminal.refused("upload", "https://www.youtube.com/watch?v=jNQXAC9IVRw")


def test_a_clip_is_changed_reviewed_and_handed_on_from_a_terminal(
    app: FastAPI, runtime: Runtime, world: World, terminal: Terminal, tmp_path: Path
) -> None:
    with world.database.workspace(world.workspace) as session:
        project = ready_project(session)
        clip = ready_clip(session, project, runtime.storage).id
        other = candidate(session, project, 2)
    with serving(app) as url:
        terminal.environment = {"CLIPLY_REMOTE__URL": url, "CLIPLY_REMOTE__KEY": world.keys["member"]}
        edited = json.loads(
            terminal.run("clips", "edit", clip, "--from", "0:03", "--title", "Dance", "--no-render", "--json")
        )[0]
        assert (edited["start"], edited["title"], edited["version"]) == (3_000, "Dance", 2)
        assert "Say what to change" in terminal.refused("clips", "edit", clip)
        file = tmp_path / "change.json"
        file.write_text('{"words": [], "title": "Of the file"}')
        edited = json.loads(terminal.run("clips", "edit", clip, "--file", file, "--title", "Bees", "--json"))[0]
        assert (edited["title"], edited["state"]) == ("Bees", "rendering")
        assert "approved" in terminal.run("clips", "review", clip, "approved")
        timeline = Path(terminal.run("clips", "export", clip, "--to", "edl", "--out", tmp_path / "out").strip())
        assert timeline.read_text().startswith("TITLE:")
        assert "New name" in terminal.run("projects", "rename", project.id, "New name")
        assert "nothing of it has failed" in terminal.refused("projects", "retry", project.id)
        assert str(other) in terminal.run("clips", "more", project.id, "--pick", other)


class Gate:
    """Lets one part through, and is busy for any other until it is opened."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._parts = 0
        self.busy, self.opened = threading.Event(), threading.Event()

    async def __call__(self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http" and scope["method"] == "PUT":
            self._parts += 1
            if self._parts > 1 and not self.opened.is_set():
                self.busy.set()
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)


def test_an_upload_that_was_killed_goes_on_with_what_is_missing(
    app: FastAPI, world: World, terminal: Terminal, tmp_path: Path
) -> None:
    long = make(tmp_path / "long.wav", None, TONE.format(seconds=180)).path
    gate = Gate(app)
    with serving(gate) as url:
        terminal.environment = {"CLIPLY_REMOTE__URL": url, "CLIPLY_REMOTE__KEY": world.keys["member"]}
        first = terminal.start("upload", long)
        assert gate.busy.wait(60)
        first.kill()
        first.communicate()
        gate.opened.set()
        again = terminal.start("upload", long, "--json")
        out, said = again.communicate(timeout=120)
        assert again.returncode == 0, said
        assert "Going on with 1 of 2 parts" in said
        assert json.loads(out)["project"]["state"] == "processing"
        assert len(terminal.run("projects", "list").splitlines()) == 1
        [job] = json.loads(terminal.run("jobs", "list", "--json"))
        assert job["kind"] == "TRANSCRIBE"
        assert "cancelled" in terminal.run("jobs", "cancel", job["id"])


def test_a_video_goes_up_and_its_clips_come_down(
    database: Database, migrated: str, world: World, terminal: Terminal, tmp_path: Path
) -> None:
    with heard() as wanted:
        # The check is left to a job, as that of a large file is.
        runtime = runtime_in(tmp_path, database, uploads={"patience": 0}, **wanted)
        with (
            serving(app_of(runtime)) as url,
            working(migrated, database, REGISTRY, runtime=runtime, concurrency=2, pace=PACE),
        ):
            terminal.environment = {"CLIPLY_REMOTE__URL": url, "CLIPLY_REMOTE__KEY": world.keys["member"]}
            film(tmp_path / "film.mp4")
            options = ("--count", 1, "--min", 5, "--max", 12, "--quality", "draft", "--aspect", "1:1")
            files = terminal.run("upload", tmp_path / "film.mp4", *options, "--out", tmp_path / "clips").splitlines()
    assert files[0].endswith(".mp4")
    assert {Path(file).suffix for file in files} == {".mp4", ".jpg", ".srt", ".vtt", ".ass"}
    assert all(Path(file).stat().st_size for file in files)
