"""Whatever the API can do is done from a terminal, or the table says why not."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from tests.api.conftest import app, runtime
from tests.api.test_accounts import letters
from tests.cli.at_a_service import COMMANDS, Served, Terminal, missed, service, terminal
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.jobs.working import working
from tests.infra.queue.claiming import claim, end, register
from tests.infra.queue.fleet import until
from tests.media.clips import TONE, make

from cliply.cli.exit_codes import ExitCode
from cliply.cli.service_clips import ProjectState
from cliply.cli.service_jobs import JobState
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts
from cliply.features.notifications import outbox
from cliply.features.workspaces.tasks import write_export
from cliply.runtime import Runtime
from tools import operations as table

__all__ = ["app", "runtime", "service", "terminal"]

PASSWORD = "analytical engine no. 1"
PROVE = "Confirm your address for Cliply"


def test_every_operation_is_in_the_table_once_and_every_command_there_exists(app: FastAPI) -> None:
    ids = [operation["operationId"] for _, _, operation in table.operations(app.openapi())]
    assert sorted([*table.COMMANDS, *table.LEFT_OUT]) == sorted(ids)
    assert set(table.COMMANDS.values()) <= COMMANDS
    assert all(reason.endswith(".") for reason in table.LEFT_OUT.values())


def test_states_that_can_be_asked_for_are_those_of_the_document(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for path, states in (
        ("/api/projects", ProjectState),
        ("/api/jobs/search", JobState),
        ("/api/admin/jobs", JobState),
    ):
        [told] = [each["schema"] for each in paths[path]["get"]["parameters"] if each["name"] == "state"]
        [listed] = [each.get("items", each) for each in told["anyOf"] if each.get("type") != "null"]
        if "$ref" in listed:
            listed = app.openapi()["components"]["schemas"][listed["$ref"].rpartition("/")[2]]
        assert sorted(listed["enum"]) == sorted(states), path


class Story:
    """Two people and an operator, from their first account to the last goodbye; each step is a command."""

    def __init__(self, runtime: Runtime, url: str, terminal: Callable[[str], Terminal], migrated: str) -> None:
        self.runtime, self.url, self.migrated = runtime, url, migrated
        self.folder = runtime.settings.data
        self.ada, self.bob, self.zoe, self.grace = (terminal(name) for name in ("ada", "bob", "zoe", "grace"))

    @contextmanager
    def mailing(self) -> Iterator[None]:
        with working(self.migrated, self.runtime.database, [outbox.send_mail, write_export], runtime=self.runtime):
            yield

    def code(self, subject: str) -> str:
        """Of the letter whose subject has this in it; all that came is put away."""
        with self.mailing():
            until(lambda: any(subject in each for each in letters(self.folder)))
        found = next(code for each, (_, code) in letters(self.folder).items() if subject in each)
        for file in (self.folder / "mail").iterdir():
            file.unlink()
        return found

    def accounts(self) -> None:
        ada = self.ada
        self.sign_up(ada, "ada")
        ada.run("logout")
        assert "“My clips”" in ada.run("login", self.url, "--email", "ada@example.com", typed=f"{PASSWORD}\n")
        assert "Signed in as ada@example.com" in ada.run("account", "sign-in", typed=f"{PASSWORD}\n")
        self.code(PROVE)
        ada.run("account", "confirm", "--send")
        assert "is confirmed" in ada.run("account", "confirm", typed=self.code(PROVE) + "\n")
        assert "Countess" in ada.run("account", "rename", "Countess Ada")
        ada.run("account", "address", "countess@example.com", typed=f"{PASSWORD}\n")
        assert "countess@" in ada.run("account", "confirm", typed=self.code(PROVE) + "\n")
        ada.run("account", "password", typed=f"{PASSWORD}\nanother {PASSWORD}\n")
        assert "Countess Ada <countess@example.com>, signed in" in ada.run("account", "show")
        assert "this one" in ada.run("account", "sessions")

    def members(self) -> None:
        ada, bob = self.ada, self.bob
        self.sign_up(bob, "bob")
        bob.run("account", "sign-in", typed=f"{PASSWORD}\n")
        invited = ada.run("members", "invite", "bob@example.com", "--role", "viewer")
        assert re.search(r"viewer +bob@example\.com  until \d{4}-\d\d-\d\d$", invited.strip())
        self.code("Join")
        ada.run("invitations", "resend", "BOB@example.com")
        assert "You are a member" in bob.run("invitations", "accept", typed=self.code("Join") + "\n")
        ada.run("members", "invite", "zoe@example.com")
        self.sign_up(self.zoe, "zoe", "--invited", typed=self.code("Join") + "\n")
        assert "My clips" in self.zoe.run("workspaces", "show"), "of Ada, not one of her own"
        assert len(self.zoe.told("workspaces", "list")) == 1
        ada.run("members", "invite", "eve@example.com")
        assert "taken back" in ada.run("invitations", "revoke", "eve@example.com")
        assert ada.told("invitations", "list") == []
        assert [each["role"] for each in ada.told("members", "list")] == ["owner", "viewer", "member"]

    def sign_up(self, who: Terminal, name: str, *more: str, typed: str = "") -> None:
        new = ("account", "new", self.url, "--email", f"{name}@example.com", "--name", name.title(), *more)
        assert "has an account now" in who.run(*new, typed=f"{typed}{PASSWORD}\n")

    def keys(self) -> None:
        ada = self.ada
        secret = ada.run("keys", "new", "Uploader", "--scope", "projects:read", "--days", 7).strip()
        assert secret.startswith("clp_live_")
        listed = ada.run("keys", "list")
        assert re.search(r"Uploader, never used, until \d{4}-\d\d-\d\d: projects:read", listed)
        assert secret not in listed
        assert "opens nothing" in ada.run("keys", "revoke", "Uploader")

    def workspaces(self) -> None:
        ada = self.ada
        changed = ada.told(
            "workspaces", "settings", "--timezone", "Europe/Berlin", "--keep-days", 30, "--style", "karaoke"
        )
        assert (changed["timezone"], changed["retention_days"], changed["brand"]["style"]) == (
            "Europe/Berlin", 30, "karaoke",
        )  # fmt: skip
        assert "30 days" in ada.run("workspaces", "show")
        assert "Plan unlimited" in (used := ada.run("usage"))
        assert "0 bytes  no limit" in used
        assert {each["metric"]: each["used"] for each in ada.told("usage")["metrics"]}["storage_bytes"] == 0
        assert "Bees" in ada.run("workspaces", "rename", "Bees & Co.")
        assert "workspace.changed" in ada.run("workspaces", "log", "--action", "workspace.changed")
        assert "countess@example.com" in ada.run("workspaces", "log")
        log = Path(ada.run("workspaces", "log", "--out", self.folder / "log.csv").strip())
        assert "api_key.revoked" in log.read_text()
        with self.mailing():
            export = Path(ada.run("workspaces", "export", "--out", self.folder / "all.zip").strip())
        assert export.read_bytes().startswith(b"PK")
        ada.run("workspaces", "new", "Elsewhere")
        assert {each["name"] for each in ada.told("workspaces", "list")} == {"Bees & Co.", "Elsewhere"}
        assert "is deleted at" in ada.run("workspaces", "delete", "--workspace", "elsewhere", typed="Elsewhere\n")
        assert "stays" in ada.run("workspaces", "restore", "--workspace", "Elsewhere")

    def projects(self) -> None:
        ada = self.ada
        with self.runtime.database.workspace(UUID(self.workspace)) as session:
            project = ready_project(session)
            project.expires_at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
            clip = ready_clip(session, project, self.runtime.storage).id
            more = candidate(session, project, 2)
        kept_until = f"{project.expires_at.astimezone():%Y-%m-%d %H:%M}"
        assert f"{project.id}  ready        Bees  (kept until {kept_until})" in ada.run(
            "projects", "list", "--state", "ready"
        )
        shown = ada.run("projects", "show", project.id)
        assert "Bees: ready" in shown
        assert f"Kept until {kept_until}, then deleted" in shown
        assert "Hives" in ada.run("projects", "rename", project.id, "Hives")
        assert ada.run("projects", "timeline", project.id).count("ready") > 0
        ada.run("projects", "watch", project.id)
        assert "nothing of it has failed" in ada.refused("projects", "retry", project.id)
        assert str(more) in ada.run("clips", "list", project.id, "--candidates")
        assert str(clip) in ada.run("clips", "list", project.id)
        assert "A surprise." in ada.run("clips", "show", clip)
        ada.run("clips", "edit", clip, "--title", "Dance", "--no-render")
        ada.run("clips", "review", clip, "approved")
        ada.run("clips", "export", clip, "--to", "edl", "--out", self.folder / "out")
        ada.run("clips", "download", project.id, "--out", self.folder / "out")
        job = ada.told(
            "jobs", "enqueue", "CLIP_RENDER", f"project_id={project.id}", f"clip_id={clip}", "--at", "2099-01-01T03:00"
        )
        assert job["state"] == "queued"
        assert f"{job['id']}" in ada.run("jobs", "list", "--kind", "CLIP_RENDER", "--state", "queued")
        assert "CLIP_RENDER: queued" in ada.run("jobs", "show", job["id"])
        assert "CLIP_RENDER: cancelled" in ada.run("jobs", "cancel", job["id"])
        ada.run("clips", "render", clip)
        ada.run("clips", "more", project.id, "--pick", more)
        ada.run("projects", "delete", project.id, "--yes")
        voice = make(self.folder / "voice.wav", None, TONE.format(seconds=20)).path
        assert UUID(ada.run("upload", voice).strip())

    def organisations(self) -> None:
        ada = self.ada
        assert "owner" in ada.run("organisations", "new", "Agency")
        assert "Agency" in ada.run("organisations", "list")
        ada.run("organisations", "rename", "agency", "Clip Agency")
        assert "Clip Agency" in ada.run("organisations", "show", "Clip Agency")
        ada.run("organisations", "new-workspace", "Clip Agency", "First client")
        ada.run("organisations", "take-in", "Clip Agency", "Bees & Co.")
        assert "First client" in ada.run("organisations", "workspaces", "Clip Agency")
        assert "bob@example.com is member" in ada.run(
            "organisations", "put-member", "Clip Agency", "bob@example.com", "member"
        )
        assert "bob@example.com" in ada.run("organisations", "members", "Clip Agency")
        ada.run("organisations", "remove-member", "Clip Agency", "bob@example.com", "--yes")
        assert "still owns workspaces" in ada.refused("organisations", "delete", "Clip Agency", "--yes")
        for each in ("Bees & Co.", "First client"):
            ada.run("organisations", "release", "Clip Agency", each, "--yes")
        assert "is deleted" in ada.run("organisations", "delete", "Clip Agency", "--yes")

    def operating(self) -> None:
        grace, database = self.grace, self.runtime.database
        by = Actor(ActorKind.OPERATOR)
        accounts.sign_up(database, email="grace@example.com", name="Grace", password=PASSWORD, by=by, confirmed=True)
        with database.system() as session:
            accounts.set_admin(session, accounts.find(session, "grace@example.com"), True, by=by)
        grace.run("account", "sign-in", self.url, "--email", "grace@example.com", typed=f"{PASSWORD}\n")
        found = grace.told("admin", "jobs", "list", "--kind", "TRANSCRIBE", "--limit", 5)
        [job] = found
        token = claim(database, register(database), queues=["media"])
        assert token is not None
        assert str(token.job_id) in grace.run("admin", "jobs", "list", "--state", "running")
        told = grace.run("admin", "jobs", "show", token.job_id)
        assert f"of {self.workspace}, in the queue media" in told
        assert "TRANSCRIBE: running" in told
        assert grace.told("admin", "jobs", "show", token.job_id)["events"][-1]["became"] == "running"
        grace.run("admin", "jobs", "unlock", token.job_id)
        token = claim(database, register(database), queues=["media"])
        assert token is not None
        end(database, token, "failed")
        assert str(token.job_id) in grace.run("admin", "jobs", "dead")
        grace.run("admin", "jobs", "retry", token.job_id)
        grace.run("admin", "jobs", "cancel", token.job_id, "--yes")
        assert "left alone" in grace.refused("admin", "jobs", "retry", token.job_id, 10**9)
        assert job["workspace_id"] == self.workspace
        assert "There are: billing, mail, maintenance, media, publish, schedules" in grace.refused(
            "admin", "jobs", "pause", "meida"
        )
        grace.run("admin", "jobs", "pause", "media")
        assert "paused     media" in self.readiness()
        grace.run("admin", "jobs", "resume", "media")
        grace.run("admin", "findings")

    def leaving(self) -> None:
        ada, bob = self.ada, self.bob
        assert "bob@example.com  Bob" in ada.run("members", "role", "bob@example.com", "admin")
        ada.run("workspaces", "transfer", "bob@example.com", "--yes")
        assert "no member" in bob.run(
            "members", "remove", "countess@example.com", "--yes", "--workspace", "Bees & Co."
        )  # fmt: skip
        bob.run("account", "recover", self.url, "--email", "bob@example.com")
        bob.run("account", "reset", self.url, typed=f"{self.code('Get back')}\nnew {PASSWORD}\n")
        assert "does not know this key" in bob.refused("workspaces", "list"), "nor is he signed in any more"
        bob.run("account", "sign-in", self.url, "--email", "bob@example.com", typed=f"new {PASSWORD}\n")
        bob.run("account", "sign-out", "--everywhere")
        bob.run("account", "sign-in", self.url, "--email", "bob@example.com", typed=f"new {PASSWORD}\n")
        assert "Signed out" in bob.run("account", "sign-out")
        assert "is deleted" in ada.run("account", "delete", "--yes")
        assert "No service is known" in ada.refused("account", "show")

    @property
    def workspace(self) -> str:
        return str(next(each["id"] for each in self.ada.told("workspaces", "list") if each["name"] == "Bees & Co."))

    def readiness(self) -> str:
        """Where the test's machine has little room left it says so, and ends with another code."""
        done = self.grace.invoke("admin", "readyz")
        assert ("NOT READY" in done.stdout) == (done.exit_code == ExitCode.UNAVAILABLE)
        return done.stdout


@pytest.mark.slow
def test_every_operation_is_reached_by_the_command_that_the_table_names(
    runtime: Runtime, service: Served, terminal: Callable[[str], Terminal], migrated: str
) -> None:
    story = Story(runtime, service.url, terminal, migrated)
    story.accounts()
    story.members()
    story.keys()
    story.workspaces()
    story.projects()
    story.organisations()
    story.operating()
    story.leaving()
    assert missed(service.app, story.ada.reached) == {}
