"""What was told of a limit is told of that limit: who buys a larger plan within a month hears of the new one too."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0097"
down_revision = "0096"

_KEY = "pk_usage_alerts"
_ONE_EACH = """
    DELETE FROM usage_alerts a USING usage_alerts b
    WHERE (a.workspace_id, a.metric, a.period, a.threshold) = (b.workspace_id, b.metric, b.period, b.threshold)
        AND (a.at, a.most) > (b.at, b.most)
"""


def upgrade() -> None:
    op.drop_constraint(_KEY, "usage_alerts")
    op.create_primary_key(_KEY, "usage_alerts", ["workspace_id", "metric", "period", "threshold", "most"])


def downgrade() -> None:
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
    op.execute(_ONE_EACH)
    op.execute("RESET ROLE")
    op.drop_constraint(_KEY, "usage_alerts")
    op.create_primary_key(_KEY, "usage_alerts", ["workspace_id", "metric", "period", "threshold"])
