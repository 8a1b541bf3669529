"""Several servers of one workspace, each a process: they answer together as many calls as its plan allows."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select
from tests.api.conftest import World
from tests.features.usage.books import agree
from tests.features.usage.test_shares import CALLS
from tests.features.workspaces.planned import at_noon
from tests.infra.queue.fleet import until

from cliply.api.server import address_of, listen
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.plans import BUILT_IN
from cliply.features.usage import ledger
from cliply.features.usage.models import UsageCounter
from cliply.features.workspaces import own_plan

SERVERS = 3


@contextmanager
def serving(url: str, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A server, and where it is."""
    listening = listen("127.0.0.1", 0)
    address, descriptor = address_of(listening), listening.fileno()
    named = os.environ | {"CLIPLY_DATABASE__URL": url, "CLIPLY_DATA": str(folder)}
    command = [sys.executable, "-m", "cliply", "serve", "--socket", str(descriptor)]
    process = subprocess.Popen(command, pass_fds=[descriptor], env=named, stderr=subprocess.DEVNULL)
    listening.close()
    try:
        until(lambda: answers(address), within=60)
        yield process, address
    finally:
        process.terminate()
        process.wait(timeout=60)


def answers(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/api/healthz").is_success
    except httpx2.TransportError:
        return False


def limited(world: World, limit: int, *, used: int) -> None:
    at_noon(world.database, world.workspace)
    with world.database.system() as session:
        own_plan.assign(
            session, world.workspace, BUILT_IN, name="premium", overrides={"api_calls_per_month": limit},
            by=Actor(ActorKind.OPERATOR),
        )  # fmt: skip
    with world.database.workspace(world.workspace) as session:
        ledger.commit(session, CALLS, "before", used)


def counters(world: World) -> tuple[int, int]:
    """Used and reserved."""
    with world.database.workspace(world.workspace) as session:
        counter = session.scalars(select(UsageCounter).where(UsageCounter.metric == CALLS)).one()
    return counter.used, counter.reserved


def answered(world: World, addresses: Sequence[str], number: int) -> int:
    """How many of so many calls, many of them at once; the others are refused by the plan."""
    headers = world.headers("owner", key=True)

    def status(which: int) -> int:
        return httpx2.get(f"{addresses[which % len(addresses)]}/api/projects", headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(24) as pool:
        found = Counter(pool.map(status, range(number)))
    assert set(found) <= {200, 402}
    return found[200]


@pytest.mark.slow
def test_servers_answer_together_what_is_left_and_one_that_is_killed_makes_it_no_more(
    world: World, migrated: str, tmp_path: Path
) -> None:
    with ExitStack() as running:
        servers = [running.enter_context(serving(migrated, tmp_path)) for _ in range(SERVERS)]
        addresses = [address for _, address in servers]
        limited(world, 5_000, used=1_900)
        assert answered(world, addresses, 300) == 300
        until(lambda: counters(world) == (2_200, 0), within=10)
        assert answered(world, addresses, 30) == 30
        servers[0][0].kill()
        servers[0][0].wait()
        limited(world, 2_400, used=1_900)
        # Nobody reports the share of the one that was killed, and it was no more than a hundredth of what was left.
        assert 170 - 28 <= answered(world, addresses[1:], 300) <= 170
        assert sum(counters(world)) == 2_400
        limited(world, 2_401, used=1_900)
        assert answered(world, addresses[1:], 100) == 1
    agree(world.database)
