"""Organisations over HTTP; by people only, since an API key belongs to one workspace."""

from collections.abc import Sequence
from uuid import UUID

from cliply.features.identity.dependencies import Running, SignedInPrincipal, SystemSession
from cliply.features.identity.models import Workspace
from cliply.features.identity.plans import plans_of
from cliply.features.identity.rates import RateClass
from cliply.features.organisations import service as organisations
from cliply.features.organisations.schemas import (
    OrganisationMemberRead,
    OrganisationMemberWrite,
    OrganisationRead,
    OrganisationWrite,
)
from cliply.features.workspaces.schemas import WorkspaceCreate, WorkspaceRead
from cliply.infra.routing import LIMITED, RATE
from cliply.infra.routing import router as new_router

router = new_router("organisations")


@router.post("/api/organisations", status_code=201, openapi_extra={RATE: RateClass.WRITE})
def create_organisation(body: OrganisationWrite, by: SignedInPrincipal, session: SystemSession) -> OrganisationRead:
    """Make an organisation, which can own workspaces; the caller becomes its owner."""
    made = organisations.create(session, body.name, by=by)
    session.flush()
    return OrganisationRead.of(organisations.get(session, made.id, by=by))


@router.get("/api/organisations")
def list_organisations(by: SignedInPrincipal, session: SystemSession) -> list[OrganisationRead]:
    """List the organisations that the caller is in."""
    return [OrganisationRead.of(place) for place in organisations.list_for(session, by)]


@router.get("/api/organisations/{organisation_id}")
def get_organisation(organisation_id: UUID, by: SignedInPrincipal, session: SystemSession) -> OrganisationRead:
    """See an organisation."""
    return OrganisationRead.of(organisations.get(session, organisation_id, by=by))


@router.patch("/api/organisations/{organisation_id}", openapi_extra={RATE: RateClass.WRITE})
def rename_organisation(
    organisation_id: UUID, body: OrganisationWrite, by: SignedInPrincipal, session: SystemSession
) -> OrganisationRead:
    """Rename an organisation."""
    return OrganisationRead.of(organisations.rename(session, organisation_id, body.name, by=by))


@router.delete("/api/organisations/{organisation_id}", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def delete_organisation(organisation_id: UUID, by: SignedInPrincipal, session: SystemSession) -> None:
    """Delete an organisation that owns no workspace any more."""
    organisations.remove(session, organisation_id, by=by)


@router.get("/api/organisations/{organisation_id}/members", response_model=list[OrganisationMemberRead])
def list_organisation_members(
    organisation_id: UUID, by: SignedInPrincipal, session: SystemSession
) -> Sequence[organisations.Member]:
    """List who is in an organisation, longest first."""
    return organisations.list_members(session, organisation_id, by=by)


@router.put(
    "/api/organisations/{organisation_id}/members/{user_id}",
    status_code=204,
    openapi_extra={LIMITED: True, RATE: RateClass.WRITE},
)
def put_organisation_member(
    organisation_id: UUID,
    user_id: UUID,
    body: OrganisationMemberWrite,
    by: SignedInPrincipal,
    session: SystemSession,
    runtime: Running,
) -> None:
    """Take a member of one of its workspaces into an organisation, or change what somebody is in it."""
    organisations.put_member(session, organisation_id, user_id, body.role, by=by, plans=plans_of(runtime.settings))


@router.delete(
    "/api/organisations/{organisation_id}/members/{user_id}", status_code=204, openapi_extra={RATE: RateClass.WRITE}
)
def remove_organisation_member(
    organisation_id: UUID, user_id: UUID, by: SignedInPrincipal, session: SystemSession
) -> None:
    """Remove somebody from an organisation, or leave it; never the last owner."""
    organisations.remove_member(session, organisation_id, user_id, by=by)


@router.get("/api/organisations/{organisation_id}/workspaces", response_model=list[WorkspaceRead])
def list_organisation_workspaces(
    organisation_id: UUID, by: SignedInPrincipal, session: SystemSession
) -> Sequence[Workspace]:
    """List the workspaces of an organisation."""
    return organisations.list_workspaces(session, organisation_id, by=by)


@router.post(
    "/api/organisations/{organisation_id}/workspaces",
    status_code=201,
    response_model=WorkspaceRead,
    openapi_extra={LIMITED: True, RATE: RateClass.WRITE},
)
def create_organisation_workspace(
    organisation_id: UUID, body: WorkspaceCreate, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> Workspace:
    """Make a workspace that belongs to an organisation."""
    plans = plans_of(runtime.settings)
    return organisations.create_workspace(session, organisation_id, body.name, by=by, plans=plans)


@router.put(
    "/api/organisations/{organisation_id}/workspaces/{workspace_id}",
    response_model=WorkspaceRead,
    openapi_extra={LIMITED: True, RATE: RateClass.WRITE},
)
def take_in_workspace(
    organisation_id: UUID, workspace_id: UUID, by: SignedInPrincipal, session: SystemSession, runtime: Running
) -> Workspace:
    """Give a workspace that the caller owns to an organisation."""
    return organisations.take_in(session, organisation_id, workspace_id, by=by, plans=plans_of(runtime.settings))


@router.delete(
    "/api/organisations/{organisation_id}/workspaces/{workspace_id}",
    response_model=WorkspaceRead,
    openapi_extra={RATE: RateClass.WRITE},
)
def release_workspace(
    organisation_id: UUID, workspace_id: UUID, by: SignedInPrincipal, session: SystemSession
) -> Workspace:
    """Take a workspace out of an organisation; the caller becomes its owner."""
    return organisations.release(session, organisation_id, workspace_id, by=by)
