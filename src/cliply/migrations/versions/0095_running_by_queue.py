"""To claim a job reads a few rows, however many wait."""

from pathlib import Path

from alembic import op

revision = "0095"
down_revision = "0094"

_HERE = Path(__file__)
_BEFORE = "0063_caps_by_queue.sql"


def upgrade() -> None:
    _index_running("(tenant, queue_name) where started_at is not null and finished_at is null")
    _run(_HERE.with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    _run(_HERE.with_name(_BEFORE).read_text(encoding="utf-8"))
    _index_running("(tenant) where status = 'doing'")


def _index_running(what: str) -> None:
    op.execute("drop index ix_jobs_running")
    op.execute(f"create index ix_jobs_running on procrastinate_jobs {what}")


def _run(script: str) -> None:
    # Past SQLAlchemy's placeholders: the script contains colons.
    op.get_bind().exec_driver_sql(script)
