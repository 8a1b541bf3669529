"""Projects, their uploads, their clips, and what became of them."""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

from cliply.infra.db import SYSTEM_ROLE
from cliply.migrations.tenancy import protect

revision = "0010"
down_revision = "0020"

_DEFINERS = ("project_follows_job()", "record_project_event()", "record_clip_event()")


def upgrade() -> None:
    _run(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table in ("projects", "uploads", "clips"):
        protect(table)
    protect("project_events", app="SELECT", system="SELECT, INSERT")
    # A job's end may come from anybody, and no workspace's session may write history itself.
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    for function in _DEFINERS:
        op.execute(f"ALTER FUNCTION {function} OWNER TO {SYSTEM_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP TRIGGER project_follows_job ON procrastinate_jobs")
    op.execute("DROP TABLE project_events, clips, uploads, projects")
    for function in (*_DEFINERS, "refuse_project_step()", "refuse_clip_step()"):
        op.execute(f"DROP FUNCTION {function}")


def _run(script: str) -> None:
    """Many statements at once, past SQLAlchemy and its placeholders."""
    connection = cast("psycopg.Connection[Any]", op.get_bind().connection.driver_connection)
    connection.execute(script.encode())
