-- An organisation owns workspaces, and its members are members of each of them. Their memberships are rows like all
-- others, so that everything that asks who belongs where needs to know one table only; these triggers keep them true,
-- whoever changes what.

create table organisations (
    id uuid constraint pk_organisations primary key default gen_random_uuid(),
    name text not null,
    created_at timestamptz not null default now()
);

create table organisation_members (
    organisation_id uuid not null
        constraint fk_organisation_members_organisation_id_organisations references organisations on delete cascade,
    user_id uuid not null constraint fk_organisation_members_user_id_users references users on delete cascade,
    role text not null
        constraint ck_organisation_members_role check (role in ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz not null default now(),
    constraint pk_organisation_members primary key (organisation_id, user_id)
);
create index ix_organisation_members_user_id on organisation_members (user_id);

alter table workspaces add organisation_id uuid
    constraint fk_workspaces_organisation_id_organisations references organisations on delete restrict;
create index ix_workspaces_organisation_id on workspaces (organisation_id);

-- Set: the membership came by the organisation. Empty: the role was given in the workspace itself, and counts.
alter table memberships add organisation_id uuid
    constraint fk_memberships_organisation_id_organisations references organisations on delete cascade;
create index ix_memberships_organisation_id on memberships (organisation_id);

create function organisation_member_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        delete from memberships where organisation_id = old.organisation_id and user_id = old.user_id;
    elsif tg_op = 'UPDATE' then
        update memberships set role = new.role
        where organisation_id = new.organisation_id and user_id = new.user_id;
    else
        insert into memberships (workspace_id, user_id, role, organisation_id)
        select w.id, new.user_id, new.role, new.organisation_id
        from workspaces w where w.organisation_id = new.organisation_id
        on conflict do nothing;
    end if;
    return null;
end $$;
create trigger organisation_member_changed after insert or update of role or delete on organisation_members
for each row execute function organisation_member_changed();

create function workspace_changed_organisation() returns trigger language plpgsql as $$
begin
    delete from memberships where workspace_id = new.id and organisation_id is distinct from new.organisation_id
        and organisation_id is not null;
    insert into memberships (workspace_id, user_id, role, organisation_id)
    select new.id, m.user_id, m.role, m.organisation_id
    from organisation_members m where m.organisation_id = new.organisation_id
    on conflict do nothing;
    return null;
end $$;
create trigger workspace_changed_organisation after update of organisation_id on workspaces
for each row when (old.organisation_id is distinct from new.organisation_id)
execute function workspace_changed_organisation();
create trigger workspace_made_in_organisation after insert on workspaces
for each row when (new.organisation_id is not null)
execute function workspace_changed_organisation();

-- A role that is given in the workspace is the workspace's own from then on. Deeper than one, it was the organisation.
create function membership_given() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() = 1 then
        new.organisation_id := null;
    end if;
    return new;
end $$;
create trigger membership_given before update of role on memberships
for each row when (old.role is distinct from new.role) execute function membership_given();

-- Whoever loses a role of their own keeps what they have by the organisation. Only the system's sessions can delete a
-- user, and they see all of them; a user who is going gets nothing back.
create function membership_ended() returns trigger language plpgsql as $$
begin
    insert into memberships (workspace_id, user_id, role, organisation_id)
    select w.id, m.user_id, m.role, m.organisation_id
    from workspaces w join organisation_members m on m.organisation_id = w.organisation_id
    where w.id = old.workspace_id and m.user_id = old.user_id
        and (current_user = 'APP_ROLE' or exists (select from users u where u.id = old.user_id))
    on conflict do nothing;
    return null;
end $$;
create trigger membership_ended after delete on memberships
for each row when (old.organisation_id is null) execute function membership_ended();
