-- What a publication may become is said here once, and holds for whoever writes.

create table channels (
    id uuid constraint pk_channels primary key default gen_random_uuid(),
    workspace_id uuid not null
        constraint fk_channels_workspace_id_workspaces references workspaces on delete cascade,
    network text not null constraint ck_channels_network check (network in ('youtube', 'tiktok')),
    external_id text not null,
    name text not null,
    handle text,
    picture text,
    state text not null constraint ck_channels_state
        check (state in ('connected', 'needs_reconnect', 'disconnected')),
    problem text,
    grant_sealed bytea,
    scopes text[] not null default '{}',
    expires_at timestamptz,
    refresh_expires_at timestamptz,
    is_default boolean not null default false,
    settings jsonb not null default '{}',
    paused_until timestamptz,
    paused_why text,
    connected_by uuid constraint fk_channels_connected_by_users references users on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Nothing is left of a channel that was disconnected, and nothing is missing of one that is connected.
    constraint ck_channels_grant check (
        (state <> 'connected' or grant_sealed is not null) and (state <> 'disconnected' or grant_sealed is null)),
    constraint uq_channels_id_workspace_id unique (id, workspace_id),
    constraint uq_channels_workspace_id_network_external_id unique (workspace_id, network, external_id)
);
create index ix_channels_workspace_id on channels (workspace_id);
create index ix_channels_connected_by on channels (connected_by);
create unique index uq_channels_default on channels (workspace_id, network) where is_default;

