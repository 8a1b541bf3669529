"""The last edit of a clip wins, and a cover that was not made takes nothing else along."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0040"

_BEFORE = "0010_projects.sql"


def upgrade() -> None:
    _run(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    script = Path(__file__).with_name(_BEFORE).read_text(encoding="utf-8")
    begun = script.index("create function project_follows_job(")
    end = script.index("end $$;", begun) + len("end $$;")
    _run(script[begun:end].replace("create function", "create or replace function"))
    op.execute("ALTER TABLE clips DROP rendered_version, DROP covered_version")


def _run(script: str) -> None:
    # Past SQLAlchemy's placeholders: the script contains colons.
    op.get_bind().exec_driver_sql(script)
