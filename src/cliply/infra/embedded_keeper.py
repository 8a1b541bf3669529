"""The keeper: a small process of its own that runs the bundled PostgreSQL for as long as anybody uses it.

Started by `cliply.infra.embedded`, one for each database; everybody who uses the database holds a shared lock, and
when the keeper can take that lock alone, it stops the server. It imports little, so that it starts at once and weighs
little, and all of it before it gives up root's rights: later its account may not be able to read the modules.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from cliply.errors import CliplyError, Conflict, Unavailable
from cliply.infra.child_processes import dies_with_us
from cliply.infra.embedded_folders import SOCKET, Folders, locked, open_lock

OWNER = "cliply"
"""The role that owns the database, and the database's own name."""

_TICK = 0.1
_PATIENCE = 300.0
"""Seconds that a server which is still ending, or replaying its log, may take."""

_DEATHS = 3
_SHORT_LIFE = 10.0
_LONGEST_LOG = 10 * 1024**2
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # What a statement was about is its writer's business; the log may be sent to somebody who helps.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
_SERIOUS = re.compile("FATAL|PANIC|rror:")
"""In a log line of PostgreSQL or initdb; that the system is starting up it tells whoever asks too early."""


class _Stopped(Exception):
    """Somebody asked the keeper to stop."""


def main(arguments: list[str]) -> int:
    root, programs, uid, gid = arguments
    if os.fork():
        # The starter waits for this one only: nobody is left with a child to bury.
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    try:
        if os.geteuid() != int(uid):
            os.setgroups([])
            os.setgid(int(gid))
            os.setuid(int(uid))
        _keep(Folders(Path(root)), Path(programs))
    except CliplyError as failed:
        _say(f"{type(failed).__name__}\n{failed}")
    except OSError as failed:
        where = f" at {failed.filename}" if failed.filename else ""
        _say(f"{Unavailable.__name__}\nThe database could not be started: {failed.strerror}{where}.")
    else:
        return 0
    return 1


def _keep(folders: Folders, programs: Path) -> None:
    keeper = open_lock(folders.keeper)
    if not locked(keeper):
        return  # there is one already
    users = open_lock(folders.users)
    stop = _Stop()
    deaths = 0
    while deaths < _DEATHS:
        started = time.monotonic()
        held = _wait_for_the_last(folders)
        try:
            server = _start(folders, programs, held)
        finally:
            os.close(held)
        if _watch(server, lambda: stop.asked or locked(users)):
            return
        deaths = 1 + (deaths if time.monotonic() - started < _SHORT_LIFE else 0)
    raise Unavailable(f"The database does not start. {_last_words(folders)}")


class _Stop:
    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True


def _wait_for_the_last(folders: Folders) -> int:
    """The server's lock, once every process of an earlier server is gone; those end by themselves."""
    held = open_lock(folders.running)
    deadline = time.monotonic() + _PATIENCE
    while not locked(held):
        if time.monotonic() > deadline:
            os.close(held)
            raise Conflict(f"A database server that is already running in {folders.root} does not end.")
        time.sleep(_TICK)
    return held


def _start(folders: Folders, programs: Path, held: int) -> "subprocess.Popen[bytes]":
    if folders.log.exists() and folders.log.stat().st_size > _LONGEST_LOG:
        folders.log.replace(folders.log.with_name("log.old"))
    if not folders.data.exists():
        _create(folders, programs, held)
    _refuse_other_version(folders, programs)
    _clear_stale_pid(folders)
    options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        folders.data,
        "-c",
        f"unix_socket_directories={folders.server}",
        *options,
    ]
    with folders.log.open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folders.server,
            env=_environment(),
            start_new_session=True,
            pass_fds=(held,),
            preexec_fn=dies_with_us(signal.SIGINT),  # noqa: PLW1509 - the keeper has one thread
        )


def _watch(server: "subprocess.Popen[bytes]", is_over: Callable[[], bool]) -> bool:
    """Whether the server was stopped because it was time to; False when it ended by itself."""
    while server.poll() is None:
        if is_over():
            # "Fast": open transactions are rolled back, and everything is on the disk when it ends.
            server.send_signal(signal.SIGINT)
            server.wait()
            return True
        time.sleep(_TICK)
    return False


def _create(folders: Folders, programs: Path, held: int) -> None:
    """Make the database beside its place and move it there whole: half of one is never met."""
    shutil.rmtree(folders.making, ignore_errors=True)
    initdb: list[str | Path] = [
        programs / "initdb", "-D", folders.making, "-U", OWNER, "-A", "trust", "-E", "UTF8", "-k", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
    ]  # fmt: skip
    single: list[str | Path] = [
        programs / "postgres",
        "--single",
        "-D",
        folders.making,
        "-c",
        "exit_on_error=on",
        "postgres",
    ]
    for command, said in ((initdb, b""), (single, f"CREATE DATABASE {OWNER};\n".encode())):
        with folders.log.open("ab") as log:
            made = subprocess.run(
                command,
                input=said,
                stdout=log,
                stderr=log,
                cwd=folders.server,
                env=_environment(),
                check=False,
                pass_fds=(held,),
                preexec_fn=dies_with_us(signal.SIGKILL),
            )
        if made.returncode != 0:
            shutil.rmtree(folders.making, ignore_errors=True)
            raise Unavailable(f"A database could not be made in {folders.root}. {_last_words(folders)}")
    folders.making.rename(folders.data)
    parent = os.open(folders.server, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _refuse_other_version(folders: Folders, programs: Path) -> None:
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    ours = said.split()[-1].partition(".")[0]
    theirs = (folders.data / "PG_VERSION").read_text().strip()
    if theirs != ours:
        raise Conflict(
            f"The database in {folders.root} was made by PostgreSQL {theirs}, and this is {ours}. Install the version "
            "of Cliply that made it, or choose another folder in CLIPLY_DATA."
        )


def _clear_stale_pid(folders: Folders) -> None:
    """Remove what a server that was killed left behind.

    We hold the lock of all its processes, so it is gone, and whoever has its number now is a stranger: PostgreSQL would
    refuse to start for its sake. The exception is a server that somebody started by hand, which works in the folder.
    """
    left = folders.data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        number = int(left.read_text().splitlines()[0])
        with suppress(OSError):
            if Path(f"/proc/{number}/cwd").readlink() == folders.data.resolve():
                raise Conflict(
                    f"A PostgreSQL server that Cliply did not start is at work in {folders.data}. Stop it, then try "
                    "again."
                )
    if Path("/proc/self").exists():
        left.unlink(missing_ok=True)
        (folders.server / f"{SOCKET}.lock").unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """Nothing of the starter's: no key reaches the server, and no PGDATA or PGOPTIONS steers it."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _last_words(folders: Folders) -> str:
    with suppress(OSError):
        lines = folders.log.read_text(errors="replace").strip().splitlines()
        told = [line for line in lines[-20:] if _SERIOUS.search(line) and "the database system is" not in line]
        if told or lines:
            return f"PostgreSQL says: {(told or lines)[-1].strip()} All of it is in {folders.log}."
    return f"Its log would be {folders.log}."


def _say(message: str) -> None:
    """To whoever started us, who may have gone."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), message.encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
