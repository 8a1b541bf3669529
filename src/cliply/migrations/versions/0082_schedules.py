"""Schedules: publications whose time is kept as it was chosen, on the clock of a zone."""

from pathlib import Path

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0082"
down_revision = "0081"

_COLUMNS = ("schedule", "local_at", "zone", "fold", "fired_at")


def upgrade() -> None:
    # Past SQLAlchemy's placeholders.
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON schedule_scans TO {SYSTEM_ROLE}")


def downgrade() -> None:
    """What is paused or missed would be sent by a program that knows neither: it is called off. What is planned loses
    its job, and goes on by the watch over publications once its time has come."""
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    op.execute("""
        UPDATE publications SET state = 'cancelled', next_at = NULL, error = 'It was paused, or missed its time.'
        WHERE schedule IN ('paused', 'missed') AND state <> 'cancelled'
    """)
    op.execute("DELETE FROM procrastinate_jobs WHERE task_name LIKE 'SCHEDULE%' AND status = 'todo'")
    op.execute("RESET ROLE")
    op.execute("DROP TABLE schedule_scans")
    op.execute("DROP INDEX ix_publications_planned, ix_publications_workspace_id_run_at")
    for constraint in ("time", "fired", "not_fired"):
        op.execute(f"ALTER TABLE publications DROP CONSTRAINT ck_publications_{constraint}")
    for column in _COLUMNS:
        op.execute(f"ALTER TABLE publications DROP COLUMN {column}")
