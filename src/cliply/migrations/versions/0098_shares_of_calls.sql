-- Calls by API keys. A share is a reserved entry of one process: what it may answer without asking. It ends as what was
-- used of it, in the entry of the day; one that nobody reports counts whole, since all of it may have been used.
-- Each of these is a transaction by itself, and counters are held before entries as everywhere.

-- One entry a day, so that there are not more of them than can be looked at. The counter is held by whoever calls.
create function count_api_calls(p_workspace uuid, p_period text, p_amount bigint)
returns void language sql security definer set search_path from current as $$
    insert into usage_entries (workspace_id, metric, source, period, amount, state, settled_at)
        values (p_workspace, 'api_calls', p_period || '/' || to_char(now() at time zone 'UTC', 'YYYY-MM-DD'), p_period,
            p_amount, 'committed', now())
        on conflict (workspace_id, metric, source)
        do update set amount = usage_entries.amount + excluded.amount, settled_at = now()
$$;

-- More for a share, a hundredth of what is left of `p_most` at most; of the last thousand one call at a time, which counts
-- at once, so that nobody is refused while others have some.
-- `at` is empty when there is no such workspace, and `taken` when the period is not the one that is now.
create function take_api_calls(
    p_workspace uuid, p_share text, p_wanted bigint, p_most bigint, p_period text, p_begins timestamptz,
    p_ends timestamptz, out shared bigint, out counted boolean, out taken bigint, out at timestamptz,
    out lasts double precision
) language plpgsql security definer set search_path from current as $$
declare counter usage_counters; remaining bigint;
begin
    shared := 0; counted := false;
    select * into counter from usage_counters
        where (workspace_id, metric, period) = (p_workspace, 'api_calls', p_period);
    if not found then
        -- Held, so that it does not go while its counter is made.
        perform from workspaces where id = p_workspace for key share;
        if not found then return; end if;
    end if;
    at := now(); lasts := extract(epoch from p_ends - at);
    if at < p_begins or at >= p_ends then return; end if;
    -- Where nothing is left, nobody has to wait to hear it.
    if counter.used + counter.reserved >= p_most then
        taken := counter.used + counter.reserved;
        return;
    end if;
    counter := hold_usage(p_workspace, 'api_calls', p_period, p_begins, p_ends);
    taken := counter.used + counter.reserved;
    remaining := p_most - taken;
    if remaining > 1000 then
        shared := least(p_wanted, remaining / 100);
        insert into usage_entries (workspace_id, metric, source, period, amount, state, expires_at)
            values (p_workspace, 'api_calls', p_share, p_period, shared, 'reserved', now() + interval '1 minute')
            on conflict (workspace_id, metric, source) do update set amount = usage_entries.amount + excluded.amount;
    elsif remaining > 0 then
        perform count_api_calls(p_workspace, p_period, 1);
        counted := true;
    end if;
end $$;

-- What was used of these shares counts, and the rest is given back. One that was closed before is gone, so it does not
-- matter how often this is asked. Returns whether there is such a workspace.
create function close_api_calls(p_workspace uuid, p_shares text[], p_used bigint[]) returns boolean language plpgsql
security definer set search_path from current as $$
declare closed record;
begin
    perform from usage_counters where (workspace_id, metric, period) in (
            select workspace_id, metric, period from usage_entries
            where workspace_id = p_workspace and metric = 'api_calls' and source = any(p_shares))
        order by metric, period for no key update;
    for closed in
        with gone as (
            delete from usage_entries
                where workspace_id = p_workspace and metric = 'api_calls' and source = any(p_shares)
                returning source, period)
        select period, sum(p_used[array_position(p_shares, source)])::bigint as used from gone
            group by period order by period
    loop
        if closed.used > 0 then perform count_api_calls(p_workspace, closed.period, closed.used); end if;
    end loop;
    return exists (select from workspaces where id = p_workspace);
end $$;

-- Shares that nobody has reported in time count whole. For a day their process may still say what it has used; then they
-- are part of a day's entry, as all others are.
create function settle_lapsed_api_calls(p_workspace uuid) returns integer language plpgsql security definer
set search_path from current as $$
declare settled integer; folded record;
begin
    perform from usage_counters where (workspace_id, metric, period) in (
            select workspace_id, metric, period from usage_entries
            where workspace_id = p_workspace and metric = 'api_calls' and source >= 'share/' and source < 'share0')
        order by metric, period for no key update;
    update usage_entries set state = 'committed', settled_at = now(), expires_at = null
        where workspace_id = p_workspace and metric = 'api_calls' and state = 'reserved' and expires_at <= now();
    get diagnostics settled = row_count;
    for folded in
        with gone as (
            delete from usage_entries where workspace_id = p_workspace and metric = 'api_calls'
                and source >= 'share/' and source < 'share0' and state = 'committed' and settled_at < now() - interval '1 day'
                returning period, amount)
        select period, sum(amount)::bigint as amount from gone group by period order by period
    loop
        perform count_api_calls(p_workspace, folded.period, folded.amount);
    end loop;
    return settled;
end $$;

-- What was reserved, and for longer than was said; in the session's workspace.
create or replace function release_expired_usage() returns integer language plpgsql security definer
set search_path from current as $$
declare released integer; here uuid := current_workspace(); settled integer := settle_lapsed_api_calls(here);
begin
    perform from usage_counters where (workspace_id, metric, period) in (
            select workspace_id, metric, period from usage_entries
            where workspace_id = here and state = 'reserved' and expires_at <= now())
        order by metric, period for no key update;
    update usage_entries set state = 'released', settled_at = now(), expires_at = null
        where workspace_id = here and state = 'reserved' and expires_at <= now();
    get diagnostics released = row_count;
    return released + settled;
end $$;
