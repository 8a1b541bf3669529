from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Enum, Text, make_url, text
from tests.database import as_owner, fresh_database

import cliply.features.audit.models
import cliply.features.clips.models
import cliply.features.identity.models
import cliply.features.notifications.models
import cliply.features.projects.models
import cliply.features.publishing.models
import cliply.features.usage.models
import cliply.features.workspaces.models
from cliply.errors import Invalid, NotAllowed, NotFound, Unavailable
from cliply.infra import schema
from cliply.infra.database_url import printable
from cliply.infra.db import APP_ROLE, SYSTEM_ROLE, Database, Model
from cliply.infra.embedded import embedded_postgres

SECRET = "very-secret-password"

DATA = """
    INSERT INTO users (id, email, name) VALUES ('00000000-0000-0000-0000-00000000000a', 'ada@example.com', 'Ada');
    INSERT INTO workspaces (id, slug, name) VALUES ('00000000-0000-0000-0000-000000000001', 'engines', 'Engines');
    INSERT INTO memberships (workspace_id, user_id, role)
        VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'owner');
    INSERT INTO audit_entries (workspace_id, actor_kind, action, target_kind, target_id)
        VALUES ('00000000-0000-0000-0000-000000000001', 'system', 'workspace.created', 'workspace', '1');
"""

LEFT = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relname NOT IN ('alembic_version', 'alembic_version_pkc')
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
        AND typname NOT IN ('alembic_version', '_alembic_version')
"""


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    with fresh_database(server, "empty") as url:
        yield url


def counted(url: str) -> dict[str, int]:
    with as_owner(url) as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("users", "workspaces", "memberships", "audit_entries")
        }


def run(url: str, statements: str) -> None:
    with as_owner(url) as connection:
        connection.execute(text(statements))


@pytest.mark.slow
def test_every_revision_goes_down_with_data_in_it_and_up_again(empty: str) -> None:
    for number, revision in enumerate(known := schema.revisions()):
        assert schema.upgrade(empty, revision) == revision
        if number == 0:
            run(empty, DATA)
        before = "base" if number == 0 else known[number - 1]
        assert schema.downgrade(empty, before) == before
        if number > 0:
            assert set(counted(empty).values()) == {1}, "a later revision's way down keeps what was there before it"
        schema.upgrade(empty, revision)
        if number == 0:
            run(empty, DATA)
    assert schema.check(empty) == known[-1]
    assert set(counted(empty).values()) == {1}


USED = """
    UPDATE workspaces SET period_anchor = '2026-12-01 12:00:05Z';
    INSERT INTO usage_counters (workspace_id, metric, period, begins_at, ends_at, used)
        SELECT id, 'clips', day, begins, begins + interval '1 month', 0 FROM workspaces, (VALUES
            ('2026-11-01'::date, '2026-11-01 00:00Z'::timestamptz), ('2026-12-01', '2026-12-01 12:00:05Z')
        ) month (day, begins);
    INSERT INTO usage_entries (workspace_id, metric, source, period, amount, state, settled_at)
        SELECT workspace_id, metric, period::text, period, 3, 'committed', now() FROM usage_counters;
    INSERT INTO usage_alerts (workspace_id, metric, period, threshold, most, used)
        SELECT workspace_id, metric, period, 50, 6, 3 FROM usage_counters;
"""
DECEMBER = """
    INSERT INTO usage_counters (workspace_id, metric, period, begins_at, ends_at)
        SELECT id, 'clips', '2026-12-01', '2026-12-01 00:00Z', '2026-12-01 12:00:05Z' FROM workspaces;
    INSERT INTO usage_entries (workspace_id, metric, source, period, amount, state, settled_at)
        SELECT id, 'clips', 'before', '2026-12-01', 4, 'committed', now() FROM workspaces;
    INSERT INTO usage_alerts (workspace_id, metric, period, threshold, most, used)
        SELECT id, 'clips', '2026-12-01', 50, 6, 4 FROM workspaces;
