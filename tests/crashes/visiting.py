"""A process that kills itself at the point that it is told: before or after a commit, or an outside call.

    python -m tests.crashes.visiting

reads what a life is to do, a line of JSON each, and forks for it, so that nothing is imported twice. It answers with
the life's number, then with the signal that ended it, or with what the life brought back.
"""

import importlib
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from cliply.api.app import create_app
from cliply.features.jobs import runner
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline.tasks import MEDIA
from cliply.infra.db import ScopedSession
from cliply.infra.logging import configure
from cliply.infra.queue.engine import FencedManager
from cliply.infra.queue.worker import Pace
from cliply.infra.settings import Settings
from cliply.media.isolation import Child
from cliply.runtime import open_runtime
from cliply.worker import run

_FILES = ("os.mkdir", "os.rename", "os.remove", "os.link", "shutil.rmtree")
_CALLS = ("subprocess.Popen", "socket.connect", "smtplib.send")
_LATER = ("av", "cv2", "fontTools.ttLib", "onnxruntime", "PIL.Image", "pocketsphinx", "tokenizers", "uharfbuzz")
"""What the engine loads when it is first needed, which would be in each life."""
_PACE = Pace(heartbeat=1.0, lease=60.0, poll=0.1, deaths=100_000)


class Points:
    """Counts the points that are passed while it is on, and ends the process at one of them."""

    def __init__(self, fatal: int, folder: str, names: str) -> None:
        self._fatal = fatal
        self._folder = folder
        # Opened before anybody listens: writing to it is no point.
        self._names = os.open(names, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._passed = 0
        self._lock = threading.Lock()
        self._on = False

    def begin(self) -> None:
        self._on, self._passed = True, 0

    def end(self) -> None:
        self._on = False

    def reach(self, name: str) -> None:
        if not self._on:
            return
        with self._lock:
            self._passed += 1
            if self._passed == self._fatal:
                os.write(self._names, f"{name}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        event.listen(ScopedSession, "before_commit", lambda _session: self.reach("before a commit"))
        event.listen(ScopedSession, "after_commit", lambda _session: self.reach("after a commit"))
        # The real wait, with a point behind it.
        setattr(Child, "wait", self._after("a child's end", Child.wait))  # noqa: B010 - as below
        sys.addaudithook(self._hear)

    def _hear(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in _CALLS or (name in _FILES and os.fsdecode(str(arguments[0])).startswith(self._folder)):
            self.reach(f"before {name}")

    def _after(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def passed(*arguments: Any, **named: Any) -> Any:
            done = call(*arguments, **named)
            self.reach(f"after {name}")
            return done

        return passed


def work(kind: str, points: Points) -> None:
    """Run jobs as the product's worker does; points are those of jobs of `kind`, and the next step's job is the end."""
    fetch, finish = FencedManager.fetch_job, FencedManager.finish_job
    queue = REGISTRY.kinds[kind].queue

    async def fetch_job(self: FencedManager, *arguments: Any, **named: Any) -> Any:
        job = await fetch(self, *arguments, **named)
        if job is not None and job.task_name == kind:
            points.begin()
            points.reach("after a claim")
        elif job is not None and queue == MEDIA:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    async def finish_job(self: FencedManager, *arguments: Any, **named: Any) -> None:
        points.reach("before the engine's word of an end")
        await finish(self, *arguments, **named)
        points.reach("after the engine's word of an end")
        points.end()

    # The real claim with a point behind it, and the real end between two.
    setattr(FencedManager, "fetch_job", fetch_job)  # noqa: B010 - mypy takes an assignment for a mistake
    setattr(FencedManager, "finish_job", finish_job)  # noqa: B010
    # How often progress is written depends on the clock; the points are to be the same each time.
    runner._SHOWN_EVERY = math.inf
    configure(Settings(), service="worker")
    run(Settings(), only=[queue], concurrency=1, pace=_PACE)


def request(app: FastAPI, wanted: dict[str, Any], points: Points) -> dict[str, Any]:
    """One request to the API, from where it is begun to its answer."""
    sent = {"json": wanted["body"]} if "body" in wanted else {"content": wanted.get("content", "").encode("latin-1")}
    with TestClient(app, base_url="http://cliply.test") as client:
        points.begin()
        answer = client.request(wanted["method"], wanted["path"], headers=wanted["headers"], **sent)
        points.end()
    etag = answer.headers.get("etag")
    return {"status": answer.status_code, "etag": etag, "body": answer.json() if answer.content else None}


def live(app: FastAPI, wanted: dict[str, Any], told: int) -> None:
    points = Points(wanted["fatal"], os.environ["CLIPLY_DATA"].rpartition("/")[0], wanted["names"])
    points.watch()
    if "kind" in wanted:
        work(wanted["kind"], points)
    else:
        os.write(told, json.dumps(request(app, wanted, points)).encode())


def main() -> None:
    for name in _LATER:
        importlib.import_module(name)
    with open_runtime(Settings()) as runtime:
        app = create_app(runtime)
        for line in sys.stdin:
            heard, told = os.pipe()
            life = os.fork()
            if life == 0:
                os.close(heard)
                live(app, json.loads(line), told)
                os._exit(0)
            os.close(told)
            print(life, flush=True)  # noqa: T201 - whoever asked reads it
            with os.fdopen(heard) as words:
                brought = words.read()
            _, status = os.waitpid(life, 0)
            print(json.dumps({"signal": os.WTERMSIG(status), "brought": brought}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
