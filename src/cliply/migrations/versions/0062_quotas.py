"""What of a network's daily quota the installation has used: one app serves every workspace."""

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE

revision = "0062"
down_revision = "0061"

_FUNCTIONS = ("spend_quota(text, integer, integer, timestamptz)", "exhaust_quota(text, integer, timestamptz)")


def upgrade() -> None:
    # Everybody's: whoever works in a workspace's session has a share in it only by the functions.
    op.execute("""
        CREATE TABLE quotas (
            bucket text CONSTRAINT pk_quotas PRIMARY KEY,
            used integer NOT NULL CONSTRAINT ck_quotas_used CHECK (used >= 0),
            most integer NOT NULL,
            resets_at timestamptz NOT NULL
        );

        -- Whether there was as much left; then it is used. Of two who want the last, the second waits for the row.
        CREATE FUNCTION spend_quota(p_bucket text, p_amount integer, p_most integer, p_resets_at timestamptz)
        RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO quotas (bucket, used, most, resets_at) VALUES (p_bucket, 0, p_most, p_resets_at)
                ON CONFLICT DO NOTHING;
            UPDATE quotas SET used = 0, resets_at = p_resets_at WHERE bucket = p_bucket AND resets_at <= now();
            UPDATE quotas SET used = used + p_amount, most = p_most
                WHERE bucket = p_bucket AND used + p_amount <= p_most;
            RETURN FOUND;
        END $$;

        -- The network's own word counts for more than what we have counted.
        CREATE FUNCTION exhaust_quota(p_bucket text, p_most integer, p_resets_at timestamptz)
        RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
            INSERT INTO quotas (bucket, used, most, resets_at) VALUES (p_bucket, p_most, p_most, p_resets_at)
                ON CONFLICT (bucket) DO UPDATE SET used = greatest(quotas.used, excluded.most),
                    resets_at = greatest(quotas.resets_at, excluded.resets_at);
        $$;
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON quotas TO {SYSTEM_ROLE}")
    op.execute(f"GRANT CREATE ON SCHEMA public TO {SYSTEM_ROLE}")
    for function in _FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} OWNER TO {SYSTEM_ROLE}")
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}, {SYSTEM_ROLE}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {SYSTEM_ROLE}")


def downgrade() -> None:
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TABLE quotas")
