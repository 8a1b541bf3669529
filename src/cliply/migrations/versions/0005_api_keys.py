"""Keys for programs that act for a member."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # A key goes with its maker's membership: whoever comes back later does not find it open again.
    op.execute("""
        CREATE TABLE api_keys (
            id uuid CONSTRAINT pk_api_keys PRIMARY KEY DEFAULT gen_random_uuid(),
            workspace_id uuid NOT NULL
                CONSTRAINT fk_api_keys_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            user_id uuid NOT NULL,
            name text NOT NULL,
            key_hash bytea NOT NULL CONSTRAINT uq_api_keys_key_hash UNIQUE,
            ending text NOT NULL,
            scopes text[] NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz,
            last_used_at timestamptz,
            CONSTRAINT fk_api_keys_workspace_id_user_id_memberships
                FOREIGN KEY (workspace_id, user_id) REFERENCES memberships ON DELETE CASCADE
        );
        CREATE INDEX ix_api_keys_workspace_id_user_id ON api_keys (workspace_id, user_id);
        CREATE INDEX ix_api_keys_workspace_id ON api_keys (workspace_id);
    """)
    protect("api_keys")


def downgrade() -> None:
    op.execute("DROP TABLE api_keys")
