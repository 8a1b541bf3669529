"""`cliply dev-providers` as somebody runs it."""

import json
import shlex
import signal
import socket
import subprocess
import sys

import pytest
from tests.servers.consent import browser


def free_ports() -> int:
    """The first of three that follow each other."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as one:
            port: int = one.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)), socket.create_server(("127.0.0.1", port + 2)):
                    return port
            except OSError:
                continue


@pytest.mark.slow
def test_it_serves_all_three_and_prints_the_settings_until_it_is_stopped() -> None:
    port = free_ports()
    command = [sys.executable, "-m", "cliply", "dev-providers", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(9)]
        told = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        assert told["CLIPLY_GOOGLE__URL"] == f"http://127.0.0.1:{port}"
        assert told["CLIPLY_TIKTOK__URL"] == f"http://127.0.0.1:{port + 1}"
        assert "Ada talks" in browser().get(told["CLIPLY_TIKTOK__URL"]).text
        assert "Stand-in for Stripe" in browser().get(told["CLIPLY_BILLING__URL"]).text
        asked = {"authorization": f"Bearer {told['CLIPLY_BILLING__SECRET_KEY']}"}
        assert "price_pro_monthly" in browser().get(f"{told['CLIPLY_BILLING__URL']}/v1/prices", headers=asked).text
        assert len(json.loads(shlex.split(told["CLIPLY_BILLING__WEBHOOK_SECRETS"])[0])) == 1
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "Ctrl-C" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_and_json_is_printed_whole() -> None:
    port = free_ports()
    command = [sys.executable, "-m", "cliply", "dev-providers", "--json", "--port", str(port)]
    with socket.create_server(("127.0.0.1", port + 1)):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 6
    assert f"Port {port + 1}" in refused.stderr
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        # What comes last says that all is printed.
        while "Ctrl-C" not in running.stderr.readline():
            pass
        running.send_signal(signal.SIGINT)
        printed, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert len(json.loads(printed)) == 9
