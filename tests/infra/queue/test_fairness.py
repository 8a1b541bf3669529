"""What a flood of one workspace costs the others, with real workers."""

import statistics
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.infra.queue.fleet import Fleet, until
from tests.infra.queue.looking import one, put_many

from cliply.infra.db import Database
from cliply.infra.queue.rows import NewJob
from cliply.worker import RUNNING_PER_WORKSPACE

pytestmark = pytest.mark.slow

FLOOD = 5_000
SMALL, EACH = 20, 10
ROUNDS = 3
"""At most: what else the machine does while the flood is there is no fault of the queue, and passes."""


@pytest.fixture
def flooding_and_small(database: Database, migrated: str) -> tuple[UUID, list[UUID]]:
    made = [uuid4() for _ in range(1 + SMALL)]
    with as_owner(migrated) as owner:
        for each in made:
            named = {"id": each, "slug": each.hex}
            owner.execute(text("insert into workspaces (id, slug, name) values (:id, :slug, :slug)"), named)
    return made[0], made[1:]


def p95_wait(database: Database, workspaces: Sequence[UUID]) -> float:
    """Seconds from when a few jobs of each are queued until they begin."""
    ids = put_many(database, [NewJob(kind="SHORT", queue="work", workspace_id=each) for each in workspaces] * EACH)
    unfinished = "select count(*) from jobs where id = any(:ids) and state <> 'succeeded'"
    until(lambda: one(database, unfinished, ids=ids) == 0, within=60)
    with database.system() as session:
        waited = text("select extract(epoch from started_at - created_at) from jobs where id = any(:ids)")
        return statistics.quantiles(map(float, session.execute(waited, {"ids": ids}).scalars()), n=20)[-1]


def test_thousands_of_jobs_of_one_workspace_delay_small_ones_at_most_threefold(
    database: Database, fleet: Fleet, flooding_and_small: tuple[UUID, list[UUID]]
) -> None:
    flooding, small = flooding_and_small
    # Fewer places than one workspace may take: were there no fair share, the flood would have them all.
    fleet.start(concurrency=RUNNING_PER_WORKSPACE // 2, cap=RUNNING_PER_WORKSPACE)
    p95_wait(database, small[:1])  # until the workers have started

    def slowdown() -> float:
        idle = p95_wait(database, small)
        flood = put_many(database, [NewJob(kind="SHORT", queue="work", workspace_id=flooding)] * FLOOD)
        begun = "select count(*) from jobs where id = any(:ids) and started_at is not null"
        until(lambda: one(database, begun, ids=flood) > 0)
        flooded = p95_wait(database, small)
        assert one(database, begun, ids=flood) < FLOOD / 2, "the flood was over before it could be in the way"
        with database.system() as session:
            over = text("update procrastinate_jobs set status = 'cancelled' where id = any(:ids) and status = 'todo'")
            session.execute(over, {"ids": flood})
        return flooded / idle

    assert any(slowdown() <= 3 for _ in range(ROUNDS))
