"""An account of a Cliply service: signed in with its password, and what needs nobody to be signed in."""

from collections.abc import Sequence
from typing import Any

import httpx2

from cliply.errors import Unavailable
from cliply.integrations.service import Service, problem_in

KEY_SCOPES: Sequence[str] = (
    "workspace:read", "jobs:read", "jobs:change", "projects:read", "projects:create", "projects:change",
    "projects:delete", "clips:edit", "channels:read", "publications:read", "publications:create",
)  # fmt: skip
"""What the commands about projects, clips, jobs and publications need: a lost key changes nothing about people, nor
about which accounts are connected."""


class NoSession(Unavailable):
    def __init__(self, url: str) -> None:
        super().__init__(f"{url} let you in, but gave no session. Is that the address of Cliply itself?")


def sign_in(url: str, email: str, password: str) -> str:
    """The session's cookie, `name=value`, which is as good as the password until it ends.

    Raises NotAllowed for a wrong password, Unavailable where nobody answers.
    """
    answer = _asked(url, "/api/auth/sign-in", {"email": email, "password": password})
    cookie = next((f"{name}={value}" for name, value in answer.cookies.items() if name.endswith("cliply")), None)
    if cookie is None:
        raise NoSession(url)
    return cookie


def sign_up(url: str, email: str, name: str, password: str, *, invitation: str | None) -> Any:
    body = {"email": email, "name": name, "password": password, "invitation": invitation}
    return _asked(url, "/api/auth/sign-up", body).json()


def start_recovery(url: str, email: str) -> None:
    """Whether the address has an account is not told."""
    _asked(url, "/api/auth/recover", {"email": email})


def finish_recovery(url: str, code: str, password: str, *, revoke_keys: bool) -> None:
    _asked(url, "/api/auth/recover/finish", {"token": code, "password": password, "revoke_keys": revoke_keys})


def new_key(found: Service, workspace_id: str, name: str, scopes: Sequence[str], *, days: int | None = None) -> Any:
    """What the service tells of the new key, with its secret, which it tells this once."""
    body = {"name": name, "scopes": list(scopes), "expires_in_days": days}
    return found.post(f"/api/workspaces/{workspace_id}/keys", body)


def _asked(url: str, path: str, body: Any) -> httpx2.Response:
    """Once: a password that was refused is not tried again."""
    try:
        response = httpx2.post(f"{url}{path}", json=body, timeout=30.0)
    except httpx2.TransportError as silent:
        raise Unavailable(
            f"{url} does not answer ({type(silent).__name__}). Check the address, and whether the service runs."
        ) from None  # the cause holds the request, and with it the password
    if not response.is_success:
        raise problem_in(response)
    return response
