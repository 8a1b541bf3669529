"""An installation as its operator starts it: an API, workers and the bundled database, each a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.infra.queue.fleet import until
from tests.infra.test_embedded import keeper_of, server_of

from cliply.infra.child_processes import dies_with_us
from cliply.infra.db import Database
from cliply.infra.embedded import embedded_postgres

CLIPLY = Path(sys.executable).with_name("cliply")
PASSWORD = "correct horse battery staple"


@dataclass
class Part:
    """A process of the installation, started again whenever it has ended."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        # Its lines tell which jobs this process ran, so each life has a log of its own.
        self.log = self.log.with_suffix(f".{time.monotonic_ns()}")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [CLIPLY, *self.arguments], env=self.environment, stderr=log,
                preexec_fn=dies_with_us(signal.SIGKILL),  # noqa: PLW1509 - as `cliply up` starts them
            )  # fmt: skip

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Kill:
    """What was killed, and when by the clock that the database goes by as well."""

    victim: str
    at: float
    jobs: frozenset[tuple[int, int]] = frozenset()
    """Ids and attempts of jobs that a killed worker ran."""


@dataclass
class Installation:
    root: Path
    url: str
    """Of its API."""
    database: Database
    environment: Mapping[str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def run(self, *arguments: str, typed: str = "") -> str:
        """A command of the operator, to its end."""
        done = subprocess.run(
            [CLIPLY, *arguments], env=self.environment, input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        self.parts[name] = Part(arguments, {**self.environment, **environment}, self.logs / f"{name}.log")

    def replace_the_dead(self) -> None:
        for part in self.parts.values():
            if part.process.poll() is not None:
                part.start()

    def is_whole(self) -> bool:
        """Whether all that ended has been started again, and is at work."""
        self.replace_the_dead()
        return answers(self) and all(is_at_work(part.log) for part in self.parts.values())

    def kill(self, name: str) -> None:
        """A part of this name; `server` or `keeper` are those of the database."""
        if name in ("server", "keeper"):
            # Between two servers there is nobody to kill, and the number of one that is gone may be somebody else's.
            with suppress(OSError, ValueError, IndexError):
                root = self.data / "postgres"
                number = keeper_of(root) if name == "keeper" else server_of(root)
                if os.fsencode(root) in Path(f"/proc/{number}/cmdline").read_bytes():
                    os.kill(number, signal.SIGKILL)
            self.kills.append(Kill(name, time.time()))
            return
        part = self.parts[name]
        part.kill()
        self.kills.append(Kill(name, time.time(), unfinished(part.log)))

    def errors(self) -> list[str]:
        """What its processes said that was no usual line of a log."""
        usual = ('"level": "info"', '"level": "warning"')
        lines = [line for log in sorted(self.logs.iterdir()) for line in log.read_text().splitlines()]
        return [line for line in lines if not any(each in line for each in usual)]

    def end(self) -> None:
        for part in self.parts.values():
            part.process.terminate()
        for part in self.parts.values():
            with suppress(subprocess.TimeoutExpired):
                part.process.wait(40)
            part.kill()


@contextmanager
def installation(root: Path, **environment: str) -> Iterator[Installation]:
    """The bundled database is made and held; nothing else runs yet."""
    for name in ("data", "cache", "tmp", "logs"):
        (root / name).mkdir(parents=True)
    settings = {
        **os.environ,
        "CLIPLY_DATA": str(root / "data"),
        "CLIPLY_CACHE": str(root / "cache"),
        "CLIPLY_LOG_FORMAT": "json",
        "TMPDIR": str(root / "tmp"),
        **environment,
    }
    with ExitStack() as opened:
        url = opened.enter_context(embedded_postgres(root / "data" / "postgres"))
        database = Database(url)
        opened.callback(database.close)
        made = Installation(root, f"http://127.0.0.1:{free_port()}", database, settings)
        opened.callback(made.end)
        try:
            yield made
        except BaseException:
            print(*made.errors(), sep="\n")  # noqa: T201 - the logs are gone with the folder
            raise


def serve(there: Installation, workers: int) -> None:
    """Start an API and workers, and return when they are at work."""
    there.start("api", "serve", "--port", there.url.rpartition(":")[2])
    for number in range(workers):
        there.start(f"worker{number}", "worker")
    until(there.is_whole, within=60)


def answers(there: Installation) -> bool:
    host, _, port = there.url.removeprefix("http://").partition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def is_at_work(log: Path) -> bool:
    with log.open("rb") as lines:
        return any(line["event"] in ("worker_started", "api_started") for line in told(lines))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def unfinished(log: Path) -> frozenset[tuple[int, int]]:
    """Jobs that a process began, by its log, and of which it told no end."""
    begun: dict[int, int] = {}
    with log.open("rb") as lines:
        for line in told(lines):
            if line["event"] == "job_started":
                begun[int(line["job_id"])] = int(line["attempt"])
            elif line["event"] == "job_ended":
                begun.pop(int(line["job_id"]), None)
    return frozenset(begun.items())


def told(lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        # The last line of a process that was killed may be cut off, and not every line is a log's.
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and "event" in found:
                yield found
