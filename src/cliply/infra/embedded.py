"""The bundled PostgreSQL: started when somebody needs it, stopped when nobody does.

Everybody who uses it holds a shared lock, which the kernel drops when they end for whatever reason. A keeper process
(`embedded_keeper`) runs the server until it can take that lock alone. Why so: docs/decisions/0006.
"""

import fcntl
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import URL

from cliply.errors import CliplyError, Conflict, Unavailable
from cliply.infra.embedded_folders import Account, Folders, is_held, locked, open_lock, prepare
from cliply.infra.embedded_keeper import OWNER

_log = logging.getLogger(__name__)

_TICK = 0.02
_LOOK = 0.5
"""Seconds between two looks at whether the keeper is still there."""

_PATIENCE = 300.0
"""Seconds until a server has to answer: after a crash it replays its log first."""

_FAREWELL = 30.0


@contextmanager
def embedded_postgres(root: Path, *, account: str | None = None) -> Iterator[str]:
    """The URL of the database below `root`, which answers for as long as the block runs.

    Joins a server that another process uses. If the keeper is killed, every user notices and one of them starts
    another; what was committed is there again. As root the server runs as `account`, `nobody` if none is named.
    """
    folders, runs_as, programs = prepare(root, account)
    server = _Server(folders, runs_as, programs)
    users = open_lock(folders.users)
    over = threading.Event()
    try:
        # Waits while a keeper that met nobody is stopping.
        fcntl.flock(users, fcntl.LOCK_SH)
        server.bring_up()
        watcher = threading.Thread(target=_watch, args=(server, over), name="embedded-postgres", daemon=True)
        watcher.start()
        try:
            yield server.url
        finally:
            over.set()
            watcher.join()
    finally:
        os.close(users)
        _wait_for_the_end(folders)


@dataclass(frozen=True, slots=True)
class _Server:
    folders: Folders
    account: Account
    programs: Path

    @property
    def url(self) -> str:
        address = URL.create(
            "postgresql+psycopg", username=OWNER, database=OWNER, query={"host": str(self.folders.server)}
        )
        return address.render_as_string(hide_password=False)

    def answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(host=str(self.folders.server), user=OWNER, dbname=OWNER, connect_timeout=5).close()
            return True
        return False

    def bring_up(self) -> None:
        """Return when the server answers; start a keeper when there is none. Raises what the keeper says is wrong."""
        deadline = time.monotonic() + _PATIENCE
        keeper: _Keeper | None = None
        try:
            while not self.answers():
                if keeper is not None and keeper.has_ended():
                    keeper.close()
                    keeper = None
                if keeper is None and not is_held(self.folders.keeper):
                    keeper = _Keeper(self)
                if time.monotonic() > deadline:
                    raise Unavailable(f"The database does not answer. Its log is {self.folders.log}.")
                time.sleep(_TICK)
        finally:
            if keeper is not None:
                keeper.close()


class _Keeper:
    """A keeper just started, and the pipe on which it says why it cannot be one."""

    def __init__(self, server: _Server) -> None:
        command = [
            sys.executable, "-I", "-m", "cliply.infra.embedded_keeper", str(server.folders.root), str(server.programs),
            str(server.account.uid), str(server.account.gid),
        ]  # fmt: skip
        self._heard, said = os.pipe()
        try:
            # The keeper goes on without us: this waits only for the process that it forks off from.
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                check=True,
            )
        except BaseException as failed:
            os.close(self._heard)
            if isinstance(failed, subprocess.CalledProcessError):
                raise Unavailable("The database could not be started: install Cliply again.") from failed
            raise
        finally:
            os.close(said)

    def has_ended(self) -> bool:
        """False while it is at work, True if it left to another keeper. Raises what it says is wrong."""
        if not select.select([self._heard], [], [], 0)[0]:
            return False
        message = b""
        while chunk := os.read(self._heard, 65_536):
            message += chunk
        if message:
            kind, _, said = message.decode("utf-8", "replace").partition("\n")
            raise (Conflict if kind == Conflict.__name__ else Unavailable)(said)
        return True

    def close(self) -> None:
        os.close(self._heard)


def _watch(server: _Server, over: threading.Event) -> None:
    """Start another keeper when ours was killed; its server has stopped with it."""
    while not over.wait(_LOOK):
        if is_held(server.folders.keeper):
            continue
        try:
            server.bring_up()
        except CliplyError as failed:
            _log.warning("database_not_restarted", extra={"because": str(failed)})


def _wait_for_the_end(folders: Folders) -> None:
    """When we were the last to use the server, return only after it has stopped and its files are at rest."""
    users = open_lock(folders.users)
    deadline = time.monotonic() + _FAREWELL
    try:
        while is_held(folders.keeper) and time.monotonic() < deadline:
            if locked(users):
                fcntl.flock(users, fcntl.LOCK_UN)  # the keeper has not noticed yet
            elif locked(users, fcntl.LOCK_SH):
                return  # somebody else goes on using it
            time.sleep(_TICK)
    finally:
        os.close(users)
