"""`cliply up` and `cliply serve`, as processes on a port of this machine."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from pydantic import SecretStr

from cliply.infra import seal_check
from cliply.infra.db import Database
from cliply.infra.settings import Settings

# Starts the service for each.
pytestmark = pytest.mark.slow

CLIPLY = Path(sys.executable).with_name("cliply")


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [CLIPLY, *arguments], env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]", what: str) -> str:
    """Everything up to the line that has `what` in it."""
    lines = []
    for line in lines_of(process):
        lines.append(line)
        if what in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def lines_of(process: "subprocess.Popen[str]") -> IO[str]:
    assert process.stderr is not None
    return process.stderr


def status(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return str(json.load(answer)["status"])


def children_of(process_id: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == process_id and after_name[0] != "Z":
            found.append(int(folder.name))
    return found


def commands(process_ids: list[int]) -> dict[str, int]:
    """Which of them is which: `serve` or `worker`."""
    named: dict[str, int] = {}
    for each in process_ids:
        words = Path(f"/proc/{each}/cmdline").read_bytes().decode().split("\0")
        named |= {word: each for word in words if word in ("serve", "worker")}
    return named


def test_up_starts_everything_and_ends_it_again(short: Path, port: int) -> None:
    demo = {"CLIPLY_DATA": str(short / "up"), "CLIPLY_LOG_FORMAT": "json", "CLIPLY_PROVIDERS": "demo"}
    with running("up", "--port", str(port), **demo) as up:
        told = said(up, "DEMO: what is published goes to no network")
        assert f"Cliply is ready: http://127.0.0.1:{port}" in told
        assert "cliply users add" in told
        assert status(port, "/api/readyz") == "ok"
        started = commands(children_of(up.pid))
        assert set(started) == {"serve", "worker"}
        os.kill(started["serve"], signal.SIGKILL)
        said(up, '"process_restarted"')
        assert status(port, "/api/health") == "ok", "the port was kept, so nobody is turned away meanwhile"
        left = list(commands(children_of(up.pid)).values())
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)
        assert up.returncode == 0
        assert [each for each in left if Path(f"/proc/{each}").exists()] == []


def test_up_shows_a_terminal_what_goes_wrong_and_not_what_goes_well(short: Path, port: int) -> None:
    mine, theirs = pty.openpty()
    environment = {**os.environ, "CLIPLY_DATA": str(short / "seen"), "TERM": "dumb"}
    up = subprocess.Popen([CLIPLY, "up", "--port", str(port)], env=environment, stderr=theirs)
    os.close(theirs)
    shown = ""

    def until_seen(what: str) -> None:
        nonlocal shown
        while what not in shown:
            shown += os.read(mine, 4096).decode()

    try:
        until_seen("Stop everything")
        assert status(port, "/api/readyz") == "ok"
        os.kill(commands(children_of(up.pid))["serve"], signal.SIGKILL)
        until_seen("process restarted  part=api")
        up.send_signal(signal.SIGTERM)
        up.wait(60)
    finally:
        up.kill()
        up.wait()
        os.close(mine)
    assert up.returncode == 0
    lines = [line for line in shown.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert [line[10:] for line in lines] == ["warning: process restarted  part=api exit_code=-9"]
    assert "{" not in shown


def test_a_worker_that_is_killed_again_and_again_is_started_again(short: Path, port: int) -> None:
    with running("up", "--port", str(port), CLIPLY_DATA=str(short / "killed"), CLIPLY_LOG_FORMAT="json") as up:
        said(up, "Stop everything")
        for _ in range(3):
            os.kill(commands(children_of(up.pid))["worker"], signal.SIGKILL)
            said(up, '"process_restarted"')
            said(up, '"worker_started"')
        assert status(port, "/api/health") == "ok"
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)
        assert up.returncode == 0


def test_a_worker_that_never_comes_up_ends_the_service_and_says_so(short: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        metrics = str(taken.getsockname()[1])
        settings = {"CLIPLY_DATA": str(short / "never"), "CLIPLY_METRICS__PORT": metrics}
        with running("up", "--port", str(port), **settings) as up:
            told = lines_of(up).read()
            assert up.wait(60) == 8
    assert "The worker of the service did not come up 3 times in a row" in told


def test_up_tells_what_is_wrong_with_the_plans_once(short: Path, port: int, tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text("[basic]\nuploads = 3\n")
    settings = {"CLIPLY_DATA": str(short / "plans"), "CLIPLY_PLANS": str(tmp_path / "plans.toml")}
    with running("up", "--port", str(port), **settings) as up:
        told = lines_of(up).read()
        assert up.wait(60) == 3
    assert told.count("basic.uploads: there is no such limit") == 1
    assert not (short / "plans").exists(), "nothing was begun"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_what_up_started_ends_when_up_is_killed(short: Path, port: int) -> None:
    with running("up", "--port", str(port), CLIPLY_DATA=str(short / "killed"), CLIPLY_LOG_FORMAT="json") as up:
        said(up, "Stop everything")
        up.kill()
        # Their standard error is ours, so it is at its end when all of them have ended.
        told = lines_of(up).read()
    assert '"worker_stopped"' in told
    assert '"api_stopped"' in told


def test_serve_answers_what_was_begun_before_it_leaves(migrated: str, port: int, tmp_path: Path) -> None:
    environment = {"CLIPLY_DATABASE__URL": migrated, "CLIPLY_DATA": str(tmp_path)}
    with running("serve", "--port", str(port), **environment) as serve:
        said(serve, "Cliply's API is at")
        assert status(port, "/api/readyz") == "ok"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as begun:
            begun.sendall(
                b"POST /api/auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 2\r\nConnection: close\r\n\r\n{"
            )
            serve.send_signal(signal.SIGTERM)
            begun.sendall(b"}")
            answer = b"".join(iter(lambda: begun.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 422"), answer
        serve.communicate(timeout=30)
        assert serve.returncode == 0


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_port_that_is_taken_is_named_with_what_to_do(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [CLIPLY, command, "--port", port], env={**os.environ, "CLIPLY_DATA": str(tmp_path)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 6
    assert re.search(rf"Port {port} of 127.0.0.1 is taken.* --port {int(port) + 1}", done.stderr)
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_refused(host: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [CLIPLY, "serve", "--host", host], env={**os.environ, "CLIPLY_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["serve", "--port"], ["worker"], ["up", "--port"]])
def test_a_process_with_another_key_does_not_start_and_names_the_setting(
    command: list[str], migrated: str, database: Database, port: int, tmp_path: Path
) -> None:
    seal_check.agree(database, Settings(data=tmp_path, secret_key=SecretStr("r" * 32)))
    environment = {"CLIPLY_DATABASE__URL": migrated, "CLIPLY_DATA": str(tmp_path), "CLIPLY_SECRET_KEY": "w" * 32}
    done = subprocess.run(
        [CLIPLY, *command, *([str(port)] if "--port" in command else [])], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 6
    assert done.stderr.count("CLIPLY_SECRET_KEY is not the key that this database was sealed with") == 1
    assert "cliply db take-key" in done.stderr
    assert "w" * 32 not in done.stderr
