"""Local accounts on a real database; time passes by moving what is written back."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from tests.database import as_owner

from cliply.errors import Invalid
from cliply.features.audit.models import ActorKind, AuditEntry
from cliply.features.audit.service import Actor
from cliply.features.identity import accounts, login_sessions
from cliply.features.identity.models import LoginSession, Password, User
from cliply.infra.db import Database
from cliply.infra.rate_limits import TooOften

VISITOR = Actor(ActorKind.USER, request_id="r-1", ip="192.0.2.7")
EMAIL, PASSWORD = "ada@example.com", "analytical engine no. 1"
OTHER_PASSWORD = "difference engine no. 2"


@pytest.fixture
def ada(database: Database) -> UUID:
    return accounts.sign_up(database, email=EMAIL, name="Ada", password=PASSWORD, by=VISITOR)


def signed_in(database: Database, token: str) -> bool:
    with database.system() as session:
        try:
            return bool(login_sessions.user_of(session, token))
        except login_sessions.SignedOut:
            return False


def way_back(database: Database, email: str = EMAIL) -> str:
    with database.system() as session:
        started = accounts.start_recovery(session, email, by=VISITOR)
    assert started is not None
    assert started.token not in repr(started)
    return started.token


def pass_time(url: str, interval: str) -> None:
    with as_owner(url) as connection:
        for change in (
            "login_sessions SET seen_at = seen_at - CAST(:ago AS interval)",
            "login_sessions SET created_at = created_at - CAST(:ago AS interval)",
            "recoveries SET expires_at = expires_at - CAST(:ago AS interval)",
            "rate_limits SET full_at = full_at - CAST(:ago AS interval)",
        ):
            connection.execute(text(f"UPDATE {change}"), {"ago": interval})


def test_who_signed_up_signs_in_whatever_the_case_of_the_address(database: Database, ada: UUID) -> None:
    found = accounts.sign_in(database, f" {EMAIL.upper()} ", PASSWORD, by=VISITOR)
    assert found.user_id == ada
    assert signed_in(database, found.token)


def test_an_accent_may_be_typed_in_either_way(database: Database) -> None:
    accounts.sign_up(database, email=EMAIL, name="Ada", password="caf\u00e9 au lait", by=VISITOR)
    assert accounts.sign_in(database, EMAIL, "cafe\u0301 au lait", by=VISITOR)


def test_neither_password_nor_token_is_kept(database: Database, ada: UUID) -> None:
    found = accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    recovery = way_back(database)
    with database.system() as session:
        rows = [
            str(row)
            for table in ("passwords", "login_sessions", "recoveries", "rate_limits", "audit_entries")
            for row in session.execute(text(f"SELECT {table}::text FROM {table}")).scalars()
        ]
        assert session.scalars(select(Password.hash)).one().startswith("$argon2id$v=19$m=65536,t=3,")
    assert len(rows) >= 7
    for secret in (PASSWORD, found.token, recovery):
        assert not any(secret in row or secret.encode().hex() in row for row in rows)
    assert found.token not in repr(found)


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong password"), ("eve@example.com", PASSWORD), ("\0", "no password")]
)
def test_a_wrong_password_and_no_account_look_the_same(
    database: Database, ada: UUID, email: str, password: str
) -> None:
    with pytest.raises(accounts.WrongPassword, match="E-mail address or password is wrong") as refused:
        accounts.sign_in(database, email, password, by=VISITOR)
    assert password not in str(refused.value)


def test_an_account_without_a_password_cannot_be_signed_in_to(database: Database) -> None:
    with database.system() as session:
        session.add(User(email=EMAIL, name="Ada"))
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(database, EMAIL, "", by=VISITOR)


@pytest.mark.parametrize("email", ["ada", "a b@example.com", "ada@example.com\nBcc: all@example.com", "a@" + "b" * 300])
def test_what_is_no_address_is_refused(database: Database, email: str) -> None:
    with pytest.raises(Invalid, match="no e-mail address"):
        accounts.sign_up(database, email=email, name="Ada", password=PASSWORD, by=VISITOR)


@pytest.mark.parametrize("password", ["short", "x" * 257, "aaaaaaaaaaaa", "Ada@Example.com"])
def test_a_weak_password_is_refused_and_not_repeated(database: Database, password: str) -> None:
    with pytest.raises(Invalid, match="password") as refused:
        accounts.sign_up(database, email=EMAIL, name="Ada", password=password, by=VISITOR)
    assert password not in str(refused.value)


def test_an_address_has_one_account_however_many_sign_up_at_once(database: Database) -> None:
    def sign_up(number: int) -> bool:
        email = EMAIL if number % 2 else EMAIL.upper()
        try:
            accounts.sign_up(database, email=email, name="Ada", password=PASSWORD, by=Actor(ActorKind.USER))
        except accounts.AddressTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(sign_up, range(4))) == [False, False, False, True]
    with database.system() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_trying_passwords_is_slowed_down_and_a_success_forgets_it(database: Database, ada: UUID, migrated: str) -> None:
    def fail(times: int) -> None:
        for _ in range(times):
            with pytest.raises(accounts.WrongPassword):
                accounts.sign_in(database, EMAIL, "wrong password", by=VISITOR)

    fail(4)
    accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    fail(5)
    with pytest.raises(TooOften, match="Too many attempts to sign in") as refused:
        accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    assert 1 <= refused.value.retry_after <= 60
    elsewhere = Actor(ActorKind.USER, ip="192.0.2.99")
    assert accounts.sign_in(database, EMAIL, PASSWORD, by=elsewhere), "nobody else is shut out"
    pass_time(migrated, "61 seconds")
    assert accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)


def test_a_new_sign_in_ends_the_session_that_the_browser_had(database: Database, ada: UUID) -> None:
    first = accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    second = accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR, replacing=first.token)
    assert second.token != first.token
    assert (signed_in(database, first.token), signed_in(database, second.token)) == (False, True)


def test_a_session_ends_twelve_hours_after_it_was_last_seen(database: Database, ada: UUID, migrated: str) -> None:
    token = accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR).token
    for _ in range(2):
        pass_time(migrated, "11 hours 59 minutes")
        assert signed_in(database, token)
    pass_time(migrated, "12 hours 1 second")
    assert not signed_in(database, token)


def test_a_session_ends_after_thirty_days_though_it_is_seen_each_hour(
    database: Database, ada: UUID, migrated: str
) -> None:
    token = accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR).token
    with as_owner(migrated) as connection:
        connection.execute(text("UPDATE login_sessions SET created_at = now() - interval '30 days'"))
    assert not signed_in(database, token)
    accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    with database.system() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 1, "what is over is removed"


def test_signing_out_ends_this_session_and_everywhere_ends_all(database: Database, ada: UUID) -> None:
    tokens = [accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR).token for _ in range(3)]
    with database.system() as session:
        login_sessions.end(session, tokens[0], by=VISITOR)
    assert [signed_in(database, token) for token in tokens] == [False, True, True]
    with database.system() as session:
        assert login_sessions.end_all(session, ada, by=VISITOR) == 2
    assert not any(signed_in(database, token) for token in tokens)


def test_recovery_sets_a_new_password_once_and_signs_out_everywhere(database: Database, ada: UUID) -> None:
    before = accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR).token
    token = way_back(database, EMAIL.upper())
    with pytest.raises(Invalid, match="password"):
        accounts.recover(database, token, "short", by=VISITOR)
    assert accounts.recover(database, token, OTHER_PASSWORD, by=VISITOR) == ada
    assert not signed_in(database, before)
    with pytest.raises(accounts.RecoveryOver):
        accounts.recover(database, token, PASSWORD, by=VISITOR)
    with pytest.raises(accounts.WrongPassword):
        accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    assert accounts.sign_in(database, EMAIL, OTHER_PASSWORD, by=VISITOR)


def test_a_way_back_in_is_used_once_however_many_try_at_once(database: Database, ada: UUID) -> None:
    token = way_back(database)

    def recover(number: int) -> bool:
        try:
            accounts.recover(database, token, f"{OTHER_PASSWORD} {number}", by=VISITOR)
        except accounts.RecoveryOver:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(recover, range(4))) == 1


def test_a_way_back_in_closes_after_an_hour_and_when_another_is_asked_for(
    database: Database, ada: UUID, migrated: str
) -> None:
    first, second = way_back(database), way_back(database)
    with pytest.raises(accounts.RecoveryOver):
        accounts.recover(database, first, OTHER_PASSWORD, by=VISITOR)
    pass_time(migrated, "61 minutes")
    with pytest.raises(accounts.RecoveryOver):
        accounts.recover(database, second, OTHER_PASSWORD, by=VISITOR)


def test_a_way_back_in_goes_to_the_account_s_own_address_not_to_one_that_looks_like_it(database: Database) -> None:
    email = "kit@example.com"
    accounts.sign_up(database, email=email, name="Kit", password=PASSWORD, by=VISITOR)
    for typed in ("KIT@example.com", "\N{KELVIN SIGN}it@example.com"):
        with database.system() as session:
            started = accounts.start_recovery(session, typed, by=VISITOR)
        assert started is None or started.email == email


def test_no_account_has_no_way_back_in(database: Database) -> None:
    with database.system() as session:
        assert accounts.start_recovery(session, EMAIL, by=VISITOR) is None


def test_asking_for_the_way_back_again_and_again_is_slowed_down(database: Database) -> None:
    for _ in range(3):
        accounts.count_recovery(database, EMAIL, by=VISITOR)
    with pytest.raises(TooOften, match="requests to get back in"):
        accounts.count_recovery(database, EMAIL.upper(), by=VISITOR)


def test_a_network_of_the_newer_kind_is_one_place(database: Database) -> None:
    for number in range(10):
        accounts.count_sign_up(database, by=Actor(ActorKind.USER, ip=f"2001:db8::{number}"))
    with pytest.raises(TooOften):
        accounts.count_sign_up(database, by=Actor(ActorKind.USER, ip="2001:db8::ffff"))
    accounts.count_sign_up(database, by=Actor(ActorKind.USER, ip="2001:db8:0:1::1"))


def test_what_happens_to_an_account_is_written_down(database: Database, ada: UUID) -> None:
    accounts.sign_in(database, EMAIL, PASSWORD, by=VISITOR)
    token = way_back(database)
    accounts.recover(database, token, OTHER_PASSWORD, by=VISITOR)
    with database.system() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    actions = ["user.created", "session.started", "recovery.started", "password.recovered"]
    assert [entry.action for entry in entries] == actions
    assert {(entry.target_id, entry.request_id, entry.ip) for entry in entries} == {(str(ada), "r-1", "192.0.2.7")}


def test_a_workspace_s_session_reads_nothing_of_accounts(database: Database, ada: UUID) -> None:
    for table in ("passwords", "login_sessions", "recoveries", "rate_limits"):
        with pytest.raises(Exception, match="permission denied"), database.workspace(UUID(int=1)) as session:
            session.execute(text(f"SELECT * FROM {table}"))
