"""Bodies of requests and answers about workspaces, members and invitations."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, SecretStr

from cliply.features.identity.account_rules import LONGEST_EMAIL, LONGEST_NAME
from cliply.features.identity.models import Role, Workspace
from cliply.features.identity.plans import Plan, Terms
from cliply.features.workspaces.own_plan import WorkspacePlan
from cliply.features.workspaces.service import LONGEST_RETENTION, BrandDefaults
from cliply.infra.bodies import Answer, Body

_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, examples=["Engines & Co."])]
_Role = Annotated[Role, Field(examples=["member"])]


class WorkspaceCreate(Body):
    name: _Name


class WorkspaceUpdate(Body):
    """What is left out stays as it is."""

    name: Annotated[str | None, Field(min_length=1, max_length=LONGEST_NAME, examples=["Engines & Co."])] = None
    timezone: Annotated[str | None, Field(max_length=64, examples=["Europe/Berlin"])] = None
    retention_days: Annotated[
        int | None,
        Field(
            ge=1,
            le=LONGEST_RETENTION,
            description="For how many days projects are kept, also those that are there, from when each was begun; "
            "owners are told before one is deleted. Null keeps them until somebody deletes them.",
        ),
    ] = None

    brand: Annotated[
        BrandDefaults | None, Field(description="What new projects look like unless told otherwise; replaced whole.")
    ] = None


class WorkspaceRead(Answer):
    id: UUID
    slug: str = Field(description="Names the workspace in addresses of pages.", examples=["engines-co-1f2e3d4c"])
    name: str = Field(examples=["Engines & Co."])
    timezone: str = Field(examples=["Europe/Berlin"])
    retention_days: int | None
    brand: BrandDefaults
    organisation_id: UUID | None = Field(description="The organisation that owns it, if any.")
    delete_at: datetime | None = Field(description="Everything of it is deleted then; null where that is not planned.")
    created_at: datetime


class PlanRead(Terms):
    """What a workspace may do, where its own limits differ from its plan's with them; null is no limit."""

    name: str = Field(examples=["pro"])


class WorkspaceDetails(WorkspaceRead):
    plan: PlanRead

    @classmethod
    def of(cls, workspace: Workspace, plan: Plan) -> Self:
        read = WorkspaceRead.model_validate(workspace).model_dump()
        return cls(**read, plan=PlanRead(name=plan.name, **plan.terms.model_dump()))


class WorkspaceForOperators(WorkspaceDetails):
    overrides: dict[str, int | bool | dict[str, dict[str, str | None]] | None] = Field(
        description="Where the workspace differs from its plan; null is no limit.", examples=[{"members": 20}]
    )

    @classmethod
    def of_plan(cls, found: WorkspacePlan) -> Self:
        read = WorkspaceDetails.of(found.workspace, found.plan)
        return cls(**dict(read), overrides=found.workspace.plan_overrides)


class WorkspacePlanUpdate(Body):
    """What is left out stays as it is."""

    plan: Annotated[
        str | None,
        Field(min_length=1, max_length=40, description="One of the plans of the installation.", examples=["pro"]),
    ] = None
    overrides: Annotated[
        Terms | None,
        Field(
            description="Limits that this workspace has instead of its plan's; replaced whole, null for no limit. An "
            "empty object takes them all back.",
            examples=[{"members": 20}],
        ),
    ] = None


class WorkspaceListed(WorkspaceRead):
    role: Role = Field(description="Of the caller in it.")


class MemberRead(Answer):
    user_id: UUID
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    role: Role
    since: datetime
    organisation_id: UUID | None = Field(description="Set where they belong to the workspace by its organisation.")


class MemberUpdate(Body):
    role: _Role


class InvitationCreate(Body):
    email: Annotated[str, Field(max_length=LONGEST_EMAIL, examples=["ada@example.com"])]
    role: _Role


class InvitationRead(Answer):
    id: UUID
    email: str = Field(examples=["ada@example.com"])
    role: Role
    created_at: datetime
    expires_at: datetime


class InvitationAccept(Body):
    token: Annotated[SecretStr, Field(max_length=200, examples=["the code from the mail"])]


class InvitationAccepted(Answer):
    workspace_id: UUID


class WorkspaceTransfer(Body):
    user_id: UUID = Field(description="A member, who becomes an owner in the caller's place.")


class WorkspaceDelete(Body):
    name: Annotated[
        str,
        Field(
            max_length=LONGEST_NAME,
            description="The workspace's name, so that no other one is deleted.",
            examples=["Engines & Co."],
        ),
    ]


class ExportRead(Answer):
    id: UUID
    job_id: int | None = Field(description="The job that writes it.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="Until then it is kept.")
    size: int | None = Field(description="Bytes.")


class ExportLink(Answer):
    url: str = Field(description="Reads the file for an hour, without signing in.", examples=["/files/…"])


class AuditEntryRead(Answer):
    id: int = Field(examples=[4711])
    at: datetime
    actor_kind: str = Field(examples=["user"])
    actor_id: UUID | None
    action: str = Field(examples=["workspace.changed"])
    target_kind: str = Field(examples=["workspace"])
    target_id: str = Field(examples=["8d8ac610-566d-4ef0-9c22-186b2a5ed793"])
    before_hash: str | None = Field(description="Of the state before; proves it and does not tell it.")
    after_hash: str | None
    request_id: str | None
    ip: str | None
