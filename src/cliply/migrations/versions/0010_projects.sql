-- What a project and its clips may become is said here once, and holds for whoever writes.

create table projects (
    id uuid constraint pk_projects primary key default gen_random_uuid(),
    workspace_id uuid not null
        constraint fk_projects_workspace_id_workspaces references workspaces on delete cascade,
    name text not null,
    source_kind text not null constraint ck_projects_source_kind check (source_kind in ('file', 'link')),
    link text,
    state text not null constraint ck_projects_state
        check (state in ('uploading', 'downloading', 'processing', 'ready', 'failed', 'refused')),
    error text,
    options jsonb not null,
    created_by uuid constraint fk_projects_created_by_users references users on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Empty: kept until somebody deletes it.
    expires_at timestamptz,
    -- The source, once it is there and was looked at.
    file_name text,
    source_id uuid,
    size bigint,
    sha256 text,
    duration_ms integer constraint ck_projects_duration_ms check (duration_ms > 0),
    probe jsonb,
    -- What was learned from it.
    language text,
    words integer,
    transcript_id uuid,
    constraint ck_projects_link check ((source_kind = 'link') = (link is not null)),
    constraint ck_projects_source check (
        (source_id is not null and size is not null and sha256 is not null and duration_ms is not null
            and probe is not null and file_name is not null)
        or state not in ('processing', 'ready')),
    -- What clips refer to, so that none lies outside its source or in another workspace.
    constraint uq_projects_id_workspace_id_duration_ms unique (id, workspace_id, duration_ms),
    constraint uq_projects_id_workspace_id unique (id, workspace_id)
);
create index ix_projects_workspace_id on projects (workspace_id);
create index ix_projects_workspace_id_created_at on projects (workspace_id, created_at desc, id desc);
create index ix_projects_created_by on projects (created_by);
create index ix_projects_expires_at on projects (expires_at) where expires_at is not null;

create table uploads (
    project_id uuid constraint pk_uploads primary key,
    workspace_id uuid not null
        constraint fk_uploads_workspace_id_workspaces references workspaces on delete cascade,
    source_id uuid not null,
    storage_id text not null,
    file_name text not null,
    size bigint not null constraint ck_uploads_size check (size > 0),
    part_size bigint not null constraint ck_uploads_part_size check (part_size > 0),
    sha256 text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint fk_uploads_project_id_projects foreign key (project_id, workspace_id)
        references projects (id, workspace_id) on delete cascade
);
create index ix_uploads_workspace_id on uploads (workspace_id);
create index ix_uploads_expires_at on uploads (expires_at);

create table clips (
    id uuid constraint pk_clips primary key,
    workspace_id uuid not null
        constraint fk_clips_workspace_id_workspaces references workspaces on delete cascade,
    project_id uuid not null,
    source_ms integer not null,
    start_ms integer not null,
    end_ms integer not null,
    rank integer not null constraint ck_clips_rank check (rank >= 1),
    score double precision not null constraint ck_clips_score check (score between 0 and 100),
    moment jsonb not null,
    state text not null
        constraint ck_clips_state check (state in ('candidate', 'rendering', 'ready', 'failed')),
    error text,
    review text not null default 'open'
        constraint ck_clips_review check (review in ('open', 'approved', 'rejected')),
    version integer not null default 0,
    edit jsonb,
    framed jsonb,
    rendered_from text,
    covered_from text,
    files jsonb not null default '{}',
    findings jsonb not null default '[]',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint ck_clips_span check (0 <= start_ms and start_ms < end_ms and end_ms <= source_ms),
    constraint ck_clips_edit check (edit is not null or state <> 'ready'),
    constraint fk_clips_project_id_projects foreign key (project_id, workspace_id, source_ms)
        references projects (id, workspace_id, duration_ms) on delete cascade
);
create index ix_clips_workspace_id on clips (workspace_id);
create index ix_clips_project_id_rank on clips (project_id, rank);

