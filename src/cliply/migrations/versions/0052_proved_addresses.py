"""Whether an account's address was proved to be its user's, and the codes that prove it."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    # Those who run the installation were made that by somebody who knew them.
    op.execute("""
        ALTER TABLE users ADD email_confirmed_at timestamptz;
        UPDATE users SET email_confirmed_at = now() WHERE is_admin;

        CREATE TABLE confirmations (
            user_id uuid CONSTRAINT pk_confirmations PRIMARY KEY
                CONSTRAINT fk_confirmations_user_id_users REFERENCES users ON DELETE CASCADE,
            email text NOT NULL,
            token_hash bytea NOT NULL CONSTRAINT uq_confirmations_token_hash UNIQUE,
            expires_at timestamptz NOT NULL
        );
        CREATE TRIGGER code_spent AFTER DELETE OR UPDATE OF token_hash ON confirmations
            FOR EACH ROW EXECUTE FUNCTION code_spent();
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON confirmations TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP TABLE confirmations; ALTER TABLE users DROP email_confirmed_at")
