import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stopped_while_loading(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What a run says that gets Ctrl-C when its libraries are half loaded."""
    command = [sys.executable, "-X", "importtime", "-m", "cliply", "doctor", *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    for line in running.stderr:
        if "pydantic_core" in line:
            break
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=20)
    return subprocess.CompletedProcess(command, running.returncode, out, said)


def test_ctrl_c_while_the_program_is_loaded_is_answered_like_any_other() -> None:
    ran = stopped_while_loading()
    assert ran.returncode == 130
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("Stopped. ")


def test_json_is_given_even_then() -> None:
    told = json.loads(stopped_while_loading("--json").stdout)
    assert told["error"]["exit_code"] == 130


def test_the_installed_command_begins_there_too() -> None:
    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["cliply"] == "cliply.cli.start:main"
    )
