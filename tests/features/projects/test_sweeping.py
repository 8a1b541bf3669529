from pathlib import Path

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.features.jobs.working import working
from tests.features.pipeline.studio import Studio
from tests.features.projects.test_uploads import video
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.identity.models import Workspace
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.projects import sweeping
from cliply.features.projects.service import NoSuchProject
from cliply.infra.storage.failures import ObjectGone

__all__ = ["video"]


def test_a_project_goes_with_its_files_when_its_workspace_keeps_it_no_longer(
    office: Office, migrated: str, video: Path, tmp_path: Path
) -> None:
    studio = Studio.at(tmp_path, office)
    kept = studio.upload(video)
    with office.database.workspace(office.id) as session:
        session.get_one(Workspace, office.id).retention_days = 30
    old, young = studio.upload(video), studio.upload(video)
    assert kept.expires_at is None
    assert old.expires_at is not None
    assert (old.expires_at - old.created_at).days in (29, 30)
    with as_owner(migrated) as owner:
        late = text("update projects set expires_at = now(), expiry_told_at = now() - interval '7 days' where id = :id")
        owner.execute(late, {"id": old.id})
    with office.database.system() as session:
        sweeping.expire_projects.start(session)
    kinds = [kind for kind in REGISTRY if kind.name in ("PROJECTS_EXPIRE", "OBJECTS_DELETE")]
    with working(migrated, office.database, kinds, runtime=studio.runtime):
        until(lambda: studio.jobs(kind="OBJECTS_DELETE", states=("succeeded",)))
    with pytest.raises(NoSuchProject):
        studio.project(old.id)
    assert old.source_id is not None
    with pytest.raises(ObjectGone):
        studio.runtime.storage.head(old.key("source", old.source_id))
    for project in (kept, young):
        assert project.source_id is not None
        assert studio.runtime.storage.head(project.key("source", project.source_id)).size == video.stat().st_size
    assert ("project.deleted", str(old.id)) in deletions(studio)


def deletions(studio: Studio) -> list[tuple[str, str]]:
    with studio.office.database.system() as session:
        found = session.execute(text("select action, target_id from audit_entries where actor_kind = 'system'")).all()
    return [(row.action, row.target_id) for row in found]
