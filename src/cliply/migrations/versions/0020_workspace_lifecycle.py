"""When a workspace goes, what it looks like, and what was taken out of it."""

from alembic import op

from cliply.migrations.tenancy import protect

revision = "0020"
down_revision = "0030"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE workspaces
            ADD brand jsonb NOT NULL DEFAULT '{}',
            ADD delete_at timestamptz;
        CREATE INDEX ix_workspaces_delete_at ON workspaces (delete_at) WHERE delete_at IS NOT NULL;

        CREATE TABLE workspace_exports (
            id uuid CONSTRAINT pk_workspace_exports PRIMARY KEY DEFAULT gen_random_uuid(),
            workspace_id uuid NOT NULL
                CONSTRAINT fk_workspace_exports_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            requested_by uuid CONSTRAINT fk_workspace_exports_requested_by_users REFERENCES users ON DELETE SET NULL,
            job_id bigint,
            size bigint,
            created_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            expires_at timestamptz,
            CONSTRAINT ck_workspace_exports_finished CHECK (
                (finished_at IS NULL) = (size IS NULL) AND (finished_at IS NULL) = (expires_at IS NULL))
        );
        CREATE INDEX ix_workspace_exports_workspace_id ON workspace_exports (workspace_id);
        CREATE INDEX ix_workspace_exports_requested_by ON workspace_exports (requested_by);
        CREATE INDEX ix_workspace_exports_expires_at ON workspace_exports (expires_at);
    """)
    protect("workspace_exports")


def downgrade() -> None:
    op.execute("""
        DROP TABLE workspace_exports;
        ALTER TABLE workspaces DROP brand, DROP delete_at;
    """)
