"""Calls by API keys are limited exactly: a process takes a share of what is left before it answers any."""

from pathlib import Path

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0098"
down_revision = "0097"

_OURS = ("count_api_calls(uuid, text, bigint)", "settle_lapsed_api_calls(uuid)")
"""Called by the others."""
_SYSTEM_S = (
    "take_api_calls(uuid, text, bigint, bigint, text, timestamptz, timestamptz)",
    "close_api_calls(uuid, text[], bigint[])",
)
"""They name their workspace, so a workspace's session may not call them."""

_RELEASE_ALL = """
    CREATE OR REPLACE FUNCTION release_expired_usage() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
    DECLARE released integer; here uuid := current_workspace();
    BEGIN
        PERFORM FROM usage_counters WHERE (workspace_id, metric, period) IN (
                SELECT workspace_id, metric, period FROM usage_entries
                WHERE workspace_id = here AND state = 'reserved' AND expires_at <= now())
            ORDER BY metric, period FOR NO KEY UPDATE;
        UPDATE usage_entries SET state = 'released', settled_at = now(), expires_at = NULL
            WHERE workspace_id = here AND state = 'reserved' AND expires_at <= now();
        GET DIAGNOSTICS released = ROW_COUNT;
        RETURN released;
    END $$
"""


def upgrade() -> None:
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for function in (*_OURS, *_SYSTEM_S):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION {function} OWNER TO {SYSTEM_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")


def downgrade() -> None:
    # Nobody would report them any more, and what was perhaps used counts.
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    op.execute("""
        UPDATE usage_entries SET state = 'committed', settled_at = now(), expires_at = NULL
        WHERE metric = 'api_calls' AND state = 'reserved'
    """)
    op.execute("RESET ROLE")
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    op.execute(_RELEASE_ALL)
    for function in (*_SYSTEM_S, *_OURS):
        op.execute(f"DROP FUNCTION {function}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")
