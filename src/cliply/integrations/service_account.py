"""An account of a Cliply service: signed in once, to make an API key that the command line then goes by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from cliply.errors import Unavailable
from cliply.integrations.service import Service, problem_in

_SCOPES = (
    "workspace:read", "jobs:read", "jobs:change", "projects:read", "projects:create", "projects:change",
    "projects:delete", "clips:edit",
)  # fmt: skip
"""What the commands need: a lost key changes nothing about people."""


@dataclass(frozen=True, slots=True)
class Workspace:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """Signed in for as long as `signed_in` is open."""

    client: httpx2.Client

    def workspaces(self) -> Sequence[Workspace]:
        return [Workspace(each["id"], each["name"]) for each in self._call("GET", "/api/workspaces")]

    def new_workspace(self, name: str) -> Workspace:
        made = self._call("POST", "/api/workspaces", {"name": name})
        return Workspace(made["id"], made["name"])

    def new_key(self, workspace: Workspace, name: str) -> Service:
        made = self._call("POST", f"/api/workspaces/{workspace.id}/keys", {"name": name, "scopes": list(_SCOPES)})
        return Service(str(self.client.base_url).rstrip("/"), made["secret"])

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            response = self.client.request(method, path, json=body)
        except httpx2.TransportError as silent:
            raise Unavailable(
                f"{self.client.base_url} does not answer ({type(silent).__name__}). Check the address, and whether"
                " the service runs."
            ) from None  # the cause holds the request, and with it the password
        if response.is_success:
            return response.json() if response.content else None
        raise problem_in(response)


@contextmanager
def signed_in(url: str, email: str, password: str) -> Iterator[Account]:
    """Raises NotAllowed for a wrong password, Unavailable where nobody answers."""
    with httpx2.Client(base_url=url, timeout=30.0) as client:
        account = Account(client)
        account._call("POST", "/api/auth/sign-in", {"email": email, "password": password})
        try:
            yield account
        finally:
            account._call("POST", "/api/auth/sign-out")
