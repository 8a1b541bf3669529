"""What customers do over HTTP, and what of it has to be there in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.crashes.client import Client
from tests.crashes.installation import PASSWORD, Installation
from tests.features.pipeline.made import SMALL
from tests.media.highlights.talks import FILLER, GEM

from cliply.features.identity.permissions import Action
from cliply.media import ffmpeg

SECONDS = 26
SAID = f"{FILLER[0]} {GEM}"
_LONGEST_STORY = 600.0
_INVITING = 30


@dataclass
class Story:
    """One customer's errand: a project made of a video, and what else was asked for."""

    number: int
    renamed: bool
    invited: bool
    changed: bool
    """Its clip got another cover."""
    deleted: bool
    """In the middle of its work."""
    project: str = ""
    parked: list[int] = field(default_factory=list)
    """Jobs that an operator had to start again, as they had cost three workers their life."""

    @classmethod
    def of(cls, number: int) -> "Story":
        return cls(
            number,
            renamed=number % 2 == 0,
            # Whoever invites many people within an hour is slowed down.
            invited=number % 3 == 0 and number < _INVITING,
            changed=number % 4 == 0 and number % 10 != 5,
            deleted=number % 10 == 5,
        )

    @property
    def guest(self) -> str:
        return f"guest{self.number}@example.com"


@dataclass(frozen=True)
class Town:
    """An operator and the workspaces of an installation."""

    operator: Client
    customers: Sequence[Client]

    def live(self, story: Story, video: Path) -> Story:
        """Carry a story out, to the end of all that it starts."""
        customer = self.customers[story.number % len(self.customers)]
        story.project = project = customer.upload(video, {"count": 1, **SMALL})
        if story.renamed:
            customer.ask("PATCH", f"/api/projects/{project}", {"name": f"Story {story.number}"})
        if story.invited:
            invitation = {"email": story.guest, "role": "viewer"}
            customer.ask("POST", f"/api/workspaces/{customer.workspace}/members", invitation)
        if story.deleted:
            customer.ask("DELETE", f"/api/projects/{project}")
            return story
        self._finish(customer, story)
        if story.changed:
            self._change(customer, project)
            self._finish(customer, story)
        return story

    def _finish(self, customer: Client, story: Story) -> None:
        """Until nothing is to be done any more, and nothing of it has failed: a project can do without a cover."""
        while True:
            state = customer.follow(story.project, _LONGEST_STORY)["state"]
            # A job that was at work in three processes that were killed is not tried again by itself.
            query = f"?project={story.project}&state=failed"
            failed = customer.ask("GET", f"/api/jobs/search{query}").json()["items"]
            if state == "ready" and not failed:
                return
            assert failed, "nothing is left that an operator could start again"
            assert [job for job in failed if "stopped without a word" in job["error"]] == failed, failed
            for job in failed:
                self.operator.ask("POST", f"/api/admin/jobs/{job['id']}/retry")
                story.parked.append(int(job["id"]))

    def _change(self, customer: Client, project: str) -> None:
        [clip] = customer.ask("GET", f"/api/projects/{project}/clips").json()
        path = f"/api/clips/{clip['id']}"
        etag = customer.ask("GET", path).headers["etag"]
        customer.ask("PATCH", path, {"cover_title": "BEES"}, **{"if-match": etag})
        customer.ask("POST", f"{path}/render")


def settle(there: Installation, workspaces: int) -> Town:
    """Accounts, workspaces and keys, made as the manual says."""
    there.run("users", "add", "ada@example.com", "--name", "Ada", typed=PASSWORD + "\n")
    there.run("users", "admin", "ada@example.com")
    with httpx2.Client(base_url=there.url, timeout=60) as browser:
        signed_in = {"email": "ada@example.com", "password": PASSWORD}
        assert browser.post("/api/auth/sign-in", json=signed_in).is_success
        customers = [_customer(there, browser, number) for number in range(workspaces)]
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return Town(Client(there.url, "", "", cookie=cookie), customers)


def _customer(there: Installation, browser: httpx2.Client, number: int) -> Client:
    workspace: dict[str, Any] = browser.post("/api/workspaces", json={"name": f"Workspace {number}"}).json()
    wanted = {"name": "Everything", "scopes": [action.value for action in Action]}
    key = browser.post(f"/api/workspaces/{workspace['id']}/keys", json=wanted).json()
    return Client(there.url, key["secret"], workspace["id"])


def copy_of(video: Path, number: int) -> Path:
    """The same to look at, and another file: nothing that was learned from one is known of the next."""
    copy = video.with_name(f"{video.stem}-{number}{video.suffix}")
    ffmpeg.run(["-i", f"file:{video}", "-c", "copy", "-metadata", f"comment={number}", "-y", f"file:{copy}"])
    return copy
