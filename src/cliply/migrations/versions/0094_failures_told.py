"""Whether people were told that something planned came to nothing; of what was so before, nobody is written to now."""

import sqlalchemy as sa
from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0094"
down_revision = "0093"


def upgrade() -> None:
    op.add_column("publications", sa.Column("failure_told_at", sa.DateTime(timezone=True)))
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    op.execute("UPDATE publications SET failure_told_at = now() WHERE schedule = 'fired'")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.drop_column("publications", "failure_told_at")
