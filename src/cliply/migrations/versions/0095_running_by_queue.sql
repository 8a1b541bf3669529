-- Running jobs are counted workspace by workspace, by an index of their own. Row security keeps the planner from seeing how
-- few have a status, so that it took all for running and read the whole table; of nulls it knows how many there are.
create or replace function queue_claim(p_queues varchar[], p_worker bigint, p_cap integer) returns procrastinate_jobs
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
                order by 1, 2 limit 1) following)
        select head.id from waiting
        cross join lateral (
            select count(*) as jobs from procrastinate_jobs
            where started_at is not null and finished_at is null and status = 'doing'
                and tenant = waiting.workspace and queue_name = waiting.queue) running
        left join workspace_limits l on l.workspace_id = waiting.workspace
        cross join lateral (
            select id, priority from procrastinate_jobs
            where status = 'todo'
                and tenant = waiting.workspace
                and queue_name = waiting.queue
                and coalesce(scheduled_at, '-infinity'::timestamptz) <= now()
            order by priority desc, coalesce(scheduled_at, '-infinity'::timestamptz), id limit 1) head
        left join lateral (
            select started_at from procrastinate_jobs
            where tenant = waiting.workspace and started_at is not null
            order by started_at desc limit 1) turn on true
        where (p_queues is null or waiting.queue = any(p_queues))
            and not exists (select from queue_pauses p where p.queue = waiting.queue and p.resumed_at is null)
            and (waiting.workspace = '00000000-0000-0000-0000-000000000000'::uuid
                 or running.jobs < coalesce(l.max_running, p_cap))
        order by head.priority desc, running.jobs, turn.started_at nulls first, head.id limit 8
    loop
        update procrastinate_jobs set status = 'doing', worker_id = p_worker
        where id = (select id from procrastinate_jobs where id = candidate.id and status = 'todo' for update skip locked)
        returning * into job;
        if found then return job; end if;
    end loop;
    return null;
end $$;
