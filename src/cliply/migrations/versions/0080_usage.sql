-- What a workspace has used. The ledger is the truth: a trigger keeps the counters equal to its sum, whoever writes it.
-- Counters are locked before entries, wherever both are: so no two of these wait for each other.

alter table workspaces add period_anchor timestamptz;

create table usage_counters (
    workspace_id uuid not null
        constraint fk_usage_counters_workspace_id_workspaces references workspaces on delete cascade,
    metric text not null constraint ck_usage_counters_metric check (metric in (
        'projects', 'clips', 'source_minutes', 'storage_bytes', 'render_seconds', 'publications', 'api_calls')),
    -- The first day of the period, by which it is known: who changes the workspace's zone stays in the same one.
    period date not null,
    begins_at timestamptz not null,
    -- Empty: what is counted is there until it is removed, whatever month it is.
    ends_at timestamptz,
    used bigint not null default 0 constraint ck_usage_counters_used check (used >= 0),
    reserved bigint not null default 0 constraint ck_usage_counters_reserved check (reserved >= 0),
    -- False: it has grown, and nobody has looked yet whether that is worth a word.
    looked_at boolean not null default true,
    constraint pk_usage_counters primary key (workspace_id, metric, period)
);
create index ix_usage_counters_grown on usage_counters (workspace_id) where not looked_at;

create table usage_entries (
    id bigint generated always as identity constraint pk_usage_entries primary key,
    workspace_id uuid not null
        constraint fk_usage_entries_workspace_id_workspaces references workspaces on delete cascade,
    metric text not null,
    -- What it was used for; looked for by its beginning too, hence the collation.
    source text collate "C" not null,
    period date not null,
    amount bigint not null constraint ck_usage_entries_amount check (amount >= 0),
    state text not null constraint ck_usage_entries_state check (state in ('reserved', 'committed', 'released')),
    at timestamptz not null default now(),
    settled_at timestamptz,
    -- Of what is reserved: it is given back then. Empty: whoever reserved it sees to that.
    expires_at timestamptz,
    constraint uq_usage_entries_workspace_id_metric_source unique (workspace_id, metric, source),
    constraint ck_usage_entries_settled check ((state = 'reserved') = (settled_at is null)),
    constraint fk_usage_entries_workspace_id_metric_period_usage_counters
        foreign key (workspace_id, metric, period) references usage_counters on delete cascade
);
create index ix_usage_entries_workspace_id_metric_period on usage_entries (workspace_id, metric, period);
create index ix_usage_entries_expires_at on usage_entries (expires_at) where state = 'reserved';

create function count_usage() returns trigger language plpgsql security definer set search_path from current as $$
declare
    was_used bigint := 0; was_reserved bigint := 0; is_used bigint := 0; is_reserved bigint := 0;
begin
    if tg_op <> 'INSERT' then
        was_used := case old.state when 'committed' then old.amount else 0 end;
        was_reserved := case old.state when 'reserved' then old.amount else 0 end;
    end if;
    if tg_op <> 'DELETE' then
        is_used := case new.state when 'committed' then new.amount else 0 end;
        is_reserved := case new.state when 'reserved' then new.amount else 0 end;
    end if;
    if tg_op = 'UPDATE' and old.period <> new.period then
        update usage_counters set used = used - was_used, reserved = reserved - was_reserved
            where (workspace_id, metric, period) = (old.workspace_id, old.metric, old.period);
        was_used := 0; was_reserved := 0;
    end if;
    update usage_counters set used = used - was_used + is_used, reserved = reserved - was_reserved + is_reserved,
        looked_at = looked_at and is_used <= was_used
        where (workspace_id, metric, period) = case tg_op when 'DELETE'
            then (old.workspace_id, old.metric, old.period) else (new.workspace_id, new.metric, new.period) end;
    return null;
end $$;

create trigger count_usage after insert or delete or update of amount, state, period on usage_entries
for each row execute function count_usage();

-- The counter of a period, held until the transaction ends.
create function hold_usage(p_workspace uuid, p_metric text, p_period date, p_begins timestamptz, p_ends timestamptz)
returns usage_counters language plpgsql security definer set search_path from current as $$
declare counter usage_counters;
begin
    loop
        select * into counter from usage_counters
            where (workspace_id, metric, period) = (p_workspace, p_metric, p_period) for no key update;
        exit when found;
        insert into usage_counters (workspace_id, metric, period, begins_at, ends_at)
            values (p_workspace, p_metric, p_period, p_begins, p_ends) on conflict do nothing;
    end loop;
    return counter;
end $$;

-- The session's own.
create function hold_own_usage(p_metric text, p_period date, p_begins timestamptz, p_ends timestamptz)
returns void language sql security definer set search_path from current as $$
    select hold_usage(current_workspace(), p_metric, p_period, p_begins, p_ends)
