"""Projects that are deleted by their age: known to have been announced, and following what their workspace says."""

from pathlib import Path

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0092"
down_revision = "0091"


def upgrade() -> None:
    # Past SQLAlchemy's placeholders.
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    # What was begun before its workspace said that files are kept until somebody deletes them.
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    op.execute("""
        UPDATE projects SET expires_at = NULL WHERE expires_at IS NOT NULL
            AND workspace_id IN (SELECT id FROM workspaces WHERE retention_days IS NULL)
    """)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP TRIGGER follow_retention ON workspaces")
    op.execute("DROP FUNCTION follow_retention(), notice_days(integer)")
    op.execute("ALTER TABLE projects DROP COLUMN expiry_told_at")