create table oauth_attempts (
    state_hash bytea constraint pk_oauth_attempts primary key,
    workspace_id uuid not null
        constraint fk_oauth_attempts_workspace_id_workspaces references workspaces on delete cascade,
    network text not null constraint ck_oauth_attempts_network check (network in ('youtube', 'tiktok')),
    user_id uuid not null constraint fk_oauth_attempts_user_id_users references users on delete cascade,
    bound_to bytea not null,
    verifier_sealed bytea not null,
    redirect_uri text not null,
    channel_id uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index ix_oauth_attempts_workspace_id on oauth_attempts (workspace_id);
create index ix_oauth_attempts_user_id on oauth_attempts (user_id);
create index ix_oauth_attempts_expires_at on oauth_attempts (expires_at);

create table publications (
    id uuid constraint pk_publications primary key default gen_random_uuid(),
    workspace_id uuid not null
        constraint fk_publications_workspace_id_workspaces references workspaces on delete cascade,
    channel_id uuid not null,
    network text not null constraint ck_publications_network check (network in ('youtube', 'tiktok')),
    clip_id uuid constraint fk_publications_clip_id_clips references clips on delete set null,
    state text not null default 'intent' constraint ck_publications_state check (state in (
        'intent', 'preparing', 'uploading', 'processing', 'pending', 'published',
        'parked', 'needs_reconnect', 'unknown', 'rejected', 'cancelled')),
    post jsonb not null,
    run_at timestamptz,
    next_at timestamptz,
    version integer not null default 1,
    attempts integer not null default 0,
    files jsonb,
    handle_sealed bytea,
    begun_at timestamptz,
    bytes_sent bigint not null default 0,
    external_id text,
    url text,
    note text,
    error text,
    error_code text,
    job_id bigint,
    created_by uuid constraint fk_publications_created_by_users references users on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    published_at timestamptz,
    -- Whatever may have been sent can be asked about: its handle was kept before the first byte.
    constraint ck_publications_handle check (
        state not in ('uploading', 'processing', 'pending', 'published', 'unknown') or handle_sealed is not null),
    constraint ck_publications_begun_at check (handle_sealed is null or begun_at is not null),
    constraint ck_publications_parked check (state <> 'parked' or next_at is not null),
    constraint ck_publications_rejected check (state <> 'rejected' or error is not null),
    constraint ck_publications_published check ((state = 'published') = (published_at is not null)),
    constraint fk_publications_channel_id_channels foreign key (channel_id, workspace_id)
        references channels (id, workspace_id) on delete restrict
);
create index ix_publications_workspace_id on publications (workspace_id);
create index ix_publications_channel_id on publications (channel_id, begun_at);
create index ix_publications_clip_id on publications (clip_id);
create index ix_publications_created_by on publications (created_by);
create index ix_publications_workspace_id_created_at on publications (workspace_id, created_at desc, id desc);

create table publication_events (
    id bigint generated always as identity constraint pk_publication_events primary key,
    workspace_id uuid not null
        constraint fk_publication_events_workspace_id_workspaces references workspaces on delete cascade,
    publication_id uuid not null
        constraint fk_publication_events_publication_id_publications references publications on delete cascade,
    at timestamptz not null default clock_timestamp(),
    state text not null,
    said text,
    next_at timestamptz
);
create index ix_publication_events_workspace_id on publication_events (workspace_id);
create index ix_publication_events_publication_id_id on publication_events (publication_id, id);

create function refuse_publication_step() returns trigger language plpgsql as $$
begin
    -- What has been sent, or may have been, is never prepared anew, except where it was found not to be there:
    -- then its handle is gone.
    if new.state = 'preparing' and new.handle_sealed is not null then
        raise exception 'a publication that has begun at its network is not prepared again'
            using errcode = 'check_violation', constraint = 'ck_publications_once';
    end if;
    if (old.state, new.state) not in (
        ('intent', 'preparing'), ('intent', 'parked'), ('intent', 'needs_reconnect'), ('intent', 'rejected'),
        ('intent', 'cancelled'),
        ('preparing', 'uploading'), ('preparing', 'parked'), ('preparing', 'needs_reconnect'),
        ('preparing', 'rejected'), ('preparing', 'cancelled'),
        ('uploading', 'processing'), ('uploading', 'pending'), ('uploading', 'published'), ('uploading', 'parked'),
        ('uploading', 'needs_reconnect'), ('uploading', 'unknown'), ('uploading', 'rejected'),
        ('uploading', 'preparing'),
        ('processing', 'pending'), ('processing', 'published'), ('processing', 'needs_reconnect'),
        ('processing', 'unknown'), ('processing', 'rejected'), ('processing', 'parked'),
        ('pending', 'processing'), ('pending', 'published'), ('pending', 'needs_reconnect'), ('pending', 'unknown'),
        ('pending', 'rejected'), ('pending', 'parked'),
        ('parked', 'preparing'), ('parked', 'uploading'), ('parked', 'processing'), ('parked', 'pending'),
        ('parked', 'published'), ('parked', 'needs_reconnect'), ('parked', 'unknown'), ('parked', 'rejected'),
        ('parked', 'cancelled'),
        ('needs_reconnect', 'preparing'), ('needs_reconnect', 'uploading'), ('needs_reconnect', 'processing'),
        ('needs_reconnect', 'pending'), ('needs_reconnect', 'published'), ('needs_reconnect', 'parked'),
        ('needs_reconnect', 'unknown'), ('needs_reconnect', 'rejected'), ('needs_reconnect', 'cancelled'),
        ('unknown', 'uploading'), ('unknown', 'processing'), ('unknown', 'pending'), ('unknown', 'published'),
        ('unknown', 'rejected'), ('unknown', 'preparing'), ('unknown', 'needs_reconnect'),
        ('rejected', 'preparing'))
    then
        raise exception 'a publication that is % does not become %', old.state, new.state
            using errcode = 'check_violation', constraint = 'ck_publications_step';
    end if;
    return new;
end $$;

create trigger refuse_publication_step before update of state on publications
for each row when (old.state <> new.state) execute function refuse_publication_step();

create function record_publication_event() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    insert into publication_events (workspace_id, publication_id, state, said, next_at)
    values (new.workspace_id, new.id, new.state, coalesce(new.error, new.note), new.next_at);
    return null;
end $$;

create trigger record_new_publication after insert on publications
for each row execute function record_publication_event();
create trigger record_publication_step after update of state on publications
for each row when (old.state <> new.state) execute function record_publication_event();