$$;

-- The entry of a source with its counter held: that of its own period while it counts there, else that of the one named.
create function hold_usage_entry(
    p_workspace uuid, p_metric text, p_source text, p_period date, p_begins timestamptz, p_ends timestamptz
) returns usage_entries language plpgsql security definer set search_path from current as $$
declare entry usage_entries; held date;
begin
    select case state when 'released' then p_period else period end into held from usage_entries
        where (workspace_id, metric, source) = (p_workspace, p_metric, p_source);
    held := coalesce(held, p_period);
    loop
        perform hold_usage(p_workspace, p_metric, held, p_begins, p_ends);
        select * into entry from usage_entries
            where (workspace_id, metric, source) = (p_workspace, p_metric, p_source) for update;
        -- Somebody else may have reserved it in another period meanwhile.
        exit when not found or entry.state = 'released' or entry.period = held;
        held := entry.period;
    end loop;
    return entry;
end $$;

-- Set `p_amount` aside for a source, unless there is not as much left of `p_most`. Asked again, the amount is changed.
-- `others` is what the rest of the ledger has of the period.
create function reserve_usage(
    p_metric text, p_source text, p_amount bigint, p_most bigint, p_period date, p_begins timestamptz,
    p_ends timestamptz, p_expires timestamptz, out admitted boolean, out others bigint
) language plpgsql security definer set search_path from current as $$
declare here uuid := current_workspace(); entry usage_entries; counter usage_counters; held bigint := 0;
begin
    entry := hold_usage_entry(here, p_metric, p_source, p_period, p_begins, p_ends);
    if entry.state = 'committed' then
        admitted := true; others := 0;
        return;
    end if;
    if entry.state = 'reserved' then held := entry.amount; p_period := entry.period; end if;
    select * into strict counter from usage_counters where (workspace_id, metric, period) = (here, p_metric, p_period);
    others := counter.used + counter.reserved - held;
    admitted := p_most is null or p_amount <= held or others + p_amount <= p_most;
    if not admitted then return; end if;
    if entry.id is null then
        insert into usage_entries (workspace_id, metric, source, period, amount, state, expires_at)
            values (here, p_metric, p_source, p_period, p_amount, 'reserved', p_expires);
    else
        update usage_entries set amount = p_amount, state = 'reserved', period = p_period, settled_at = null,
            expires_at = p_expires where id = entry.id;
    end if;
end $$;

-- Let it count, once for a source however often it is asked, and be it given back long since. Without an amount, as much
-- as was reserved.
create function commit_usage(
    p_metric text, p_source text, p_amount bigint, p_period date, p_begins timestamptz, p_ends timestamptz
) returns boolean language plpgsql security definer set search_path from current as $$
declare here uuid := current_workspace(); entry usage_entries;
begin
    select * into entry from usage_entries where (workspace_id, metric, source) = (here, p_metric, p_source);
    if entry.state = 'committed' then return false; end if;
    entry := hold_usage_entry(here, p_metric, p_source, coalesce(entry.period, p_period), p_begins, p_ends);
    if entry.state = 'committed' then return false; end if;
    if entry.id is null then
        if p_amount is null then return false; end if;
        insert into usage_entries (workspace_id, metric, source, period, amount, state, settled_at)
            values (here, p_metric, p_source, p_period, p_amount, 'committed', now());
    else
        update usage_entries set amount = coalesce(p_amount, amount), state = 'committed', settled_at = now(),
            expires_at = null where id = entry.id;
    end if;
    return true;
end $$;

-- More of what has an entry already.
create function add_usage(
    p_metric text, p_source text, p_amount bigint, p_period date, p_begins timestamptz, p_ends timestamptz
) returns bigint language plpgsql security definer set search_path from current as $$
declare counted bigint; here uuid := current_workspace();
begin
    perform hold_usage(here, p_metric, p_period, p_begins, p_ends);
    insert into usage_entries (workspace_id, metric, source, period, amount, state, settled_at)
        values (here, p_metric, p_source, p_period, p_amount, 'committed', now())
        on conflict (workspace_id, metric, source)
        do update set amount = usage_entries.amount + excluded.amount, settled_at = now();
    select used into counted from usage_counters where (workspace_id, metric, period) = (here, p_metric, p_period);
    return counted;
end $$;