"""
SHARE = """
    INSERT INTO usage_counters (workspace_id, metric, period, begins_at, ends_at)
        SELECT id, 'api_calls', '2026-12-01', '2026-12-01 00:00Z', '2027-01-01 00:00Z' FROM workspaces;
    INSERT INTO usage_entries (workspace_id, metric, source, period, amount, state, expires_at)
        SELECT id, 'api_calls', 'share/1', '2026-12-01', 8, 'reserved', now() FROM workspaces;
"""
MONTHS = """
    SELECT c.period::text || ' ' || c.used || ' ' || e.amount || ' ' || a.threshold FROM usage_counters c
    JOIN usage_entries e USING (workspace_id, metric, period) JOIN usage_alerts a USING (workspace_id, metric, period)
    ORDER BY c.begins_at, e.amount
"""


@pytest.mark.slow
def test_months_of_subscriptions_are_named_anew_and_those_of_one_day_become_one_on_the_way_down(empty: str) -> None:
    def months() -> list[str]:
        with as_owner(empty) as connection:
            return [str(each) for each in connection.execute(text(MONTHS)).scalars()]

    schema.upgrade(empty, "0095")
    run(empty, DATA + USED)
    assert months() == ["2026-11-01 3 3 50", "2026-12-01 3 3 50"]
    schema.upgrade(empty, "0096")
    assert months() == ["2026-11-01 3 3 50", "2026-12-01T12:00:05Z 3 3 50"]
    schema.upgrade(empty, "0097")
    run(empty, "INSERT INTO usage_alerts SELECT workspace_id, metric, period, threshold, 12, 6 FROM usage_alerts")
    schema.downgrade(empty, "0096")
    assert months() == ["2026-11-01 3 3 50", "2026-12-01T12:00:05Z 3 3 50"], "each is told once again"
    run(empty, DECEMBER)
    schema.downgrade(empty, "0095")
    assert months() == ["2026-11-01 3 3 50", "2026-12-01 7 3 50", "2026-12-01 7 4 50"]


@pytest.mark.slow
def test_shares_of_calls_count_whole_on_the_way_down(empty: str) -> None:
    schema.upgrade(empty)
    run(empty, DATA + SHARE)
    schema.downgrade(empty, "0097")
    with as_owner(empty) as connection:
        counters = connection.execute(text("SELECT used, reserved FROM usage_counters")).all()
        connection.execute(text("SELECT set_config('app.workspace_id', id::text, false) FROM workspaces"))
        assert connection.execute(text("SELECT release_expired_usage()")).scalar_one() == 0
        states = connection.execute(text("SELECT state, amount FROM usage_entries")).all()
    assert [tuple(each) for each in (*counters, *states)] == [(8, 0), ("committed", 8)]


def test_nothing_of_ours_is_left_at_the_base(empty: str) -> None:
    schema.upgrade(empty)
    schema.downgrade(empty, "base")
    with as_owner(empty) as connection:
        assert connection.execute(text(LEFT)).scalars().all() == []
        held = "SELECT count(*) FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'empty')"
        assert connection.execute(text(held)).scalar_one() == 0


def test_the_models_are_what_the_revisions_make(migrated: str) -> None:
    assert cliply.features.audit.models
    assert cliply.features.clips.models
    assert cliply.features.notifications.models
    assert cliply.features.projects.models
    assert cliply.features.publishing.models
    assert cliply.features.identity.models
    assert cliply.features.usage.models
    assert cliply.features.workspaces.models

    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in Model.metadata.tables

    def other_type(_context: Any, _column: Any, _modelled: Any, there: Any, model: Any) -> bool | None:
        """None: Alembic decides. A text is a text, whether its column is declared as an enum's or not."""
        return False if isinstance(there, Text) and isinstance(model, Enum | Text) else None

    with as_owner(migrated) as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": other_type})
        assert compare_metadata(context, Model.metadata) == []


def test_a_database_without_tables_is_refused_with_what_to_do(empty: str) -> None:
    with pytest.raises(schema.SchemaTooOld, match=r"no tables yet.*cliply db upgrade"):
        schema.check(empty)


