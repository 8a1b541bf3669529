"""Workspaces, members and invitations over HTTP."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import (
    AdminSession,
    Member,
    Running,
    SignedInPrincipal,
    SystemSession,
    WorkspaceSession,
    allowed,
)
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import plans_of
from cliply.features.identity.rates import RateClass
from cliply.features.workspaces import (
    audit_log,
    deletion,
    export,
    invitation_letter,
    invitations,
    members,
    own_plan,
    tasks,
)
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.models import Invitation, WorkspaceExport
from cliply.features.workspaces.schemas import (
    AuditEntryRead,
    ExportLink,
    ExportRead,
    InvitationAccept,
    InvitationAccepted,
    InvitationCreate,
    InvitationRead,
    MemberRead,
    MemberUpdate,
    WorkspaceCreate,
    WorkspaceDelete,
    WorkspaceDetails,
    WorkspaceForOperators,
    WorkspaceListed,
    WorkspacePlanUpdate,
    WorkspaceRead,
    WorkspaceTransfer,
    WorkspaceUpdate,
)
from cliply.infra import pages
from cliply.infra.pages import Cursor, Page, PageSize
from cliply.infra.routing import LIMITED, RATE, SHOWN_ONCE, TAKES_CODE
from cliply.infra.routing import router as new_router

router = new_router("workspaces")
admin_router = new_router("admin")

_AUDIT = "audit"


@router.post("/api/workspaces", status_code=201, response_model=WorkspaceRead, openapi_extra={RATE: RateClass.WRITE})
def create_workspace(
    body: WorkspaceCreate, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> Workspace:
    """Make a workspace; the caller becomes its owner."""
    return workspaces.create(session, body.name, by=by, plan=plans_of(runtime.settings).default)


@router.get("/api/workspaces")
def list_workspaces(by: SignedInPrincipal, session: SystemSession) -> list[WorkspaceListed]:
    """List the workspaces that the caller is a member of; with an API key, the key's own."""
    return [
        WorkspaceListed(**WorkspaceRead.model_validate(each.workspace).model_dump(), role=each.role)
        for each in workspaces.list_for(session, by)
    ]


@router.get("/api/workspaces/{workspace_id}")
def get_workspace(
    caller: Annotated[Caller, allowed(Action.READ_WORKSPACE)], session: WorkspaceSession
) -> WorkspaceDetails:
    """See the workspace, its settings and what its plan allows."""
    return WorkspaceDetails.of(workspaces.get(session, caller), caller.plan)


@router.patch("/api/workspaces/{workspace_id}", response_model=WorkspaceRead, openapi_extra={RATE: RateClass.WRITE})
def change_workspace(
    body: WorkspaceUpdate, caller: Annotated[Caller, allowed(Action.CHANGE_WORKSPACE)], session: WorkspaceSession
) -> Workspace:
    """Rename the workspace or change its settings; what is left out stays as it is."""
    wanted: workspaces.Changes = {}
    if body.name is not None:
        wanted["name"] = body.name
    if body.timezone is not None:
        wanted["timezone"] = body.timezone
    if "retention_days" in body.model_fields_set:
        wanted["retention_days"] = body.retention_days
    if body.brand is not None:
        wanted["brand"] = body.brand
    return workspaces.change(session, caller, **wanted)


