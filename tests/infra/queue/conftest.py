"""A database with two workspaces, and a table in which the fleet's handlers write what they did."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.infra.queue.fleet import Fleet, make_effects
from tests.infra.queue.workspaces import workspaces

from cliply.infra.db import Database

__all__ = ["workspaces"]


@pytest.fixture
def wide(database: Database, migrated: str) -> Iterator[Database]:
    """With a connection for each of 16 claimers."""
    wide = Database(migrated, connections=16)
    yield wide
    wide.close()


@pytest.fixture
def fleet(database: Database, migrated: str) -> Iterator[Fleet]:
    make_effects(migrated)
    fleet = Fleet(migrated)
    yield fleet
    fleet.end()
    with as_owner(migrated) as owner:
        owner.execute(text("drop schema fleet cascade"))
