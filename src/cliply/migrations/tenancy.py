"""The one place that writes row security: who sees what of a table that belongs to workspaces.

A function of the database says which workspace a transaction is in; without one it is NULL, which equals nothing.
ENABLE and FORCE together bind the owner as well, whom row security would otherwise pass over.
"""

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE, WORKSPACE_SETTING

_CREATE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ROLE_NAME') THEN
        CREATE ROLE ROLE_NAME NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
        -- Since PostgreSQL 16, whoever makes a role may hand it out, and has to give it to themselves to take it.
        GRANT ROLE_NAME TO CURRENT_USER;
    ELSIF NOT pg_has_role(current_user, 'ROLE_NAME', 'MEMBER') THEN
        GRANT ROLE_NAME TO CURRENT_USER;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'cliply: roles' USING ERRCODE = 'insufficient_privilege';
END $$
"""

ALL = "SELECT, INSERT, UPDATE, DELETE"


def protect(table: str, *, own: str = "workspace_id = current_workspace()", app: str = ALL, system: str = ALL) -> None:
    """Let a workspace's session see and write rows for which `own` holds only, and the system's all.

    `app` and `system` name what those roles may do at all.
    """
    # Whoever may take the role has its policies before taking it too; nothing is to be seen by accident.
    taken = f"current_user = '{SYSTEM_ROLE}'"
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own_workspace ON {table} TO {APP_ROLE} USING ({own}) WITH CHECK ({own})",
        f"CREATE POLICY whole_system ON {table} TO {SYSTEM_ROLE} USING ({taken}) WITH CHECK ({taken})",
        f"GRANT {app} ON {table} TO {APP_ROLE}",
        f"GRANT {system} ON {table} TO {SYSTEM_ROLE}",
    ):
        op.execute(statement)


def create_roles() -> None:
    """The two roles and the function; roles belong to the whole server, and another database of it may have them."""
    for role in (APP_ROLE, SYSTEM_ROLE):
        op.execute(_CREATE_ROLE.replace("ROLE_NAME", role))
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    op.execute(f"""
        CREATE FUNCTION current_workspace() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
        RETURN nullif(current_setting('{WORKSPACE_SETTING}', true), '')::uuid
    """)


def drop_roles() -> None:
    """Undo `create_roles`; a role that another database of the server needs stays."""
    op.execute("DROP FUNCTION current_workspace()")
    for role in (APP_ROLE, SYSTEM_ROLE):
        op.execute(f"REVOKE USAGE ON SCHEMA public FROM {role}")
        op.execute(f"""
            DO $$ BEGIN
                DROP ROLE {role};
            EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN NULL;
            END $$
        """)
