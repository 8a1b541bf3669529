import io
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.features.jobs.working import runtime_in, working
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.identity import api_keys
from cliply.features.identity.access import RoleTooLow
from cliply.features.identity.models import Role
from cliply.features.identity.permissions import Action
from cliply.features.jobs.kinds import Kind
from cliply.features.workspaces import deletion, invitations, tasks
from cliply.features.workspaces.deletion import BeingDeleted, NameDiffers
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue
from cliply.infra.storage.failures import StorageDown
from cliply.infra.storage.keys import ObjectKey
from cliply.infra.storage.protocol import Storage
from cliply.runtime import Runtime

HOLDERS = text("""
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
""")


@pytest.fixture
def runtime(office: Office, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, office.database)


def announced(office: Office) -> None:
    with office.entered("owner") as (session, caller):
        deletion.announce(session, caller, name="Engines & Co.")


def time_passes(office: Office) -> None:
    with office.database.system() as session:
        session.execute(text("UPDATE workspaces SET delete_at = now() WHERE delete_at IS NOT NULL"))


def stored(runtime: Runtime, workspace_id: UUID) -> ObjectKey:
    key = ObjectKey(workspace_id, uuid4(), "source", uuid4())
    runtime.storage.put_stream(key, io.BytesIO(b"video"), content_type="video/mp4")
    return key


def files(runtime: Runtime, workspace_id: UUID) -> list[Path]:
    folder = runtime.settings.data / "storage"
    return [file for file in folder.rglob("*") if file.is_file() and str(workspace_id) in str(file)]


def rows(url: str, workspace_id: UUID) -> dict[str, int]:
    with as_owner(url) as owner:
        tables = owner.execute(HOLDERS).scalars().all()
        counted = {
            table: owner.execute(
                text(f"SELECT count(*) FROM {table} WHERE workspace_id = :id"), {"id": workspace_id}
            ).scalar_one()
            for table in tables
        }
        counted["workspaces"] = owner.execute(
            text("SELECT count(*) FROM workspaces WHERE id = :id"), {"id": workspace_id}
        ).scalar_one()
    return {table: count for table, count in counted.items() if count}


def elsewhere(office: Office) -> UUID:
    with office.database.system() as session:
        return UUID(str(session.execute(text("SELECT id FROM workspaces WHERE name = 'Elsewhere'")).scalar_one()))


def test_a_deletion_is_announced_by_its_name_and_can_be_called_off(office: Office) -> None:
    with office.entered("owner") as (session, caller):
        with pytest.raises(NameDiffers):
            deletion.announce(session, caller, name="Elsewhere")
        at = deletion.announce(session, caller, name=" Engines & Co. ").delete_at
        assert at is not None
    with office.entered("owner") as (session, caller):
        assert deletion.announce(session, caller, name="Engines & Co.").delete_at == at
        assert deletion.call_off(session, caller).delete_at is None
    actions = [action for action, _target in office.entries()]
    assert actions == ["workspace.deletion_announced", "workspace.deletion_called_off"]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
def test_only_an_owner_may_delete(office: Office, role: Role) -> None:
    with office.entered(role) as (session, caller):
        with pytest.raises(RoleTooLow):
            deletion.announce(session, caller, name="Engines & Co.")
        with pytest.raises(RoleTooLow):
            deletion.call_off(session, caller)


def test_after_the_time_it_cannot_be_called_off(office: Office) -> None:
    announced(office)
    time_passes(office)
    with pytest.raises(BeingDeleted), office.entered("owner") as (session, caller):
        deletion.call_off(session, caller)


@pytest.fixture
def furnished(office: Office, runtime: Runtime) -> ObjectKey:
    """A workspace with something in it, and one beside it."""
    with office.entered("owner") as (session, caller):
        invitations.invite(session, caller, "new@example.com", Role.VIEWER)
        api_keys.create(session, caller, "key", [Action.READ_MEMBERS])
        enqueue(session, NewJob(kind="NEVER", queue="never", workspace_id=office.id), key="once")
    stored(runtime, office.id)
    return stored(runtime, elsewhere(office))


def purged(migrated: str, office: Office, runtime: Runtime) -> None:
    kinds: list[Kind[Any]] = [tasks.purge_workspaces, tasks.purge_workspace]
    with office.database.system() as session:
        tasks.purge_workspaces.start(session)
    with working(migrated, office.database, kinds, runtime=runtime):
        until(lambda: open_jobs(office) == 0)


def open_jobs(office: Office) -> int:
    with office.database.system() as session:
        asked = text(
            "SELECT count(*) FROM jobs WHERE kind LIKE 'WORKSPACE%'"
            " AND state IN ('queued', 'running') AND coalesce(scheduled_at, now()) < now() + interval '1 day'"
        )
        return int(session.execute(asked).scalar_one())


def test_when_the_time_is_over_nothing_is_left_and_the_neighbour_is_whole(
    office: Office, runtime: Runtime, furnished: ObjectKey, migrated: str
) -> None:
    before = rows(migrated, other := elsewhere(office))
    announced(office)
    time_passes(office)
    purged(migrated, office, runtime)
    assert set(rows(migrated, office.id)) == {"audit_entries"}
    assert files(runtime, office.id) == []
    assert rows(migrated, other) == before
    assert b"".join(runtime.storage.read(furnished)) == b"video"
    with office.database.workspace(office.id) as session:
        last = session.execute(text("SELECT action, actor_kind FROM audit_entries ORDER BY id DESC LIMIT 1")).one()
    assert tuple(last) == ("workspace.deleted", "system")


def test_before_the_time_is_over_nothing_goes(
    office: Office, runtime: Runtime, furnished: ObjectKey, migrated: str
) -> None:
    announced(office)
    before = rows(migrated, office.id)
    purged(migrated, office, runtime)
    assert rows(migrated, office.id) == before
    assert len(files(runtime, office.id)) > 0
    with office.database.system() as session:
        # Even where its removal was started, by a clock that was wrong.
        tasks.purge_workspace.start(session, workspace_id=office.id)
    with working(migrated, office.database, [tasks.purge_workspace], runtime=runtime):
        until(lambda: open_jobs(office) == 0)
    assert rows(migrated, office.id) == before


def test_what_arrives_late_by_an_old_link_is_removed_in_the_end(
    office: Office, runtime: Runtime, furnished: ObjectKey, migrated: str
) -> None:
    announced(office)
    time_passes(office)
    purged(migrated, office, runtime)
    stored(runtime, office.id)
    with office.database.system() as session:
        late = text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND subject = :id")
        session.execute(late, {"id": str(office.id)})
    with working(migrated, office.database, [tasks.purge_workspace], runtime=runtime):
        until(lambda: open_jobs(office) == 0)
    assert files(runtime, office.id) == []


class Failing:
    """A storage that loses its connection once in the middle of a removal."""

    def __init__(self, behind: Storage) -> None:
        self._behind = behind
        self.failed = 0

    def delete_all(self, workspace: UUID, project: UUID | None = None) -> None:
        self._behind.delete_all(workspace, project)
        # Behind the rows, when nothing but the job itself knows the workspace any more.
        self.failed += 1
        if self.failed == 2:
            raise StorageDown("the line broke.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


def test_a_removal_that_breaks_off_goes_on_to_its_end(
    office: Office, runtime: Runtime, furnished: ObjectKey, migrated: str
) -> None:
    announced(office)
    time_passes(office)
    failing = Failing(runtime.storage)
    unsteady = replace(runtime, storage=cast("Storage", failing))
    with office.database.system() as session:
        tasks.purge_workspace.start(session, workspace_id=office.id)

    def hurried() -> bool:
        with office.database.system() as session:
            now = text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND failures = 1")
            session.execute(now)
        return open_jobs(office) == 0

    with working(migrated, office.database, [tasks.purge_workspace], runtime=unsteady):
        until(hurried)
    assert failing.failed == 3
    assert set(rows(migrated, office.id)) == {"audit_entries"}
    assert files(runtime, office.id) == []
