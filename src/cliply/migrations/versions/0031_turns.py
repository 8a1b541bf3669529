"""A job whose worker died is first in its row again."""

from alembic import op

revision = "0031"
down_revision = "0023"

_SWEEP = """
    CREATE OR REPLACE FUNCTION queue_sweep(p_lease interval, p_deaths integer) RETURNS integer
    LANGUAGE plpgsql AS $$
    DECLARE swept integer;
    BEGIN
        IF NOT pg_try_advisory_xact_lock(7274012) THEN RETURN 0; END IF;
        WITH lost AS (
            SELECT j.id FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
            WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - p_lease)
            ORDER BY j.id FOR UPDATE OF j SKIP LOCKED)
        UPDATE procrastinate_jobs j SET
            attempts = j.attempts + 1,
            deaths = j.deaths + 1,
            worker_id = NULL,
            abort_requested = false,
            scheduled_at = {due},
            error = CASE WHEN j.abort_requested THEN j.error
                         WHEN j.deaths + 1 >= p_deaths THEN format(
                            'The worker that ran this stopped without a word %s times, so it is not tried again.',
                            j.deaths + 1)
                         ELSE 'The worker that ran this stopped without a word.' END,
            status = (CASE WHEN j.abort_requested THEN 'aborted'
                           WHEN j.deaths + 1 >= p_deaths THEN 'failed' ELSE 'todo' END)::procrastinate_job_status
        FROM lost WHERE j.id = lost.id;
        GET DIAGNOSTICS swept = ROW_COUNT;
        RETURN swept;
    END $$
"""


def upgrade() -> None:
    # Without a time of its own: one that is due from now on waits behind everything that was queued meanwhile.
    op.execute(_SWEEP.format(due="NULL"))


def downgrade() -> None:
    op.execute(_SWEEP.format(due="now()"))
