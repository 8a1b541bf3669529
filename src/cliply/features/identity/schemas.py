"""Bodies of requests and answers about accounts, sessions and API keys."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr

from cliply.features.identity.account_rules import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PASSWORD, SHORTEST_PASSWORD
from cliply.features.identity.permissions import Action
from cliply.infra.bodies import Answer, Body

Email = Annotated[str, Field(max_length=LONGEST_EMAIL, examples=["ada@example.com"])]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, examples=["Ada Lovelace"])]
NewPassword = Annotated[
    SecretStr,
    Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD, examples=["correct horse battery staple"]),
]


class SignIn(Body):
    email: Email
    # An old password is taken however short it is; it is compared and no more.
    password: Annotated[SecretStr, Field(max_length=LONGEST_PASSWORD, examples=["correct horse battery staple"])]


class RecoveryStart(Body):
    email: Email


class RecoveryFinish(Body):
    token: Annotated[SecretStr, Field(max_length=200, examples=["the code from the mail"])]
    password: NewPassword
    revoke_keys: bool = Field(
        True,
        description="Whether the account's API keys are revoked too: whoever knew the password may have made some.",
    )


class UserRead(Answer):
    id: UUID
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    email_confirmed: bool = Field(description="Whether it was proved that the address is theirs.")
    is_admin: bool = Field(description="Whether this account runs the installation.")


class MeRead(Answer):
    """Who is calling."""

    user: UserRead
    key_id: UUID | None = Field(description="The API key that was used; empty for a signed-in browser.")


class LoginSessionRead(Answer):
    """A browser that is signed in."""

    created_at: datetime
    seen_at: datetime = Field(description="When it was last there, to the minute.")
    ip: str | None
    current: bool = Field(description="Whether it is the one that asks.")


class ApiKeyCreate(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Uploader", "scopes": ["workspace:read"]}]})

    name: Name
    scopes: Annotated[list[Action], Field(min_length=1, max_length=len(Action), description="What it may do at most.")]
    expires_in_days: Annotated[
        int | None, Field(ge=1, le=3650, description="Empty: it lasts until it is revoked.", examples=[90])
    ] = None


class ApiKeyRead(Answer):
    id: UUID
    name: str = Field(examples=["Uploader"])
    ending: str = Field(description="The last characters of the secret.", examples=["x9Qz"])
    scopes: list[str] = Field(examples=[["workspace:read"]])
    user_id: UUID = Field(description="Whom it acts for.")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ApiKeyCreated(ApiKeyRead):
    secret: str = Field(description="Shown this once.", examples=["clp_live_…"])
