import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from cliply.infra.sealing import Sealer, WrongSealKey, open_sealer
from cliply.infra.settings import Settings

SEALER = Sealer(b"k" * 32)


def test_what_was_sealed_opens_for_the_same_row_and_shows_nothing() -> None:
    sealed = SEALER.seal("a token", row="mails/1")
    assert b"a token" not in sealed
    assert SEALER.open(sealed, row="mails/1") == "a token"
    assert SEALER.seal("a token", row="mails/1") != sealed


def test_it_opens_neither_for_another_row_nor_by_another_key_nor_damaged() -> None:
    sealed = SEALER.seal("a token", row="mails/1")
    with pytest.raises(WrongSealKey):
        SEALER.open(sealed, row="mails/2")
    with pytest.raises(WrongSealKey, match="CLIPLY_SECRET_KEY"):
        Sealer(b"o" * 32).open(sealed, row="mails/1")
    for at in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        with pytest.raises(WrongSealKey):
            SEALER.open(bytes(damaged), row="mails/1")
    for short in (b"", sealed[:10], sealed[:20]):
        with pytest.raises(WrongSealKey):
            SEALER.open(short, row="mails/1")


def test_processes_that_start_at_once_make_one_key_that_nobody_else_reads(tmp_path: Path) -> None:
    settings, made = Settings(data=tmp_path / "data"), list[Sealer]()
    starting = [threading.Thread(target=lambda: made.append(open_sealer(settings))) for _ in range(12)]
    for each in starting:
        each.start()
    for each in starting:
        each.join()
    sealed = made[0].seal("a token", row="r")
    assert {sealer.open(sealed, row="r") for sealer in made} == {"a token"}
    (kept,) = (tmp_path / "data").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_key_in_the_settings_is_the_same_on_every_machine(tmp_path: Path) -> None:
    one, other = (Settings(data=tmp_path / name, secret_key=SecretStr("s" * 32)) for name in ("one", "other"))
    assert open_sealer(other).open(open_sealer(one).seal("a token", row="r"), row="r") == "a token"
    assert list(tmp_path.iterdir()) == []
