from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text
from tests.database import as_owner
from tests.features.workspaces.conftest import Office, office
from tests.infra.queue.fleet import until

from cliply.errors import CliplyError
from cliply.features.audit.models import AuditEntry
from cliply.features.identity.access import KeyGrant, NotForKeys, Principal, resolve
from cliply.features.identity.models import Membership, Role, User
from cliply.features.identity.plans import BUILT_IN
from cliply.features.organisations import service as organisations
from cliply.features.organisations.service import (
    NoSuchOrganisation,
    NoSuchWorkspaceHere,
    OrganisationLastOwner,
    OwnedAlready,
    RoleInOrganisationTooLow,
    StillHasWorkspaces,
)
from cliply.features.workspaces import members
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.members import LastOwner, MemberByOrganisation, NoSuchMember

__all__ = ["office"]

put_member = partial(organisations.put_member, plans=BUILT_IN)
create_workspace = partial(organisations.create_workspace, plans=BUILT_IN)
take_in = partial(organisations.take_in, plans=BUILT_IN)


@pytest.fixture
def agency(office: Office) -> UUID:
    """The office belongs to it; it is the owner's, and the office's people are in it only where a test says so."""
    with office.database.system() as session:
        made = organisations.create(session, "Agency", by=office.principal("owner"))
        take_in(session, made.id, office.id, by=office.principal("owner"))
    return made.id


def second(office: Office, agency: UUID, name: str = "Second") -> UUID:
    with office.database.system() as session:
        return create_workspace(session, agency, name, by=office.principal("owner")).id


def put(office: Office, agency: UUID, who: str, role: Role, *, by: str = "owner") -> None:
    with office.database.system() as session:
        put_member(session, agency, office.people[who], role, by=office.principal(by))


def roles(office: Office, workspace_id: UUID) -> dict[str, str]:
    names = {user_id: name for name, user_id in office.people.items()}
    with office.database.workspace(workspace_id) as session:
        rows = session.execute(select(Membership.user_id, Membership.role)).all()
    return {names[row.user_id]: row.role.value for row in rows}


def test_who_is_in_an_organisation_is_in_each_of_its_workspaces_old_and_new(office: Office, agency: UUID) -> None:
    before = second(office, agency)
    put(office, agency, "member", Role.ADMIN)
    after = second(office, agency, "Third")
    assert roles(office, before) == roles(office, after) == {"owner": "owner", "member": "admin"}
    with office.database.workspace(after) as session:
        assert resolve(session, office.principal("member"), BUILT_IN).role is Role.ADMIN
    with office.database.system() as session:
        mine = [place.workspace.name for place in workspaces.list_for(session, office.principal("member"))]
    assert mine == ["Engines & Co.", "Second", "Third"]


def test_who_is_in_one_workspace_only_sees_no_other_of_the_organisation(office: Office, agency: UUID) -> None:
    other = second(office, agency)
    assert "viewer" not in roles(office, other)
    with office.database.system() as session:
        assert [place.workspace.id for place in workspaces.list_for(session, office.principal("viewer"))] == [office.id]
        with pytest.raises(NoSuchOrganisation):
            organisations.list_workspaces(session, agency, by=office.principal("viewer"))


def test_a_role_that_was_given_in_the_workspace_counts_and_ends_there(office: Office, agency: UUID) -> None:
    put(office, agency, "viewer", Role.ADMIN)
    assert office.roles()["viewer"] == "viewer"
    with office.entered("owner") as (session, caller):
        members.remove(session, caller, office.people["viewer"])
    assert office.roles()["viewer"] == "admin"
    with office.entered("owner") as (session, caller), pytest.raises(MemberByOrganisation):
        members.remove(session, caller, office.people["viewer"])
    with office.entered("owner") as (session, caller):
        members.change_role(session, caller, office.people["viewer"], Role.MEMBER)
        told = {each.name: each.organisation_id for each in members.list_members(session, caller)}
    assert told["viewer"] is None
    put(office, agency, "viewer", Role.OWNER)
    assert office.roles()["viewer"] == "member"


