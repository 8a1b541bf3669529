"""Run a child program that touches untrusted media: limited, watched, and never left behind.

The child gets its own session (so that the whole group can be killed), hard limits on processor time, memory, file
size and open files, a low priority, an almost empty environment and no standard input. A watcher inside the group
waits on a pipe that only this process holds, so the group dies with us even after `kill -9`.
"""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cliply.media.errors import TooMuch

GIB = 1024**3

_LAST_WORDS = 64 * 1024
"""Bytes of what a child says on stderr that are kept: a broken file can make it complain for gigabytes."""

# The pipe arrives as standard input and moves to descriptor 3, where the watcher waits for a line or, after a
# `kill -9` of this process, for the pipe's end. `kill -KILL 0` reaches exactly the child's own process group.
# Soft and hard limits are the same: at a soft limit of time, ffmpeg would end politely with a short file.
_LAUNCH = """
exec 3<&0 </dev/null
ulimit -c 0
ulimit -t "$1" 2>/dev/null; ulimit -v "$2" 2>/dev/null; ulimit -f "$3" 2>/dev/null; ulimit -n 64 2>/dev/null
scratch=$4
shift 4
{ read -r end <&3; [ -n "$end" ] || { kill -KILL $$; rm -rf -- "$scratch"; }; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
exec nice -n 5 "$@"
"""
_AT_A_LIMIT = frozenset(
    code for number in (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGKILL) for code in (-number, 128 + number)
)


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

    def __init__(self, process: "subprocess.Popen[bytes]", watch: int, limits: Limits) -> None:
        if process.stdout is None or process.stderr is None:
            raise ValueError("a child needs pipes")
        self._process = process
        self._stdout, self._stderr = process.stdout, process.stderr
        self._watch = watch
        self._said = bytearray()
        self._deadline = time.monotonic() + limits.wall_seconds
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def chunks(self, size: int, *, tick: float = 0.25) -> Iterator[bytes]:
        """What the child writes, up to `size` bytes at a time; b"" at least every `tick` seconds while it is silent."""
        yielded = time.monotonic()
        while self._stdout in self._open():
            self._refuse_overtime()
            chunk = self._read(size, tick)
            now = time.monotonic()
            if chunk or now - yielded >= tick * 0.9:
                yielded = now
                yield chunk

    def wait(self) -> Finished:
        """Wait for the end; what was not read of stdout is lost. Raises TooMuch when a limit stopped the child."""
        while self._open() and self._process.poll() is None:
            self._refuse_overtime()
            self._read(1 << 16, 0.1)
        try:
            code = self._process.wait(max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._overtime() from None
        # The pipes may still hold its last words, or be held open by a process that it left behind.
        while self._open() and self._selector.select(0):
            self._read(1 << 16, 0)
        if code in _AT_A_LIMIT:
            raise TooMuch(
                "A step was stopped because it used more time, memory or disk than allowed for a file of this size."
            )
        return Finished(code, self._said.decode("utf-8", "replace"))

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the child if it still runs, and with it the watcher and whatever the child left behind."""
        if self._process.poll() is None:
            self.kill()
        with suppress(OSError):
            os.write(self._watch, b"done\n")
        os.close(self._watch)
        self._selector.close()
        self._stdout.close()
        self._stderr.close()

    def _open(self) -> set[IO[bytes]]:
        """The pipes that have not ended."""
        return {key.fileobj for key in self._selector.get_map().values()}  # type: ignore[misc]  # both are files

    def _read(self, size: int, tick: float) -> bytes:
        """The next part of stdout, or b"" after `tick` seconds; stderr is drained on the way."""
        got = b""
        for key, _ in self._selector.select(tick):
            chunk = os.read(key.fd, size)
            if not chunk:
                self._selector.unregister(key.fileobj)
            elif key.fileobj is self._stdout:
                got = chunk
            else:
                self._said += chunk
                del self._said[:-_LAST_WORDS]
        return got

    def _refuse_overtime(self) -> None:
        if time.monotonic() > self._deadline:
            raise self._overtime()

    def _overtime(self) -> TooMuch:
        return TooMuch(f"A step was stopped after {self._limits.wall_seconds:.0f} seconds, its limit for this file.")


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
    with tempfile.TemporaryDirectory(prefix="cliply-", ignore_cleanup_errors=True) as scratch:
        blocks = max(1, limits.output_bytes // 512)  # POSIX `ulimit -f` counts blocks of 512 bytes
        launch = ["/bin/sh", "-c", _LAUNCH, "cliply"]
        launch += [str(limits.cpu_seconds), str(limits.memory_bytes // 1024), str(blocks), scratch]
        child = _launch(
            [*launch, *(os.fspath(part) for part in command)],
            limits,
            cwd=folder or scratch,
            environment={"PATH": os.defpath, "LC_ALL": "C", "HOME": scratch, "TMPDIR": scratch, **(environment or {})},
        )
        try:
            yield child
        finally:
            child.close()


def answer(module: str, *arguments: str | Path, limits: Limits) -> bytes | None:
    """What a Python module of ours writes when it runs alone with `arguments`; None where it fails or is stopped."""
    # -I: neither the folder it stands in nor the environment may add modules.
    command: list[str | Path] = [sys.executable, "-I", "-m", module, *arguments]
    try:
        with start(command, limits=limits) as child:
            said = b"".join(child.chunks(65_536))
            return said if child.wait().code == 0 else None
    except TooMuch:
        return None


def _launch(command: Sequence[str], limits: Limits, *, cwd: Path | str, environment: Mapping[str, str]) -> Child:
    watched, watch = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=watched,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )
    except BaseException:
        os.close(watch)
        raise
    finally:
        os.close(watched)
    return Child(process, watch, limits)
