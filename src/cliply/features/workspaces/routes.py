"""Workspaces, members and invitations over HTTP."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import (
    Member,
    SignedInPrincipal,
    SystemSession,
    WorkspaceSession,
    allowed,
)
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.workspaces import members
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.schemas import (
    MemberRead,
    MemberUpdate,
    WorkspaceCreate,
    WorkspaceListed,
    WorkspaceRead,
    WorkspaceUpdate,
)
from cliply.infra.routing import router as new_router

router = new_router("workspaces")


@router.post("/api/workspaces", status_code=201, response_model=WorkspaceRead)
def create_workspace(body: WorkspaceCreate, by: SignedInPrincipal, session: SystemSession) -> Workspace:
    """Make a workspace; the caller becomes its owner."""
    return workspaces.create(session, body.name, by=by)


@router.get("/api/workspaces")
def list_workspaces(by: SignedInPrincipal, session: SystemSession) -> list[WorkspaceListed]:
    """List the workspaces that the caller is a member of; with an API key, the key's own."""
    return [
        WorkspaceListed(**WorkspaceRead.model_validate(each.workspace).model_dump(), role=each.role)
        for each in workspaces.list_for(session, by)
    ]


@router.get("/api/workspaces/{workspace_id}", response_model=WorkspaceRead)
def get_workspace(caller: Annotated[Caller, allowed(Action.READ_WORKSPACE)], session: WorkspaceSession) -> Workspace:
    """See the workspace and its settings."""
    return workspaces.get(session, caller)


@router.patch("/api/workspaces/{workspace_id}", response_model=WorkspaceRead)
def change_workspace(
    body: WorkspaceUpdate, caller: Annotated[Caller, allowed(Action.CHANGE_WORKSPACE)], session: WorkspaceSession
) -> Workspace:
    """Rename the workspace or change its settings; what is left out stays as it is."""
    if body.name is not None:
        workspaces.rename(session, caller, body.name)
    if body.model_fields_set & {"timezone", "retention_days"}:
        now = workspaces.get(session, caller)
        days = body.retention_days if "retention_days" in body.model_fields_set else now.retention_days
        workspaces.change_settings(session, caller, timezone=body.timezone or now.timezone, retention_days=days)
    return workspaces.get(session, caller)


@router.get("/api/workspaces/{workspace_id}/members", response_model=list[MemberRead])
def list_members(
    caller: Annotated[Caller, allowed(Action.READ_MEMBERS)], session: WorkspaceSession
) -> Sequence[members.Member]:
    """List the members, longest first."""
    return members.list_members(session, caller)


@router.patch("/api/workspaces/{workspace_id}/members/{user_id}", response_model=MemberRead)
def change_member(
    user_id: UUID,
    body: MemberUpdate,
    caller: Annotated[Caller, allowed(Action.CHANGE_MEMBERS)],
    session: WorkspaceSession,
) -> members.Member:
    """Change a member's role; never the last owner's."""
    members.change_role(session, caller, user_id, body.role)
    session.flush()
    return members.get(session, caller, user_id)


@router.delete("/api/workspaces/{workspace_id}/members/{user_id}", status_code=204)
def remove_member(user_id: UUID, caller: Member, session: WorkspaceSession) -> None:
    """Remove a member, or leave; never the last owner."""
    members.remove(session, caller, user_id)
