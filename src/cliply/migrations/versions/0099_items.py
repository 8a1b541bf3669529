"""All items of a subscription: the one that buys a plan need not be the first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0099"
down_revision = "0098"


def upgrade() -> None:
    others = sa.Column("others", JSONB, nullable=False, server_default=sa.text("'[]'"))
    op.add_column("billing_subscriptions", others)


def downgrade() -> None:
    op.drop_column("billing_subscriptions", "others")
