"""Whatever publishing can do over the API is done from a terminal, beside networks of this machine."""

import os
import re
import socket
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.api.apps import app_of
from tests.api.conftest import World, runtime, world
from tests.api.networks import networks_of
from tests.cli.at_a_service import Terminal, missed, served
from tests.servers import consent

__all__ = ["runtime", "world"]


def connected(who: Terminal, *command: str, account: str) -> str:
    """A process that waits at a port, and its owner's browser; what it prints."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    who.at.asked.clear()
    waiting = subprocess.Popen(
        [Path(sys.executable).with_name("cliply"), *command, "--no-browser", "--port", port],
        env={**os.environ, "HOME": str(who.home), **who.environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert waiting.stderr is not None
    page = next(found[1] for line in waiting.stderr if (found := re.match(r"\s+(http\S+)$", line)))
    where, brought = consent.answer(page, account=account)
    assert consent.open_page(f"{where}?{urlencode(brought)}").status_code == 200
    out, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, said
    who.reached[" ".join(command[:2])].update(who.at.asked)
    return out


@pytest.mark.slow
def test_every_operation_of_publishing_is_reached_by_the_command_that_the_table_names(
    world: World, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    media = tmp_path_factory.mktemp("media")
    soon, later = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d} 10:00" for days in (30, 60))
    with networks_of(world, tmp_path, media) as stage, served(app_of(stage.runtime)) as service:
        owner = Terminal(tmp_path / "home", service, defaultdict(set))
        owner.environment = {"CLIPLY_REMOTE__URL": service.url, "CLIPLY_REMOTE__KEY": world.keys["owner"]}
        assert "“Bees, daily” on YouTube" in connected(owner, "accounts", "connect", "youtube", account="UCaaaa")
        assert "on TikTok is connected" in connected(owner, "accounts", "connect", "tiktok", account="open-ada")
        assert "Bees, daily" in owner.run("accounts", "list")
        assert "Hive" in owner.run("accounts", "rename", "Bees, daily", "Hive")
        owner.run("accounts", "set-up", "Hive", "--privacy", "unlisted")
        assert "unlisted" in owner.run("accounts", "show", "Hive")
        assert "Hive" in connected(owner, "accounts", "reconnect", "Hive", account="UCaaaa")
        clip = stage.clip().id
        made = owner.told("publish", clip, "--to", "youtube:Hive", "--at", soon)
        assert made["id"] in owner.run("publications", "list", "--account", "Hive")
        assert "unlisted" in owner.run("publications", "show", made["id"])
        assert "no figures yet" in owner.run("publications", "metrics", made["id"])
        assert "in all" in owner.run("metrics", "--account", "Hive", "--by", "day")
        owner.run("publications", "move", made["id"], later)
        assert "cancelled" in owner.run("publications", "cancel", made["id"])
        assert "cancelled" in owner.refused("publications", "retry", made["id"])
        assert "cancelled" in owner.refused("publications", "settle", made["id"], "absent")
        planned = owner.told("schedule", "add", clip, "--to", "youtube:Hive", "--at", soon, "--zone", "Asia/Tokyo")
        assert planned["zone"] == "Asia/Tokyo"
        assert "paused" in owner.run("schedule", "pause", planned["id"])
        assert "planned" in owner.run("schedule", "resume", planned["id"])
        assert "planned" in owner.run("schedule", "move", planned["id"], later)
        assert planned["id"] in owner.run("schedule", "list", "--to", later[:10], "--account", "Hive")
        assert "cancelled" in owner.run("schedule", "cancel", planned["id"])
        assert "UTC" in owner.run("schedule", "next", "--to", "youtube:Hive")
        tiktok = ("publish", clip, "--to", "tiktok", "--privacy", "SELF_ONLY", "--agree", "--at", soon)
        assert owner.told(*tiktok)["id"] != made["id"]
        assert "Hive" in owner.run("accounts", "disconnect", "Hive", "--yes")
    assert missed(service.app, owner.reached, of="publishing") == {}