-- Give back what is in one of these states, of a source and of all below it: `a/b` is below `a`, and `ab` is not.
create function release_usage_of(p_workspace uuid, p_metrics text[], p_of text, p_states text[])
returns void language plpgsql security definer set search_path from current as $$
begin
    perform from usage_counters where (workspace_id, metric, period) in (
            select workspace_id, metric, period from usage_entries where workspace_id = p_workspace
                and metric = any(p_metrics) and state = any(p_states)
                and (source = p_of or (source >= p_of || '/' and source < p_of || '0')))
        order by metric, period for no key update;
    update usage_entries set state = 'released', settled_at = now(), expires_at = null
        where workspace_id = p_workspace and metric = any(p_metrics) and state = any(p_states)
            and (source = p_of or (source >= p_of || '/' and source < p_of || '0'));
end $$;

create function release_usage(p_metrics text[], p_of text, p_states text[])
returns void language sql security definer set search_path from current as $$
    select release_usage_of(current_workspace(), p_metrics, p_of, p_states)
$$;

-- What was reserved, and for longer than was said; in the session's workspace.
create function release_expired_usage() returns integer language plpgsql security definer
set search_path from current as $$
declare released integer; here uuid := current_workspace();
begin
    perform from usage_counters where (workspace_id, metric, period) in (
            select workspace_id, metric, period from usage_entries
            where workspace_id = here and state = 'reserved' and expires_at <= now())
        order by metric, period for no key update;
    update usage_entries set state = 'released', settled_at = now(), expires_at = null
        where workspace_id = here and state = 'reserved' and expires_at <= now();
    get diagnostics released = row_count;
    return released;
end $$;

-- What came to nothing is not charged. Whoever ends a project or a clip, be it nobody's handler, gives back with it.
create function give_back_of_project() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    perform release_usage_of(old.workspace_id, array['projects', 'source_minutes'], old.id::text, array['reserved']);
    perform release_usage_of(old.workspace_id, array['storage_bytes'], old.workspace_id || '/' || old.id,
        array['reserved']);
    return null;
end $$;

create trigger give_back_failed after update of state on projects for each row
when (old.state <> new.state and new.state in ('failed', 'refused')) execute function give_back_of_project();
create trigger give_back_deleted after delete on projects for each row execute function give_back_of_project();

create function give_back_of_clip() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    -- Of renders, the version that is rendered follows the clip's id after a slash.
    perform release_usage_of(old.workspace_id, array['clips', 'render_seconds'], old.id::text, array['reserved']);
    return null;
end $$;

create trigger give_back_failed after update of state on clips for each row
when (old.state <> new.state and new.state = 'failed') execute function give_back_of_clip();
create trigger give_back_deleted after delete on clips for each row
when (old.state <> 'candidate') execute function give_back_of_clip();

-- What is posted counts, and what is not going to be does not; whoever ends it.
create function settle_publication() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    if tg_op = 'UPDATE' and new.state = 'published' then
        perform from usage_counters where (workspace_id, metric, period) in (
            select workspace_id, metric, period from usage_entries
            where (workspace_id, metric, source) = (new.workspace_id, 'publications', new.id::text)) for no key update;
        update usage_entries set state = 'committed', settled_at = now(), expires_at = null
            where (workspace_id, metric, source) = (new.workspace_id, 'publications', new.id::text)
                and state <> 'committed';
    else
        perform release_usage_of(old.workspace_id, array['publications'], old.id::text, array['reserved']);
    end if;
    return null;
end $$;

create trigger settle_usage after update of state on publications for each row
when (old.state <> new.state and new.state in ('published', 'rejected', 'cancelled')) execute function settle_publication();
create trigger give_back_deleted after delete on publications for each row execute function settle_publication();

-- The counters of the session's workspace that have grown since somebody last looked, held until the transaction ends.
create function look_at_grown_usage() returns setof usage_counters language plpgsql security definer
set search_path from current as $$
begin
    perform from usage_counters where workspace_id = current_workspace() and not looked_at
        order by metric, period for no key update;
    return query update usage_counters set looked_at = true
        where workspace_id = current_workspace() and not looked_at returning *;
end $$;

-- Another plan has other limits: what was used may be worth a word by now.
create function look_at_usage() returns trigger language plpgsql security definer set search_path from current as $$
begin
    update usage_counters set looked_at = false where workspace_id = new.id and (ends_at is null or ends_at > now());
    return null;
end $$;

create trigger look_at_usage after update of plan, plan_overrides on workspaces for each row
when (old.plan <> new.plan or old.plan_overrides <> new.plan_overrides) execute function look_at_usage();

create table usage_alerts (
    workspace_id uuid not null
        constraint fk_usage_alerts_workspace_id_workspaces references workspaces on delete cascade,
    metric text not null,
    period date not null,
    -- Per cent of the limit.
    threshold smallint not null,
    most bigint not null,
    used bigint not null,
    at timestamptz not null default now(),
    constraint pk_usage_alerts primary key (workspace_id, metric, period, threshold)
);
