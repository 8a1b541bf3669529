import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.features.jobs.working import runtime_in, working
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.errors import NotFound
from cliply.features.identity import api_keys
from cliply.features.identity.access import RoleTooLow
from cliply.features.identity.models import Role
from cliply.features.identity.permissions import Action
from cliply.features.workspaces import export, invitations, tasks
from cliply.features.workspaces.export import ExportNotReady, NoSuchExport
from cliply.features.workspaces.models import WorkspaceExport
from cliply.infra.storage.protocol import Storage
from cliply.runtime import Runtime


@pytest.fixture
def runtime(office: Office, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, office.database)


def requested(office: Office) -> WorkspaceExport:
    with office.entered("owner") as (session, caller):
        return tasks.start_export(session, caller)


def finished(office: Office) -> bool:
    with office.database.system() as session:
        return bool(session.execute(text("SELECT bool_and(finished_at IS NOT NULL) FROM workspace_exports")).scalar())


def documents(storage: Storage, of: WorkspaceExport) -> dict[str, list[dict[str, Any]]]:
    with zipfile.ZipFile(io.BytesIO(b"".join(storage.read(export.key_of(of))))) as archive:
        return {name.removesuffix(".json"): json.loads(archive.read(name)) for name in archive.namelist()}


def test_an_export_holds_what_is_the_workspace_s_and_no_secret(office: Office, runtime: Runtime, migrated: str) -> None:
    with office.entered("owner") as (session, caller):
        token = invitations.invite(session, caller, "new@example.com", Role.VIEWER).token
        secret = api_keys.create(session, caller, "key", [Action.READ_MEMBERS]).secret
    asked = requested(office)
    with pytest.raises(ExportNotReady), office.entered("owner") as (session, caller):
        export.link(session, caller, runtime.storage, asked.id)
    with working(migrated, office.database, [tasks.write_export], runtime=runtime):
        until(lambda: finished(office))
    held = documents(runtime.storage, asked)
    assert [row["name"] for row in held["workspaces"]] == ["Engines & Co."]
    assert {row["email"] for row in held["people"]} == {f"{role}@example.com" for role in Role}
    assert [row["email"] for row in held["invitations"]] == ["new@example.com"]
    assert {row["action"] for row in held["audit_entries"]} >= {"workspace.created", "api_key.created"}
    assert [row["kind"] for row in held["jobs"]] == ["WORKSPACE_EXPORT"]
    whole = json.dumps(held)
    assert "Elsewhere" not in whole
    assert "stranger" not in whole
    for hidden in (token, secret, "token_hash", "key_hash"):
        assert hidden not in whole
    with office.entered("owner") as (session, caller):
        link = export.link(session, caller, runtime.storage, asked.id)
        assert "signature=" in link
        assert export.get(session, caller, asked.id).size == runtime.storage.head(export.key_of(asked)).size


def test_what_a_later_feature_adds_is_in_it_without_a_word(office: Office) -> None:
    with office.database.workspace(office.id) as session:
        tables = [name for name, _columns in session.execute(export._TABLES)]
    assert {"memberships", "invitations", "audit_entries", "jobs", "job_events", "workspaces"} <= set(tables)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
def test_only_an_owner_may_take_everything_out(office: Office, role: Role, runtime: Runtime) -> None:
    asked = requested(office)
    with office.entered(role) as (session, caller):
        with pytest.raises(RoleTooLow):
            tasks.start_export(session, caller)
        with pytest.raises(RoleTooLow):
            export.link(session, caller, runtime.storage, asked.id)


def test_an_export_that_is_kept_no_longer_goes_with_its_file(office: Office, runtime: Runtime, migrated: str) -> None:
    asked = requested(office)
    with working(migrated, office.database, [tasks.write_export, tasks.expire_exports], runtime=runtime):
        until(lambda: finished(office))
        with office.database.system() as session:
            session.execute(text("UPDATE workspace_exports SET expires_at = now() - interval '1 minute'"))
            tasks.expire_exports.start(session)
        until(lambda: not finished(office))
    with pytest.raises(NotFound):
        runtime.storage.head(export.key_of(asked))
    with pytest.raises(NoSuchExport), office.entered("owner") as (session, caller):
        export.link(session, caller, runtime.storage, asked.id)
