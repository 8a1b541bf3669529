import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from tests.database import fresh_database
from typer.testing import CliRunner, Result

from cliply.cli import console
from cliply.cli.doctor import report
from cliply.cli.main import app
from cliply.errors import Conflict, Unavailable
from cliply.infra import schema, seal_check
from cliply.infra.db import Database
from cliply.infra.settings import Settings

SECRET = "very-secret-password"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    console.settings.cache_clear()
    yield monkeypatch
    console.settings.cache_clear()


@pytest.fixture
def named(server: str, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database, named in the settings with a password; the bundled server does not ask for one."""
    with fresh_database(server, "commanded") as url:
        address = make_url(url)
        address = address.set(password=address.password or SECRET)
        environment.setenv("CLIPLY_DATABASE__URL", address.render_as_string(hide_password=False))
        yield url


def db(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["db", *arguments])


def test_a_database_is_brought_up_looked_at_and_brought_down(named: str) -> None:
    newest = schema.revisions()[-1]
    assert isinstance(db("check").exception, Conflict)
    assert f"is at revision {newest}, on PostgreSQL {schema.server_version(named)}" in db("upgrade").output
    told = json.loads(db("check", "--json").output)
    assert (told["revision"], told["bundled"]) == (newest, False)
    assert told["database"].startswith("postgresql://cliply:***@")
    assert "is at revision base" in db("downgrade", "base", "--yes").output
    assert isinstance(db("check").exception, Conflict)


def test_going_back_is_not_done_by_accident(named: str) -> None:
    db("upgrade")
    refused = db("downgrade", "base")
    assert refused.exit_code == 2
    assert "--yes" in refused.output
    assert schema.check(named)


def test_a_database_takes_another_key_only_where_that_is_said(named: str, environment: pytest.MonkeyPatch) -> None:
    db("upgrade")
    database = Database(named)
    seal_check.agree(database, Settings(secret_key=SecretStr("l" * 32)))
    environment.setenv("CLIPLY_SECRET_KEY", "n" * 32)
    console.settings.cache_clear()
    refused = db("take-key")
    assert refused.exit_code == 2
    assert "--yes" in refused.output
    with pytest.raises(seal_check.OtherKey):
        seal_check.check(database, console.settings())
    assert json.loads(db("take-key", "--yes", "--json").output) == {"lost": 0}
    assert seal_check.check(database, console.settings()) == "the key fits"
    database.close()


@pytest.mark.parametrize("arguments", [["check"], ["upgrade"], ["downgrade", "base", "--yes"]])
def test_a_password_is_shown_by_no_command(environment: pytest.MonkeyPatch, arguments: list[str]) -> None:
    environment.setenv("CLIPLY_DATABASE__URL", f"postgresql://cliply:{SECRET}@127.0.0.1:1/cliply")
    failed = db(*arguments)
    assert isinstance(failed.exception, Unavailable)
    assert "127.0.0.1" in str(failed.exception)
    assert SECRET not in f"{failed.exception}{failed.output}"


@pytest.mark.slow
def test_the_bundled_database_is_used_where_none_is_named(short: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLIPLY_DATA", str(short / "data"))
    told = json.loads(db("upgrade", "--json").output)
    assert told == {
        "database": str(short / "data" / "postgres"), "bundled": True, "server": told["server"],
        "revision": schema.revisions()[-1],
    }  # fmt: skip
    assert f"in {short / 'data' / 'postgres'}, revision {told['revision']}" in database_check()


def database_check() -> str:
    found = {check.name: check for check in report()}["database"]
    return f"{found.state}: {found.used} {found.get}"


@pytest.mark.slow
def test_the_doctor_says_which_database_would_be_made_and_makes_none(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CLIPLY_DATA", str(tmp_path / "data"))
    assert database_check().startswith("ok: bundled PostgreSQL 18")
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_the_doctor_says_what_is_wrong_with_a_database(named: str) -> None:
    assert database_check().startswith("missing: ")
    assert "cliply db upgrade" in database_check()
    schema.upgrade(named)
    assert database_check().startswith(f"ok: PostgreSQL {schema.server_version(named)}")
    assert SECRET not in database_check()
