"""What was answered to a request that named a key; and who runs the installation."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0030"
down_revision = "0005"


def upgrade() -> None:
    # Without a body where the answer held a secret. Without a workspace where the request belonged to none.
    op.execute("""
        CREATE TABLE idempotency_keys (
            id bytea CONSTRAINT pk_idempotency_keys PRIMARY KEY,
            workspace_id uuid
                CONSTRAINT fk_idempotency_keys_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            fingerprint bytea NOT NULL,
            status smallint NOT NULL,
            headers jsonb NOT NULL,
            body bytea,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ix_idempotency_keys_workspace_id ON idempotency_keys (workspace_id);
        CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
        ALTER TABLE users ADD is_admin boolean NOT NULL DEFAULT false;
    """)
    protect("idempotency_keys")


def downgrade() -> None:
    op.execute("ALTER TABLE users DROP is_admin; DROP TABLE idempotency_keys")
