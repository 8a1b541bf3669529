"""Two workspaces for a test."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.database import as_owner

from cliply.infra.db import Database


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
