"""A process that kills itself before or after a commit or an outside call, at the first that it has not ended at yet.

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
from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from types import FrameType
from typing import Any

from botocore.client import BaseClient
from fastapi import FastAPI
from procrastinate.jobs import Job
from sqlalchemy import event
from starlette.testclient import TestClient

from cliply.api.app import create_app
from cliply.features.jobs import runner
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline.tasks import MEDIA
from cliply.infra.child_processes import dies_with_us
from cliply.infra.db import ScopedSession
from cliply.infra.logging import configure
from cliply.infra.queue.engine import FencedManager
from cliply.infra.queue.worker import Pace
from cliply.infra.settings import Settings
from cliply.media.isolation import Child
from cliply.runtime import open_runtime
from cliply.worker import run

_FILES = ("os.rename", "os.remove", "os.link")
_FOLDERS = ("os.mkdir", "shutil.rmtree")
_KEPT = "/storage/objects/"
"""Nobody reads a folder, nor a file of a job's own that is removed: points in the long form only."""
_CLIPLY = "/src/cliply/"
_DEPTH = 5
_CALLS = ("subprocess.Popen", "socket.connect", "smtplib.send")
_LATER = ("av", "cv2", "fontTools.ttLib", "onnxruntime", "PIL.Image", "pocketsphinx", "tokenizers", "uharfbuzz")
"""What the engine loads when it is first needed, which would be in each life."""
_PACE = Pace(heartbeat=1.0, lease=60.0, poll=0.1, deaths=100_000)


class Points:
    """Ends the process at the first point that no life has ended at before, if it is to be killed at all.

    A point is what is about to be done, or was done, the lines of Cliply that do it, and which time that is in this
    life. Numbers alone would not do: what an earlier life has finished is not done again.
    """

    def __init__(self, wanted: Mapping[str, Any], folder: str) -> None:
        # Opened before anybody listens: to write to it is no point.
        self._names = os.open(wanted["names"], os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self._visited = set(os.read(self._names, 1 << 24).decode().splitlines())
        self._killed = bool(wanted["killed"])
        self._about = wanted["kind"] if "kind" in wanted else f"{wanted['method']} {wanted['path']}"
        self._only = str(wanted["only"])
        self._folder = folder
        self._finely = bool(wanted["finely"])
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._on = False

    def begin(self) -> None:
        self._on = self._killed
        self._times.clear()

    def end(self) -> None:
        self._on = False

    def reach(self, what: str) -> None:
        if not self._on or self._only not in what:
            return
        where = f"{self._about} {what} in {_where()}"
        with self._lock:
            self._times[where] += 1
            point = f"{where}, {self._times[where]}"
            if point not in self._visited:
                os.write(self._names, f"{point}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        event.listen(ScopedSession, "before_commit", lambda _session: self.reach("before a commit"))
        event.listen(ScopedSession, "after_commit", lambda _session: self.reach("after a commit"))
        # The real calls, with points around them.
        wait = self._around("a child's end", Child.wait, after=self._finely)
        setattr(Child, "wait", wait)  # noqa: B010 - mypy takes an assignment for a mistake
        called = self._around("a call of the bucket", BaseClient._make_api_call)
        setattr(BaseClient, "_make_api_call", called)  # noqa: B010 - as above
        sys.addaudithook(self._hear)

    def _hear(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in _CALLS or (name in (*_FILES, *_FOLDERS) and self._matters(name, os.fsdecode(str(arguments[0])))):
            self.reach(f"before {name}")

    def _matters(self, name: str, path: str) -> bool:
        if not path.startswith(self._folder):
            return False
        return self._finely or (name in _FILES and (name != "os.remove" or _KEPT in path))

    def _around(self, name: str, call: Callable[..., Any], *, after: bool = True) -> Callable[..., Any]:
        """Points before and after it; none after what changes nothing by itself, since the next one finds the same."""

        @wraps(call)
        def passed(*arguments: Any, **named: Any) -> Any:
            self.reach(f"before {name}")
            done = call(*arguments, **named)
            if after:
                self.reach(f"after {name}")
            return done

        return passed


def _where() -> str:
    """The innermost lines of Cliply that are being run."""
    frame: FrameType | None = sys._getframe(2)
    lines: list[str] = []
    while frame is not None and len(lines) < _DEPTH:
        file = frame.f_code.co_filename
        if _CLIPLY in file:
            lines.append(f"{file.rpartition(_CLIPLY)[2]}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(lines)


def work(kind: str, points: Points) -> None:
    """Run a job of this kind as the product's worker does; when that has ended, so has this life."""
    fetch, finish = FencedManager.fetch_job, FencedManager.finish_job
    queue, ours = REGISTRY.kinds[kind].queue, set[int | None]()

    async def fetch_job(self: FencedManager, *arguments: Any, **named: Any) -> Any:
        job = await fetch(self, *arguments, **named)
        if job is not None and job.task_name == kind:
            ours.add(job.id)
            points.begin()
            points.reach("after a claim")
        elif job is not None and queue == MEDIA:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    async def finish_job(self: FencedManager, job: Job, *arguments: Any, **named: Any) -> None:
        points.reach("before the engine's word of an end")
        await finish(self, job, *arguments, **named)
        if job.id not in ours:
            return
        points.reach("after the engine's word of an end")
        # Whatever else is queued is for the next life.
        os.kill(os.getpid(), signal.SIGKILL)

    # The real claim with a point behind it, and the real end between two.
    setattr(FencedManager, "fetch_job", fetch_job)  # noqa: B010 - mypy takes an assignment for a mistake
    setattr(FencedManager, "finish_job", finish_job)  # noqa: B010 - as above
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
    points = Points(wanted, os.environ["CLIPLY_DATA"].rpartition("/")[0])
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
        # Each life has connections of its own: one that were shared would not end with it, nor would its transaction.
        runtime.database.close()
        end_with_us = dies_with_us(signal.SIGKILL)
        for line in sys.stdin:
            heard, told = os.pipe()
            life = os.fork()
            if life == 0:
                if end_with_us is not None:
                    end_with_us()
                os.close(heard)
                live(app, json.loads(line), told)
                os._exit(0)
            os.close(told)
            print(life, flush=True)  # noqa: T201 - whoever asked reads it
            with os.fdopen(heard) as words:
                brought = words.read()
            _, status = os.waitpid(life, 0)
            ended = {"signal": os.WTERMSIG(status), "brought": brought}
            print(json.dumps(ended), flush=True)  # noqa: T201 - whoever asked reads it


if __name__ == "__main__":
    main()
