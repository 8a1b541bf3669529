"""Whom all processes leave alone for a while, because they do not answer."""

from alembic import op

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE

revision = "0060"
down_revision = "0055"

_FUNCTIONS = ("breaker_admits", "breaker_failed", "breaker_succeeded")


def upgrade() -> None:
    # One that is closed and has seen no failure is no row. Everybody's: whoever works in a workspace's session has a
    # share in them only by the functions.
    op.execute("""
        CREATE TABLE breakers (
            name text CONSTRAINT pk_breakers PRIMARY KEY,
            failures integer NOT NULL,
            failing_since timestamptz NOT NULL,
            opened integer NOT NULL DEFAULT 0,
            open_until timestamptz,
            probing boolean NOT NULL DEFAULT false,
            CONSTRAINT ck_breakers_open CHECK ((opened = 0) = (open_until IS NULL))
        );

        -- `o_left` is how many seconds nobody else may call; NULL where everybody may.
        CREATE FUNCTION breaker_admits(
            p_name text, p_probe interval, OUT o_admitted boolean, OUT o_failing boolean, OUT o_left double precision)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE
            v_until timestamptz;
        BEGIN
            -- Of two who come when the rest is over, the second waits for the row, and finds it taken.
            UPDATE breakers SET open_until = clock_timestamp() + p_probe, probing = true
                WHERE name = p_name AND open_until <= clock_timestamp() RETURNING open_until INTO v_until;
            o_admitted := FOUND;
            o_failing := FOUND;
            IF NOT FOUND THEN
                SELECT open_until INTO v_until FROM breakers WHERE name = p_name;
                o_failing := FOUND;
                o_admitted := v_until IS NULL;
            END IF;
            o_left := extract(epoch FROM v_until - clock_timestamp());
        END $$;

        CREATE FUNCTION breaker_failed(
            p_name text, p_failures integer, p_within interval, p_rest interval, p_longest interval,
            OUT o_left double precision)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE
            v_row breakers;
        BEGIN
            INSERT INTO breakers (name, failures, failing_since) VALUES (p_name, 0, clock_timestamp())
                ON CONFLICT DO NOTHING;
            SELECT * INTO v_row FROM breakers WHERE name = p_name FOR UPDATE;
            IF v_row.opened = 0 AND v_row.failing_since + p_within < clock_timestamp() THEN
                v_row.failures := 0;
                v_row.failing_since := clock_timestamp();
            END IF;
            v_row.failures := v_row.failures + 1;
            -- A call that began before it opened and fails now tells nothing new.
            IF v_row.probing OR (v_row.opened = 0 AND v_row.failures >= p_failures) THEN
                v_row.open_until := clock_timestamp() + least(p_rest * power(2, v_row.opened), p_longest);
                v_row.opened := least(v_row.opened + 1, 20);
                v_row.probing := false;
            END IF;
            UPDATE breakers SET failures = v_row.failures, failing_since = v_row.failing_since,
                opened = v_row.opened, open_until = v_row.open_until, probing = v_row.probing WHERE name = p_name;
            o_left := extract(epoch FROM v_row.open_until - clock_timestamp());
        END $$;

        CREATE FUNCTION breaker_succeeded(p_name text) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
            DELETE FROM breakers WHERE name = p_name
        $$;
    """)
    for function in _FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}, {SYSTEM_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON breakers TO {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION " + ", ".join(_FUNCTIONS))
    op.execute("DROP TABLE breakers")
