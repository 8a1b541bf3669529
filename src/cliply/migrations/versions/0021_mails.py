"""Letters that are to be sent once the transaction that wrote them is committed."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0021"
down_revision = "0010"


def upgrade() -> None:
    # Without a workspace where the letter concerns none. Sealed: letters hold what opens accounts and workspaces.
    op.execute("""
        CREATE TABLE mails (
            id uuid CONSTRAINT pk_mails PRIMARY KEY,
            workspace_id uuid CONSTRAINT fk_mails_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            sealed bytea,
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            CONSTRAINT ck_mails_sent CHECK ((sent_at IS NULL) = (sealed IS NOT NULL))
        );
        CREATE INDEX ix_mails_workspace_id ON mails (workspace_id);
        CREATE INDEX ix_mails_created_at ON mails (created_at);
    """)
    protect("mails")


def downgrade() -> None:
    op.execute("DROP TABLE mails")
