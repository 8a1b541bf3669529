import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.database import as_owner
from typer.testing import CliRunner, Result

from cliply.cli import console
from cliply.cli.main import app
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts
from cliply.features.identity.accounts import AddressNotConfirmed, NoAccount, RecoveryOver
from cliply.infra.db import Database

# Starts the command, and hashes passwords at their whole cost.
pytestmark = pytest.mark.slow

PASSWORD = "analytical engine no. 1"


@pytest.fixture(autouse=True)
def named(database: Database, migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    console.settings.cache_clear()
    monkeypatch.setenv("CLIPLY_DATABASE__URL", migrated)
    yield
    console.settings.cache_clear()


def users(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["users", *arguments], input=typed)


def test_an_account_is_made_recovered_and_signed_out(migrated: str) -> None:
    made = users("add", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\n")
    assert made.output == "ada@example.com can sign in now.\n"
    code = json.loads(users("recover", "Ada@example.com", "--json").output)["code"]
    assert "password is set" in users("reset", typed=f"{code}\nanother {PASSWORD}\n").output
    assert isinstance(users("reset", typed=f"{code}\n{PASSWORD}\n").exception, RecoveryOver)
    assert "signed out of 0 browsers" in users("sign-out", "ada@example.com").output
    with as_owner(migrated) as connection:
        assert connection.execute(text("SELECT DISTINCT actor_kind FROM audit_entries")).scalars().all() == ["operator"]


@pytest.mark.parametrize("command", ["recover", "sign-out"])
def test_an_account_that_is_not_there_is_said_so(command: str) -> None:
    assert isinstance(users(command, "nobody@example.com").exception, NoAccount)


def test_a_code_is_mailed_or_where_no_server_is_set_written_to_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLIPLY_DATA", str(tmp_path))
    users("add", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\n")
    said = users("recover", "ada@example.com", "--mail").output
    (file,) = (tmp_path / "mail").glob("*.eml")
    assert "nothing was sent" in said
    assert str(file) in said
    code = next(line.strip() for line in file.read_text().splitlines() if line.startswith("    "))
    assert code not in said
    assert "password is set" in users("reset", typed=f"{code}\nanother {PASSWORD}\n").output


def test_an_account_is_let_run_the_installation_and_not_any_more(database: Database) -> None:
    users("add", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\n")

    def is_admin() -> bool:
        with database.system() as session:
            return accounts.get(session, accounts.find(session, "ada@example.com")).is_admin

    assert not is_admin()
    assert users("admin", "ada@example.com").output == "ada@example.com runs this installation.\n"
    assert is_admin()
    assert "no longer" in users("admin", "ada@example.com", "--revoke").output
    assert not is_admin()


def test_an_account_whose_address_nobody_proved_does_not_run_the_installation(database: Database) -> None:
    by = Actor(ActorKind.USER)
    accounts.sign_up(database, email="ada@example.com", name="Ada", password=PASSWORD, by=by)
    assert isinstance(users("admin", "ada@example.com").exception, AddressNotConfirmed)
    assert users("admin", "ada@example.com", "--revoke").exit_code == 0
    code = json.loads(users("recover", "ada@example.com", "--json").output)["code"]
    users("reset", typed=f"{code}\n{PASSWORD}\n")
    assert users("admin", "ada@example.com").exit_code == 0
