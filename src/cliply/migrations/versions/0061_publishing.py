"""Channels, publications, and what became of them."""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

from cliply.infra.db import SYSTEM_ROLE
from cliply.migrations.tenancy import protect

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    # Many statements at once, past SQLAlchemy and its placeholders.
    connection = cast("psycopg.Connection[Any]", op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())
    for table in ("channels", "oauth_attempts", "publications"):
        protect(table)
    protect("publication_events", app="SELECT", system="SELECT, INSERT")
    # No workspace's session writes history itself.
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    op.execute(f"ALTER FUNCTION record_publication_event() OWNER TO {SYSTEM_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE publication_events, publications, oauth_attempts, channels")
    for function in ("record_publication_event()", "refuse_publication_step()"):
        op.execute(f"DROP FUNCTION {function}")
