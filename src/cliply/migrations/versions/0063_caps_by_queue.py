"""A workspace's running jobs are counted in each queue by itself, so that a short one never waits for renders."""

from pathlib import Path

from alembic import op

revision = "0063"
down_revision = "0062"

_BEFORE = "0032_taking_turns.sql"


def upgrade() -> None:
    _run(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    script = Path(__file__).with_name(_BEFORE).read_text(encoding="utf-8")
    _run(script[script.index("create or replace function queue_claim(") :])


def _run(script: str) -> None:
    # Past SQLAlchemy's placeholders: the script contains colons.
    op.get_bind().exec_driver_sql(script)
