"""A client that never gives up: whatever is not answered is asked again, under the same Idempotency-Key."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

PATIENCE = 300.0
_BUSY = (429, 502, 503, 504)
_ENDED = ("ready", "failed", "refused")


@dataclass
class Client:
    """Somebody with an API key of a workspace, or a browser."""

    url: str
    key: str
    workspace: str
    cookie: str = ""
    """Of a browser that is signed in, instead of a key."""
    answers: Counter[str] = field(default_factory=Counter)
    """What came back instead of an answer, and how often."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        proof = {"cookie": self.cookie} if self.cookie else {"authorization": f"Bearer {self.key}"}
        sent = {**proof, "idempotency-key": str(uuid4()), **headers}
        return self._patiently(lambda: httpx2.request(method, f"{self.url}{path}", json=body, headers=sent, timeout=60))

    def upload(self, video: Path, options: dict[str, Any]) -> str:
        """Returns the project's id."""
        body = {"file_name": video.name, "size": video.stat().st_size, "options": options}
        plan = self.ask("POST", "/api/upload/init", body).json()
        project = str(plan["project_id"])
        content = video.read_bytes()
        for part in plan["missing"]:
            start = (part["number"] - 1) * plan["part_size"]
            self._send(part["link"], content[start : start + part["size"]])
        self.ask("POST", "/api/upload/complete", {"project_id": project})
        return project

    def follow(self, project: str, within: float) -> dict[str, Any]:
        """The project, once it has ended and nothing is done for it any more."""
        deadline = time.monotonic() + within
        while True:
            found: dict[str, Any] = self.ask("GET", f"/api/projects/{project}").json()
            if found["state"] in _ENDED and not found["work"]:
                return found
            assert time.monotonic() < deadline, f"it did not end in time: {found}"
            threading.Event().wait(1.0)

    def _send(self, link: str, content: bytes) -> None:
        self._patiently(lambda: httpx2.put(f"{self.url}{link}", content=content, timeout=60))

    def _patiently(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                response = send()
            except httpx2.TransportError as silent:
                self.answers[type(silent).__name__] += 1
            else:
                if response.is_success:
                    return response
                told = f"{response.status_code} {response.text[:300]}"
                # In flight: the first try of this request has not been given up by the server yet.
                if response.status_code not in _BUSY and "still_running" not in told:
                    raise AssertionError(f"{response.request.method} {response.request.url.path}: {told}")
                self.answers[str(response.status_code)] += 1
            assert time.monotonic() < deadline, "the service was away for too long"
            threading.Event().wait(0.5)