def test_a_change_in_the_organisation_is_one_in_its_workspaces(office: Office, agency: UUID) -> None:
    other = second(office, agency)
    put(office, agency, "member", Role.VIEWER)
    assert roles(office, other)["member"] == "viewer"
    put(office, agency, "member", Role.OWNER)
    assert roles(office, other)["member"] == "owner"
    with office.database.system() as session:
        organisations.remove_member(session, agency, office.people["member"], by=office.principal("owner"))
    assert "member" not in roles(office, other)
    assert office.roles()["member"] == "member"


def test_a_workspace_is_released_to_the_owner_with_those_who_have_a_role_in_it(office: Office, agency: UUID) -> None:
    other = second(office, agency)
    put(office, agency, "admin", Role.ADMIN)
    with office.database.system() as session:
        organisations.release(session, agency, other, by=office.principal("owner"))
        organisations.release(session, agency, office.id, by=office.principal("owner"))
        assert organisations.list_workspaces(session, agency, by=office.principal("owner")) == []
    assert roles(office, other) == {"owner": "owner"}
    assert office.roles() == {role.value: role.value for role in Role}


def test_neither_the_organisation_nor_a_workspace_of_it_is_ever_without_an_owner(office: Office, agency: UUID) -> None:
    me = office.principal("owner")
    with pytest.raises(OrganisationLastOwner):
        in_system(office, organisations.remove_member, agency, me.user_id, by=me)
    put(office, agency, "viewer", Role.OWNER)
    other = second(office, agency)
    with office.database.workspace(other) as session:
        caller = resolve(session, office.principal("owner"), BUILT_IN)
        members.change_role(session, caller, office.people["viewer"], Role.VIEWER)
    # Owner of the organisation and viewer of that workspace, which would have no owner any more.
    with pytest.raises(LastOwner):
        in_system(office, organisations.remove_member, agency, me.user_id, by=me)
    assert roles(office, other) == {"owner": "owner", "viewer": "viewer"}


def in_system(office: Office, step: Callable[..., object], *arguments: object, by: Principal) -> None:
    with office.database.system() as session:
        step(session, *arguments, by=by)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_members_of_an_organisation_look_and_do_not_change(office: Office, agency: UUID, role: Role) -> None:
    put(office, agency, "member", role)
    me, owner = office.principal("member"), office.people["owner"]
    with office.database.system() as session:
        assert len(organisations.list_members(session, agency, by=me)) == 2
        assert organisations.get(session, agency, by=me).role is role
    for step, arguments in (
        (organisations.rename, (agency, "Mine")),
        (put_member, (agency, office.people["viewer"], Role.VIEWER)),
        (organisations.remove_member, (agency, owner)),
        (create_workspace, (agency, "Mine")),
        (take_in, (agency, office.id)),
        (organisations.release, (agency, office.id)),
        (organisations.remove, (agency,)),
    ):
        with pytest.raises(RoleInOrganisationTooLow):
            in_system(office, step, *arguments, by=me)


def test_an_admin_makes_no_owner_and_takes_none_away(office: Office, agency: UUID) -> None:
    put(office, agency, "admin", Role.ADMIN)
    put(office, agency, "member", Role.MEMBER, by="admin")
    for who, role in (("member", Role.OWNER), ("owner", Role.VIEWER), ("admin", Role.OWNER)):
        with pytest.raises(RoleInOrganisationTooLow):
            put(office, agency, who, role, by="admin")


def test_a_stranger_finds_nothing_and_nobody_is_taken_in_by_a_guess(office: Office, agency: UUID) -> None:
    stranger = office.principal("stranger")
    for step, arguments in (
        (organisations.get, (agency,)),
        (organisations.list_members, (agency,)),
        (organisations.list_workspaces, (agency,)),
        (organisations.remove_member, (agency, office.people["stranger"])),
        (put_member, (agency, office.people["stranger"], Role.OWNER)),
        (take_in, (agency, office.id)),
    ):
        with pytest.raises(NoSuchOrganisation):
            in_system(office, step, *arguments, by=stranger)
    for user_id in (office.people["stranger"], UUID(int=1)):
        with pytest.raises(NoSuchMember):
            in_system(office, put_member, agency, user_id, Role.VIEWER, by=office.principal("owner"))