@router.post("/api/workspaces/{workspace_id}/transfer", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def transfer_workspace(
    body: WorkspaceTransfer, caller: Annotated[Caller, allowed(Action.CHANGE_OWNERS)], session: WorkspaceSession
) -> None:
    """Hand the workspace over to another member; the caller stays as an admin."""
    members.transfer(session, caller, body.user_id)


@router.post(
    "/api/workspaces/{workspace_id}/deletion",
    status_code=202,
    response_model=WorkspaceRead,
    openapi_extra={RATE: RateClass.WRITE},
)
def delete_workspace(
    body: WorkspaceDelete, caller: Annotated[Caller, allowed(Action.DELETE_WORKSPACE)], session: WorkspaceSession
) -> Workspace:
    """Delete the workspace with everything in it, 14 days from now."""
    return deletion.announce(session, caller, name=body.name)


@router.delete(
    "/api/workspaces/{workspace_id}/deletion", response_model=WorkspaceRead, openapi_extra={RATE: RateClass.WRITE}
)
def keep_workspace(caller: Annotated[Caller, allowed(Action.DELETE_WORKSPACE)], session: WorkspaceSession) -> Workspace:
    """Call the deletion off, as long as its time has not come."""
    return deletion.call_off(session, caller)


@router.post(
    "/api/workspaces/{workspace_id}/exports",
    status_code=202,
    response_model=ExportRead,
    openapi_extra={RATE: RateClass.EXPENSIVE},
)
def export_workspace(
    caller: Annotated[Caller, allowed(Action.EXPORT_WORKSPACE)], session: WorkspaceSession
) -> WorkspaceExport:
    """Have everything that the workspace holds written into one file."""
    return tasks.start_export(session, caller)


@router.get("/api/workspaces/{workspace_id}/exports/{export_id}", response_model=ExportRead)
def get_export(
    export_id: UUID, caller: Annotated[Caller, allowed(Action.EXPORT_WORKSPACE)], session: WorkspaceSession
) -> WorkspaceExport:
    """See whether an export is finished, and how long it is kept."""
    return export.get(session, caller, export_id)


@router.post(
    "/api/workspaces/{workspace_id}/exports/{export_id}/link",
    status_code=201,
    openapi_extra={SHOWN_ONCE: True, RATE: RateClass.WRITE},
)
def link_export(
    export_id: UUID,
    caller: Annotated[Caller, allowed(Action.EXPORT_WORKSPACE)],
    session: WorkspaceSession,
    runtime: Running,
) -> ExportLink:
    """Make a link that reads the file of an export for an hour."""
    return ExportLink(url=export.link(session, caller, runtime.storage, export_id))


@router.get("/api/workspaces/{workspace_id}/audit")
def list_audit_entries(
    caller: Annotated[Caller, allowed(Action.READ_AUDIT)],
    session: WorkspaceSession,
    action: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_.]+$")] = None,
    actor_id: Annotated[UUID | None, Query(description="Of the user or the API key.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Done then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Done before then.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> Page[AuditEntryRead]:
    """List who did what in the workspace, newest first."""
    found = audit_log.search(
        session,
        caller,
        action=action,
        actor_id=actor_id,
        since=since,
        until=until,
        after=pages.number(_AUDIT, cursor),
        limit=limit,
    )
    return Page(
        items=[AuditEntryRead.model_validate(each) for each in found.entries],
        next=None if found.after is None else pages.cursor(_AUDIT, found.after),
    )


@router.get("/api/workspaces/{workspace_id}/audit/export", response_class=Response)
def export_audit_entries(
    caller: Annotated[Caller, allowed(Action.READ_AUDIT)],
    runtime: Running,
    form: Annotated[audit_log.Form, Query(alias="format")] = "csv",
) -> StreamingResponse:
    """Read the whole log as a file, oldest first: CSV for spreadsheets, or one JSON object on each line."""
    name = f'attachment; filename="cliply-audit.{form}"'
    return StreamingResponse(
        audit_log.export(runtime.database, caller, form),
        media_type=audit_log.CONTENT_TYPES[form],
        headers={"content-disposition": name},
    )


@router.get("/api/workspaces/{workspace_id}/members", response_model=list[MemberRead])
def list_members(
    caller: Annotated[Caller, allowed(Action.READ_MEMBERS)], session: WorkspaceSession
) -> Sequence[members.Member]:
    """List the members, longest first."""
    return members.list_members(session, caller)


@router.post(
    "/api/workspaces/{workspace_id}/members",
    status_code=202,
    response_model=InvitationRead,
    openapi_extra={LIMITED: True, RATE: RateClass.WRITE},
)
def add_member(
    body: InvitationCreate,
    caller: Annotated[Caller, allowed(Action.INVITE_MEMBERS)],
    session: WorkspaceSession,
    runtime: Running,
) -> Invitation:
    """Ask somebody to become a member, by mail: nobody is made one without their consent."""
    return invite_member(body, caller, session, runtime)


@router.patch(
    "/api/workspaces/{workspace_id}/members/{user_id}", response_model=MemberRead, openapi_extra={RATE: RateClass.WRITE}
)
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


@router.delete(
    "/api/workspaces/{workspace_id}/members/{user_id}", status_code=204, openapi_extra={RATE: RateClass.WRITE}
)
def remove_member(user_id: UUID, caller: Member, session: WorkspaceSession) -> None:
    """Remove a member, or leave; never the last owner."""
    members.remove(session, caller, user_id)


@router.post(
    "/api/workspaces/{workspace_id}/invitations",
    status_code=201,
    response_model=InvitationRead,
    openapi_extra={LIMITED: True, RATE: RateClass.WRITE},
)
def invite_member(
    body: InvitationCreate,
    caller: Annotated[Caller, allowed(Action.INVITE_MEMBERS)],
    session: WorkspaceSession,
    runtime: Running,
) -> Invitation:
    """Invite somebody by mail; whoever is invited again gets a new code, and the old one is worth nothing."""
    issued = invitations.invite(session, caller, body.email, body.role)
    invitation_letter.send(session, caller, issued, settings=runtime.settings)
    session.refresh(issued.invitation)
    return issued.invitation


@router.get("/api/workspaces/{workspace_id}/invitations", response_model=list[InvitationRead])
def list_invitations(
    caller: Annotated[Caller, allowed(Action.INVITE_MEMBERS)], session: WorkspaceSession
) -> Sequence[Invitation]:
    """List the invitations that are open, newest first."""
    return invitations.list_open(session, caller)


@router.post(
    "/api/workspaces/{workspace_id}/invitations/{invitation_id}/resend",
    response_model=InvitationRead,
    openapi_extra={RATE: RateClass.WRITE},
)
def resend_invitation(
    invitation_id: UUID,
    caller: Annotated[Caller, allowed(Action.INVITE_MEMBERS)],
    session: WorkspaceSession,
    runtime: Running,
) -> Invitation:
    """Send an invitation again, with a new code and seven days from now."""
    issued = invitations.resend(session, caller, invitation_id)
    invitation_letter.send(session, caller, issued, settings=runtime.settings)
    return issued.invitation


@router.delete(
    "/api/workspaces/{workspace_id}/invitations/{invitation_id}", status_code=204, openapi_extra={RATE: RateClass.WRITE}
)
def revoke_invitation(
    invitation_id: UUID, caller: Annotated[Caller, allowed(Action.INVITE_MEMBERS)], session: WorkspaceSession
) -> None:
    """Take an invitation back; its code opens nothing from now on."""
    invitations.revoke(session, caller, invitation_id)


@router.post("/api/invitations/accept", openapi_extra={TAKES_CODE: True, LIMITED: True, RATE: RateClass.SIGN_IN})
def accept_invitation(
    body: InvitationAccept, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> InvitationAccepted:
    """Join the workspace of an invitation that was sent to the caller's address."""
    plans = plans_of(runtime.settings)
    return InvitationAccepted(
        workspace_id=invitations.accept(session, body.token.get_secret_value(), by=by, plans=plans)
    )


@admin_router.patch("/api/admin/workspaces/{workspace_id}", openapi_extra={RATE: RateClass.ADMIN})
def change_workspace_plan(
    workspace_id: UUID, body: WorkspacePlanUpdate, by: SignedInPrincipal, session: AdminSession, runtime: Running
) -> WorkspaceForOperators:
    """Give a workspace another plan, or limits of its own; what is left out stays, and so does all that it has."""
    plans = plans_of(runtime.settings)
    overrides = None if body.overrides is None else body.overrides.told()
    changed = own_plan.assign(session, workspace_id, plans, name=body.plan, overrides=overrides, by=by.actor)
    return WorkspaceForOperators.of_plan(changed)
