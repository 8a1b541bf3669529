"""How long a workspace keeps its files, and invitations to it."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE workspaces ADD COLUMN retention_days integer
            CONSTRAINT ck_workspaces_retention_days CHECK (retention_days > 0);

        CREATE TABLE invitations (
            id uuid CONSTRAINT pk_invitations PRIMARY KEY DEFAULT gen_random_uuid(),
            workspace_id uuid NOT NULL
                CONSTRAINT fk_invitations_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            email text NOT NULL,
            role text NOT NULL CONSTRAINT ck_invitations_role CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
            token_hash bytea NOT NULL CONSTRAINT uq_invitations_token_hash UNIQUE,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL
        );
        CREATE UNIQUE INDEX uq_invitations_workspace_id_email ON invitations (workspace_id, lower(email));
        CREATE INDEX ix_invitations_workspace_id ON invitations (workspace_id);
    """)
    protect("invitations")


def downgrade() -> None:
    op.execute("DROP TABLE invitations")
    op.execute("ALTER TABLE workspaces DROP COLUMN retention_days")