def test_only_an_owner_of_a_workspace_gives_it_away_and_only_once(office: Office, agency: UUID) -> None:
    with office.database.system() as session:
        theirs = next(place.workspace.id for place in workspaces.list_for(session, office.principal("stranger")))
        another = organisations.create(session, "Another", by=office.principal("owner")).id
    with pytest.raises(NoSuchWorkspaceHere):
        in_system(office, take_in, agency, theirs, by=office.principal("owner"))
    with pytest.raises(OwnedAlready):
        in_system(office, take_in, another, office.id, by=office.principal("owner"))
    with pytest.raises(NoSuchWorkspaceHere):
        in_system(office, organisations.release, another, office.id, by=office.principal("owner"))


def test_an_organisation_goes_only_without_workspaces(office: Office, agency: UUID) -> None:
    owner = office.principal("owner")
    with pytest.raises(StillHasWorkspaces):
        in_system(office, organisations.remove, agency, by=owner)
    in_system(office, organisations.release, agency, office.id, by=owner)
    in_system(office, organisations.remove, agency, by=owner)
    with pytest.raises(CliplyError):
        in_system(office, organisations.get, agency, by=owner)


def test_each_change_is_written_down(office: Office, agency: UUID) -> None:
    put(office, agency, "member", Role.ADMIN)
    in_system(office, organisations.remove_member, agency, office.people["member"], by=office.principal("owner"))
    with office.database.system() as session:
        entries = session.scalars(
            select(AuditEntry.action).where(AuditEntry.target_id == str(agency)).order_by(AuditEntry.id)
        ).all()
    assert entries == ["organisation.created", "organisation.member_set", "organisation.member_removed"]
    assert ("workspace.taken_in", str(office.id)) in office.entries()


def test_a_key_has_nothing_to_do_with_organisations(office: Office, agency: UUID) -> None:
    key = Principal(office.people["owner"], KeyGrant(UUID(int=9), office.id, frozenset()))
    with pytest.raises(NotForKeys):
        in_system(office, organisations.get, agency, by=key)


def test_a_user_who_goes_leaves_nothing_behind(office: Office, agency: UUID, migrated: str) -> None:
    put(office, agency, "viewer", Role.ADMIN)
    second(office, agency)
    with office.database.system() as session:
        session.execute(delete(User).where(User.id == office.people["viewer"]))
    with as_owner(migrated) as owner:
        left = owner.execute(
            text("SELECT count(*) FROM memberships WHERE user_id = :id"), {"id": office.people["viewer"]}
        ).scalar_one()
    assert left == 0


def test_a_workspace_s_session_sees_only_who_is_in_its_own_organisation(office: Office, agency: UUID) -> None:
    with office.database.system() as session:
        other = organisations.create(session, "Another", by=office.principal("stranger")).id
    with office.database.workspace(office.id) as session:
        seen = session.execute(text("SELECT DISTINCT organisation_id FROM organisation_members")).scalars().all()
    assert seen == [agency] != [other]


def test_the_last_owner_of_a_workspace_and_of_its_organisation_do_not_leave_at_once(
    office: Office, agency: UUID
) -> None:
    """The owner has a role of their own in the office; the viewer is there as an owner by the organisation alone."""
    put(office, agency, "viewer", Role.OWNER)
    with office.entered("owner") as (session, caller):
        members.remove(session, caller, office.people["viewer"])
    assert office.roles()["viewer"] == "owner"
    begun, me = Event(), office.principal("owner")

    def leave_office() -> None:
        with office.entered("owner") as (session, caller):
            members.change_role(session, caller, office.people["owner"], Role.VIEWER)
            begun.set()
            until(lambda: waiting(office))

    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(leave_office)
        assert begun.wait(10)
        with pytest.raises(LastOwner):
            in_system(office, organisations.remove_member, agency, office.people["viewer"], by=me)
        leaving.result()
    assert office.roles()["viewer"] == "owner"


def waiting(office: Office) -> bool:
    with office.database.system() as session:
        return bool(session.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")))
