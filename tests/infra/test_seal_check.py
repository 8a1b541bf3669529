"""A process whose keys are not those of its database is known before it does harm."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from cliply.infra.db import Database
from cliply.infra.health import readiness
from cliply.infra.seal_check import OtherKey, agree, check, take
from cliply.infra.sealing import open_sealer
from cliply.infra.settings import Settings

RIGHT, WRONG, NEW = "r" * 32, "w" * 32, "n" * 32


def keys(data: Path, key: str | None, *before: str) -> Settings:
    named = None if key is None else SecretStr(key)
    return Settings(data=data, secret_key=named, secret_keys_before=[SecretStr(each) for each in before])


def seal_a_letter(database: Database, settings: Settings) -> None:
    """As a version of before this check has done."""
    letter = uuid4()
    with database.system() as session:
        put = text("INSERT INTO mails (id, sealed) VALUES (:id, :sealed)")
        session.execute(put, {"id": letter, "sealed": open_sealer(settings).seal("hello", row=f"mails/{letter}")})


def kept(database: Database) -> list[bytes]:
    with database.system() as session:
        return [bytes(each) for each in session.scalars(text("SELECT sealed FROM seal_checks"))]


def test_the_first_key_is_the_databases_and_another_one_is_refused(database: Database, tmp_path: Path) -> None:
    agree(database, keys(tmp_path, RIGHT))
    before = kept(database)
    agree(database, keys(tmp_path, RIGHT))
    assert kept(database) == before
    assert RIGHT.encode() not in before[0]
    with pytest.raises(OtherKey, match=r"^CLIPLY_SECRET_KEY is not the key .* CLIPLY_SECRET_KEYS_BEFORE") as refused:
        agree(database, keys(tmp_path, WRONG))
    assert WRONG not in str(refused.value)
    assert kept(database) == before


def test_a_key_is_replaced_in_the_order_of_the_guide_and_the_old_one_is_not_needed_then(
    database: Database, tmp_path: Path
) -> None:
    agree(database, keys(tmp_path, RIGHT))
    agree(database, keys(tmp_path, RIGHT, NEW))
    agree(database, keys(tmp_path, NEW, RIGHT))
    agree(database, keys(tmp_path, RIGHT, NEW))
    agree(database, keys(tmp_path, NEW, RIGHT))
    agree(database, keys(tmp_path, NEW))
    with pytest.raises(OtherKey):
        agree(database, keys(tmp_path, RIGHT))


def test_the_key_in_the_folder_is_made_once_and_not_anew_where_it_is_lost(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    agree(database, keys(tmp_path, None))
    made = file.read_bytes()
    agree(database, keys(tmp_path, None))
    file.unlink()
    for look in (agree, check):
        with pytest.raises(OtherKey, match=f"{file} is missing"):
            look(database, keys(tmp_path, None))
    assert not file.exists()
    file.write_bytes(made)
    agree(database, keys(tmp_path, NEW))
    file.unlink()
    agree(database, keys(tmp_path, NEW))


def test_of_two_that_come_first_at_once_with_keys_of_their_own_one_is_refused(
    database: Database, tmp_path: Path
) -> None:
    def start(number: int) -> bool:
        try:
            agree(database, keys(tmp_path / f"{number}", None))
        except OtherKey:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(start, range(4))) == [False, False, False, True]
    assert len(kept(database)) == 1


def test_what_was_sealed_before_there_was_a_check_tells_the_key(database: Database, tmp_path: Path) -> None:
    seal_a_letter(database, keys(tmp_path, RIGHT))
    for strange in (keys(tmp_path, WRONG), keys(tmp_path, None)):
        with pytest.raises(OtherKey):
            agree(database, strange)
    assert kept(database) == []
    assert list(tmp_path.iterdir()) == [], "no key was made"
    agree(database, keys(tmp_path, NEW, RIGHT))
    assert len(kept(database)) == 1


def test_whose_key_is_lost_begins_anew_and_is_told_how_much_that_costs(database: Database, tmp_path: Path) -> None:
    agree(database, keys(tmp_path, RIGHT))
    seal_a_letter(database, keys(tmp_path, RIGHT))
    seal_a_letter(database, keys(tmp_path, NEW))
    assert take(database, keys(tmp_path, NEW)) == 1
    agree(database, keys(tmp_path, NEW))
    with pytest.raises(OtherKey):
        agree(database, keys(tmp_path, RIGHT))


def test_looking_writes_nothing_and_a_process_that_runs_with_another_key_is_not_ready(
    database: Database, tmp_path: Path
) -> None:
    assert check(database, keys(tmp_path, None)) == "nothing was sealed yet"
    assert kept(database) == []
    agree(database, keys(tmp_path, RIGHT))
    assert check(database, keys(tmp_path, NEW, RIGHT)) == "the key fits"
    assert list(tmp_path.iterdir()) == []
    told = {each.name: each for each in readiness(database, keys(tmp_path, WRONG)).checks()}
    assert not told["secrets"].ok
    assert "CLIPLY_SECRET_KEY" in told["secrets"].found


def test_workspaces_see_nothing_of_it(database: Database, tmp_path: Path) -> None:
    agree(database, keys(tmp_path, RIGHT))
    with pytest.raises(Exception, match="permission denied"), database.workspace(uuid4()) as session:
        session.execute(text("SELECT * FROM seal_checks"))
