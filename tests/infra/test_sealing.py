import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from cliply.infra.redaction import secrets_of
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


# Sealed by the version before keys had successors, with the key b"k" * 32.
SEALED_BEFORE = bytes.fromhex("1c2ee3937b9855e25271f21d29efa70c94202e5d58415ae2db3e0fbd65ffbe270ffe90f970f6fb")


def test_what_was_sealed_before_keys_had_successors_still_opens() -> None:
    assert SEALER.open(SEALED_BEFORE, row="mails/1") == "a token"


def test_a_key_is_replaced_while_work_goes_on() -> None:
    old, new = Sealer(b"k" * 32), Sealer(b"n" * 32, before=[b"k" * 32, b"j" * 32])
    sealed = old.seal("a token", row="channels/1")
    assert new.open(sealed, row="channels/1") == "a token"
    assert new.needs_resealing(sealed)
    assert not sealed.startswith(new.mark)
    resealed = new.reseal(sealed, row="channels/1")
    assert not new.needs_resealing(resealed)
    assert resealed.startswith(new.mark)
    assert Sealer(b"n" * 32).open(resealed, row="channels/1") == "a token"
    # A process that was not started again yet names the next key among those before.
    assert Sealer(b"k" * 32, before=[b"n" * 32]).open(resealed, row="channels/1") == "a token"
    with pytest.raises(WrongSealKey, match="CLIPLY_SECRET_KEYS_BEFORE"):
        old.open(resealed, row="channels/1")


def test_what_was_moved_to_another_row_is_not_sealed_anew_for_it() -> None:
    new = Sealer(b"n" * 32, before=[b"k" * 32])
    sealed = SEALER.seal("a token", row="channels/1")
    with pytest.raises(WrongSealKey):
        new.reseal(sealed, row="channels/2")
    with pytest.raises(WrongSealKey):
        new.open(new.mark + sealed[len(new.mark) :], row="channels/1")


def test_keys_before_come_from_the_settings_and_are_in_no_representation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPLY_SECRET_KEY", "n" * 32)
    monkeypatch.setenv("CLIPLY_SECRET_KEYS_BEFORE", f'["{"s" * 32}", "{"r" * 32}"]')
    settings = Settings(data=tmp_path)
    before = open_sealer(Settings(data=tmp_path, secret_key=SecretStr("s" * 32), secret_keys_before=[]))
    assert open_sealer(settings).open(before.seal("a token", row="r"), row="r") == "a token"
    assert "s" * 32 not in repr(settings)
    assert {"n" * 32, "s" * 32, "r" * 32} <= set(secrets_of(settings))
    with pytest.raises(ValueError, match="at least 32"):
        Settings(secret_keys_before=[SecretStr("short")])


def test_an_installation_that_names_a_key_still_opens_what_its_kept_one_sealed(tmp_path: Path) -> None:
    sealed = open_sealer(Settings(data=tmp_path)).seal("a token", row="r")
    named = open_sealer(Settings(data=tmp_path, secret_key=SecretStr("s" * 32)))
    assert named.open(sealed, row="r") == "a token"
    assert named.needs_resealing(sealed)