-- The timeline of a project, and what somebody who watches it goes on from.
create table project_events (
    id bigint generated always as identity constraint pk_project_events primary key,
    workspace_id uuid not null
        constraint fk_project_events_workspace_id_workspaces references workspaces on delete cascade,
    project_id uuid not null
        constraint fk_project_events_project_id_projects references projects on delete cascade,
    clip_id uuid,
    at timestamptz not null default clock_timestamp(),
    state text not null,
    error text
);
create index ix_project_events_workspace_id on project_events (workspace_id);
create index ix_project_events_project_id_id on project_events (project_id, id);

create function refuse_project_step() returns trigger language plpgsql as $$
begin
    if (old.state, new.state) not in (
        ('uploading', 'processing'), ('uploading', 'refused'),
        ('downloading', 'processing'), ('downloading', 'failed'), ('downloading', 'refused'),
        ('processing', 'ready'), ('processing', 'failed'),
        ('ready', 'processing'), ('failed', 'processing'), ('failed', 'downloading'))
    then
        raise exception 'a project that is % does not become %', old.state, new.state
            using errcode = 'check_violation', constraint = 'ck_projects_step';
    end if;
    return new;
end $$;

create trigger refuse_project_step before update of state on projects
for each row when (old.state <> new.state) execute function refuse_project_step();

create function refuse_clip_step() returns trigger language plpgsql as $$
begin
    if (old.state, new.state) not in (
        ('candidate', 'rendering'), ('rendering', 'ready'), ('rendering', 'failed'),
        ('ready', 'rendering'), ('failed', 'rendering'))
    then
        raise exception 'a clip that is % does not become %', old.state, new.state
            using errcode = 'check_violation', constraint = 'ck_clips_step';
    end if;
    return new;
end $$;

create trigger refuse_clip_step before update of state on clips
for each row when (old.state <> new.state) execute function refuse_clip_step();

create function record_project_event() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    insert into project_events (workspace_id, project_id, state, error)
    values (new.workspace_id, new.id, new.state, new.error);
    return null;
end $$;

create trigger record_new_project after insert on projects
for each row execute function record_project_event();
create trigger record_project_step after update of state on projects
for each row when (old.state <> new.state) execute function record_project_event();

create function record_clip_event() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    insert into project_events (workspace_id, project_id, clip_id, state, error)
    values (new.workspace_id, new.project_id, new.id, new.state, new.error);
    return null;
end $$;

create trigger record_new_clip after insert on clips
for each row when (new.state <> 'candidate') execute function record_clip_event();
create trigger record_clip_step after update of state on clips
for each row when (old.state <> new.state) execute function record_clip_event();

-- A job that ends without its work done has no handler left to say so: it was cancelled, or ended its worker each time.
-- Its project or clip therefore follows in the transaction that ends it, and comes back when an operator runs it again.
create function project_follows_job() returns trigger language plpgsql security definer
set search_path from current as $$
declare
    project uuid := (new.args->'arguments'->>'project_id')::uuid;
    clip uuid := (new.args->'arguments'->>'clip_id')::uuid;
    why text := case when new.status = 'failed' then coalesce(new.error, 'It failed.') else 'It was cancelled.' end;
begin
    if new.status = 'todo' then
        if clip is not null then
            update clips set state = 'rendering', error = null
            where id = clip and workspace_id = new.workspace_id and state = 'failed';
        else
            update projects set error = null,
                state = case when new.task_name = 'YOUTUBE_DOWNLOAD' then 'downloading' else 'processing' end
            where id = project and workspace_id = new.workspace_id and state = 'failed';
        end if;
    elsif clip is not null then
        update clips set state = 'failed', error = why
        where id = clip and workspace_id = new.workspace_id and state = 'rendering';
    else
        update projects set state = 'failed', error = why
        where id = project and workspace_id = new.workspace_id and state in ('downloading', 'processing');
    end if;
    return null;
end $$;

create trigger project_follows_job after update of status on procrastinate_jobs
for each row when (
    new.task_name in ('YOUTUBE_DOWNLOAD', 'TRANSCRIBE', 'HIGHLIGHT_DETECT', 'CLIP_RENDER', 'THUMBNAIL_GEN')
    and (new.status in ('failed', 'aborted', 'cancelled')
         or (new.status = 'todo' and old.status in ('failed', 'aborted', 'cancelled'))))
execute function project_follows_job();
