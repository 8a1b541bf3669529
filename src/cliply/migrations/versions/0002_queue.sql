-- What Cliply adds to the queue engine's tables. The reasons are in docs/explanation/jobs.md.

-- Our columns on the engine's row: the row is the job, so there is one truth about it.
alter table procrastinate_jobs
    add workspace_id uuid generated always as ((args->>'workspace_id')::uuid) stored
        constraint fk_procrastinate_jobs_workspace_id_workspaces references workspaces on delete cascade,
    add tenant uuid not null
        generated always as (coalesce((args->>'workspace_id')::uuid, '00000000-0000-0000-0000-000000000000'::uuid)) stored,
    add subject text generated always as (args->>'subject') stored,
    add stage_id uuid generated always as ((args->>'stage_id')::uuid) stored,
    add counted boolean not null default false,
    add failures integer not null default 0,
    add deaths integer not null default 0,
    add progress real not null default 0,
    add step text,
    add error text,
    add created_at timestamptz not null default now(),
    add started_at timestamptz,
    add finished_at timestamptz;

-- Our own history has more in it; writing both would double the cost of a job.
drop trigger procrastinate_trigger_status_events_insert_v1 on procrastinate_jobs;
drop trigger procrastinate_trigger_status_events_update_v1 on procrastinate_jobs;
drop trigger procrastinate_trigger_scheduled_events_v1 on procrastinate_jobs;
drop trigger procrastinate_trigger_abort_requested_events_v1 on procrastinate_jobs;

-- Jobs without a workspace are the installation's own; their tenant is the nil UUID. A column, not an expression: row
-- security lets an index be used only for comparisons that cannot leak, and PostgreSQL trusts no COALESCE.
create index ix_jobs_waiting on procrastinate_jobs (
    tenant, queue_name, priority desc,
    coalesce(scheduled_at, '-infinity'::timestamptz), id) where status = 'todo';
create index ix_jobs_running on procrastinate_jobs (tenant) where status = 'doing';
create index ix_jobs_workspace on procrastinate_jobs (workspace_id, id desc);
create index ix_jobs_subject on procrastinate_jobs (workspace_id, subject, id desc) where subject is not null;
create index ix_jobs_finished on procrastinate_jobs (finished_at) where finished_at is not null;

create table workspace_limits (
    workspace_id uuid constraint pk_workspace_limits primary key
        constraint fk_workspace_limits_workspace_id_workspaces references workspaces on delete cascade,
    max_running integer not null constraint ck_workspace_limits_max_running check (max_running >= 0)
);

create table queue_pauses (
    id bigint generated always as identity constraint pk_queue_pauses primary key,
    queue text not null,
    paused_at timestamptz not null default now(),
    paused_by text not null,
    resumed_at timestamptz,
    resumed_by text
);
create unique index uq_queue_pauses_queue on queue_pauses (queue) where resumed_at is null;

create table job_keys (
    workspace_id uuid constraint fk_job_keys_workspace_id_workspaces references workspaces on delete cascade,
    key text not null,
    job_id bigint constraint fk_job_keys_job_id_procrastinate_jobs references procrastinate_jobs on delete cascade,
    constraint uq_job_keys_workspace_id_key unique nulls not distinct (workspace_id, key)
);
create index ix_job_keys_job_id on job_keys (job_id);

create table job_events (
    id bigint generated always as identity constraint pk_job_events primary key,
    job_id bigint not null
        constraint fk_job_events_job_id_procrastinate_jobs references procrastinate_jobs on delete cascade,
    workspace_id uuid constraint fk_job_events_workspace_id_workspaces references workspaces on delete cascade,
    at timestamptz not null default clock_timestamp(),
    was text,
    became text not null,
    attempt integer not null,
    worker_id bigint,
    actor text,
    note text
);
create index ix_job_events_job_id_id on job_events (job_id, id);
create index ix_job_events_workspace_id on job_events (workspace_id);

create table stages (
    id uuid constraint pk_stages primary key default gen_random_uuid(),
    workspace_id uuid constraint fk_stages_workspace_id_workspaces references workspaces on delete cascade,
    pending integer not null constraint ck_stages_pending check (pending >= 0),
    failed integer not null default 0,
    next_queue text not null,
    next_kind text not null,
    next_priority integer not null,
    next_args jsonb not null,
    next_job_id bigint constraint fk_stages_next_job_id_procrastinate_jobs references procrastinate_jobs on delete cascade
);
create index ix_stages_workspace_id on stages (workspace_id);
create index ix_stages_next_job_id on stages (next_job_id);

create function job_state(p_status procrastinate_job_status, p_abort boolean) returns text
language sql immutable parallel safe as $$
    select case p_status
        when 'todo' then 'queued'
        when 'doing' then case when p_abort then 'stopping' else 'running' end
        when 'succeeded' then 'succeeded'
        when 'failed' then 'failed'
        else 'cancelled' end
$$;

create view jobs with (security_invoker = true) as
select id, workspace_id, task_name::text as kind, queue_name::text as queue, priority, subject, stage_id,
       coalesce(args->'arguments', '{}'::jsonb) as arguments, job_state(status, abort_requested) as state,
       attempts, failures, deaths, progress, step, error, created_at, scheduled_at, started_at, finished_at, worker_id
from procrastinate_jobs;

create function queue_record_new_job() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    insert into job_events (job_id, workspace_id, became, attempt, actor)
    values (new.id, new.workspace_id, 'queued', 0, nullif(current_setting('app.actor', true), ''));
    return null;
end $$;

create trigger queue_record_new_job after insert on procrastinate_jobs
for each row execute function queue_record_new_job();

