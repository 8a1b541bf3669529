"""The queue engine's tables, and what Cliply adds to them: fair claims, sweep, history, stages, keys, limits."""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE
from cliply.migrations.tenancy import protect

revision = "0002"
down_revision = "0001"

ENGINE_SCHEMA = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"
"""Of the engine's schema that this revision was written for. A newer engine's changes are a new revision."""

_ENGINE_TABLES = ("procrastinate_events", "procrastinate_periodic_defers", "procrastinate_workers")
_DEFINERS = ("queue_record_new_job()", "queue_record_change()")


def upgrade() -> None:
    _run(_engine_schema())
    _run(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    protect("procrastinate_jobs", app="SELECT, INSERT, UPDATE")
    protect("job_events", app="SELECT", system="SELECT, INSERT")
    protect("job_keys", app="SELECT, INSERT, UPDATE")
    protect("stages", app="SELECT, INSERT")
    protect("workspace_limits", app="SELECT")
    op.execute(f"GRANT SELECT ON jobs TO {APP_ROLE}, {SYSTEM_ROLE}")
    op.execute(f"GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq TO {APP_ROLE}, {SYSTEM_ROLE}")
    for table in (*_ENGINE_TABLES, "queue_pauses"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM_ROLE}")
    op.execute(f"GRANT USAGE ON SEQUENCE procrastinate_periodic_defers_id_seq TO {SYSTEM_ROLE}")
    # A workspace's session may not write history itself: the triggers do, as the system.
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    for function in _DEFINERS:
        op.execute(f"ALTER FUNCTION {function} OWNER TO {SYSTEM_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP VIEW jobs")
    op.execute("DROP TABLE stages, job_events, job_keys, queue_pauses, workspace_limits CASCADE")
    op.execute("DROP TABLE procrastinate_jobs, " + ", ".join(_ENGINE_TABLES) + " CASCADE")
    # Whatever the engine named its functions and types: all of them begin alike.
    op.execute("""
        DO $$ DECLARE made record; BEGIN
            FOR made IN SELECT oid::regprocedure AS name FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace
                    AND (proname LIKE 'procrastinate\\_%' OR proname LIKE 'queue\\_%' OR proname = 'job_state')
            LOOP EXECUTE format('DROP FUNCTION %s CASCADE', made.name); END LOOP;
            FOR made IN SELECT oid::regtype AS name FROM pg_type
                WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'c')
                    AND typname LIKE 'procrastinate\\_%'
            LOOP EXECUTE format('DROP TYPE %s CASCADE', made.name); END LOOP;
        END $$
    """)


def _engine_schema() -> str:
    schema = files("procrastinate.sql").joinpath("schema.sql").read_text(encoding="utf-8")
    found = sha256(schema.encode()).hexdigest()
    if found != ENGINE_SCHEMA:
        raise RuntimeError(f"The installed queue engine has another schema than revision {revision} knows: {found}")
    return schema


def _run(script: str) -> None:
    """Many statements at once, past SQLAlchemy and its placeholders: the scripts contain percent signs and colons."""
    connection = cast("psycopg.Connection[Any]", op.get_bind().connection.driver_connection)
    connection.execute(script.encode())
