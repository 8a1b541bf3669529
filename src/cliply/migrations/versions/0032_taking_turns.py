"""Claims take turns between workspaces that have equally many jobs running."""

from pathlib import Path

from alembic import op

revision = "0032"
down_revision = "0031"

_BEFORE = "0002_queue.sql"


def upgrade() -> None:
    _run(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    script = Path(__file__).with_name(_BEFORE).read_text(encoding="utf-8")
    begun = script.index("create function queue_claim(")
    end = script.index("end $$;", begun) + len("end $$;")
    _run(script[begun:end].replace("create function", "create or replace function"))
    op.execute("DROP INDEX ix_jobs_turns")


def _run(script: str) -> None:
    # Past SQLAlchemy's placeholders: the script contains colons.
    op.get_bind().exec_driver_sql(script)
