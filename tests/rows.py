"""All rows of the test's database: kept, put back as they were, and told so that two runs of one thing can be compared.

What a run numbers, times or draws by itself is left out of what is told.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OUR_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00")
"""Of our clocks; those of a payment service are whole seconds, and are told."""
_TABLES = text(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    " AND relname NOT IN ('alembic_version', 'procrastinate_version') ORDER BY relname"
)
_NUMBERED = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    " AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')"
)


@dataclass(frozen=True)
class Kept:
    """Rows as they were, by their tables."""

    rows: Mapping[str, bytes]


def keep(engine: Engine) -> Kept:
    with engine.connect() as connection:
        driver = _driver(connection)
        found = {table: _copied(driver, table) for table in connection.execute(_TABLES).scalars().all()}
    return Kept({table: rows for table, rows in found.items() if rows})


def put_back(engine: Engine, kept: Kept) -> None:
    """By the engine of `emptying`, which removes what is there; numbers go on from where they are."""
    with engine.connect() as connection:
        driver = _driver(connection)
        with driver.transaction(), driver.cursor() as cursor:
            # Triggers have done their part when these rows were written first.
            cursor.execute("SELECT tests.empty(); SET LOCAL session_replication_role = replica")
            for table, rows in kept.rows.items():
                with cursor.copy(f'COPY "{table}" FROM STDIN'.encode()) as copy:
                    copy.write(rows)


def told(engine: Engine, kept: Kept, *, but: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """What all tables say, without the columns in `but` and whatever is new since `kept` by its name alone.

    `*` stands for all columns of a table.
    """
    known = {name.decode() for rows in kept.rows.values() for name in re.findall(_UUID.pattern.encode(), rows)}

    def plain(row: str) -> str:
        named = _UUID.sub(lambda found: found[0] if found[0] in known else "new", row)
        return _OUR_TIME.sub("then", named)

    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table, row in connection.execute(text(_all_rows(connection, but))):
            found.setdefault(table, []).append(plain(row))
    return {table: sorted(rows) for table, rows in found.items()}


def _all_rows(connection: Connection, but: Mapping[str, set[str]]) -> str:
    left_out = {table: set(columns) for table, columns in but.items()}
    for row in connection.execute(_NUMBERED):
        left_out.setdefault(row.table_name, set()).add(row.column_name)
    told = [table for table in connection.execute(_TABLES).scalars() if "*" not in left_out.get(table, ())]
    # One question, as there are many tables; all names are the catalogue's.
    return " UNION ALL ".join(
        f"SELECT '{table}', CAST(to_jsonb(t) - ARRAY[{_texts(left_out.get(table, set()))}]::text[] AS text)"
        f' FROM "{table}" t'
        for table in told
    )


def _texts(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _copied(driver: "psycopg.Connection[Any]", table: str) -> bytes:
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT'.encode()) as copy:
        return b"".join(bytes(block) for block in copy)


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver
