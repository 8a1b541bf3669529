"""Events of a project are numbered in the order in which they can be read."""

from alembic import op

revision = "0040"
down_revision = "0032"

_STEP = "WHEN (old.state <> new.state)"
_TRIGGERS = (
    ("record_new_project", "projects", "AFTER INSERT", "", "record_project_event"),
    ("record_project_step", "projects", "AFTER UPDATE OF state", _STEP, "record_project_event"),
    ("record_new_clip", "clips", "AFTER INSERT", "WHEN (new.state <> 'candidate')", "record_clip_event"),
    ("record_clip_step", "clips", "AFTER UPDATE OF state", _STEP, "record_clip_event"),
)
_FUNCTION = """
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
    BEGIN
        {body}
        RETURN NULL;
    END $$
"""
_INSERT = "INSERT INTO project_events (workspace_id, project_id, clip_id, state, error)"
_EVENTS = (
    ("record_project_event", "new.id", "new.workspace_id, new.id, NULL, new.state, new.error"),
    ("record_clip_event", "new.project_id", "new.workspace_id, new.project_id, new.id, new.state, new.error"),
)


def upgrade() -> None:
    # Who watches goes on from the last number that they saw, so none below it may appear later. Numbers are therefore
    # given out as the last thing in a transaction, one transaction of a project after the other: the lock is held
    # until the commit can be seen, and nobody who holds it waits for anything else.
    for name, project, values in _EVENTS:
        body = f"""
            PERFORM pg_advisory_xact_lock(7274021, hashtext({project}::text));
            -- It may have been removed since.
            {_INSERT} SELECT {values} WHERE EXISTS (SELECT FROM projects WHERE id = {project});
        """  # noqa: S608 - nothing in it comes from outside
        op.execute(_FUNCTION.format(name=name, body=body))
    for name, table, after, when, function in _TRIGGERS:
        op.execute(f"""
            DROP TRIGGER {name} ON {table};
            CREATE CONSTRAINT TRIGGER {name} {after} ON {table} DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW {when} EXECUTE FUNCTION {function}()
        """)


def downgrade() -> None:
    for name, _project, values in _EVENTS:
        op.execute(_FUNCTION.format(name=name, body=f"{_INSERT} VALUES ({values});"))
    for name, table, after, when, function in _TRIGGERS:
        op.execute(f"""
            DROP TRIGGER {name} ON {table};
            CREATE TRIGGER {name} {after} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {function}()
        """)
