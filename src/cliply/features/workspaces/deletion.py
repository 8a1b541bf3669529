"""The end of a workspace: announced, called off while there is time, and then for good."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid
from cliply.features.audit import service as audit
from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Caller
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.infra.queue import control

GRACE = timedelta(days=14)


class NameDiffers(Invalid):
    def __init__(self) -> None:
        super().__init__("That is not the workspace's name. Type it as it is shown, so that no other one is deleted.")


class BeingDeleted(Conflict):
    def __init__(self) -> None:
        super().__init__("The time to call it off is over: the workspace is being deleted.")


def announce(session: Session, caller: Caller, *, name: str) -> Workspace:
    """Delete it after the time of grace, with all rows and files. Asked again, the first time counts."""
    caller.require(Action.DELETE_WORKSPACE)
    caller.principal.require_person()
    workspace = _locked(session)
    if name.strip() != workspace.name:
        raise NameDiffers
    if workspace.delete_at is None:
        workspace.delete_at = func.now() + GRACE
        session.flush()
        session.refresh(workspace)
        audit.record(session, "workspace.deletion_announced", ("workspace", workspace.id), by=caller.actor)
    return workspace


def call_off(session: Session, caller: Caller) -> Workspace:
    """Raises BeingDeleted once the time of grace is over."""
    caller.require(Action.DELETE_WORKSPACE)
    caller.principal.require_person()
    workspace = _locked(session)
    if workspace.delete_at is not None:
        if session.scalar(select(Workspace.delete_at <= func.now())):
            raise BeingDeleted
        workspace.delete_at = None
        audit.record(session, "workspace.deletion_called_off", ("workspace", workspace.id), by=caller.actor)
    return workspace


def due(session: Session) -> list[UUID]:
    """Workspaces whose time is over, in a session of the system."""
    return list(session.scalars(select(Workspace.id).where(Workspace.delete_at <= func.now()).order_by(Workspace.id)))


def stop_jobs(session: Session, workspace_id: UUID) -> bool:
    """Cancel all that the workspace has to do, in a session of the system; whether nothing of it runs any more."""
    open_jobs = text("SELECT id FROM jobs WHERE workspace_id = :id AND state IN ('queued', 'running') ORDER BY id")
    for job_id in session.scalars(open_jobs, {"id": workspace_id}).all():
        control.cancel(session, job_id, actor="workspace deleted")
    running = text("SELECT count(*) FROM jobs WHERE workspace_id = :id AND state IN ('running', 'stopping')")
    return not session.scalar(running, {"id": workspace_id})


def remove_rows(session: Session, workspace_id: UUID) -> None:
    """All rows of a workspace whose time is over, in a session of the system; the audit log alone stays."""
    over = Workspace.id == workspace_id, Workspace.delete_at <= func.now()
    workspace = session.scalar(select(Workspace).where(*over).with_for_update())
    if workspace is None:
        return
    session.execute(text("DELETE FROM procrastinate_jobs WHERE workspace_id = :id"), {"id": workspace_id})
    session.execute(delete(Workspace).where(*over))
    by = Actor(ActorKind.SYSTEM)
    audit.record(session, "workspace.deleted", ("workspace", workspace_id), by=by, workspace_id=workspace_id)


def is_gone(session: Session, workspace_id: UUID) -> bool:
    """In a session of the system."""
    return session.scalar(select(Workspace.id).where(Workspace.id == workspace_id)) is None


def _locked(session: Session) -> Workspace:
    return session.scalars(select(Workspace).with_for_update(key_share=True)).one()
