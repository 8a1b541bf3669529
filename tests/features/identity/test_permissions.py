"""The table once more, by hand: a change of it is a decision, and shows here."""

from itertools import pairwise, product
from uuid import UUID

import pytest

from cliply.features.identity.access import Caller, Principal, RoleTooLow
from cliply.features.identity.models import Role
from cliply.features.identity.permissions import ALLOWED, MEANING, Action, may
from cliply.features.identity.plans import BUILT_IN

MATRIX = {
    # owner, admin, member, viewer
    "workspace:read": "yes yes yes yes",
    "workspace:change": "yes yes no no",
    "workspace:delete": "yes no no no",
    "workspace:export": "yes no no no",
    "audit:read": "yes no no no",
    "members:read": "yes yes yes yes",
    "members:invite": "yes yes no no",
    "members:change": "yes yes no no",
    "owners:change": "yes no no no",
    "keys:manage": "yes yes no no",
    "jobs:read": "yes yes yes yes",
    "jobs:change": "yes yes yes no",
    "projects:read": "yes yes yes yes",
    "projects:create": "yes yes yes no",
    "projects:change": "yes yes yes no",
    "projects:delete": "yes yes yes no",
    "clips:edit": "yes yes yes no",
    "channels:read": "yes yes yes yes",
    "channels:manage": "yes yes no no",
    "publications:read": "yes yes yes yes",
    "publications:create": "yes yes yes no",
    "billing:manage": "yes yes no no",
}


def test_each_role_may_do_what_the_table_says() -> None:
    found = {action.value: " ".join("yes" if may(role, action) else "no" for role in Role) for action in Action}
    assert found == MATRIX


@pytest.mark.parametrize(("role", "action"), [*product(Role, Action)])
def test_a_caller_is_let_do_it_or_told_what_they_may_not(role: Role, action: Action) -> None:
    caller = Caller(Principal(UUID(int=1)), UUID(int=2), role, BUILT_IN.default)
    if may(role, action):
        caller.require(action)
    else:
        with pytest.raises(RoleTooLow, match=f"As {role} .*Ask an owner"):
            caller.require(action)


def test_every_action_is_explained_and_each_role_may_what_the_one_below_may() -> None:
    assert set(MEANING) == set(Action)
    ordered = [ALLOWED[role] for role in Role]
    assert all(above >= below for above, below in pairwise(ordered))
