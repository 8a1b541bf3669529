-- Of which edit the files of a clip are: an older one never takes the place of a newer one.
alter table clips add rendered_version integer, add covered_version integer;

-- A job that ends without its work done has no handler left to say so: it was cancelled, or ended its worker each time.
-- Its project or clip therefore follows in the transaction that ends it, and comes back when an operator runs it again.
create or replace function project_follows_job() returns trigger language plpgsql security definer
set search_path from current as $$
declare
    project uuid := (new.args->'arguments'->>'project_id')::uuid;
    clip uuid := (new.args->'arguments'->>'clip_id')::uuid;
    why text := case when new.status = 'failed' then coalesce(new.error, 'It failed.') else 'It was cancelled.' end;
    again boolean := new.status = 'todo';
begin
    if new.task_name = 'THUMBNAIL_GEN' then
        -- A clip is a clip without its cover: it says what it lacks, and stays ready, as does its project.
        update clips set error = case when again then null else 'Its cover was not made. ' || why end
        where project_id = project and workspace_id = new.workspace_id and state = 'ready'
            and (id = clip or (clip is null and (again or not files ? 'cover')));
        if clip is not null then
            return null;
        end if;
        if not again and exists (
            select from clips
            where project_id = project and workspace_id = new.workspace_id and state in ('ready', 'rendering'))
        then
            update projects set state = 'ready', error = null
            where id = project and workspace_id = new.workspace_id and state = 'processing';
            return null;
        end if;
    end if;
    if again then
        if clip is not null then
            update clips set state = 'rendering', error = null
            where id = clip and workspace_id = new.workspace_id and state = 'failed';
        else
            update projects set error = null,
                state = case when new.task_name = 'YOUTUBE_DOWNLOAD' then 'downloading' else 'processing' end
            where id = project and workspace_id = new.workspace_id and state = 'failed';
        end if;
    elsif clip is not null then
        -- A render of an older edit makes way for one of a newer.
        update clips set state = 'failed', error = why
        where id = clip and workspace_id = new.workspace_id and state = 'rendering' and not exists (
            select from procrastinate_jobs other
            where other.workspace_id = new.workspace_id and other.subject = new.subject and other.id <> new.id
                and other.task_name = 'CLIP_RENDER' and other.status in ('todo', 'doing') and not other.abort_requested
                and other.args->'arguments'->>'clip_id' = clip::text);
    else
        update projects set state = 'failed', error = why
        where id = project and workspace_id = new.workspace_id and state in ('downloading', 'processing');
    end if;
    return null;
end $$;
