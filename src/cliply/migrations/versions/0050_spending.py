"""Whoever acts in a workspace's session can be slowed down too, without seeing anybody's buckets."""

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE

revision = "0050"
down_revision = "0041"


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION spend_token(p_bucket text, p_every interval, p_burst integer) RETURNS double precision
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE
            v_lasts interval := p_every * p_burst;
        BEGIN
            INSERT INTO rate_limits AS kept (bucket, full_at) VALUES (p_bucket, clock_timestamp() + p_every)
            ON CONFLICT (bucket) DO UPDATE SET full_at = greatest(kept.full_at, clock_timestamp()) + p_every
                WHERE greatest(kept.full_at, clock_timestamp()) + p_every <= clock_timestamp() + v_lasts;
            IF NOT FOUND THEN
                RETURN (SELECT greatest(1, extract(epoch FROM full_at + p_every - v_lasts - clock_timestamp()))
                    FROM rate_limits WHERE bucket = p_bucket);
            END IF;
            -- More than can have been added, so the table stays as small as what is in use.
            DELETE FROM rate_limits WHERE bucket IN (
                SELECT bucket FROM rate_limits WHERE full_at < clock_timestamp() LIMIT 2 FOR UPDATE SKIP LOCKED);
            RETURN 0;
        END $$;
        REVOKE EXECUTE ON FUNCTION spend_token FROM PUBLIC;
    """)
    op.execute(f"GRANT EXECUTE ON FUNCTION spend_token TO {APP_ROLE}, {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION spend_token")
