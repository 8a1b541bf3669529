"""Several buckets are spent at once, all or none; what is changed with every request is light, and swept at times."""

from importlib import import_module

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE

revision = "0081"
down_revision = "0080"


def upgrade() -> None:
    op.execute("DROP FUNCTION spend_token")
    # Nothing of it is worth keeping when the server crashes: whoever had to wait may try again. Without the index, and
    # with room in each page, a change touches one page and leaves nothing behind.
    op.execute("ALTER TABLE rate_limits SET UNLOGGED")
    op.execute("ALTER TABLE rate_limits SET (fillfactor = 50)")
    op.execute("DROP INDEX ix_rate_limits_full_at")
    op.execute("""
        CREATE FUNCTION spend_tokens(p_buckets text[], p_every interval[], p_bursts integer[],
            OUT spent boolean, OUT full_in double precision[], OUT waits double precision[])
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE
            v_spent text[];
            v_full_at timestamptz[];
        BEGIN
            -- The time is read where the row is held: whoever waited for it meanwhile has gained some.
            WITH taken AS (
                INSERT INTO rate_limits AS kept (bucket, full_at)
                SELECT wanted.bucket, clock_timestamp() + wanted.every
                FROM unnest(p_buckets, p_every) AS wanted (bucket, every)
                ON CONFLICT (bucket) DO UPDATE SET
                    full_at = greatest(kept.full_at, clock_timestamp())
                        + p_every[array_position(p_buckets, kept.bucket)]
                    WHERE kept.full_at <= clock_timestamp() + p_every[array_position(p_buckets, kept.bucket)]
                        * (p_bursts[array_position(p_buckets, kept.bucket)] - 1)
                RETURNING kept.bucket, kept.full_at)
            SELECT array_agg(taken.bucket), array_agg(taken.full_at) INTO v_spent, v_full_at FROM taken;
            spent := coalesce(cardinality(v_spent), 0) = cardinality(p_buckets);
            IF NOT spent THEN
                -- Each is still held, so nobody has seen it otherwise.
                UPDATE rate_limits SET full_at = full_at - p_every[array_position(p_buckets, bucket)]
                WHERE bucket = ANY (v_spent);
                SELECT array_agg(bucket), array_agg(full_at) INTO v_spent, v_full_at
                FROM rate_limits WHERE bucket = ANY (p_buckets);
            END IF;
            SELECT array_agg(told.left_for ORDER BY told.at),
                array_agg(CASE WHEN spent THEN 0 ELSE greatest(0, told.left_for - told.lasts) END ORDER BY told.at)
            INTO full_in, waits
            FROM (
                SELECT wanted.at,
                    extract(epoch FROM wanted.every * (wanted.burst - 1))::double precision AS lasts,
                    greatest(0, extract(epoch FROM v_full_at[array_position(v_spent, wanted.bucket)]
                        - clock_timestamp()))::double precision AS left_for
                FROM unnest(p_buckets, p_every, p_bursts) WITH ORDINALITY AS wanted (bucket, every, burst, at)
            ) AS told;
            IF NOT spent AND NOT 0 < ANY (waits) THEN
                -- It became free in this very moment; it is not there to be told a wait of nothing.
                waits[1] := 0.001;
            END IF;
        END $$;
        CREATE FUNCTION sweep_rate_limits() RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
            DELETE FROM rate_limits WHERE bucket IN (
                SELECT bucket FROM rate_limits WHERE full_at < clock_timestamp() FOR UPDATE SKIP LOCKED);
        $$;
        REVOKE EXECUTE ON FUNCTION spend_tokens, sweep_rate_limits FROM PUBLIC;
    """)
    op.execute(f"GRANT EXECUTE ON FUNCTION spend_tokens, sweep_rate_limits TO {APP_ROLE}, {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION spend_tokens, sweep_rate_limits")
    op.execute("CREATE INDEX ix_rate_limits_full_at ON rate_limits (full_at)")
    op.execute("ALTER TABLE rate_limits RESET (fillfactor)")
    op.execute("ALTER TABLE rate_limits SET LOGGED")
    import_module("cliply.migrations.versions.0050_spending").upgrade()
