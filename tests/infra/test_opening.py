from pathlib import Path

import pytest
from sqlalchemy import text
from tests.database import fresh_database

from cliply.infra import opening, schema
from cliply.infra.settings import Database, Settings


@pytest.mark.slow
def test_the_bundled_database_is_made_and_upgraded_by_itself(short: Path) -> None:
    settings = Settings(data=short / "opened")
    with opening.open_database(settings) as database, database.system() as session:
        assert session.scalar(text("SELECT count(*) FROM workspaces")) == 0
    with opening.database_url(settings) as url:
        assert schema.check(url) == schema.revisions()[-1]


def test_a_named_database_is_never_upgraded_unasked(server: str) -> None:
    with fresh_database(server, "named") as url:
        settings = Settings(database=Database(url=url.replace("+psycopg", "")))
        with pytest.raises(schema.SchemaTooOld, match="cliply db upgrade"), opening.open_database(settings):
            pass
        schema.upgrade(url)
        with opening.open_database(settings) as database, database.system() as session:
            assert session.scalar(text("SELECT count(*) FROM workspaces")) == 0