-- One place where a job changes state, whoever changes it: a handler's own transaction, the worker, the sweep, an
-- operator. History and the count of a stage therefore commit with the change, or not at all.
create function queue_record_change() returns trigger language plpgsql security definer
set search_path from current as $$
declare stage stages; joined bigint;
begin
    -- Generated columns are read from the old row: in the new one they are not computed yet.
    if new.status = 'doing' and old.status = 'todo' then
        new.started_at := clock_timestamp();
        new.progress := 0;
        new.step := null;
    elsif new.status = 'todo' then
        new.finished_at := null;
    elsif new.status <> 'doing' and old.status in ('todo', 'doing') then
        new.finished_at := clock_timestamp();
        if new.status = 'succeeded' then
            new.error := null;
            new.progress := 1;
        end if;
        -- A failed job that an operator runs again has left its stage already.
        if old.stage_id is not null and not new.counted then
            new.counted := true;
            update stages set pending = pending - 1, failed = failed + (new.status <> 'succeeded')::int
            where id = old.stage_id returning * into stage;
            if found and stage.pending = 0 then
                insert into procrastinate_jobs (queue_name, task_name, priority, args)
                values (stage.next_queue, stage.next_kind, stage.next_priority, stage.next_args)
                returning id into joined;
                update stages set next_job_id = joined where id = stage.id;
            end if;
        end if;
    end if;
    insert into job_events (job_id, workspace_id, was, became, attempt, worker_id, actor, note)
    values (new.id, old.workspace_id, job_state(old.status, old.abort_requested),
            job_state(new.status, new.abort_requested), old.attempts + 1, coalesce(new.worker_id, old.worker_id),
            nullif(current_setting('app.actor', true), ''),
            case when new.status = 'doing' or new.status = 'succeeded' then null else new.error end);
    return new;
end $$;

create trigger queue_record_change before update of status, attempts, abort_requested on procrastinate_jobs
for each row when ((old.status, old.attempts, old.abort_requested)
    is distinct from (new.status, new.attempts, new.abort_requested))
execute function queue_record_change();

-- The next job for a worker: the highest priority, then the workspace with the fewest running. A queue fills and empties
-- faster than its statistics are renewed, so the plan is given: along the index, wherever that is possible.
create function queue_claim(p_queues varchar[], p_worker bigint, p_cap integer) returns procrastinate_jobs
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashagg = off as $$
declare candidate record; job procrastinate_jobs;
begin
    -- One at a time, so that the count of running jobs below includes every claim before this one.
    perform pg_advisory_xact_lock(7274011);
    for candidate in
        -- A loose index scan: one probe for each workspace and queue, not one for each job.
        with recursive waiting(workspace, queue) as (
            (select tenant, queue_name from procrastinate_jobs where status = 'todo' order by 1, 2 limit 1)
            union all
            select following.workspace, following.queue from waiting cross join lateral (
                select tenant as workspace, queue_name as queue
                from procrastinate_jobs where status = 'todo'
                    and (tenant, queue_name) > (waiting.workspace, waiting.queue)
                order by 1, 2 limit 1) following),
        running as materialized (
            select tenant as workspace, count(*) as jobs
            from procrastinate_jobs where status = 'doing' group by 1)
        select head.id from waiting
        left join running using (workspace)
        left join workspace_limits l on l.workspace_id = waiting.workspace
        cross join lateral (
            select id, priority from procrastinate_jobs
            where status = 'todo'
                and tenant = waiting.workspace
                and queue_name = waiting.queue
                and coalesce(scheduled_at, '-infinity'::timestamptz) <= now()
            order by priority desc, coalesce(scheduled_at, '-infinity'::timestamptz), id limit 1) head
        where (p_queues is null or waiting.queue = any(p_queues))
            and not exists (select from queue_pauses p where p.queue = waiting.queue and p.resumed_at is null)
            and (waiting.workspace = '00000000-0000-0000-0000-000000000000'::uuid
                 or coalesce(running.jobs, 0) < coalesce(l.max_running, p_cap))
        order by head.priority desc, coalesce(running.jobs, 0), head.id limit 8
    loop
        update procrastinate_jobs set status = 'doing', worker_id = p_worker
        where id = (select id from procrastinate_jobs where id = candidate.id and status = 'todo' for update skip locked)
        returning * into job;
        if found then return job; end if;
    end loop;
    return null;
end $$;

-- Jobs whose worker is gone or silent: queued again, parked when this keeps happening, ended when they were to stop.
create function queue_sweep(p_lease interval, p_deaths integer) returns integer language plpgsql as $$
declare swept integer;
begin
    if not pg_try_advisory_xact_lock(7274012) then return 0; end if;
    with lost as (
        select j.id from procrastinate_jobs j left join procrastinate_workers w on w.id = j.worker_id
        where j.status = 'doing' and (w.id is null or w.last_heartbeat < now() - p_lease)
        order by j.id for update of j skip locked)
    update procrastinate_jobs j set
        attempts = j.attempts + 1,
        deaths = j.deaths + 1,
        worker_id = null,
        abort_requested = false,
        scheduled_at = now(),
        error = case when j.abort_requested then j.error
                     when j.deaths + 1 >= p_deaths then format(
                        'The worker that ran this stopped without a word %s times, so it is not tried again.',
                        j.deaths + 1)
                     else 'The worker that ran this stopped without a word.' end,
        status = (case when j.abort_requested then 'aborted'
                       when j.deaths + 1 >= p_deaths then 'failed' else 'todo' end)::procrastinate_job_status
    from lost where j.id = lost.id;
    get diagnostics swept = row_count;
    return swept;
end $$;
