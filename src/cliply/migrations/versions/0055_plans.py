"""Which plan a workspace has, where it differs from it, and an index by which the uploads of a day are counted."""

from alembic import op

revision = "0055"
down_revision = "0053"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE workspaces ADD plan text NOT NULL DEFAULT 'unlimited',
            ADD plan_overrides jsonb NOT NULL DEFAULT '{}';
        CREATE INDEX ix_audit_entries_begun ON audit_entries (workspace_id, at) WHERE action = 'project.created';
    """)


def downgrade() -> None:
    # What the plans allowed at once is nobody's rule any more.
    op.execute("""
        TRUNCATE workspace_limits;
        DROP INDEX ix_audit_entries_begun;
        ALTER TABLE workspaces DROP plan, DROP plan_overrides;
    """)
