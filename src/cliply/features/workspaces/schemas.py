"""Bodies of requests and answers about workspaces, members and invitations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from cliply.features.identity.account_rules import LONGEST_EMAIL, LONGEST_NAME
from cliply.features.identity.models import Role
from cliply.features.workspaces.service import LONGEST_RETENTION
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
        Field(ge=1, le=LONGEST_RETENTION, description="How long files are kept; null keeps them until deleted."),
    ] = None


class WorkspaceRead(Answer):
    id: UUID
    slug: str = Field(description="Names the workspace in addresses of pages.", examples=["engines-co-1f2e3d4c"])
    name: str = Field(examples=["Engines & Co."])
    timezone: str = Field(examples=["Europe/Berlin"])
    retention_days: int | None
    created_at: datetime


class WorkspaceListed(WorkspaceRead):
    role: Role = Field(description="Of the caller in it.")


class MemberRead(Answer):
    user_id: UUID
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    role: Role
    since: datetime


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
