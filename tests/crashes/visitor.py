"""Has requests and jobs carried out by processes that are killed at one of their points after the other."""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from tests.crashes.reconciling import rows
from tests.infra.queue.fleet import until

from cliply.infra.child_processes import dies_with_us
from cliply.infra.db import Database

_MOST_POINTS = 300


@dataclass
class Visitor:
    """The process that forks for each life. What it is asked for is killed at every point that it has, unless
    `killed` is false."""

    process: "subprocess.Popen[str]"
    database: Database
    key: str
    names: Path
    """Of the points that lives have ended at, a line each."""
    finely: bool = False
    """What nobody reads afterwards has points as well: folders, files that are removed, a child that has just ended."""
    only: str = ""
    """Points are those that are told so."""

    @property
    def points(self) -> list[str]:
        return self.names.read_text().splitlines() if self.names.exists() else []

    def request(self, method: str, path: str, *, killed: bool = True, **more: Any) -> Any:
        """The answer to a request whose server was killed at each of its points; it is sent again as it was."""
        # A link to a file is all the proof that it needs.
        proof = {} if path.startswith("/api/files") else {"authorization": f"Bearer {self.key}"}
        headers = {**proof, "idempotency-key": str(uuid4()), **more.pop("headers", {})}
        wanted = {"method": method, "path": path, "headers": headers, **more}
        for _ in range(_MOST_POINTS):
            self._begin(**wanted, killed=killed)
            ended = self._end()
            if ended["signal"] == 0:
                answer: dict[str, Any] = json.loads(ended["brought"])
                assert answer["status"] < 300, answer
                return answer if method == "GET" else answer["body"]
        raise AssertionError(f"{path} has more than {_MOST_POINTS} points")

    def job(self, kind: str, *, killed: bool = True) -> None:
        """Have the jobs of this kind run by workers that are killed at each of their points, until they succeed."""
        for _ in range(_MOST_POINTS):
            self.life(kind, killed=killed)
            if self._done(kind):
                return
        raise AssertionError(f"{kind} has more than {_MOST_POINTS} points")

    def life(self, kind: str, *, killed: bool) -> None:
        """One worker's life: until the first point that none has ended at, or the end of a job of this kind."""
        self._begin(kind=kind, killed=killed)
        until(self._has_ended, within=180)
        self._end()
        with self.database.system() as session:
            # As another worker would, once the lease of this one is over.
            session.execute(text("update procrastinate_workers set last_heartbeat = '-infinity'"))
            session.execute(text("select queue_sweep(interval '1 second', 100000)"))

    def _begin(self, **wanted: Any) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        how = {"names": str(self.names), "finely": self.finely, "only": self.only}
        self.process.stdin.write(json.dumps(wanted | how) + "\n")
        return int(self.process.stdout.readline())

    def _has_ended(self) -> bool:
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def _end(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ended: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert ended["signal"] in (0, signal.SIGKILL)
        return ended

    def _done(self, kind: str) -> bool:
        with self.database.system() as session:
            unfinished = "select from jobs where kind = :kind and state in ('queued', 'running', 'stopping')"
            return not rows(session, unfinished, kind=kind)


@contextmanager
def visiting(database: Database, key: str, root: Path, environment: Mapping[str, str]) -> Iterator[Visitor]:
    command = [sys.executable, "-m", "tests.crashes.visiting"]
    with subprocess.Popen(
        command, env=environment, cwd=Path(__file__).parents[2], text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        preexec_fn=dies_with_us(signal.SIGKILL),  # noqa: PLW1509 - nothing here holds a lock at this time
    ) as process:  # fmt: skip
        yield Visitor(process, database, key, root / "points")
        assert process.stdin is not None
        process.stdin.close()
