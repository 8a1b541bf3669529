"""Members and their roles; with real transactions at once where it matters."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Event

import pytest
from sqlalchemy import text
from tests.database import as_owner
from tests.features.workspaces.conftest import Office

from cliply.errors import CliplyError
from cliply.features.identity.access import NoSuchWorkspace, RoleTooLow
from cliply.features.identity.models import Role
from cliply.features.workspaces import members
from cliply.features.workspaces.members import NoSuchMember


def change(office: Office, by: str, of: str, role: Role) -> None:
    with office.entered(by) as (session, caller):
        members.change_role(session, caller, office.people[of], role)


def remove(office: Office, by: str, of: str) -> None:
    with office.entered(by) as (session, caller):
        members.remove(session, caller, office.people[of])


def expected_change(by: Role, of: Role, to: Role) -> type[CliplyError] | None:
    if by not in (Role.OWNER, Role.ADMIN) or (by is Role.ADMIN and Role.OWNER in (of, to)):
        return RoleTooLow
    return members.LastOwner if of is Role.OWNER and to is not Role.OWNER else None


@pytest.mark.parametrize(("by", "of", "to"), [*product(Role, Role, Role)])
def test_roles_are_changed_by_who_may(office: Office, by: Role, of: Role, to: Role) -> None:
    before = office.roles()
    if (refused := expected_change(by, of, to)) is not None:
        with pytest.raises(refused):
            change(office, by, of, to)
        assert (office.roles(), office.entries()) == (before, [])
    else:
        change(office, by, of, to)
        assert office.roles() == {**before, of.value: to.value}
        assert office.entries() == ([] if of is to else [("member.role_changed", str(office.people[of]))])


@pytest.mark.parametrize(("by", "of"), [*product(Role, Role)])
def test_members_are_removed_by_who_may_and_everybody_may_leave(office: Office, by: Role, of: Role) -> None:
    refused: type[CliplyError] | None = None
    if of is Role.OWNER:
        refused = members.LastOwner if by is Role.OWNER else RoleTooLow
    elif by is not of and by not in (Role.OWNER, Role.ADMIN):
        refused = RoleTooLow
    if refused is not None:
        with pytest.raises(refused):
            remove(office, by, of)
        assert of in office.roles()
    else:
        remove(office, by, of)
        assert of not in office.roles()
        assert office.entries() == [("member.removed", str(office.people[of]))]
        with pytest.raises(NoSuchWorkspace), office.entered(of):
            pass


def test_somebody_of_another_workspace_is_no_member(office: Office) -> None:
    with pytest.raises(members.NoSuchMember):
        change(office, "owner", "stranger", Role.VIEWER)
    with pytest.raises(members.NoSuchMember):
        remove(office, "owner", "stranger")


def test_members_are_listed_with_their_roles(office: Office) -> None:
    with office.entered("viewer") as (session, caller):
        found = members.list_members(session, caller)
    assert {(each.email, each.role.value) for each in found} == {(f"{role}@example.com", role.value) for role in Role}


def wait_until_blocked(url: str) -> None:
    """Until somebody waits for a lock in the database; fails after ten seconds."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'cliply'"
    for _ in range(1000):
        with as_owner(url) as connection:
            if connection.execute(text(waiting)).scalar_one():
                return
        Event().wait(0.01)
    pytest.fail("nobody waits for the other transaction")


@pytest.mark.parametrize("leave", ["step down", "leave", "put each other down"])
def test_two_owners_at_once_leave_one(office: Office, migrated: str, leave: str) -> None:
    change(office, "owner", "admin", Role.OWNER)

    def go(by: str, other: str) -> None:
        match leave:
            case "step down":
                change(office, by, by, Role.VIEWER)
            case "leave":
                remove(office, by, by)
            case _:
                change(office, by, other, Role.VIEWER)

    with ThreadPoolExecutor(1) as pool:
        with office.entered("owner") as (session, caller):
            if leave == "leave":
                members.remove(session, caller, office.people["owner"])
            else:
                of = "owner" if leave == "step down" else "admin"
                members.change_role(session, caller, office.people[of], Role.VIEWER)
            second = pool.submit(go, "admin", "owner")
            wait_until_blocked(migrated)
        # Who was put down meanwhile may not put the other down any more.
        with pytest.raises(RoleTooLow if leave == "put each other down" else members.LastOwner):
            second.result(timeout=10)
    assert list(office.roles().values()).count("owner") == 1


def test_an_owner_hands_the_workspace_over_and_stays_as_admin(office: Office) -> None:
    with office.entered("owner") as (session, caller):
        members.transfer(session, caller, office.people["member"])
    assert (office.roles()["member"], office.roles()["owner"]) == ("owner", "admin")
    assert office.entries() == [("workspace.transferred", str(office.people["member"]))]
    with office.entered("owner") as (session, caller), pytest.raises(RoleTooLow):
        members.transfer(session, caller, office.people["viewer"])


@pytest.mark.parametrize("to", ["stranger", "owner"])
def test_a_workspace_is_handed_over_to_another_member_only(office: Office, to: str) -> None:
    with office.entered("owner") as (session, caller), pytest.raises(NoSuchMember):
        members.transfer(session, caller, office.people[to])
