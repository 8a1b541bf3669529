"""A code that opened something once is told from one that never did."""

from alembic import op

from cliply.infra.db import SYSTEM_ROLE

revision = "0051"
down_revision = "0050"

_KEEPERS = ("invitations", "recoveries")


def upgrade() -> None:
    # Whoever uses, replaces or takes back a code need not think of it. Kept for as long as a letter is looked for.
    op.execute("""
        CREATE TABLE spent_codes (
            code_hash bytea CONSTRAINT pk_spent_codes PRIMARY KEY,
            spent_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX ix_spent_codes_spent_at ON spent_codes (spent_at);

        CREATE FUNCTION code_spent() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND old.token_hash = new.token_hash THEN
                RETURN NULL;
            END IF;
            INSERT INTO spent_codes (code_hash) VALUES (old.token_hash) ON CONFLICT DO NOTHING;
            DELETE FROM spent_codes WHERE code_hash IN (
                SELECT code_hash FROM spent_codes WHERE spent_at < now() - interval '90 days'
                LIMIT 2 FOR UPDATE SKIP LOCKED);
            RETURN NULL;
        END $$;
    """)
    for table in _KEEPERS:
        op.execute(f"""
            CREATE TRIGGER code_spent AFTER DELETE OR UPDATE OF token_hash ON {table}
            FOR EACH ROW EXECUTE FUNCTION code_spent()
        """)
    op.execute(f"GRANT SELECT ON spent_codes TO {SYSTEM_ROLE}")


def downgrade() -> None:
    for table in _KEEPERS:
        op.execute(f"DROP TRIGGER code_spent ON {table}")
    op.execute("DROP FUNCTION code_spent()")
    op.execute("DROP TABLE spent_codes")
