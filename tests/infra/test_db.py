"""Two workspaces, and the two guards between them: each holds while the other is off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, event, func, insert, literal, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session, aliased
from tests.database import as_owner

from cliply.features.identity.models import Membership, Role, User, Workspace
from cliply.infra.db import Database, ScopedSession
from cliply.infra.workspace_guard import ForeignWorkspace, guard, keep_inside, narrow

OURS, THEIRS = UUID(int=1), UUID(int=2)
TABLES = ("workspaces", "memberships")


@pytest.fixture
def tenants(database: Database) -> Database:
    """Two workspaces with a member each."""
    with database.system() as session:
        for number, (workspace_id, name) in enumerate(((OURS, "ours"), (THEIRS, "theirs"))):
            session.add(User(id=UUID(int=10 + number), email=f"{name}@example.com", name=name))
            session.add(Workspace(id=workspace_id, slug=name, name=name))
            session.flush()
            session.add(Membership(workspace_id=workspace_id, user_id=UUID(int=10 + number), role=Role.OWNER))
    return database


@contextmanager
def without_row_security(url: str) -> Iterator[None]:
    with as_owner(url) as connection:
        for table in TABLES:
            connection.execute(text(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
    try:
        yield
    finally:
        with as_owner(url) as connection:
            for table in TABLES:
                connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))


@contextmanager
def without_narrowing() -> Iterator[None]:
    event.remove(ScopedSession, "do_orm_execute", narrow)
    event.remove(ScopedSession, "before_flush", keep_inside)
    try:
        yield
    finally:
        guard(ScopedSession)


@pytest.fixture(params=["both guards", "row security alone", "narrowing alone"])
def guarded(request: pytest.FixtureRequest, tenants: Database, migrated: str) -> Iterator[Database]:
    match request.param:
        case "row security alone":
            with without_narrowing():
                yield tenants
        case "narrowing alone":
            with without_row_security(migrated):
                yield tenants
        case _:
            yield tenants


READS: dict[str, Callable[[Session], list[UUID]]] = {
    "rows": lambda session: [each.workspace_id for each in session.scalars(select(Membership))],
    "columns": lambda session: list(session.scalars(select(Membership.workspace_id))),
    "an alias": lambda session: list(session.scalars(select(aliased(Membership).workspace_id))),
    "a join": lambda session: list(
        session.scalars(select(Membership.workspace_id).join(Workspace, Workspace.id == Membership.workspace_id))
    ),
    "a subquery": lambda session: list(session.scalars(select(select(Membership.workspace_id).subquery()))),
    "the workspace itself": lambda session: list(session.scalars(select(Workspace.id))),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_a_workspace_reads_its_own_rows_only(guarded: Database, read: Callable[[Session], list[UUID]]) -> None:
    with guarded.workspace(OURS) as session:
        assert read(session) == [OURS]
    with guarded.workspace(uuid4()) as session:
        assert read(session) == []
    with guarded.system() as session:
        assert sorted(read(session)) == [OURS, THEIRS]


def test_a_foreign_row_is_not_there_by_its_key(guarded: Database) -> None:
    with guarded.workspace(OURS) as session:
        assert session.get(Workspace, THEIRS) is None
        assert session.get(Membership, (THEIRS, UUID(int=11))) is None
        assert session.scalar(select(func.count()).select_from(Membership)) == 1


def test_a_foreign_row_can_neither_be_changed_nor_deleted(guarded: Database) -> None:
    with guarded.workspace(OURS) as session:
        session.execute(update(Membership).values(role=Role.VIEWER))
        session.execute(update(Workspace).where(Workspace.id == THEIRS).values(name="taken"))
        session.execute(delete(Membership).where(Membership.workspace_id == THEIRS))
    with guarded.system() as session:
        rows = session.execute(select(Membership.workspace_id, Membership.role)).all()
        assert sorted(tuple(row) for row in rows) == [(OURS, Role.VIEWER), (THEIRS, Role.OWNER)]
        assert session.scalar(select(Workspace.name).where(Workspace.id == THEIRS)) == "theirs"


def row_in_theirs() -> dict[str, object]:
    return {"workspace_id": THEIRS, "user_id": UUID(int=10), "role": Role.OWNER}


WRITES: dict[str, Callable[[Session], object]] = {
    "a new row": lambda session: session.add(Membership(**row_in_theirs())),
    "an insert": lambda session: session.execute(insert(Membership).values(**row_in_theirs())),
    "an insert of many": lambda session: session.execute(insert(Membership), [row_in_theirs(), row_in_theirs()]),
    "an insert of many with one workspace": lambda session: session.execute(
        insert(Membership).values(workspace_id=THEIRS), [{"user_id": UUID(int=10), "role": Role.OWNER}] * 2
    ),
    "an insert of many values": lambda session: session.execute(insert(Membership).values([row_in_theirs()])),
    "an insert of what was selected": lambda session: session.execute(
        insert(Membership).from_select(
            ["workspace_id", "user_id", "role"], select(literal(THEIRS), User.id, literal("owner")).limit(1)
        )
    ),
    "a row moved": lambda session: session.execute(update(Membership).values(workspace_id=THEIRS)),
    "a loaded row moved": lambda session: setattr(session.scalars(select(Membership)).one(), "workspace_id", THEIRS),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_no_row_is_written_into_another_workspace(guarded: Database, write: Callable[[Session], object]) -> None:
    with pytest.raises((ForeignWorkspace, ProgrammingError)), guarded.workspace(OURS) as session:
        write(session)
    with guarded.system() as session:
        assert session.scalar(select(func.count()).where(Membership.workspace_id == THEIRS)) == 1


def test_a_new_row_belongs_to_the_workspace_of_its_session(tenants: Database) -> None:
    with tenants.system() as session:
        session.add(User(id=UUID(int=12), email="new@example.com", name="New"))
    with tenants.workspace(OURS) as session:
        session.add(Membership(user_id=UUID(int=12), role=Role.MEMBER))
    with tenants.system() as session:
        assert session.scalars(select(Membership.workspace_id).where(Membership.user_id == UUID(int=12))).one() == OURS


def test_people_are_seen_by_those_who_share_a_workspace_with_them(tenants: Database) -> None:
    with tenants.workspace(OURS) as session:
        assert session.scalars(select(User.name)).all() == ["ours"]
    with pytest.raises(ProgrammingError, match="permission denied"), tenants.workspace(OURS) as session:
        session.execute(update(User).values(email="taken@example.com"))


def test_without_a_workspace_the_app_s_role_sees_nothing(tenants: Database, migrated: str) -> None:
    with as_owner(migrated) as connection:
        connection.execute(text("SET LOCAL ROLE cliply_app"))
        for table in (*TABLES, "users", "audit_entries"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_a_connection_forgets_role_and_workspace_with_the_transaction(tenants: Database) -> None:
    """As a transaction pooler hands it to somebody else then."""
    with tenants.workspace(OURS) as session:
        assert session.scalar(text("SELECT current_user")) == "cliply_app"
        connection = session.connection().connection.driver_connection
    assert connection is not None
    left = connection.execute("SELECT current_user, coalesce(current_setting('app.workspace_id', true), '')").fetchone()
    assert left == ("cliply", "")
    connection.rollback()


def test_no_statement_is_prepared_on_the_server(tenants: Database) -> None:
    with tenants.workspace(OURS) as session:
        for _ in range(10):
            session.scalars(select(Membership)).all()
        assert session.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0


def test_nothing_is_kept_of_a_block_that_fails(tenants: Database) -> None:
    def fail_late(session: Session) -> None:
        session.execute(update(Workspace).values(name="changed"))
        raise LookupError

    with pytest.raises(LookupError), tenants.workspace(OURS) as session:
        fail_late(session)
    with tenants.workspace(OURS) as session:
        assert session.scalars(select(Workspace.name)).one() == "ours"


def test_a_failed_statement_tells_no_values(tenants: Database) -> None:
    with pytest.raises(DBAPIError) as failed, tenants.system() as session:
        session.execute(insert(Workspace).values(slug="NOT A SLUG", name="a customer's secret"))
    assert "secret" not in str(failed.value).partition("DETAIL")[0]


@pytest.mark.parametrize("role", ["cliply_app", "cliply_system"])
def test_neither_role_owns_a_table_or_passes_over_row_security(migrated: str, role: str) -> None:
    with as_owner(migrated) as connection:
        rights = connection.execute(
            text("SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = :role"),
            {"role": role},
        ).one()
        assert not any(rights)
        owned = text("SELECT count(*) FROM pg_class WHERE relowner = CAST(:role AS regrole)")
        assert connection.execute(owned, {"role": role}).scalar_one() == 0


UNPROTECTED = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND (c.relname IN ('workspaces', 'users') OR EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped))
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
            SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
                AND p.polroles = ARRAY[CAST('cliply_app' AS regrole)::oid]
                AND pg_get_expr(p.polqual, c.oid) LIKE '%current_workspace()%'
                AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%current_workspace()%')
            AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                AND p.polroles <> ARRAY[CAST('cliply_system' AS regrole)::oid]
                AND pg_get_expr(p.polqual, c.oid) NOT LIKE '%current_workspace()%'))
"""


def test_every_table_of_a_workspace_has_row_security_and_a_checked_policy(migrated: str) -> None:
    with as_owner(migrated) as connection:
        assert connection.execute(text(UNPROTECTED)).scalars().all() == []


@pytest.mark.parametrize(
    "weakened",
    [
        "ALTER TABLE memberships DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY",
        "ALTER POLICY own_workspace ON memberships WITH CHECK (true)",
        "ALTER POLICY own_workspace ON memberships TO public",
        "CREATE POLICY open ON memberships TO cliply_app USING (true)",
        "DROP POLICY own_workspace ON memberships",
    ],
)
def test_the_look_into_the_catalogue_finds_what_is_weak(migrated: str, weakened: str) -> None:
    with as_owner(migrated) as connection, connection.begin_nested() as tried:
        connection.execute(text(weakened))
        assert connection.execute(text(UNPROTECTED)).scalars().all() == ["memberships"]
        tried.rollback()
