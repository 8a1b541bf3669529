"""People, workspaces, who belongs where, and who did what."""

from alembic import op

from cliply.migrations.tenancy import create_roles, drop_roles, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_roles()
    op.execute("""
        CREATE TABLE users (
            id uuid CONSTRAINT pk_users PRIMARY KEY DEFAULT gen_random_uuid(),
            email text NOT NULL CONSTRAINT ck_users_email CHECK (email LIKE '%_@_%'),
            name text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE UNIQUE INDEX uq_users_email ON users (lower(email));

        CREATE TABLE workspaces (
            id uuid CONSTRAINT pk_workspaces PRIMARY KEY DEFAULT gen_random_uuid(),
            slug text NOT NULL CONSTRAINT uq_workspaces_slug UNIQUE
                CONSTRAINT ck_workspaces_slug CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
            name text NOT NULL,
            timezone text NOT NULL DEFAULT 'UTC',
            created_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE memberships (
            workspace_id uuid NOT NULL
                CONSTRAINT fk_memberships_workspace_id_workspaces REFERENCES workspaces ON DELETE CASCADE,
            user_id uuid NOT NULL CONSTRAINT fk_memberships_user_id_users REFERENCES users ON DELETE CASCADE,
            role text NOT NULL CONSTRAINT ck_memberships_role CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_memberships PRIMARY KEY (workspace_id, user_id)
        );
        CREATE INDEX ix_memberships_user_id ON memberships (user_id);

        CREATE TABLE audit_entries (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_audit_entries PRIMARY KEY,
            -- No foreign key: what was done in a workspace is known after it is gone.
            workspace_id uuid,
            at timestamptz NOT NULL DEFAULT now(),
            actor_kind text NOT NULL
                CONSTRAINT ck_audit_entries_actor_kind CHECK (actor_kind IN ('user', 'api_key', 'operator', 'system')),
            actor_id uuid,
            action text NOT NULL,
            target_kind text NOT NULL,
            target_id text NOT NULL,
            before_hash text,
            after_hash text,
            request_id text,
            ip inet
        );
        CREATE INDEX ix_audit_entries_workspace_id_id ON audit_entries (workspace_id, id);
    """)
    protect("workspaces", own="id = current_workspace()", app="SELECT, UPDATE, DELETE")
    protect("memberships")
    # Somebody's address is shown to those who share the workspace with them; only the system changes it.
    member = "EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id AND m.workspace_id = current_workspace())"
    protect("users", own=member, app="SELECT")
    protect("audit_entries", app="SELECT, INSERT", system="SELECT, INSERT")
    _append_only("audit_entries")


def _append_only(table: str) -> None:
    """Refuse changes for everybody: rights do not bind a superuser, and a plain trigger not a session of a replica."""
    op.execute(f"""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER never_emptied;
    """)


def downgrade() -> None:
    op.execute("DROP POLICY own_workspace ON users")
    for table in ("audit_entries", "memberships", "workspaces", "users"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION refuse_change()")
    drop_roles()
