"""Periods of usage known by names: one of a subscription is no month of the calendar that begins on the same day."""

import sqlalchemy as sa
from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE

revision = "0096"
down_revision = "0095"

_TABLES = ("usage_counters", "usage_entries", "usage_alerts")
_FUNCTIONS = {
    "hold_usage": "uuid, text, {}, timestamptz, timestamptz",
    "hold_usage_entry": "uuid, text, text, {}, timestamptz, timestamptz",
    "hold_own_usage": "text, {}, timestamptz, timestamptz",
    "reserve_usage": "text, text, bigint, bigint, {}, timestamptz, timestamptz, timestamptz",
    "commit_usage": "text, text, bigint, {}, timestamptz, timestamptz",
    "add_usage": "text, text, bigint, {}, timestamptz, timestamptz",
}
"""What takes a period by its name, and with which arguments."""
_OURS = ("hold_usage", "hold_usage_entry")
_RENAME = """
    UPDATE TABLE_NAME SET period = found.name FROM (
        SELECT DISTINCT c.workspace_id, c.period,
            to_char(c.begins_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS name
        FROM usage_counters c JOIN workspaces w ON w.id = c.workspace_id
        WHERE c.ends_at IS NOT NULL
            AND (c.begins_at AT TIME ZONE 'UTC')::time = (w.period_anchor AT TIME ZONE 'UTC')::time) found
    WHERE (TABLE_NAME.workspace_id, TABLE_NAME.period) = (found.workspace_id, found.period)
"""
"""Months of the calendar begin at midnight; no subscription begins in that very second."""
_DAYS = """
    WITH known AS (DELETE FROM usage_counters RETURNING *)
    INSERT INTO usage_counters (workspace_id, metric, period, begins_at, ends_at, used, reserved, looked_at)
    SELECT workspace_id, metric, left(period, 10), min(begins_at), max(ends_at), sum(used), sum(reserved),
        bool_and(looked_at) FROM known GROUP BY workspace_id, metric, left(period, 10)
"""
_TOLD_ONCE = """
    WITH known AS (DELETE FROM usage_alerts RETURNING *)
    INSERT INTO usage_alerts (workspace_id, metric, period, threshold, most, used, at)
    SELECT DISTINCT ON (workspace_id, metric, left(period, 10), threshold)
        workspace_id, metric, left(period, 10), threshold, most, used, at FROM known
    ORDER BY workspace_id, metric, left(period, 10), threshold, at
"""


def upgrade() -> None:
    _apart()
    for table in _TABLES:
        _retype(table, 'text COLLATE "C"', "to_char(period, 'YYYY-MM-DD')")
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    for table in reversed(_TABLES):
        op.execute(_RENAME.replace("TABLE_NAME", table))
    op.execute("RESET ROLE")
    _together()
    _redefine("date", "text")


def downgrade() -> None:
    _apart()
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    # What begins on one day becomes one again.
    op.execute("UPDATE usage_entries SET period = left(period, 10)")
    op.execute(_DAYS)
    op.execute(_TOLD_ONCE)
    op.execute("RESET ROLE")
    for table in _TABLES:
        _retype(table, "date", "period::date")
    _together()
    _redefine("text", "date")


def _retype(table: str, to: str, by: str) -> None:
    op.execute(f"ALTER TABLE {table} ALTER period TYPE {to} USING {by}")


def _apart() -> None:
    """Names change in one table after the other, and no sum with them."""
    op.execute("DROP TRIGGER count_usage ON usage_entries")
    op.drop_constraint("fk_usage_entries_workspace_id_metric_period_usage_counters", "usage_entries")


def _together() -> None:
    op.create_foreign_key(
        "fk_usage_entries_workspace_id_metric_period_usage_counters",
        "usage_entries", "usage_counters", ["workspace_id", "metric", "period"], ["workspace_id", "metric", "period"],
        ondelete="CASCADE",
    )  # fmt: skip
    op.execute("""
        CREATE TRIGGER count_usage AFTER INSERT OR DELETE OR UPDATE OF amount, state, period ON usage_entries
        FOR EACH ROW EXECUTE FUNCTION count_usage()
    """)


def _redefine(was: str, becomes: str) -> None:
    """The same functions, of another type of name."""
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    for name, arguments in _FUNCTIONS.items():
        before, after = f"{name}({arguments.format(was)})", f"{name}({arguments.format(becomes)})"
        asked = sa.text("SELECT pg_get_functiondef(CAST(:function AS regprocedure))")
        written = str(op.get_bind().execute(asked, {"function": before}).scalar_one())
        for declared in ("p_period", "held"):
            written = written.replace(f"{declared} {was}", f"{declared} {becomes}")
        op.execute(f"DROP FUNCTION {before}")
        # Past SQLAlchemy's placeholders.
        op.get_bind().exec_driver_sql(written)
        op.execute(f"REVOKE ALL ON FUNCTION {after} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION {after} OWNER TO {SYSTEM_ROLE}")
        if name not in _OURS:
            op.execute(f"GRANT EXECUTE ON FUNCTION {after} TO {APP_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")
