"""A database with two workspaces, and a table in which the fleet's handlers write what they did."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.infra.queue.fleet import Fleet

from cliply.infra.db import SYSTEM_ROLE, Database


@pytest.fixture
def workspaces(database: Database, migrated: str) -> list[UUID]:
    made = [uuid4() for _ in range(2)]
    with as_owner(migrated) as owner:
        for number, each in enumerate(made):
            owner.execute(
                text("insert into workspaces (id, slug, name) values (:id, :slug, :slug)"),
                {"id": each, "slug": f"w{number}"},
            )
    return made


@pytest.fixture
def wide(database: Database, migrated: str) -> Iterator[Database]:
    """With a connection for each of 16 claimers."""
    wide = Database(migrated, connections=16)
    yield wide
    wide.close()


@pytest.fixture
def fleet(database: Database, migrated: str) -> Iterator[Fleet]:
    with as_owner(migrated) as owner:
        owner.execute(text("create schema fleet"))
        owner.execute(text("create table fleet.effects (id bigserial, job_id bigint, what text, process integer)"))
        owner.execute(text(f"grant usage on schema fleet to {SYSTEM_ROLE}"))
        owner.execute(text(f"grant all on all tables in schema fleet to {SYSTEM_ROLE}"))
        owner.execute(text(f"grant all on all sequences in schema fleet to {SYSTEM_ROLE}"))
    fleet = Fleet(migrated)
    yield fleet
    fleet.end()
    with as_owner(migrated) as owner:
        owner.execute(text("drop schema fleet cascade"))
