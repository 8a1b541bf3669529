"""A job tells programs why it failed, beside the sentence for people."""

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE

revision = "0053"
down_revision = "0052"

_VIEW = """
    VIEW jobs WITH (security_invoker = true) AS
    SELECT id, workspace_id, task_name::text AS kind, queue_name::text AS queue, priority, subject, stage_id,
           coalesce(args->'arguments', '{}'::jsonb) AS arguments, job_state(status, abort_requested) AS state,
           attempts, failures, deaths, progress, step, error, created_at, scheduled_at, started_at, finished_at,
           worker_id
    FROM procrastinate_jobs
"""
# What has no code of its own was written by the sweep.
_CODE = "CASE WHEN error IS NOT NULL THEN coalesce(error_code, 'worker_lost') END AS error_code"


def upgrade() -> None:
    op.execute("ALTER TABLE procrastinate_jobs ADD error_code text")
    _run(f"CREATE OR REPLACE {_VIEW}".replace("worker_id\n", f"worker_id, {_CODE}\n"))


def downgrade() -> None:
    # A column cannot be taken out of a view, and a new view has none of the rights of the old one.
    _run(f"DROP VIEW jobs; CREATE {_VIEW}; GRANT SELECT ON jobs TO {APP_ROLE}, {SYSTEM_ROLE}")
    op.execute("ALTER TABLE procrastinate_jobs DROP error_code")


def _run(script: str) -> None:
    # Past SQLAlchemy's placeholders: the view contains colons.
    op.get_bind().exec_driver_sql(script)
