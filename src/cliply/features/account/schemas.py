"""Bodies of requests about one's own account."""

from typing import Annotated

from pydantic import Field, SecretStr

from cliply.features.identity.account_rules import LONGEST_PASSWORD
from cliply.features.identity.schemas import Email, Name, NewPassword
from cliply.infra.bodies import Body

_Code = Annotated[SecretStr, Field(max_length=200, examples=["the code from the mail"])]
_Password = Annotated[SecretStr, Field(max_length=LONGEST_PASSWORD, examples=["correct horse battery staple"])]


class SignUp(Body):
    email: Email
    name: Name
    password: NewPassword
    invitation: Annotated[
        _Code | None,
        Field(description="The code of an invitation to this address; needed where only who is invited may sign up."),
    ] = None


class MeUpdate(Body):
    name: Name


class AddressChange(Body):
    email: Email
    password: Annotated[_Password | None, Field(description="The account's, where it has one.")] = None


class AddressConfirm(Body):
    token: _Code


class PasswordChange(Body):
    password: Annotated[_Password, Field(description="The one until now.")]
    new_password: NewPassword
