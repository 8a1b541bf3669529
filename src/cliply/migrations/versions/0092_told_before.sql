-- Nothing that is kept for a time only is deleted untold: owners hear of it so many days before.

alter table projects add expiry_told_at timestamptz;

-- Who keeps files for a week at most is told the day before, since each project would be announced once it is there else.
create function notice_days(retention_days integer) returns integer language sql immutable as
    $$ select case when retention_days <= 7 then 1 else 7 end $$;

-- Another time counts for what is there already. What has lain for longer than that stays until it was told: by the
-- letter of this day or, where that has gone out, of the next.
create function follow_retention() returns trigger language plpgsql as $$
begin
    update projects set expiry_told_at = null, expires_at = case when new.retention_days is not null then greatest(
        created_at + make_interval(days => new.retention_days),
        now() + make_interval(days => notice_days(new.retention_days) + 1)) end
    where workspace_id = new.id;
    return null;
end $$;

create trigger follow_retention after update of retention_days on workspaces for each row
when (old.retention_days is distinct from new.retention_days) execute function follow_retention();
