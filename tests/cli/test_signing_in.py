"""By what a terminal is known to a service, and for how long."""

import json
import os
import pty
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update
from tests.api.conftest import World, app, runtime, world
from tests.cli.at_a_service import Served, Terminal, hides_what_is_typed, service, terminal
from tests.features.clips.rows import ready_project
from tests.infra.queue.fleet import until

from cliply.cli import uploading
from cliply.cli.exit_codes import ExitCode
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts, login_sessions
from cliply.features.identity.models import Membership, Role, User
from cliply.features.projects.models import Project, ProjectState
from cliply.infra.db import Database
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue
from cliply.integrations.service import Proof, Service

__all__ = ["app", "runtime", "service", "terminal", "world"]

# Hashes passwords at their whole cost.
pytestmark = pytest.mark.slow

PASSWORD = "analytical engine no. 1"


@pytest.fixture
def ada(service: Served, world: World, terminal: Callable[[str], Terminal]) -> Terminal:
    """An admin of the workspace, whose terminal knows nothing yet."""
    become(world, "ada@example.com", Role.ADMIN)
    return terminal("ada")


def become(world: World, email: str, role: Role) -> UUID:
    by = Actor(ActorKind.OPERATOR)
    made = accounts.sign_up(world.database, email=email, name="Ada", password=PASSWORD, by=by, confirmed=True)
    with world.database.workspace(world.workspace) as session:
        session.add(Membership(workspace_id=world.workspace, user_id=made, role=role))
    return made


def log_in(who: Terminal, email: str = "ada@example.com") -> str:
    return who.run("login", who.at.url, "--email", email, typed=f"{PASSWORD}\n")


def kept(who: Terminal, name: str) -> Path:
    return who.home / "config" / "cliply" / name


def live(database: Database, email: str) -> int:
    with database.system() as session:
        return len(login_sessions.list_live(session, accounts.find(session, email)))


def test_a_session_is_kept_for_its_user_alone_and_forgotten_with_signing_out(ada: Terminal, world: World) -> None:
    log_in(ada)
    assert not kept(ada, "session.json").exists(), "nothing but the key is left behind"
    told = ada.run("account", "sign-in", typed=f"{PASSWORD}\n") + ada.run("account", "show")
    assert stat.S_IMODE(kept(ada, "session.json").stat().st_mode) == 0o600
    saved = kept(ada, "session.json").read_text()
    assert PASSWORD not in saved
    assert json.loads(saved)["cookie"].partition("=")[2] not in told
    assert live(world.database, "ada@example.com") == 1
    ada.run("account", "sign-out")
    assert not kept(ada, "session.json").exists()
    assert live(world.database, "ada@example.com") == 0
    assert "Nobody is signed in" in ada.run("account", "sign-out")


def test_what_cannot_be_done_as_it_was_asked_for_says_how(ada: Terminal, world: World) -> None:
    log_in(ada)
    with world.database.workspace(world.workspace) as session:
        project = ready_project(session).id
    assert "Add --yes" in ada.refused("projects", "delete", project)
    declined = ada.invoke("projects", "delete", project, typed="n\n")
    assert (declined.exit_code, "Nothing was done." in declined.stderr) == (ExitCode.DECLINED, True)
    assert str(project) in ada.run("projects", "list", "--json")
    for command in (("members", "list"), ("keys", "list"), ("organisations", "list"), ("admin", "jobs", "list")):
        assert "cliply account sign-in" in ada.refused(*command)
    assert "account sign-in" in ada.refused("workspaces", "new", "Mine")
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    assert "ada@example.com" in ada.run("members", "list")
    assert "whoever runs this installation" in ada.refused("admin", "jobs", "list")


def test_a_session_that_is_over_keeps_nobody_from_what_the_key_may_do(ada: Terminal, world: World) -> None:
    log_in(ada)
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    with world.database.system() as session:
        accounts_of = accounts.find(session, "ada@example.com")
        login_sessions.end_all(session, accounts_of, by=Actor(ActorKind.OPERATOR))
    assert "Engines & Co." in ada.run("workspaces", "show")
    assert "cliply account sign-in" in ada.refused("members", "list")


def test_who_may_make_no_key_stays_signed_in(
    world: World, service: Served, terminal: Callable[[str], Terminal]
) -> None:
    become(world, "eve@example.com", Role.VIEWER)
    eve = terminal("eve")
    assert "Engines & Co." in log_in(eve, "eve@example.com")
    assert json.loads(kept(eve, "service.json").read_text())["key"] is None
    with world.database.workspace(world.workspace) as session:
        project = ready_project(session)
    assert str(project.id) in eve.run("projects", "list")
    assert "As viewer" in eve.refused("projects", "delete", project.id, "--yes")
    assert "eve@example.com" in eve.run("members", "list")
    eve.run("account", "sign-out")
    assert "not signed in any more" in eve.refused("projects", "list")


def test_a_login_as_somebody_else_signs_the_one_before_out(ada: Terminal, world: World) -> None:
    become(world, "eve@example.com", Role.ADMIN)
    log_in(ada)
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    log_in(ada, "eve@example.com")
    assert live(world.database, "ada@example.com") == 0
    assert not kept(ada, "session.json").exists()
    assert "This terminal works with" in ada.refused("account", "sign-in", "http://127.0.0.1:1", typed="x\n")


