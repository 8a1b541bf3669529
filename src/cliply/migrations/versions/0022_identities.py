"""Who somebody is at the service that they sign in with."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE identities (
            issuer text NOT NULL,
            subject text NOT NULL,
            user_id uuid NOT NULL CONSTRAINT fk_identities_user_id_users REFERENCES users ON DELETE CASCADE,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_identities PRIMARY KEY (issuer, subject)
        );
        CREATE INDEX ix_identities_user_id ON identities (user_id);
    """)
    # No workspace's session has anything to look for here.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON identities TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE identities")
