"""Users that come and go while keeper, server and users are killed: what was acknowledged is there in the end."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest
from tests.infra.test_embedded import connect, keeper_of, on_linux, server_of, tell, wait_until_gone

from cliply.infra.embedded import embedded_postgres
from cliply.infra.embedded_folders import Folders, is_held

# For each line it reads: join, write three rows, leave, and say which were acknowledged.
USER = """
import sys
from pathlib import Path
from uuid import uuid4
import psycopg
from cliply.infra.embedded import embedded_postgres
from tests.infra.test_embedded import tell
for _ in sys.stdin:
    written = []
    with embedded_postgres(Path(sys.argv[1])) as url:
        while len(written) < 3:
            row = uuid4()
            try:
                tell(url, f"INSERT INTO acknowledged VALUES ('{row}')")
            except psycopg.OperationalError:
                continue
            written.append(str(row))
    print(*written, flush=True)
"""


class User:
    """One that can be told to work, and killed."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", USER, root],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")

    def written(self) -> list[str]:
        assert self._process.stdout is not None
        rows = self._process.stdout.readline().split()
        assert len(rows) == 3, "the user failed"
        return rows

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def leave(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0


def kill(root: Path, victim: str) -> None:
    """Between two servers there is nobody to kill, and the number of one that is gone may be somebody else's."""
    with suppress(OSError, ValueError, IndexError):
        number = keeper_of(root) if victim == "keeper" else server_of(root)
        if os.fsencode(root) in Path(f"/proc/{number}/cmdline").read_bytes():
            os.kill(number, signal.SIGKILL)


@on_linux
@pytest.mark.parametrize(
    "rounds",
    [pytest.param(6, marks=pytest.mark.slow), pytest.param(150, marks=pytest.mark.soak)],
    ids=["short", "long"],
)
def test_nothing_acknowledged_is_lost_whoever_is_killed(short: Path, rounds: int) -> None:
    root = short / f"crashes-{rounds}"
    acknowledged: set[str] = set()
    with embedded_postgres(root) as url:
        tell(url, "CREATE TABLE acknowledged (id uuid PRIMARY KEY)")
    users = [User(root) for _ in range(3)]
    for _, victim in zip(range(rounds), cycle(("keeper", "server", "user")), strict=False):
        for user in users:
            user.begin()
        if victim == "user":
            users.pop(0).kill()
        else:
            kill(root, victim)
        for user in users:
            acknowledged.update(user.written())
        if victim == "user":
            users.append(User(root))
    for user in users:
        user.leave()
    wait_until_gone(root)
    assert not is_held(Folders(root).keeper)
    with embedded_postgres(root) as url, connect(url) as connection:
        found = {str(row[0]) for row in connection.execute("SELECT id FROM acknowledged")}
    assert acknowledged <= found
    assert len(acknowledged) >= rounds * 2 * 3
