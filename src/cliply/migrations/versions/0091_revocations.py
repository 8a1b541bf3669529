"""Permissions that are to be taken back at their networks, until that is done or given up."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0091"
down_revision = "0090"


def upgrade() -> None:
    # The account's own row holds no token any more by then; this one is removed as soon as its network was told.
    op.execute("""
        CREATE TABLE revocations (
            id uuid NOT NULL,
            workspace_id uuid NOT NULL,
            channel_id uuid NOT NULL,
            connected_by uuid,
            sealed bytea NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            CONSTRAINT pk_revocations PRIMARY KEY (id),
            CONSTRAINT fk_revocations_workspace_id_workspaces
                FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE,
            CONSTRAINT fk_revocations_channel_id_channels
                FOREIGN KEY (channel_id, workspace_id) REFERENCES channels (id, workspace_id) ON DELETE CASCADE,
            CONSTRAINT fk_revocations_connected_by_users
                FOREIGN KEY (connected_by) REFERENCES users (id) ON DELETE SET NULL
        );
        CREATE INDEX ix_revocations_workspace_id ON revocations (workspace_id);
        CREATE INDEX ix_revocations_channel_id ON revocations (channel_id);
        CREATE INDEX ix_revocations_connected_by ON revocations (connected_by);
    """)
    protect("revocations")


def downgrade() -> None:
    op.execute("DROP TABLE revocations")
