"""Run a child program that touches untrusted media: limited, watched, and never left behind.

The child gets its own session (so that the whole group can be killed), hard limits on processor time, memory, file
size and open files, a low priority, an almost empty environment and no standard input. A watcher inside the group
waits on a pipe that only this process holds, so the group dies with us even after `kill -9`.
"""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cliply.media.errors import TooMuch

GIB = 1024**3

# The pipe arrives as standard input and moves to descriptor 3, where the watcher waits for its end;
# `kill -KILL 0` reaches exactly the child's own process group.
_LAUNCH = """
exec 3<&0 </dev/null
ulimit -c 0
ulimit -t "$1" 2>/dev/null; ulimit -v "$2" 2>/dev/null; ulimit -f "$3" 2>/dev/null; ulimit -n 64 2>/dev/null
shift 3
{ read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
exec nice -n 5 "$@"
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use before it is stopped."""

    wall_seconds: float = 600
    cpu_seconds: int = 3600
    memory_bytes: int = 4 * GIB
    output_bytes: int = 16 * GIB


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended: its exit code (negative: killed by that signal) and the end of what it said."""

    code: int
    stderr: str


class Child:
    """A running child; read `stdout`, then `wait`."""

    def __init__(self, process: "subprocess.Popen[bytes]", watch: int, said: IO[bytes], limits: Limits) -> None:
        self._process = process
        self._watch = watch
        self._said = said
        self._deadline = time.monotonic() + limits.wall_seconds
        self._limits = limits

    @property
    def pid(self) -> int:
        return self._process.pid

    def chunks(self, size: int, *, tick: float = 0.25) -> Iterator[bytes]:
        """What the child writes, up to `size` bytes at a time; b"" at least every `tick` seconds while it is silent."""
        stdout = self._process.stdout
        if stdout is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while True:
                self._refuse_overtime()
                if not selector.select(tick):
                    yield b""
                    continue
                chunk = os.read(stdout.fileno(), size)
                if not chunk:
                    return
                yield chunk

    def wait(self) -> Finished:
        """Wait for the end. Raises TooMuch when a limit stopped the child."""
        try:
            code = self._process.wait(max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            self._refuse_overtime()
            raise
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - 16_384))
        stderr = self._said.read().decode("utf-8", "replace")
        if code in (-signal.SIGXCPU, -signal.SIGXFSZ, 128 + signal.SIGXCPU, 128 + signal.SIGXFSZ):
            raise TooMuch("A step was stopped because it used more time or disk than allowed for a file of this size.")
        return Finished(code, stderr)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the child if it still runs, and the watcher with it."""
        if self._process.poll() is None:
            self.kill()
        os.close(self._watch)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _refuse_overtime(self) -> None:
        if time.monotonic() > self._deadline:
            raise TooMuch(f"A step was stopped after {self._limits.wall_seconds:.0f} seconds, its limit for this file.")


@contextmanager
def start(
    command: Sequence[str | Path],
    *,
    limits: Limits | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """Start `command` with its stdout piped; it is killed when the block ends for any reason.

    `folder` is its working directory, a private temporary one if not given.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="cliply-") as scratch:
        watched, watch = os.pipe()
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by Child.close
        blocks = max(1, limits.output_bytes // 512)  # POSIX `ulimit -f` counts blocks of 512 bytes
        launch = ["/bin/sh", "-c", _LAUNCH, "cliply"]
        launch += [str(limits.cpu_seconds), str(limits.memory_bytes // 1024), str(blocks)]
        process = subprocess.Popen(
            [*launch, *(os.fspath(part) for part in command)],
            stdin=watched,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=folder or scratch,
            env={"PATH": os.defpath, "LC_ALL": "C", "HOME": scratch, "TMPDIR": scratch, **(environment or {})},
            start_new_session=True,
        )
        os.close(watched)
        child = Child(process, watch, said, limits)
        try:
            yield child
        finally:
            child.close()
