"""The ledger of what workspaces have used, its counters, and who was told when a limit came near."""

from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE
from cliply.migrations.tenancy import protect

revision = "0080"
down_revision = "0070"

_COUNTS = "count_usage()"
_OURS = (
    "hold_usage(uuid, text, date, timestamptz, timestamptz)",
    "hold_usage_entry(uuid, text, text, date, timestamptz, timestamptz)",
    "release_usage_of(uuid, text[], text, text[])",
    "give_back_of_project()",
    "give_back_of_clip()",
    "settle_publication()",
    "look_at_usage()",
)
"""Called by the others, and by triggers."""
_EVERYBODYS = (
    "hold_own_usage(text, date, timestamptz, timestamptz)",
    "reserve_usage(text, text, bigint, bigint, date, timestamptz, timestamptz, timestamptz)",
    "commit_usage(text, text, bigint, date, timestamptz, timestamptz)",
    "add_usage(text, text, bigint, date, timestamptz, timestamptz)",
    "release_usage(text[], text, text[])",
    "release_expired_usage()",
    "look_at_grown_usage()",
)
"""What a workspace's session may do to its own ledger: nothing else writes it."""
_TRIGGERS = {
    "projects": ("give_back_failed", "give_back_deleted"),
    "clips": ("give_back_failed", "give_back_deleted"),
    "publications": ("settle_usage", "give_back_deleted"),
    "workspaces": ("look_at_usage",),
}


def upgrade() -> None:
    # Many statements at once, past SQLAlchemy and its placeholders.
    connection = cast("psycopg.Connection[Any]", op.get_bind().connection.driver_connection)
    connection.execute(Path(__file__).with_suffix(".sql").read_bytes())
    protect("usage_counters", app="SELECT")
    protect("usage_entries", app="SELECT")
    protect("usage_alerts")
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    for function in (_COUNTS, *_OURS, *_EVERYBODYS):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION {function} OWNER TO {SYSTEM_ROLE}")
    for function in _EVERYBODYS:
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")


def downgrade() -> None:
    for table, triggers in _TRIGGERS.items():
        for trigger in triggers:
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in (*_EVERYBODYS, *_OURS):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TABLE usage_alerts, usage_entries, usage_counters")
    op.execute(f"DROP FUNCTION {_COUNTS}")
    op.execute("ALTER TABLE workspaces DROP period_anchor")
