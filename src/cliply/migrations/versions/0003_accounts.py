"""Local accounts: passwords, sessions, ways back in, and limits on how often. Only the system's session reads them."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0003"
down_revision = "0002"

_TABLES = ("passwords", "login_sessions", "recoveries", "rate_limits")


def upgrade() -> None:
    # Passwords lie apart from people: whoever shares a workspace may read the latter.
    op.execute("""
        CREATE TABLE passwords (
            user_id uuid CONSTRAINT pk_passwords PRIMARY KEY
                CONSTRAINT fk_passwords_user_id_users REFERENCES users ON DELETE CASCADE,
            hash text NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE login_sessions (
            token_hash bytea CONSTRAINT pk_login_sessions PRIMARY KEY,
            user_id uuid NOT NULL CONSTRAINT fk_login_sessions_user_id_users REFERENCES users ON DELETE CASCADE,
            created_at timestamptz NOT NULL DEFAULT now(),
            seen_at timestamptz NOT NULL DEFAULT now(),
            ip inet
        );
        CREATE INDEX ix_login_sessions_user_id ON login_sessions (user_id);
        CREATE INDEX ix_login_sessions_seen_at ON login_sessions (seen_at);

        CREATE TABLE recoveries (
            user_id uuid CONSTRAINT pk_recoveries PRIMARY KEY
                CONSTRAINT fk_recoveries_user_id_users REFERENCES users ON DELETE CASCADE,
            token_hash bytea NOT NULL CONSTRAINT uq_recoveries_token_hash UNIQUE,
            expires_at timestamptz NOT NULL
        );

        CREATE TABLE rate_limits (
            bucket text CONSTRAINT pk_rate_limits PRIMARY KEY,
            full_at timestamptz NOT NULL
        );
        CREATE INDEX ix_rate_limits_full_at ON rate_limits (full_at);
    """)
    for table in _TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE " + ", ".join(_TABLES))
