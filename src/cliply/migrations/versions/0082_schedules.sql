-- A publication that has a time is a schedule: the time on the clock as it was chosen, its zone, and whether it has fired.

alter table publications
    add column schedule text constraint ck_publications_schedule
        check (schedule in ('planned', 'paused', 'missed', 'fired')),
    add column local_at timestamp,
    add column zone text,
    add column fold smallint not null default 0 constraint ck_publications_fold check (fold in (0, 1)),
    add column fired_at timestamptz;

-- What has a time already was asked for by the workspace's clock. Row security binds the tables' owner as well.
set local role cliply_system;
update publications p set
    schedule = case
        when p.state in ('intent', 'parked', 'cancelled') and p.handle_sealed is null
            and (p.state <> 'parked' or p.next_at = p.run_at) then 'planned'
        else 'fired' end,
    local_at = p.run_at at time zone w.timezone,
    zone = w.timezone
from workspaces w where w.id = p.workspace_id and p.run_at is not null;
update publications set fired_at = coalesce(begun_at, run_at) where schedule = 'fired';
reset role;

alter table publications
    -- Whatever is planned has all of a time, and what is not has nothing of one.
    add constraint ck_publications_time check (
        num_nulls(schedule, run_at, local_at, zone) in (0, 4) and (schedule is not null or fold = 0)),
    add constraint ck_publications_fired check ((coalesce(schedule, '') = 'fired') = (fired_at is not null)),
    -- Nothing is sent whose time has not come, or that somebody has stopped: whatever job may be at it.
    add constraint ck_publications_not_fired check (
        coalesce(schedule, 'fired') = 'fired'
        or (state in ('intent', 'parked', 'cancelled') and handle_sealed is null));

create index ix_publications_planned on publications (run_at) where schedule = 'planned' and state <> 'cancelled';
create index ix_publications_workspace_id_run_at on publications (workspace_id, run_at, id) where run_at is not null;

-- When the schedules were last looked through, by whichever process: one row, the installation's.
create table schedule_scans (
    one boolean not null default true constraint pk_schedule_scans primary key
        constraint ck_schedule_scans_one check (one),
    scanned_at timestamptz not null
);