def test_a_database_that_is_behind_is_refused(empty: str) -> None:
    schema.upgrade(empty)
    run(empty, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(schema.SchemaTooOld, match="is at revision 0001"):
        schema.check(empty)


@pytest.mark.parametrize("asked", [schema.check, schema.upgrade, lambda url: schema.downgrade(url, "base")])
def test_a_database_of_a_newer_version_is_refused_and_left_alone(empty: str, asked: Any) -> None:
    schema.upgrade(empty)
    run(empty, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(schema.SchemaTooNew, match=r"9999.*newer version"):
        asked(empty)
    with as_owner(empty) as connection:
        assert connection.execute(text("SELECT to_regclass('workspaces')")).scalar_one() is not None


def test_a_revision_that_does_not_exist_is_refused_with_those_that_do(empty: str) -> None:
    with pytest.raises(NotFound, match="0001"):
        schema.downgrade(empty, "yesterday")


def test_a_password_is_in_no_message() -> None:
    url = f"postgresql+psycopg://cliply:{SECRET}@127.0.0.1:1/cliply"
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as refused:
        schema.check(url)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert printable(f"{url}?password={SECRET}") == "postgresql://cliply:***@127.0.0.1:1/cliply"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://a:{SECRET}@host:port/x",
        f"nonsense {SECRET}",
        f"oracle://a:{SECRET}@host/x",
        f"sqlite:///{SECRET}",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    for use in (schema.check, Database, printable):
        with pytest.raises(Invalid, match="CLIPLY_DATABASE__URL is not the address") as refused:
            use(url)
        assert SECRET not in str(refused.value)
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


@contextmanager
def plain_owner(server: str, rights: str) -> Iterator[str]:
    """A database whose owner is an ordinary login, as on a hosted server."""
    with fresh_database(server, "hosted") as url:
        run(server, f"CREATE ROLE landlord LOGIN {rights} PASSWORD '{SECRET}'; ALTER DATABASE hosted OWNER TO landlord")
        run(url, "ALTER SCHEMA public OWNER TO landlord")
        try:
            yield make_url(url).set(username="landlord", password=SECRET).render_as_string(hide_password=False)
        finally:
            run(url, "DROP OWNED BY landlord CASCADE")
            run(server, "ALTER DATABASE hosted OWNER TO cliply; DROP OWNED BY landlord; DROP ROLE landlord")


def refuse_owner_without_role(url: str) -> None:
    schema.upgrade(url)
    database = Database(url)
    with database.system() as session:
        session.execute(text("INSERT INTO workspaces (slug, name) VALUES ('a', 'A')"))
        assert session.execute(text("SELECT count(*) FROM workspaces")).scalar_one() == 1
    database.close()
    with as_owner(url) as connection:
        assert connection.execute(text("SELECT count(*) FROM workspaces")).scalar_one() == 0


def test_an_owner_that_is_no_superuser_is_bound_by_row_security(migrated: str) -> None:
    with plain_owner(migrated, "NOCREATEROLE") as url:
        run(migrated, f"GRANT {APP_ROLE}, {SYSTEM_ROLE} TO landlord")
        refuse_owner_without_role(url)


def test_an_owner_that_may_not_use_the_roles_is_told_what_to_ask_for(migrated: str) -> None:
    with (
        plain_owner(migrated, "NOCREATEROLE") as url,
        pytest.raises(NotAllowed, match=f"CREATE ROLE {APP_ROLE}") as refused,
    ):
        schema.upgrade(url)
    assert SECRET not in str(refused.value)


@pytest.mark.slow
def test_an_owner_that_may_make_roles_needs_nobody_else(short: Path) -> None:
    with embedded_postgres(short / "hosted") as server, plain_owner(server, "CREATEROLE") as url:
        refuse_owner_without_role(url)
        schema.downgrade(url, "base")
        with as_owner(server) as connection:
            known = connection.execute(text("SELECT rolname FROM pg_roles WHERE rolname LIKE 'cliply%'"))
            assert known.scalars().all() == ["cliply"]
