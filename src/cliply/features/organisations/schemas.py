"""Bodies of requests and answers about organisations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from cliply.features.identity.account_rules import LONGEST_NAME
from cliply.features.identity.models import Role
from cliply.features.organisations.service import Place
from cliply.infra.bodies import Answer, Body


class OrganisationWrite(Body):
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, examples=["Clip Agency"])]


class OrganisationRead(Answer):
    id: UUID
    name: str = Field(examples=["Clip Agency"])
    created_at: datetime
    role: Role = Field(description="Of the caller in it.")

    @classmethod
    def of(cls, place: Place) -> "OrganisationRead":
        told = place.organisation
        return cls(id=told.id, name=told.name, created_at=told.created_at, role=place.role)


class OrganisationMemberRead(Answer):
    user_id: UUID
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    role: Role
    since: datetime


class OrganisationMemberWrite(Body):
    role: Annotated[Role, Field(examples=["member"])]