def test_logging_out_revokes_the_key_and_forgets_everything(ada: Terminal, world: World) -> None:
    log_in(ada)
    secret = json.loads(kept(ada, "service.json").read_text())["key"]
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    ada.run("logout")
    assert list(kept(ada, "").iterdir()) == []
    assert "No service is known" in ada.refused("projects", "list")
    ada.environment = {"CLIPLY_REMOTE__URL": ada.at.url, "CLIPLY_REMOTE__KEY": secret}
    assert "does not know this key" in ada.refused("projects", "list")


def test_a_key_s_secret_is_all_that_stdout_holds_and_is_shown_once(ada: Terminal) -> None:
    log_in(ada)
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    done = ada.invoke("keys", "new", "Robot", "--scope", "members:read")
    secret = done.stdout.strip()
    assert done.stdout == f"{secret}\n"
    assert secret not in done.stderr
    assert ada.told("keys", "new", "Other")["secret"].startswith("clp_live_")
    assert secret not in json.dumps(ada.told("keys", "list"))
    ada.run("account", "sign-out")
    ada.environment = {"CLIPLY_REMOTE__URL": ada.at.url, "CLIPLY_REMOTE__KEY": secret}
    assert "ada@example.com" in ada.run("members", "list"), "a key is enough where its scopes are"
    assert "no scope “jobs:read”" in ada.refused("jobs", "list")


def test_what_others_call_themselves_steers_no_terminal(ada: Terminal, world: World) -> None:
    with world.database.system() as session:
        session.execute(update(User).where(User.email == "owner@example.com").values(name="\x1b[2Jx"))
    log_in(ada)
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    told = ada.run("members", "list")
    assert "\\x1b[2Jx" in told
    assert "\x1b" not in told


def test_names_that_fit_several_or_none_are_said_so(ada: Terminal, world: World) -> None:
    log_in(ada)
    ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
    ada.run("keys", "new", "Twice")
    ada.run("keys", "new", "twice")
    assert "by its id" in ada.refused("keys", "revoke", "twice")
    assert "There is no member “who@example.com”. There are: " in ada.refused(
        "members", "role", "who@example.com", "viewer"
    )
    assert "There is no workspace “Nowhere”" in ada.refused("members", "list", "--workspace", "Nowhere")
    assert "As admin of this workspace" in ada.refused("workspaces", "delete", typed="Engines & Co.\n")


def test_a_project_is_followed_until_nothing_is_left_to_be_done(ada: Terminal, world: World) -> None:
    log_in(ada)
    with world.database.workspace(world.workspace) as session:
        project = ready_project(session, state=ProjectState.PROCESSING).id
    watching = subprocess.Popen(
        [Path(sys.executable).with_name("cliply"), "projects", "watch", str(project), "--json"],
        env={**os.environ, "HOME": str(ada.home), "XDG_CONFIG_HOME": str(ada.home / "config")},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    assert (first["event"], first["state"]) == ("step", "processing")
    with world.database.workspace(world.workspace) as session:
        session.execute(update(Project).where(Project.id == project).values(state=ProjectState.READY))
    told = [json.loads(line) for line in watching.communicate(timeout=60)[0].splitlines()]
    assert [each["state"] for each in told if each["event"] == "step"] == ["ready"]
    assert watching.returncode == 0


def test_whoever_waits_for_clips_is_told_and_does_not_ask_again_and_again(
    ada: Terminal, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with world.database.workspace(world.workspace) as session:
        project = ready_project(session, state=ProjectState.PROCESSING).id
    with ThreadPoolExecutor(1) as pool:
        found = Service(ada.at.url, Proof.by_key(world.keys["member"]))
        waiting = pool.submit(uploading.follow, found, str(project))
        until(lambda: ada.at.asked)
        with world.database.workspace(world.workspace) as session:
            job = enqueue(
                session, NewJob(kind="NOOP", queue="work", workspace_id=world.workspace, subject=str(project))
            )
        until(lambda: "noop 0%" in capsys.readouterr().err)
        with world.database.system() as session:
            control.cancel(session, job, actor="tester")
            session.execute(update(Project).where(Project.id == project).values(state=ProjectState.READY))
        assert waiting.result(timeout=60)["state"] == "ready"
    assert Counter(ada.at.asked) == {"watch_project": 2, "get_project": 1}, "the second time it hears that all is over"


def test_at_a_terminal_the_password_is_asked_for_where_it_is_needed(ada: Terminal, world: World) -> None:
    log_in(ada)
    mine, theirs = pty.openpty()
    listing = subprocess.Popen(
        [Path(sys.executable).with_name("cliply"), "members", "list"],
        env={**os.environ, "HOME": str(ada.home), "XDG_CONFIG_HOME": str(ada.home / "config")},
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""

    def asked() -> bool:
        nonlocal shown
        shown += os.read(mine, 1000)
        return b"Password of ada@example.com" in shown

    until(asked)
    until(lambda: hides_what_is_typed(mine))
    os.write(mine, f"{PASSWORD}\n".encode())
    out, _ = listing.communicate(timeout=60)
    os.close(mine)
    assert "owner@example.com" in out
    assert PASSWORD.encode() not in shown
    assert "owner@example.com" in ada.run("members", "list"), "the session is kept, so it is asked for once"
